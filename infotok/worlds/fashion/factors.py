"""Factors of scenes of FashionWorld for probes: labels of three groups of known entropy, and designs that values share.

A probe's log q(value | tokens) = prior(value) + sum_j design(value, j) score_j(tokens), see `infotok.worlds.openmoji`.
Which photograph shows a kind, one of thousands, has no place here: a probe would have to learn a score for each. So
what is probed of the nuisance is the texture, the entropy "nuisance"; that of the photographs is apart, "photographs".
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.worlds.fashion.scenes import NAMES, FashionScenes
from infotok.worlds.openmoji.factors import level_design, place_design

__all__ = ["factors"]


def factors(scenes: FashionScenes, jitter: int, levels: int) -> dict[str, tuple[Tensor, Tensor]]:
    """(labels (B, factors) long from 0, -1 where there is none; design (values, scores)) of each group.

    - structure: what is in each cell;                4 factors of 11 values
    - jitter: offset of the object in each cell;      4 factors of (2 jitter + 1)^2 values
    - nuisance: each coefficient of the background;   48 factors

    scenes: B; jitter: the largest offset; levels: of a coefficient.
    """
    reach = 2 * jitter + 1
    right, down = (scenes.offsets + jitter).unbind(-1)
    kinds = F.pad(torch.cat([torch.ones(len(NAMES), 1), torch.eye(len(NAMES))], 1), (0, 0, 1, 0))  # 0 for an empty cell
    return {
        "structure": (scenes.cells, kinds),
        "jitter": (torch.where(scenes.cells > 0, down * reach + right, -1), place_design(1, reach)),
        "nuisance": (scenes.texture, level_design(levels)),
    }
