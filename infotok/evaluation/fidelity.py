"""Frechet distance and KID between two sets of images, by torchmetrics, on features of a network.

    FD = |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)) of the features' means and covariances

The caller chooses the network: with Inception's features FD is FID; those of `infotok.worlds.shapes_features` see what
is wrong with scenes of shapes, to which Inception is blind at 32 x 32 pixels. FD is biased upwards by small sets: take
1000 images or more for 96 features, and the same number each time. KID is not biased.
"""

import warnings

import torch
from torch import Tensor, nn

from infotok.errors import require, require_instance, require_int
from infotok.images import require_images
from infotok.information.isolation import seeded
from infotok.modes import evaluating
from infotok.optional import needs
from infotok.unified.arguments import check_part

__all__ = ["score_fidelity"]

IMAGES_AT_ONCE = 256


def score_fidelity(
    generated: Tensor, real: Tensor, *, features: nn.Module, subsets: int = 50, subset_size: int = 200, seed: int = 0
) -> dict[str, float]:
    """Frechet distance "fd", "kid", and the standard deviation "kid_std" of KID over subsets.

    generated: (N, 3, S, S) in [0, 1].
    real: (M, 3, S, S) in [0, 1].
    features: a network, images (B, 3, S, S) -> features (B, F), with F as `num_features`; used in eval mode, its own
        mode is restored.
    subsets: of KID.
    subset_size: images in each.
    seed: of the subsets.

    Raises TypeError or ValueError for fewer images than `subset_size`, and for pixels that are no floats in [0, 1].

    Example:
        >>> import torch
        >>> from infotok.evaluation import score_fidelity
        >>> from infotok.worlds import ShapesWorld, shapes_features
        >>> images = ShapesWorld().batch(200, torch.Generator().manual_seed(0)).images
        >>> options = {"features": shapes_features(), "subset_size": 50}
        >>> blurred = torch.nn.functional.avg_pool2d(images[:100], 5, stride=1, padding=2)
        >>> fds = [score_fidelity(generated, images[100:], **options)["fd"] for generated in (images[:100], blurred)]
        >>> fds[0] < fds[1]
        True
    """
    with needs("hub", "score_fidelity"):
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

    subset_size, subsets = require_int("subset_size", subset_size, 2), require_int("subsets", subsets, 1, 2**20)
    seed = require_int("seed", seed, 0, 2**63 - 1)
    for name, images in (("generated", generated), ("real", real)):
        require_images(name, images, ("N", 3, "S", "S"))
        require(len(images) >= subset_size, name, f"{len(images)} images", f"{subset_size} (subset_size) or more")
    require_instance("features", features, nn.Module, "a network")
    check_part("features", features, ("num_features",), "a network")
    network = features.to(real.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features in buffer.*")
        kid = KernelInceptionDistance(nn.Identity(), subsets=subsets, subset_size=subset_size).to(real.device)
    identity = nn.Identity()
    identity.num_features = network.num_features
    frechet = FrechetInceptionDistance(identity).to(real.device)
    with torch.no_grad(), evaluating(network):  # else features depend on the batch, and averages change
        for images, is_real in ((generated.to(real.device), False), (real, True)):
            for part in images.float().split(IMAGES_AT_ONCE):
                seen = network(part)
                frechet.update(seen, real=is_real)
                kid.update(seen, real=is_real)
    with seeded(seed):  # torchmetrics draws subsets from the global generator of the CPU
        mean, deviation = kid.compute()
    return {"fd": frechet.compute().item(), "kid": mean.item(), "kid_std": deviation.item()}
