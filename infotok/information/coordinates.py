"""Learned coordinates: a critic in whose coordinates the dependence is Gaussian, trained with InfoNCE.

The critic is the log density ratio of Gaussian pairs (u_i, v_i) with correlations rho_i,

    f(x, y) = sum_i [ rho_i u_i v_i - rho_i^2 (u_i^2 + v_i^2) / 2 ] / (1 - rho_i^2) - 1/2 sum_i log(1 - rho_i^2),

in coordinates u, v that start as the canonical ones, the Gaussian copula, and are then transformed by small networks
that raise the InfoNCE bound. So training starts from the best Gaussian model and early stopping never ends below it.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN, RADIAL = 64, 4


class Coordinates(nn.Module):
    """A network from z (B, d) to coordinates u (B, k), and one further term (B,) of the critic.

        u = A z + sum_m phi_m(r) B_m z + net(z, r),    r the standardised squared length of z

    A are the canonical directions; the nonlinear terms start at zero. The length is an input, since elliptical
    distributions and spirals depend on the distance from the centre.

    directions: A (k, d)
    """

    def __init__(self, directions: np.ndarray) -> None:
        super().__init__()
        self.size, dim = directions.shape
        self.linear = nn.Linear(dim, self.size, bias=False)
        self.linear.weight.data = torch.tensor(directions, dtype=torch.float32)
        self.radial = nn.Sequential(nn.Linear(1, HIDDEN // 2), nn.SiLU(), nn.Linear(HIDDEN // 2, RADIAL))
        self.bend = nn.Linear(dim, self.size * RADIAL, bias=False)
        hidden = nn.Linear(dim + 1, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU()
        self.net = nn.Sequential(*hidden, nn.Linear(HIDDEN, self.size + 1))
        for parameter in (self.bend.weight, self.net[-1].weight, self.net[-1].bias):
            nn.init.zeros_(parameter)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """u (B, k) and the further term (B,) of z (B, d)."""
        length = (z.square().mean(1, keepdim=True) - 1) * math.sqrt(z.shape[1] / 2)  # (B, 1), mean 0, variance 1
        length = length.clamp(-4, 4)
        free = self.net(torch.cat([z, length], 1))  # (B, k + 1)
        bends = self.bend(z).view(-1, self.size, RADIAL)  # (B, k, m)
        turned = torch.einsum("bkm,bm->bk", bends, self.radial(length))
        return self.linear(z) + turned + free[:, :-1], free[:, -1]


class CoordinateCritic(nn.Module):
    """A critic whose score before training is the Gaussian log-ratio.

    x: (N, dx) normal scores from which the canonical directions are computed; y: (N, dy), likewise.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        directions_x, directions_y, rho = canonical(x, y)
        self.x, self.y = Coordinates(directions_x), Coordinates(directions_y)
        self.arc = nn.Parameter(torch.tensor(np.arctanh(rho.clip(0.01, 0.999)), dtype=torch.float32))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (B, B) of all pairs of x (B, dx) and y (B, dy)."""
        (u, own_x), (v, own_y) = self.x(x), self.y(y)
        rho = torch.tanh(self.arc)
        gap = 1 - rho.square()
        square = rho.square() / gap / 2  # (k,)
        own_x, own_y = own_x - u.square() @ square, own_y - v.square() @ square
        return (u * rho / gap) @ v.T + own_x[:, None] + own_y - gap.log().sum() / 2


def canonical(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Canonical directions (k, dx) and (k, dy) of samples, unit variance along each, and their correlations (k,).

    k is the number of correlations above the noise level of independent samples, (sqrt(dx) + sqrt(dy)) / sqrt(N), and
    at least four where there are four coordinates. x: (N, dx); y: (N, dy).
    """
    (white_x, u_x), (white_y, u_y) = _whitened(x), _whitened(y)
    left, rho, right = np.linalg.svd(u_x.T @ u_y / len(x))
    noise = (math.sqrt(x.shape[1]) + math.sqrt(y.shape[1])) / math.sqrt(len(x))
    k = max(int((rho > noise).sum()), min(4, len(rho)))
    return (white_x @ left[:, :k]).T, (white_y @ right[:k].T).T, rho[:k]


def _whitened(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """W (d, d) with W^T cov W = 1, and the white samples."""
    x = x - x.mean(axis=0)
    white = np.linalg.inv(np.linalg.cholesky(x.T @ x / len(x))).T
    return white, x @ white


def infonce_terms(scores: Tensor) -> Tensor:
    """InfoNCE terms (B,) of scores (B, B), the mean of both directions, in nats; their mean is at most log B."""
    partner = torch.arange(len(scores), device=scores.device)
    rows = F.cross_entropy(scores, partner, reduction="none")
    columns = F.cross_entropy(scores.T, partner, reduction="none")
    return math.log(len(scores)) - (rows + columns) / 2
