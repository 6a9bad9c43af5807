"""A perceptual loss: images are compared in the layers of a trained network instead of pixel by pixel.

    network = torchvision.models.vgg16().features
    network.load_state_dict(weights)                   # your own: nothing is downloaded here
    perceptual = PerceptualLoss(network, layers=["3", "8", "15"])
    tokenizer = SharedTokenizer.from_config(config, perceptual=perceptual)

    loss = sum_l mean_p |f_l(x)_p - f_l(y)_p|^2,   f_l(x)_p the unit-length features of layer l at place p

This is LPIPS before its calibration on human judgements (Zhang et al. 2018, arXiv 1801.03924, the "baseline" weights).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import (
    checking,
    require,
    require_choice,
    require_finite,
    require_flag,
    require_instance,
    require_numbers,
    require_tensor,
)

__all__ = ["PerceptualLoss"]

IMAGES = ("B", 3, "H", "W")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PerceptualLoss(nn.Module):
    """Distance of two batches of images (B, 3, S, S) in [0, 1], a scalar; gradients reach the images only.

    network: any module that takes images; it is frozen and kept in eval mode. layers: names of its submodules, as
    `named_modules` gives them, each with an output (B, C, H, W). mean, std: what the network was trained to see.
    An unknown layer raises ValueError with the names there are.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[str],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        require_instance("network", network, nn.Module)
        modules = list(filter(None, dict(network.named_modules())))
        require_instance("layers", layers, (list, tuple), "a list of names")
        require(len(layers) > 0, "layers", layers, "at least one name")
        for name in layers:
            require_choice("layers", name, modules)
        self.network, self.layers = network.eval().requires_grad_(False), tuple(layers)
        for name, values, interval in (("mean", mean, "(-inf, inf)"), ("std", std, "(0, inf)")):
            values = torch.tensor(require_numbers(name, values, interval, ndim=1), dtype=torch.float)
            require(len(values) == 3, name, values, "3 numbers, one per channel")
            self.register_buffer(name, values.view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        _check("images", images, IMAGES)
        _check("others", others, tuple(images.shape))
        self.to(images.device)
        pairs = zip(self.features(images), self.features(others), strict=True)
        loss = sum((a - b).square().sum(1).mean() for a, b in pairs)
        require_finite("perceptual loss", loss, torch.is_grad_enabled())
        return loss

    def features(self, images: Tensor) -> list[Tensor]:
        """The unit-length features of each layer, (B, C, H, W)."""
        _check("images", images, IMAGES)
        caught: dict[str, Tensor] = {}
        modules = dict(self.network.named_modules())

        def catch(name: str):  # a copy, since the layer that follows may work in place
            return modules[name].register_forward_hook(lambda _, __, output: caught.update({name: output.clone()}))

        hooks = [catch(name) for name in self.layers]
        try:
            self.network((images.to(self.mean.dtype) - self.mean) / self.std)
        finally:
            for hook in hooks:
                hook.remove()
        return [F.normalize(caught[name], dim=1) for name in self.layers]

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Stays in eval mode: the yardstick does not change with what it measures."""
        require_flag("mode", mode)
        return super().train(False)


def _check(name: str, images: Tensor, shape: tuple[int | str, ...]) -> None:
    """Refuse all but floats in [0, 1] of this shape; the network is always in eval mode, so gradients mark training."""
    require_tensor(name, images, shape)
    if checking(images, torch.is_grad_enabled()):
        require_tensor(name, images, values="[0, 1]")
    require(images.numel() > 0, name, images, "one image or more")
