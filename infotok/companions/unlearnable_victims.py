"""Victims that the maker of the noise never saw, and what they may do against it.

    predict = train_victim("CNN", images, labels, seed=0)           # images (N, C, H, W) -> labels (N,)

- `VICTIMS`, `train_victim`   logistic regression, MLP, forest and nearest neighbours of scikit-learn, and a CNN
- `Network`, `fit_network`    a small network whose features are read; plain, or by adversarial training
- `blur`                      a countermeasure to fine noise; `orthogonal_projection` is one to linear noise
- `VIB`, `fit_vib`            a classifier behind a supervised rate limit: E KL(q(z|x) || r) beside the label's loss
- `VAE`, `fit_vae`            an unsupervised rate limit: the same KL beside the image's reconstruction
- `gaussian_channel`          the optimal code of a Gaussian at a rate, reverse water-filling, as a channel of images
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck import Code, ReverseWaterfilling, VariationalBottleneck
from infotok.companions.unlearnable import without_convergence_warnings
from infotok.errors import require, require_choice, require_float, require_int
from infotok.modes import evaluating

__all__ = [
    "VAE",
    "VIB",
    "VICTIMS",
    "Network",
    "blur",
    "fit_network",
    "fit_vae",
    "fit_vib",
    "gaussian_channel",
    "train_victim",
]

VICTIMS = ("logistic regression", "MLP", "CNN", "forest", "nearest neighbours")
EPOCHS, BATCH, RATE = 10, 50, 5e-3  # of a CNN
LATENT = 96  # of the VAE
Predict = Callable[[Tensor], Tensor]


def train_victim(name: str, images: Tensor, labels: Tensor, *, seed: int) -> Predict:
    """A classifier trained on images, as a function from images to labels.

    It depends on the seed alone, and torch's global generator is left as it is; so do `fit_vib` and `fit_vae`.

    name: one of `VICTIMS`; images: (N, C, H, W) in [0, 1]; labels: (N,); seed: of the weights.
    """
    require_choice("name", name, VICTIMS), require_int("seed", seed, 0, 2**32 - 1)
    if name == "CNN":
        network = _seeded(lambda: Network(images.shape[1], _classes(labels)), seed)
        return fit_network(network, images, labels, generator=torch.Generator().manual_seed(seed))
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    made = {
        "logistic regression": lambda: LogisticRegression(C=0.1, max_iter=60),
        "MLP": lambda: MLPClassifier(
            (256,), batch_size=BATCH, learning_rate_init=2e-3, max_iter=2 * EPOCHS, random_state=seed
        ),
        "forest": lambda: RandomForestClassifier(40, random_state=seed),
        "nearest neighbours": lambda: KNeighborsClassifier(5),
    }[name]()
    with without_convergence_warnings():
        made.fit(images.flatten(1).numpy(), labels.numpy())
    return lambda new: torch.from_numpy(made.predict(new.flatten(1).numpy()))


class Network(nn.Module):
    """A convolutional network, images (N, C, H, W) -> logits (N, classes); `features` is all but the last layer.

    channels: C; width: channels of the first layer; norm: whether layers are normalised over the batch.
    """

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 12, norm: bool = True) -> None:
        super().__init__()
        layers = []
        for a, b, stride in ((channels, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 1)):
            layers += [nn.Conv2d(a, b, 3, stride, 1), nn.BatchNorm2d(b) if norm else nn.Identity(), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(16 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The most likely labels (N,)."""
        with evaluating(self):
            return torch.cat([self(part).argmax(1) for part in images.split(500)])


def fit_network(
    network: Network, images: Tensor, labels: Tensor, *, epochs: int = EPOCHS, attack: float = 0.0,
    generator: torch.Generator,
) -> Predict:  # fmt: skip
    """Train a network by cross-entropy with Adam; returns its predictions.

    attack: with a radius above 0, adversarial training: each batch is first moved by one sign step of that length to
        where its loss is higher (Goodfellow et al. 2015, from a random start as in Wong et al. 2020). A model that
        resists every such step cannot lean on noise of that size.
    generator: of the batches and the random starts.
    """

    def loss(chosen: Tensor) -> Tensor:
        x = images[chosen]
        if attack > 0:
            start = x + attack * (2 * torch.rand(x.shape, generator=generator) - 1)
            start.requires_grad_()
            up = torch.autograd.grad(F.cross_entropy(network(start), labels[chosen]), start)[0].sign()
            x = (x + (start.detach() - x + 1.25 * attack * up).clamp(-attack, attack)).clamp(0, 1)
        return F.cross_entropy(network(x), labels[chosen])

    network.train()
    _fit(network, loss, len(images), epochs, RATE, generator)
    return network.predict


def blur(images: Tensor, sigma: float = 1.0) -> Tensor:
    """Images under a Gaussian filter of `sigma` pixels, borders reflected: (N, C, H, W)."""
    require_float("sigma", sigma, "(0, inf)")
    reach = math.ceil(3 * sigma)
    require(reach < min(images.shape[-2:]), "sigma", sigma, "a filter that is smaller than the image")
    at = torch.arange(-reach, reach + 1, dtype=images.dtype)
    kernel = torch.exp(-at.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    channels = images.shape[1]
    padded = F.pad(images, (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)
    return F.conv2d(rows, kernel.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)


class VIB(nn.Module):
    """A classifier of a Gaussian code of the image's features: our `VariationalBottleneck` between network and head."""

    def __init__(self, beta: float, channels: int = 1, classes: int = 10, dim: int = 16) -> None:
        super().__init__()
        self.features = Network(channels).features
        self.bottleneck = VariationalBottleneck(192, dim, prior="diagonal", beta=beta)
        self.head = nn.Linear(dim, classes)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """The most likely labels (N,), from the means of the codes."""
        with evaluating(self):
            codes = torch.cat([self.bottleneck(self.features(part)).sample for part in images.split(500)])
            return self.head(codes).argmax(1)

    @torch.no_grad()
    def bits(self, images: Tensor) -> float:
        """The mean rate of the codes of these images, an upper bound on I(Z;X) in bits."""
        with evaluating(self):
            return float(self.bottleneck(self.features(images)).rate.mean()) / math.log(2)


def fit_vib(images: Tensor, labels: Tensor, beta: float, *, epochs: int = EPOCHS, seed: int) -> VIB:
    """Minimise E[-log q(y|z)] + beta E KL(q(z|x) || r(z)) (Alemi et al. 2017): a rate limit that sees the labels."""
    require_int("seed", seed, 0, 2**63 - 1)
    model = _seeded(lambda: VIB(beta, images.shape[1], _classes(labels)), seed)
    generator = torch.Generator().manual_seed(seed)

    def loss(chosen: Tensor) -> Tensor:
        code = model.bottleneck(model.features(images[chosen]), samples=1, generator=generator)
        return F.cross_entropy(model.head(code.sample[0]), labels[chosen]) + code.loss

    _fit(model.train(), loss, len(images), epochs, RATE, generator)
    return model


class VAE(nn.Module):
    """A linear variational autoencoder of images, with a standard prior; `forward` is its noisy channel.

    Its optimum is known, probabilistic PCA (Lucas et al. 2019, arXiv 1911.02469): the code of reverse water-filling,
    less what the channel's decoder rescales.
    """

    def __init__(self, shape: torch.Size | tuple[int, ...], dim: int = LATENT) -> None:
        super().__init__()
        self.shape, pixels = tuple(shape), math.prod(shape)
        self.bottleneck = VariationalBottleneck(pixels, dim, beta=1.0)
        self.decoder = nn.Linear(dim, pixels)

    def code(self, images: Tensor, generator: torch.Generator | None) -> Code:
        """The code of images, with one sample in front: (1, N, dim)."""
        return self.bottleneck(images.flatten(1) - 0.5, samples=1, generator=generator)

    def decode(self, z: Tensor) -> Tensor:
        """Images (N, C, H, W) of codes (N, dim)."""
        return 0.5 + self.decoder(z).view(-1, *self.shape)

    @torch.no_grad()
    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.decode(self.code(images, generator).sample[0])

    @torch.no_grad()
    def bits(self, images: Tensor) -> float:
        """The mean rate of the codes of these images, an upper bound on I(Z;X) in bits."""
        with evaluating(self):  # in which no code is drawn
            return float(self.bottleneck(images.flatten(1) - 0.5).rate.mean()) / math.log(2)


def fit_vae(images: Tensor, start: ReverseWaterfilling, *, epochs: int = EPOCHS // 2, seed: int) -> VAE:
    """Minimise E KL + E|x - x'|^2 / (2 theta) (Kingma and Welling 2014): a rate limit that never sees a label.

    start: of `reverse_waterfilling` of the images' covariance. Its level is theta, the variance of a pixel given its
        code, and training starts at its directions: from random weights gradient descent takes very long to find
        those of small variance.
    """
    require(len(start.variances) == math.prod(images.shape[1:]), "start", "another size", "a code of these images")
    require_int("seed", seed, 0, 2**63 - 1)
    model, generator = _seeded(lambda: VAE(images.shape[1:]), seed), torch.Generator().manual_seed(seed)
    _start_at(model, start, images)

    def loss(chosen: Tensor) -> Tensor:
        code = model.code(images[chosen], generator)
        error = (model.decode(code.sample[0]) - images[chosen]).square().flatten(1).sum(1).mean()
        return code.loss + error / (2 * start.level)

    _fit(model.train(), loss, len(images), epochs, 1e-3, generator)
    return model


@torch.no_grad()
def _start_at(model: VAE, start: ReverseWaterfilling, images: Tensor) -> None:
    """Probabilistic PCA: z_j has the mean sqrt(v - theta) / v e_j.(x - m) and the variance theta / v."""
    to_mean, to_log_variance, decoder = model.bottleneck.to_mean, model.bottleneck.to_log_variance, model.decoder
    dim = min(len(to_mean.weight), len(start.rates))
    directions, rates = (torch.from_numpy(part[:dim].copy()).float() for part in (start.directions, start.rates))
    scale = (start.level * torch.expm1(2 * rates)).sqrt()  # sqrt(v - theta), 0 where there is no rate
    centre = images.flatten(1).mean(0) - 0.5
    to_mean.weight[:dim] = (scale / (start.level * torch.exp(2 * rates)))[:, None] * directions
    to_mean.bias.copy_(-to_mean.weight @ centre)
    to_log_variance.bias[:dim] = -2 * rates
    decoder.weight[:, :dim] = (scale[:, None] * directions).T
    decoder.bias.copy_(centre)


def gaussian_channel(images: Tensor, code: ReverseWaterfilling, generator: torch.Generator) -> Tensor:
    """Images through the optimal Gaussian code of a rate: x' = m + G (x - m) + noise of covariance theta G.

    images: (N, C, H, W), of which m is the mean; code: of `reverse_waterfilling` of the covariance of training images.
    """
    flat = images.flatten(1)
    require(flat.shape[1] == len(code.variances), "images", images, f"{len(code.variances)} values, as the covariance")
    directions = torch.from_numpy(code.directions.copy()).to(flat)
    gain = torch.from_numpy(-np.expm1(-2 * code.rates)).to(flat)
    mean = flat.mean(0)
    noise = torch.randn(flat.shape, generator=generator) * (code.level * gain).sqrt()
    return (mean + (((flat - mean) @ directions.T) * gain + noise) @ directions).view_as(images)


def _seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A module with the initial weights of a seed; the caller's generator goes on where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _classes(labels: Tensor) -> int:
    """How many logits a network has: ten, as in the reported runs, or as many as labels need."""
    return max(10, int(labels.max()) + 1)


def _fit(model: nn.Module, loss, size: int, epochs: int, rate: float, generator: torch.Generator) -> None:
    """Minimise loss(rows) over whole batches with Adam and a one-cycle schedule."""
    batches = max(size // BATCH, 1)
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=epochs * batches + 1)
    for _ in range(epochs):
        for chosen in torch.randperm(size, generator=generator).split(BATCH)[:batches]:
            value = loss(chosen)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            schedule.step()
