"""Measuring what models do, against a world that is known.

- `accounting`  nats of structure, jitter and nuisance in tokens: `carried`, `account`
"""

from infotok.evaluation.accounting import account, carried

__all__ = ["account", "carried"]
