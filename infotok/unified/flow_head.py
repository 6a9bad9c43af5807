"""A flow-matching head: continuous tokens drawn from a state of the language model.

    x_t = (1 - t) noise + t x,   loss = E |v(x_t, t, h) - (x - noise)|^2,   dx/dt = v from t = 0 (noise) to t = 1

The straight path from noise to data has velocity x - noise; v learns its mean given x_t, and following v turns noise
into a draw from p(x | h) (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv 2209.03003). The network is an
MLP on one token whose layers are shifted, scaled and gated by (t, h), as in MAR (Li et al. 2024, arXiv 2406.11838).
"""

import math

import torch
from torch import Tensor, nn

from infotok.errors import require, require_float, require_int
from infotok.unified.arguments import GUIDANCE, LAYERS, MOST_STEPS, NUMBERS, UNIFORM, check_states

__all__ = ["FlowHead"]


class FlowHead(nn.Module):
    """v(x_t, t, h): tokens (..., dim), times (...), states (..., hidden) -> velocities (..., dim)."""

    def __init__(self, dim: int, hidden: int, width: int = 128, depth: int = 3) -> None:
        super().__init__()
        for name, size in {"dim": dim, "hidden": hidden, "width": width}.items():
            require_int(name, size, 1, NUMBERS)
        require_int("depth", depth, 0, LAYERS)
        self.enter, self.time, self.state = nn.Linear(dim, width), TimeEmbedding(width), nn.Linear(hidden, width)
        self.blocks = nn.ModuleList(AdaptiveBlock(width) for _ in range(depth))
        self.leave = nn.Linear(width, dim)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
        self._check_rows(x, states)
        self._check_times(t, tuple(states.shape[:-1]))
        return self.velocity(x, t, self.state(states))

    def velocity(self, x: Tensor, t: Tensor, state: Tensor) -> Tensor:
        """v of `state` (..., width), the linear map of states; the leading axes of all three broadcast."""
        self._check("x", x, self.enter), self._check_times(t)
        check_states("state", state, ("...", self.enter.out_features), self.training, self.leave.weight)
        leading = (x.shape[:-1], t.shape, state.shape[:-1])
        require(_broadcast(*leading), "t", t, f"times for x {tuple(x.shape)} and state {tuple(state.shape)}")
        condition = nn.functional.silu(state + self.time(t))
        h = self.enter(x)
        for block in self.blocks:
            h = block(h, condition)
        return self.leave(h)

    def loss(self, x: Tensor, states: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Squared error of the velocity, a mean over everything: x (..., D), noise (n, ..., D), t (n, ...).

        n times and noises for each token share its state, which is what costs.
        """
        self._check_rows(x, states)
        self._check("noise", noise, self.enter)
        require(noise.shape[1:] == x.shape, "noise", noise, f"shape (n, {', '.join(map(str, x.shape))})")
        self._check_times(t, tuple(noise.shape[:-1]))
        x = x.to(noise)  # tokens may be bfloat16; differences of them are not
        x_t = torch.lerp(noise, x.expand_as(noise), t[..., None])
        return (self.velocity(x_t, t, self.state(states)) - (x - noise)).square().mean()

    def sample(self, states: Tensor, noise: Tensor, steps: int = 16, guidance: float = 1.0) -> Tensor:
        """The path from noise (..., D) to tokens, (steps + 1, ..., D), by the midpoint rule; the last is the draw.

        guidance w other than 1: `states` are (2, ..., hidden), with the caption and without it, and the velocity is
        v_without + w (v_with - v_without) (Ho & Salimans 2022, arXiv 2207.12598).
        """
        require_int("steps", steps, 1, MOST_STEPS), require_float("guidance", guidance, GUIDANCE)
        self._check("noise", noise, self.enter)
        twice = () if guidance == 1 else (2,)
        self._check("states", states, self.state, (*twice, *noise.shape[:-1]))
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
        self._check("states", states, self.state)
        own = self.enter.in_features
        require(require_int("dim", dim) == own, "dim", dim, f"{own}, that of this head")
        origin = torch.zeros(*states.shape[:-1], dim, dtype=states.dtype, device=states.device)
        return self(origin, torch.zeros(states.shape[:-1], dtype=states.dtype, device=states.device), states)

    def _check(self, name: str, value: Tensor, layer: nn.Linear, leading: tuple[int | str, ...] = ("...",)) -> None:
        check_states(name, value, (*leading, layer.in_features), self.training, layer.weight)

    def _check_times(self, t: Tensor, shape: tuple[int | str, ...] = ("...",)) -> None:
        check_states("t", t, shape, self.training, self.leave.weight, UNIFORM)

    def _check_rows(self, x: Tensor, states: Tensor) -> None:
        """States, and x of a token for each."""
        self._check("states", states, self.state)
        self._check("x", x, self.enter, tuple(states.shape[:-1]))


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


def _broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        torch.broadcast_shapes(*shapes)
    except RuntimeError:
        return False
    return True
