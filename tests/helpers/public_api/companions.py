"""Good calls of `infotok.companions`, one file of them for each method."""

from public_api import masked_contrastive, pruning

CALLS = {**pruning.CALLS, **masked_contrastive.CALLS}
