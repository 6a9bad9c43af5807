"""Critics: networks that score every pair of a batch, x (B, dx) and y (B, dy) -> scores (B, B).

- `SeparableCritic`      f(x, y) = g(x) . h(y): 2 B network passes and one matrix product. The default.
- `BilinearCritic`       f(x, y) = x^T W y: linear, right for features that a network has already made (CPC, CLIP)
- `ConcatCritic`         f(x, y) = MLP([x, y]): B^2 network passes, the most expressive per parameter
- `GaussianConditional`  log q(y | x), a diagonal Gaussian with learned mean and variance: what CLUB and L1Out need

The networks are ReLU MLPs, by default 2 hidden layers of 256 and an embedding of 32, as in Poole et al. 2019.
Weights come from torch's global generator: call `torch.manual_seed(seed)` before building. Shapes are checked here;
a NaN in x or y becomes a NaN score, which every bound refuses.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from infotok.errors import require

__all__ = ["BilinearCritic", "ConcatCritic", "GaussianConditional", "SeparableCritic", "mlp"]


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers of the given sizes with ReLU between them: mlp(3, 256, 256, 32) has two hidden layers."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Critic(nn.Module):
    """The door of every critic: two float matrices with one row per sample."""

    def __init__(self, dim_x: int, dim_y: int) -> None:
        super().__init__()
        require(dim_x > 0, "dim_x", dim_x, "at least 1")
        require(dim_y > 0, "dim_y", dim_y, "at least 1")
        self.dim_x, self.dim_y = dim_x, dim_y

    def checked(self, x: Tensor, y: Tensor) -> None:
        for name, value, dim in (("x", x, self.dim_x), ("y", y, self.dim_y)):
            require(isinstance(value, Tensor), name, type(value).__name__, "a torch.Tensor", TypeError)
            require(value.ndim == 2 and value.shape[1] == dim, name, value, f"shape (B, {dim})")
            require(value.is_floating_point(), name, value.dtype, "a floating-point dtype", TypeError)
        require(len(x) == len(y), "y, rows", len(y), f"as many as x, {len(x)}")


class SeparableCritic(Critic):
    """f(x, y) = g(x) . h(y) with two MLPs into a shared space of `dim` coordinates."""

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, dim: int = 32) -> None:
        super().__init__(dim_x, dim_y)
        self.embed_x = mlp(dim_x, *[hidden] * layers, dim)
        self.embed_y = mlp(dim_y, *[hidden] * layers, dim)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.checked(x, y)
        return self.embed_x(x) @ self.embed_y(y).T  # (B, dim) @ (dim, B) -> (B, B)


class BilinearCritic(Critic):
    """f(x, y) = x^T W y, the log-ratio up to terms in x alone and y alone when (x, y) is Gaussian.

    Every lower bound here is concave in W, so it starts at zero.
    """

    def __init__(self, dim_x: int, dim_y: int) -> None:
        super().__init__(dim_x, dim_y)
        self.weight = nn.Parameter(torch.zeros(dim_x, dim_y))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.checked(x, y)
        return x @ self.weight @ y.T  # (B, dx) @ (dx, dy) @ (dy, B) -> (B, B)


class ConcatCritic(Critic):
    """f(x, y) = MLP([x, y]) on all B^2 pairs.

    The first layer is linear in [x, y], so it is computed per sample and summed per pair; the rest runs over `chunk`
    pairs at a time, recomputed in the backward pass, so memory is (B, B) + (chunk, hidden) and not (B, B, hidden).
    """

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, chunk: int = 65_536) -> None:
        super().__init__(dim_x, dim_y)
        require(layers > 0, "layers", layers, "at least 1")
        require(chunk > 0, "chunk", chunk, "at least 1 pair")
        self.first_x = nn.Linear(dim_x, hidden)
        self.first_y = nn.Linear(dim_y, hidden, bias=False)
        self.rest = nn.Sequential(nn.ReLU(), *mlp(*[hidden] * layers, 1))
        self.chunk = chunk

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.checked(x, y)
        first_x, first_y = self.first_x(x), self.first_y(y)  # (B, hidden)
        rows = max(1, self.chunk // len(y))
        if rows >= len(x):
            return self.rows_of_scores(first_x, first_y)
        blocks = [
            checkpoint(self.rows_of_scores, part, first_y, use_reentrant=False, preserve_rng_state=False)
            for part in first_x.split(rows)
        ]
        return torch.cat(blocks)

    def rows_of_scores(self, first_x: Tensor, first_y: Tensor) -> Tensor:
        return self.rest(first_x[:, None] + first_y[None]).squeeze(-1)  # (rows, B, hidden) -> (rows, B)


class GaussianConditional(Critic):
    """log q(y | x) = log N(y; mu(x), diag sigma^2(x)) in nats, fitted by maximum likelihood: -q.log_prob(x, y).mean().

    `q(x, y)` is the (B, B) matrix log q(y_j | x_i) that `club` and `leave_one_out` read; `q.log_prob(x, y)` is its
    diagonal, (B,), at a cost of B. log sigma^2 is kept within +-`bound` smoothly: a tighter one underfits q, and then
    CLUB's value owes as much to the bound as to the data.
    """

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, bound: float = 10.0) -> None:
        super().__init__(dim_x, dim_y)
        self.network = mlp(dim_x, *[hidden] * layers, 2 * dim_y)
        self.bound = bound

    def parameters_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu(x) and log sigma^2(x), each (B, dy)."""
        mean, raw = self.network(x).chunk(2, dim=1)
        return mean, self.bound * torch.tanh(raw / self.bound)

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        self.checked(x, y)
        mean, log_var = self.parameters_of(x)
        return -0.5 * ((y - mean).square() * (-log_var).exp() + log_var + math.log(2 * math.pi)).sum(1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.checked(x, y)
        mean, log_var = self.parameters_of(x)
        centre = y.detach().mean(0)  # matrix products in place of a (B, B, dy) broadcast; centred, so they cancel less
        mean, y = mean - centre, y - centre
        precision = (-log_var).exp()  # (B, dy)
        quadratic = precision @ y.square().T - 2 * (mean * precision) @ y.T  # (B, B)
        own = (mean.square() * precision + log_var + math.log(2 * math.pi)).sum(1, keepdim=True)  # (B, 1)
        return -0.5 * (quadratic + own)
