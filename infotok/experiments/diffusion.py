"""Small generative models of real images: principal components, a flow or a diffusion on them, and their scores.

    images = load_components("digits")
    model, loss = make_model(seed=0), make_loss(images, "flow", seed=0)
    loss(model).backward()                         # a training step's gradient, on a batch of its own
    evaluate_model(model, images, "flow")          # held-out loss, code length, Frechet distance

Images become their first principal components, each of unit variance. The network is the package's `FlowHead`, on one
vector and without a condition. t is 0 at the noise n and 1 at the image x, in both objectives:

    flow        x_t = (1 - t) n + t x                       predicts x - n     midpoint rule
    diffusion   x_t = cos(pi t / 2) n + sin(pi t / 2) x     predicts n         DDIM (arXiv 2010.02502)

Both are scored as a code, too: 1/2 int E |n - n_hat|^2 d(log SNR) is the length of a code for an image in nats, up to a
constant of the data (Kingma et al. 2021, arXiv 2107.00630), here over log SNR from -8 to 8.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from infotok.errors import checks, require_choice
from infotok.information.isolation import seeded
from infotok.unified import FlowHead
from infotok.worlds import load_images
from infotok.worlds.fashion import load_photographs

__all__ = [
    "DATA",
    "OBJECTIVES",
    "Components",
    "evaluate_model",
    "floor",
    "held_out_loss",
    "load_components",
    "loss_at",
    "make_loss",
    "make_model",
    "paired_noise",
    "sample",
    "train",
]

DATA = ("digits", "fashion")
OBJECTIVES = ("flow", "diffusion")
COMPONENTS, FEATURES = 32, 24
SIZES = {"dim": COMPONENTS, "hidden": 1, "width": 64, "depth": 3}
INNER = 192  # hidden units of a block of the dense model
BATCH = 64
HELD_OUT, TIMES, SPAN = 256, 16, 8.0  # images of an evaluation, times for each, and the end of log SNR
SAMPLES, SAMPLER_STEPS = 500, 12
EARLIEST = 0.02  # where DDIM starts: at t = 0 the image is divided by zero


@dataclass(frozen=True)
class Components:
    """Principal components of images: train and test (N, 32), the basis that makes pixels of them, and features.

    mean, basis: pixels = mean + components @ basis.
    classifier: a fixed network on components; its last hidden layer is the space of the Frechet distance.
    """

    train: Tensor
    test: Tensor
    mean: Tensor
    basis: Tensor
    side: int
    classifier: nn.Sequential

    def pixels(self, components: Tensor) -> Tensor:
        """Images (N, S, S) of `components` (N, 32)."""
        return (self.mean + components @ self.basis).reshape(-1, self.side, self.side)

    def features(self, components: Tensor) -> Tensor:
        """(N, 24), of the classifier."""
        with torch.no_grad():
            return self.classifier[:-1](components)


@lru_cache(maxsize=2)
def load_components(data: str = "digits") -> Components:
    """The images of `data`, "digits" of scikit-learn or "fashion" (Fashion-MNIST), as principal components.

    Raises FileNotFoundError where the files of Fashion-MNIST are missing.
    """
    require_choice("data", data, DATA)
    if data == "digits":
        world = load_images("digits")
        train, rest = world.train, [world.validation, world.test]
        images, held = train.images[:, 0], torch.cat([part.images[:, 0] for part in rest])
        labels = train.labels
    else:
        found = load_photographs()
        split = (found.images.float() / 255).split([found.train, found.test], 1)
        images, held = (part.flatten(0, 1) for part in split)
        labels = torch.arange(10).repeat_interleave(found.train)
    flat, mean = images.flatten(1), images.flatten(1).mean(0)
    variances, directions = torch.linalg.eigh((flat - mean).T.double() @ (flat - mean).double() / len(flat))
    scale = variances[-COMPONENTS:].clamp_min(1e-12).sqrt().float()
    basis = directions[:, -COMPONENTS:].float()
    train, test = ((pixels.flatten(1) - mean) @ basis / scale for pixels in (images, held))
    back = scale[:, None] * basis.T
    return Components(train, test, mean, back, images.shape[-1], _classifier(train, labels))


def make_model(seed: int, inner: int = INNER) -> FlowHead:
    """An untrained network; its weights, and `out_proj`'s, from the seed.

    seed: of the weights.
    inner: as in `FlowHead`.
    """
    with seeded(seed):
        return FlowHead(**SIZES, inner=inner)


def train(model: nn.Module, loss: Callable[[nn.Module], Tensor], steps: int, learning_rate: float) -> None:
    """Train a network by Adam, the learning rate falling linearly to 0, as `infotok.companions.prune` does.

    model: the network, changed in place.
    loss: a function of the network, called once a step.
    steps: how many.
    learning_rate: of the first step.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        value = loss(model)
        optimizer.zero_grad(), value.backward(), optimizer.step()


def path(objective: str, t: Tensor, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The point x_t and what the network predicts there."""
    t = t[..., None]
    if objective == "flow":
        return torch.lerp(noise, x, t), x - noise
    return (math.pi / 2 * t).cos() * noise + (math.pi / 2 * t).sin() * x, noise


def loss_at(model: nn.Module, objective: str, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Squared errors of the prediction, (N,): means over components.

    x, noise: (N, 32).
    t: (N,).
    """
    point, target = path(objective, t, x, noise)
    return (model(point, t, x.new_zeros(len(x), 1)) - target).square().mean(-1)


def make_loss(
    images: Components, objective: str, seed: int, batch: int = BATCH, times: Callable[[Tensor], Tensor] | None = None
) -> Callable[[nn.Module], Tensor]:
    """The training loss as a function of the network; each call draws a batch by a generator of its own.

    images: the components to draw from.
    objective: "flow" or another of `OBJECTIVES`.
    seed: of the generator.
    batch: images per call.
    times: changes the uniform times; None leaves them.
    """
    require_choice("objective", objective, OBJECTIVES)
    generator = torch.Generator().manual_seed(seed)

    def loss(model: nn.Module) -> Tensor:
        x = images.train[torch.randint(len(images.train), (batch,), generator=generator)]
        t, noise = torch.rand(batch, generator=generator), torch.randn(x.shape, generator=generator)
        return loss_at(model, objective, x, noise, t if times is None else times(t)).mean()

    return loss


def sample(model: nn.Module, objective: str, noise: Tensor, steps: int = SAMPLER_STEPS) -> Tensor:
    """Components from noise (N, 32) by a deterministic sampler: the same noise gives the same image.

    model: a trained network.
    objective: that it was trained by.
    noise: (N, 32).
    steps: of the sampler, each of two evaluations.
    """
    with torch.no_grad(), checks(False):
        states = noise.new_zeros(len(noise), 1)
        if objective == "flow":
            return model.sample(states, noise, steps)[-1]
        x, grid = noise, torch.linspace(EARLIEST, 1, 2 * steps + 1) * math.pi / 2
        for now, then in itertools.pairwise(grid):
            predicted = model(x, (now / (math.pi / 2)).expand(len(x)), states)
            x = then.cos() * predicted + then.sin() * (x - now.cos() * predicted) / now.sin()
        return x


def evaluate_model(model: nn.Module, images: Components, objective: str) -> dict[str, float]:
    """Scores on the same held-out images, times and noise for every model.

    - loss: of training, on uniform times
    - nats: the code length above, for an image; only differences between models mean anything
    - fd: the Frechet distance of samples to training images

    model: a trained network.
    images: the components.
    objective: that it was trained by.
    """
    found = {"loss": held_out_loss(model, images, objective), "nats": _nats(model, images, objective)}
    made = sample(model, objective, paired_noise())
    return found | {"fd": frechet(images.features(made), images.features(images.train))}


def held_out_loss(model: nn.Module, images: Components, objective: str, part: str = "test") -> float:
    """The training loss on held-out (or training) images, at evenly spread times."""
    x, noise = _held_out(images, part)
    t = (torch.arange(len(x)) % TIMES + 0.5) / TIMES
    with torch.no_grad(), checks(False):
        return float(loss_at(model, objective, x, noise, t).mean())


def paired_noise() -> Tensor:
    """The noise that every model's samples start from, (500, 32)."""
    return torch.randn(SAMPLES, COMPONENTS, generator=torch.Generator().manual_seed(99))


def floor(images: Components) -> float:
    """The Frechet distance of as many held-out images as there are samples: what a perfect model would have.

    images: the components.
    """
    chosen = torch.randperm(len(images.test), generator=torch.Generator().manual_seed(97))[:SAMPLES]
    return frechet(images.features(images.test[chosen]), images.features(images.train))


def frechet(a: Tensor, b: Tensor) -> float:
    """The Frechet distance between Gaussians fitted to two sets of features, by torchmetrics."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    identity = nn.Identity()
    identity.num_features = a.shape[1]
    metric = FrechetInceptionDistance(identity)
    metric.update(a, real=False), metric.update(b, real=True)
    return float(metric.compute())


def _nats(model: nn.Module, images: Components, objective: str) -> float:
    x, noise = _held_out(images, "test")
    log_snr = ((torch.arange(len(x)) % TIMES + 0.5) / TIMES * 2 - 1) * SPAN
    ratio = (log_snr / 2).exp()  # of image to noise
    t = ratio / (1 + ratio) if objective == "flow" else 2 / math.pi * ratio.atan()
    with torch.no_grad(), checks(False):
        errors = loss_at(model, objective, x, noise, t) * x.shape[1]
    errors = errors * t.square() if objective == "flow" else errors  # n - n_hat = t (v_hat - v)
    return float(SPAN * errors.mean())  # 1/2 of the mean times the length of the integral


def _held_out(images: Components, part: str) -> tuple[Tensor, Tensor]:
    """Images, each at every time in turn, and their noise."""
    generator = torch.Generator().manual_seed(98)
    known = getattr(images, part)
    chosen = known[torch.randperm(len(known), generator=generator)[:HELD_OUT]].repeat_interleave(TIMES, 0)
    return chosen, torch.randn(chosen.shape, generator=generator)


def _classifier(x: Tensor, labels: Tensor) -> nn.Sequential:
    """A fixed classifier of components, for its features."""
    with seeded(0):
        network = nn.Sequential(nn.Linear(COMPONENTS, 64), nn.ReLU(), nn.Linear(64, FEATURES), nn.ReLU(),
                                nn.Linear(FEATURES, 10))  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(400):
        rows = torch.randint(len(x), (128,), generator=generator)
        value = nn.functional.cross_entropy(network(x[rows]), labels[rows])
        optimizer.zero_grad(), value.backward(), optimizer.step()
    return network.requires_grad_(False)
