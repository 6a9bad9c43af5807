"""Good calls of `infotok.companions`, one file of them for each method."""

from public_api import masked_contrastive, pruning, unlearnable

CALLS = {**pruning.CALLS, **unlearnable.CALLS, **masked_contrastive.CALLS}
