"""What tokens of a tokenizer trained in one world carry of another world's images.

    rows = carried({"baseline": tokenizer}, FashionWorld(), images=1500, seed=0)

The tokenizers stay as they are; a probe is trained on their tokens. One of random weights is probed beside them: what
its tokens carry, no training has put there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infotok.errors import require_instance, require_int
from infotok.evaluation import probe_tokenizer
from infotok.information.isolation import seeded
from infotok.tokenizers import SharedTokenizer
from infotok.worlds.source import Factors

__all__ = ["UNTRAINED", "carried"]

UNTRAINED = "random weights"


def carried(
    tokenizers: Mapping[str, SharedTokenizer], world: Factors, images: int = 1500, seed: int = 0, **probe: int
) -> list[dict[str, Any]]:
    """A row for each tokenizer: nats of the world's structure that a probe finds in its tokens, a lower bound.

    tokenizers: by name; the last row is one of random weights, of the first one's configuration.
    world: whose images are encoded; it needs no relation to what the tokenizers were trained on.
    images: how many, of which the probe is trained on most.
    seed: of scenes, of the random weights and of the probe.
    probe: `steps` and `width` of `probe_tokens`.
    """
    seed = require_int("seed", seed, 0, 2**63 - 1)
    for tokenizer in tokenizers.values():
        require_instance("tokenizers", tokenizer, SharedTokenizer)
    with seeded(seed):
        config = replace(next(iter(tokenizers.values())).config, warmup=0)  # else it would have no codes yet
        untrained = SharedTokenizer.from_config(config).eval()
    rows = []
    for name, tokenizer in {**tokenizers, UNTRAINED: untrained}.items():
        found = probe_tokenizer(tokenizer, world, images=images, seed=seed, **probe)["structure"]
        low, high = found.interval
        rows.append({"tokenizer": name, "structure / nats": found.nats, "low": low, "high": high, "of": found.ceiling})
    return rows
