"""The losses of a reconstruction: errors of pixels, and what a frozen teacher sees in images and tokens.

    l1, l2         mean absolute and mean squared error of pixels
    perceptual     mean over stages s and places p of |u_sp(x) - u_sp(x')|^2, u the teacher's feature map with channels
                   of unit length at each place: 0 to 4
    distillation   1 - cos(A mean_i z_i + a, f(x)), f the teacher's pooled features, A and a trained: 0 to 2

The perceptual loss is that of Zhang et al. 2018 (LPIPS, arXiv 1801.03924) without their calibration on judgements of
people. The teacher is `ImageNetTeacher`, one for the whole process: no tokenizer has it among its parameters or saves
it. Its package is needed only where one of the last two weights is above 0.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require_float
from infotok.tokenizers.quantizers.precision import wide
from infotok.tokenizers.teacher import ImageNetTeacher, require_size, shared_teacher

__all__ = ["ReconstructionLosses", "perceptual_distance"]


class ReconstructionLosses(nn.Module):
    """The weighted losses of a reconstruction; those of weight 0 are not computed.

    dim: numbers per token.
    l1, l2, perceptual, distillation: weights.
    teacher_size: pixels a side at which the teacher sees images, a multiple of 32.
    """

    def __init__(
        self,
        dim: int,
        l1: float,
        l2: float,
        perceptual: float = 0.0,
        distillation: float = 0.0,
        teacher_size: int = 224,
    ) -> None:
        super().__init__()
        given = {"l1": l1, "l2": l2, "perceptual": perceptual, "distillation": distillation}
        self.weights = {name: require_float(name, weight, "[0, inf)") for name, weight in given.items()}
        self.teacher_size = require_size("teacher_size", teacher_size)
        self.predict = nn.Linear(dim, ImageNetTeacher.num_features) if distillation else None

    def forward(self, tokens: Tensor, decoded: Tensor, images: Tensor) -> dict[str, Tensor]:
        """Scalars by name.

        tokens: (B, L, dim), which `decoded` was made from.
        decoded, images: (B, 3, S, S) pixels in [0, 1].
        """
        decoded, images = wide(decoded), wide(images)  # a mean of squares needs more than half precision
        terms = {}
        if self.weights["l1"]:
            terms["l1"] = (decoded - images).abs().mean()
        if self.weights["l2"]:
            terms["l2"] = (decoded - images).square().mean()
        if self.weights["perceptual"]:
            terms["perceptual"] = perceptual_distance(decoded, images, self.teacher(images))
        if self.predict is not None:
            with torch.no_grad():
                target = self.teacher(images)(images)
            terms["distillation"] = 1 - F.cosine_similarity(self.predict(tokens.mean(1)), target).mean()
        return {name: self.weights[name] * value for name, value in terms.items()}

    def teacher(self, images: Tensor) -> ImageNetTeacher:
        """The teacher on the images' device."""
        return shared_teacher(self.teacher_size, str(images.device))


def perceptual_distance(decoded: Tensor, images: Tensor, teacher: nn.Module) -> Tensor:
    """The mean over stages and places of |u(decoded) - u(images)|^2, a scalar with a gradient for `decoded`.

    decoded, images: (B, 3, S, S) pixels in [0, 1].
    teacher: has `stages`, feature maps (B, C, H, W); u divides them by their length over channels.
    """
    with torch.no_grad():
        seen = [F.normalize(each, dim=1) for each in teacher.stages(images)]
    own = [F.normalize(each, dim=1) for each in teacher.stages(decoded)]
    return torch.stack([(a - b).square().sum(1).mean() for a, b in zip(own, seen, strict=True)]).mean()
