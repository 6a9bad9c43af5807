"""Companion methods by the paper's authors, each one module with its information-theoretic reading.

- `masked_contrastive`   MCAE: a masked autoencoder with a supervised contrastive loss: `MaskedAutoencoder`, `MCAE`
- `contrastive`          the loss, with a choice of positives over domains: `supervised_contrastive`
- `detection`            errors of a detector: `half_total_error_rate`, `equal_error_threshold`
"""

from infotok.companions.contrastive import POSITIVES, positive_pairs, supervised_contrastive
from infotok.companions.detection import equal_error_threshold, half_total_error_rate
from infotok.companions.masked_contrastive import MCAE, MaskedAutoencoder, MCAETerms, Reconstruction

__all__ = [
    "MCAE",
    "POSITIVES",
    "MCAETerms",
    "MaskedAutoencoder",
    "Reconstruction",
    "equal_error_threshold",
    "half_total_error_rate",
    "positive_pairs",
    "supervised_contrastive",
]
