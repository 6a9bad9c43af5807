"""How tight the bounds on I(Z;T) are in a world where it is known: attributes read through a noisy channel (lesson 12).

    found = tightness(attributes=15, error=0.02)
    found["exact"], found["infonce"]        # nats: I(Z;T), and InfoNCE at each number of candidates

T has independent fair attributes, Z is T with each attribute flipped with probability `error`:

    I(Z;T) = W (log 2 - h(error)),   p(t|z) = prod_j (1 - error)^[t_j = z_j] error^[t_j != z_j]

InfoNCE has its best critic here, log p(t|z), so that only its normaliser keeps it from I(Z;T). The decoder bound with
the same p is I(Z;T) itself: attributes are independent given Z.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch

from infotok.errors import require_float, require_int

__all__ = ["tightness"]

AT_ONCE = 500  # images


def tightness(
    attributes: int = 15,
    error: float = 0.02,
    candidates: Sequence[int] = (8, 32, 128, 512, 2048, 8192, 32768),
    images: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """InfoNCE with the best critic, beside the exact information and the ceilings, in nats.

    attributes: of a text, W; its entropy is W log 2.
    error: probability that an attribute is read wrongly, between 0 and 1/2.
    candidates: texts that InfoNCE compares with, the image's own included, for each value of its curve.
    images: over which InfoNCE is averaged; how many errors they happen to have is corrected for.
    seed: of texts and errors.

    Returns {"exact", "candidates", "infonce", "ceilings"}; the last two have a value per number of candidates.
    """
    require_int("attributes", attributes, 1, 62), require_int("images", images)
    require_float("error", error, "(0, 0.5)")
    generator = torch.Generator().manual_seed(seed)
    right, wrong = math.log(1 - error), math.log(error)
    own = torch.randint(2, (images, attributes), generator=generator).float()
    flipped = torch.rand(images, attributes, generator=generator) < error
    z = (own - flipped.float()).abs()

    def log_p(z: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:  # of every pair, (images, texts)
        differ = z.sum(1, keepdim=True) + texts.sum(1) - 2 * z @ texts.T
        return right * (attributes - differ) + wrong * differ

    mine = (right * (~flipped) + wrong * flipped).sum(1)
    expected = attributes * ((1 - error) * right + error * wrong)
    luck, bounds = mine - expected, []  # of mean zero: a control variate
    for number in candidates:
        others = torch.randint(2, (number - 1, attributes), generator=generator).float()
        rest = torch.cat([log_p(z_part, others).logsumexp(1) for z_part in z.split(AT_ONCE)])
        value = mine - torch.logaddexp(mine, rest)
        slope = ((value - value.mean()) * luck).mean() / luck.square().mean()
        bounds.append(math.log(number) + float((value - slope * luck).mean()))
    return {
        "exact": attributes * math.log(2) + expected,
        "candidates": list(candidates),
        "infonce": bounds,
        "ceilings": [math.log(number) for number in candidates],
    }
