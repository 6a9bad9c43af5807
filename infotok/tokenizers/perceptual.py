"""A perceptual loss: images are compared in the layers of a trained network instead of pixel by pixel.

    network = torchvision.models.vgg16().features
    network.load_state_dict(weights)                   # your own: nothing is downloaded here
    perceptual = PerceptualLoss(network, layers=["3", "8", "15"])
    tokenizer = SharedTokenizer.from_config(config, perceptual=perceptual)

    loss = sum_l mean_p |f_l(x)_p - f_l(y)_p|^2,   f_l(x)_p the unit-length features of layer l at place p

This is LPIPS before its calibration on human judgements (Zhang et al. 2018, arXiv 1801.03924, the "baseline" weights).
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn, tensor

from infotok.errors import require

__all__ = ["PerceptualLoss"]

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
        modules = dict(network.named_modules())
        require(layers, "layers", layers, "at least one name")
        for name in layers:
            known = ", ".join(filter(None, modules))
            require(name and name in modules, "layers", name, f"names of the network's modules: {known}")
        self.network, self.layers = network.eval().requires_grad_(False), tuple(layers)
        self.register_buffer("mean", tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        require(images.shape == others.shape, "others", others, f"as images, shape {tuple(images.shape)}")
        self.to(images.device)
        pairs = zip(self.features(images), self.features(others), strict=True)
        return sum((a - b).square().sum(1).mean() for a, b in pairs)

    def features(self, images: Tensor) -> list[Tensor]:
        """The unit-length features of each layer, (B, C, H, W)."""
        caught: dict[str, Tensor] = {}
        modules = dict(self.network.named_modules())

        def catch(name: str):  # a copy, since the layer that follows may work in place
            return modules[name].register_forward_hook(lambda _, __, output: caught.update({name: output.clone()}))

        hooks = [catch(name) for name in self.layers]
        try:
            self.network((images - self.mean) / self.std)
        finally:
            for hook in hooks:
                hook.remove()
        return [F.normalize(caught[name], dim=1) for name in self.layers]

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Stays in eval mode: the yardstick does not change with what it measures."""
        return super().train(False)
