"""Critics: networks that score every pair of a batch for the variational bounds, (B, dx) and (B, dy) -> (B, B).

- `SeparableCritic`      f(x, y) = g(x) . h(y): 2 B network passes and one matrix product. The default.
- `BilinearCritic`       f(x, y) = x^T W y: linear, for features of a network (CPC, CLIP)
- `ConcatCritic`         f(x, y) = MLP([x, y]): B^2 network passes, the most expressive per parameter
- `GaussianConditional`  log q(y | x), a diagonal Gaussian with learned mean and variance, for CLUB and L1Out

The networks are ReLU MLPs, by default 2 hidden layers of 256 and an embedding of 32, as in Poole et al. 2019.
Weights come from torch's global generator: call `torch.manual_seed(seed)` before building. Shapes are checked here;
NaN in x or y becomes a NaN score, for which every bound raises ValueError.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from infotok.errors import require, require_float, require_int, require_tensor

__all__ = ["BilinearCritic", "ConcatCritic", "GaussianConditional", "SeparableCritic", "mlp"]

WIDEST, DEEPEST = 2**16, 2**8  # units of a layer, layers of a network


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers of the given sizes with ReLU between them: mlp(3, 256, 256, 32) has two hidden layers."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def check_sizes(hidden: int, layers: int, fewest: int = 0) -> None:
    """TypeError or ValueError for sizes out of range: hidden, units of a layer; layers, at least `fewest`."""
    require_int("hidden", hidden, 1, WIDEST), require_int("layers", layers, fewest, DEEPEST)


class Critic(nn.Module):
    """Base class of the critics: checks x (B, dim_x) and y (B, dim_y)."""

    def __init__(self, dim_x: int, dim_y: int) -> None:
        super().__init__()
        require_int("dim_x", dim_x, 1, WIDEST), require_int("dim_y", dim_y, 1, WIDEST)
        self.dim_x, self.dim_y = dim_x, dim_y

    def checked(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """`x` (B, dim_x) and `y` (B, dim_y) in the dtype of the weights; TypeError or ValueError for other shapes."""
        require_tensor("x", x, ("B", self.dim_x)), require_tensor("y", y, ("B", self.dim_y))
        require(len(x) == len(y) > 0, "y, rows", len(y), f"as many as x, {len(x)}, and one or more")
        dtype = next(self.parameters()).dtype
        return x.to(dtype), y.to(dtype)


class SeparableCritic(Critic):
    """Separable critic f(x, y) = g(x) . h(y), two MLPs into one embedding space.

    Args:
        dim_x: dimensions of x.
        dim_y: dimensions of y.
        hidden: units of each hidden layer.
        layers: hidden layers of each MLP.
        dim: dimensions of the embedding.

    Example:
        >>> import torch
        >>> from infotok.information import SeparableCritic, infonce
        >>> _ = torch.manual_seed(0)
        >>> critic = SeparableCritic(dim_x=3, dim_y=2)
        >>> scores = critic(torch.randn(64, 3), torch.randn(64, 2))  # of all pairs
        >>> scores.shape, infonce(scores).item() < 0.5  # independent, and the critic is not trained
        (torch.Size([64, 64]), True)
    """

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, dim: int = 32) -> None:
        super().__init__(dim_x, dim_y)
        check_sizes(hidden, layers), require_int("dim", dim, 1, WIDEST)
        self.embed_x = mlp(dim_x, *[hidden] * layers, dim)
        self.embed_y = mlp(dim_y, *[hidden] * layers, dim)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores f(x_i, y_j), (B, B), of `x` (B, dim_x) and `y` (B, dim_y)."""
        x, y = self.checked(x, y)
        return self.embed_x(x) @ self.embed_y(y).T  # (B, dim) @ (dim, B) -> (B, B)


class BilinearCritic(Critic):
    """Bilinear critic f(x, y) = x^T W y: for Gaussian (x, y) the log-ratio up to terms in x alone and y alone.

    W starts at zero, since every lower bound of `bounds` is concave in it.

    Args:
        dim_x: dimensions of x.
        dim_y: dimensions of y.

    Example:
        >>> import torch
        >>> from infotok.information import BilinearCritic
        >>> critic = BilinearCritic(dim_x=2, dim_y=2)
        >>> critic(torch.ones(3, 2), torch.ones(3, 2)).abs().sum().item()  # W starts at zero
        0.0
        >>> _ = torch.nn.init.eye_(critic.weight)
        >>> critic(torch.ones(3, 2), torch.ones(3, 2))[0].tolist()  # now the inner products
        [2.0, 2.0, 2.0]
    """

    def __init__(self, dim_x: int, dim_y: int) -> None:
        super().__init__(dim_x, dim_y)
        self.weight = nn.Parameter(torch.zeros(dim_x, dim_y))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores f(x_i, y_j), (B, B), of `x` (B, dim_x) and `y` (B, dim_y)."""
        x, y = self.checked(x, y)
        return x @ self.weight @ y.T  # (B, dx) @ (dx, dy) @ (dy, B) -> (B, B)


class ConcatCritic(Critic):
    """Concatenated (joint) critic f(x, y) = MLP([x, y]) on all B^2 pairs.

    The first layer is linear in [x, y], so it is computed per sample and summed per pair. The rest is computed again in
    the backward pass, so memory is (B, B) + (chunk, hidden) and not (B, B, hidden).

    Args:
        dim_x: dimensions of x.
        dim_y: dimensions of y.
        hidden: units of each hidden layer.
        layers: hidden layers.
        chunk: pairs that go through the later layers at a time.

    Example:
        >>> import torch
        >>> from infotok.information import ConcatCritic
        >>> critic = ConcatCritic(dim_x=3, dim_y=2, hidden=64)
        >>> critic(torch.randn(64, 3), torch.randn(64, 2)).shape  # a score of each of the 64 x 64 pairs
        torch.Size([64, 64])
    """

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, chunk: int = 65_536) -> None:
        super().__init__(dim_x, dim_y)
        check_sizes(hidden, layers, 1), require_int("chunk", chunk)
        self.first_x = nn.Linear(dim_x, hidden)
        self.first_y = nn.Linear(dim_y, hidden, bias=False)
        self.rest = nn.Sequential(nn.ReLU(), *mlp(*[hidden] * layers, 1))
        self.chunk = chunk

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores f(x_i, y_j), (B, B), of `x` (B, dim_x) and `y` (B, dim_y)."""
        x, y = self.checked(x, y)
        first_x, first_y = self.first_x(x), self.first_y(y)  # (B, hidden)
        rows = max(1, self.chunk // len(y))
        if rows >= len(x):
            return self._rows_of_scores(first_x, first_y)
        blocks = [
            checkpoint(self._rows_of_scores, part, first_y, use_reentrant=False, preserve_rng_state=False)
            for part in first_x.split(rows)
        ]
        return torch.cat(blocks)

    def _rows_of_scores(self, first_x: Tensor, first_y: Tensor) -> Tensor:
        return self.rest(first_x[:, None] + first_y[None]).squeeze(-1)  # (rows, B, hidden) -> (rows, B)


class GaussianConditional(Critic):
    """Gaussian conditional log q(y | x) = log N(y; mu(x), diag sigma^2(x)), in nats.

    Fitted by maximum likelihood, loss -q.log_prob(x, y).mean(). `q(x, y)` is the (B, B) matrix log q(y_j | x_i) that
    `club` and `leave_one_out` take.

    Args:
        dim_x: dimensions of x.
        dim_y: dimensions of y.
        hidden: units of each hidden layer.
        layers: hidden layers.
        bound: log sigma^2 stays smoothly within +-bound; a small one underfits q, and CLUB is then wrong.

    Example:
        >>> import torch
        >>> from infotok.information import GaussianConditional, club
        >>> q = GaussianConditional(dim_x=3, dim_y=2)
        >>> x, y = torch.randn(64, 3), torch.randn(64, 2)
        >>> loss = -q.log_prob(x, y).mean()  # maximum likelihood, with an optimiser of q.parameters()
        >>> q(x, y).shape, club(q(x, y)).shape
        (torch.Size([64, 64]), torch.Size([]))
    """

    def __init__(self, dim_x: int, dim_y: int, *, hidden: int = 256, layers: int = 2, bound: float = 10.0) -> None:
        super().__init__(dim_x, dim_y)
        check_sizes(hidden, layers), require_float("bound", bound, "(0, inf)")
        self.network = mlp(dim_x, *[hidden] * layers, 2 * dim_y)
        self.bound = bound

    def parameters_of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu(x) and log sigma^2(x), each (B, dim_y), of `x` (B, dim_x)."""
        require_tensor("x", x, ("B", self.dim_x))
        mean, raw = self.network(x.to(self.network[0].weight.dtype)).chunk(2, dim=1)
        return mean, self.bound * torch.tanh(raw / self.bound)

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """log q(y_i | x_i) in nats, (B,), of pairs `x` (B, dim_x) and `y` (B, dim_y)."""
        x, y = self.checked(x, y)
        mean, log_var = self.parameters_of(x)
        return -0.5 * ((y - mean).square() * (-log_var).exp() + log_var + math.log(2 * math.pi)).sum(1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """log q(y_j | x_i) in nats, (B, B), of `x` (B, dim_x) and `y` (B, dim_y)."""
        x, y = self.checked(x, y)
        mean, log_var = self.parameters_of(x)
        centre = y.detach().mean(0)  # matrix products in place of a (B, B, dy) broadcast; centred, so they cancel less
        mean, y = mean - centre, y - centre
        precision = (-log_var).exp()  # (B, dy)
        quadratic = precision @ y.square().T - 2 * (mean * precision) @ y.T  # (B, B)
        own = (mean.square() * precision + log_var + math.log(2 * math.pi)).sum(1, keepdim=True)  # (B, 1)
        return -0.5 * (quadratic + own)
