"""A flow-matching head: continuous tokens drawn from a state of the language model.

    x_t = (1 - t) noise + t x,   loss = E |v(x_t, t, h) - (x - noise)|^2,   dx/dt = v from t = 0 (noise) to t = 1

The straight path from noise to data has velocity x - noise; v learns its mean given x_t, and following v turns noise
into a draw from p(x | h) (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv 2209.03003). The network is an
MLP on one token whose layers are shifted, scaled and gated by (t, h), as in MAR (Li et al. 2024, arXiv 2406.11838).
"""

import math

import torch
from torch import Tensor, nn

__all__ = ["FlowHead"]


class FlowHead(nn.Module):
    """v(x_t, t, h): tokens (..., dim), times (...), states (..., hidden) -> velocities (..., dim)."""

    def __init__(self, dim: int, hidden: int, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        self.enter, self.time, self.state = nn.Linear(dim, width), TimeEmbedding(width), nn.Linear(hidden, width)
        self.blocks = nn.ModuleList(AdaptiveBlock(width) for _ in range(depth))
        self.leave = nn.Linear(width, dim)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
        return self.velocity(x, t, self.state(states))

    def velocity(self, x: Tensor, t: Tensor, state: Tensor) -> Tensor:
        condition = nn.functional.silu(state + self.time(t))
        h = self.enter(x)
        for block in self.blocks:
            h = block(h, condition)
        return self.leave(h)

    def loss(self, x: Tensor, states: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Squared error of the velocity, a mean over everything: x (..., D), noise (n, ..., D), t (n, ...).

        n times and noises for each token share its state, which is what costs.
        """
        x = x.to(noise)  # tokens may be bfloat16; differences of them are not
        x_t = torch.lerp(noise, x.expand_as(noise), t[..., None])
        return (self.velocity(x_t, t, self.state(states)) - (x - noise)).square().mean()

    def sample(self, states: Tensor, noise: Tensor, steps: int = 16, guidance: float = 1.0) -> Tensor:
        """The path from noise (..., D) to tokens, (steps + 1, ..., D), by the midpoint rule; the last is the draw.

        guidance w other than 1: `states` are (2, ..., hidden), with the caption and without it, and the velocity is
        v_without + w (v_with - v_without) (Ho & Salimans 2022, arXiv 2207.12598).
        """
        state, path = self.state(states), [noise]

        def velocity(x: Tensor, t: float) -> Tensor:
            v = self.velocity(x, torch.full(x.shape[:-1], t, dtype=x.dtype, device=x.device), state)
            return v if guidance == 1 else v[1] + guidance * (v[0] - v[1])

        for i in range(steps):
            x, t, dt = path[-1], i / steps, 1 / steps
            middle = x + velocity(x, t) * dt / 2
            path.append(x + velocity(middle, t + dt / 2) * dt)
        return torch.stack(path)

    def mean(self, states: Tensor, dim: int) -> Tensor:
        """E[x | h], (..., D): at t = 0 the token is pure noise, and v(noise, 0, h) = E[x | h] - noise."""
        origin = torch.zeros(*states.shape[:-1], dim, dtype=states.dtype, device=states.device)
        return self(origin, torch.zeros(states.shape[:-1], dtype=states.dtype, device=states.device), states)


class AdaptiveBlock(nn.Module):
    """x + gate * MLP(scale * norm(x) + shift), the three from the condition; it starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.modulate = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift, scale, gate = self.modulate(condition).chunk(3, dim=-1)
        return x + gate * self.mlp(torch.addcmul(shift, self.norm(x), 1 + scale))


class TimeEmbedding(nn.Module):
    """Times in [0, 1], (...) -> (..., width): sines and cosines at geometric frequencies, then a linear layer."""

    def __init__(self, width: int, frequencies: int = 16) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * 2 ** torch.linspace(-1, 6, frequencies), persistent=False)
        self.project = nn.Linear(2 * frequencies, width)

    def forward(self, t: Tensor) -> Tensor:
        angles = t[..., None] * self.frequencies
        return self.project(torch.cat([angles.sin(), angles.cos()], -1))
