"""A flow-matching head: a continuous token drawn from noise, conditioned on a state of the language model.

    x_t = (1 - t) noise + t x,   loss = E |v(x_t, t, h) - (x - noise)|^2,   dx/dt = v from t = 0 (noise) to t = 1

The straight path from noise to data has velocity x - noise; v learns its mean given x_t, and integrating v turns noise
into a sample of p(x | h) (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv 2209.03003). The network is an
MLP on one token whose layers are shifted, scaled and gated by (t, h), as in MAR (Li et al. 2024, arXiv 2406.11838).
"""

import math

import torch
from torch import Tensor, nn

from infotok.errors import require, require_float, require_int
from infotok.modes import keep_constants
from infotok.tokenizers.quantizers.precision import wide
from infotok.unified.arguments import GUIDANCE, LAYERS, MOST_STEPS, NUMBERS, UNIFORM, check_states
from infotok.unified.sampling import guide

__all__ = ["FlowHead"]


class FlowHead(nn.Module):
    """The velocity v(x_t, t, h): tokens (..., dim), times (...), states (..., hidden) -> velocities (..., dim).

    dim: width of a token.
    hidden: width of the states.
    width: of the residual stream.
    depth: its residual blocks, one or more: they alone see t and h.
    inner: hidden units of each block; None: `width`.

    Example:
        >>> import torch
        >>> from infotok.unified import FlowHead
        >>> head = FlowHead(dim=4, hidden=64)
        >>> tokens, states = torch.randn(5, 4), torch.randn(5, 64)
        >>> loss = head.loss(tokens, states, noise=torch.randn(8, 5, 4), t=torch.rand(8, 5))
        >>> head.sample(states, torch.randn(5, 4), steps=16).shape  # the path from noise; its last point is the sample
        torch.Size([17, 5, 4])
    """

    def __init__(self, dim: int, hidden: int, width: int = 128, depth: int = 3, inner: int | None = None) -> None:
        super().__init__()
        inner = width if inner is None else inner
        for name, size in {"dim": dim, "hidden": hidden, "width": width, "inner": inner}.items():
            require_int(name, size, 1, NUMBERS)
        require_int("depth", depth, 1, LAYERS)
        self.in_proj, self.time_embedding = nn.Linear(dim, width), TimeEmbedding(width)
        self.state_proj = nn.Linear(hidden, width)
        self.blocks = nn.ModuleList(AdaptiveBlock(width, inner) for _ in range(depth))
        self.out_proj = nn.Linear(width, dim)
        nn.init.zeros_(self.out_proj.weight)

    def forward(self, x: Tensor, t: Tensor, states: Tensor) -> Tensor:
        """Velocities (..., dim).

        x: (..., dim), tokens on the path from noise to data.
        t: (...), times in [0, 1].
        states: (..., hidden).
        """
        self._check_rows(x, states)
        self._check_times(t, tuple(states.shape[:-1]))
        return self.velocity(x, t, self.state_proj(states))

    def velocity(self, x: Tensor, t: Tensor, state: Tensor) -> Tensor:
        """Velocities (..., dim) given projected states; the leading axes of all three broadcast.

        x: (..., dim), tokens on the path from noise to data.
        t: (...), times in [0, 1].
        state: (..., width), `state_proj` of the states.
        """
        self._check("x", x, self.in_proj), self._check_times(t)
        check_states("state", state, ("...", self.in_proj.out_features), self.training, self.out_proj.weight)
        leading = (x.shape[:-1], t.shape, state.shape[:-1])
        require(_broadcast(*leading), "t", t, f"times for x {tuple(x.shape)} and state {tuple(state.shape)}")
        condition = nn.functional.silu(state + self.time_embedding(t))
        h = self.in_proj(x)
        for block in self.blocks:
            h = block(h, condition)
        return self.out_proj(h)

    def loss(self, x: Tensor, states: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """The flow-matching loss: squared error of the velocity, the mean over everything.

        n times and noises for each token share its state, which is the expensive part.

        x: (..., dim), tokens.
        states: (..., hidden).
        noise: (n, ..., dim).
        t: (n, ...), times in [0, 1].
        """
        self._check_rows(x, states)
        self._check("noise", noise, self.in_proj)
        require(noise.shape[1:] == x.shape, "noise", noise, f"shape (n, {', '.join(map(str, x.shape))})")
        self._check_times(t, tuple(noise.shape[:-1]))
        dtype = noise.dtype
        noise, t = wide(noise), wide(t)
        x = x.to(noise)  # tokens may be bfloat16; differences of them are not
        x_t = torch.lerp(noise, x.expand_as(noise), t[..., None]).to(dtype)
        return (self.velocity(x_t, t.to(dtype), self.state_proj(states)) - (x - noise)).square().mean()

    def sample(self, states: Tensor, noise: Tensor, steps: int = 16, guidance: float = 1.0) -> Tensor:
        """The path from noise to tokens, (steps + 1, ..., dim), by the midpoint rule; its last point is the sample.

        states: (..., hidden); with guidance (2, ..., hidden), with the caption and without it.
        noise: (..., dim), standard normal.
        steps: of the integration, two evaluations each.
        guidance: w of classifier-free guidance, velocities without + w (with - without the caption); 1 is none.
        """
        require_int("steps", steps, 1, MOST_STEPS), require_float("guidance", guidance, GUIDANCE)
        self._check("noise", noise, self.in_proj)
        twice = () if guidance == 1 else (2,)
        self._check("states", states, self.state_proj, (*twice, *noise.shape[:-1]))
        state, path = self.state_proj(states), [noise]

        def velocity(x: Tensor, t: float) -> Tensor:
            v = self.velocity(x, torch.full(x.shape[:-1], t, dtype=x.dtype, device=x.device), state)
            return v if guidance == 1 else guide(v, guidance)

        for i in range(steps):
            x, t, dt = path[-1], i / steps, 1 / steps
            middle = x + velocity(x, t) * dt / 2
            path.append(x + velocity(middle, t + dt / 2) * dt)
        return torch.stack(path)

    def mean(self, states: Tensor, dim: int) -> Tensor:
        """The mean E[x | h], (..., dim): at t = 0 all is noise, and v(noise, 0, h) = E[x | h] - noise.

        states: (..., hidden).
        dim: that of this head.
        """
        self._check("states", states, self.state_proj)
        own = self.in_proj.in_features
        require(require_int("dim", dim) == own, "dim", dim, f"{own}, that of this head")
        origin = torch.zeros(*states.shape[:-1], dim, dtype=states.dtype, device=states.device)
        return self(origin, torch.zeros(states.shape[:-1], dtype=states.dtype, device=states.device), states)

    def _check(self, name: str, value: Tensor, layer: nn.Linear, leading: tuple[int | str, ...] = ("...",)) -> None:
        check_states(name, value, (*leading, layer.in_features), self.training, layer.weight)

    def _check_times(self, t: Tensor, shape: tuple[int | str, ...] = ("...",)) -> None:
        check_states("t", t, shape, self.training, self.out_proj.weight, UNIFORM)

    def _check_rows(self, x: Tensor, states: Tensor) -> None:
        """States, and x of a token for each."""
        self._check("states", states, self.state_proj)
        self._check("x", x, self.in_proj, tuple(states.shape[:-1]))


class AdaptiveBlock(nn.Module):
    """x + gate * MLP(scale * norm(x) + shift), the three from the condition; it starts as the identity."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.SiLU(), nn.Linear(inner, width))
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
        self.count = frequencies
        keep_constants(self)
        self.proj = nn.Linear(2 * frequencies, width)

    def _constants(self) -> dict[str, Tensor]:
        """Angular frequencies, from half a turn to 64 half turns over the time from 0 to 1."""
        return {"frequencies": math.pi * 2 ** torch.linspace(-1, 6, self.count)}

    def forward(self, t: Tensor) -> Tensor:
        angles = t[..., None] * self.frequencies
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        return self.proj(waves.to(self.proj.weight.dtype))


def _broadcast(*shapes: tuple[int, ...]) -> bool:
    try:
        torch.broadcast_shapes(*shapes)
    except RuntimeError:
        return False
    return True
