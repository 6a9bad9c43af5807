"""Time of one step of the package beside that of other libraries and of hand-written code: the speed benchmark.

- `take_turns`         median seconds of several steps that run in turn, once for each repetition
- `time_ratio`         one time over another: the median over repetitions, the smallest and the largest
- `neighbor_seconds`   KSG, `ennemi` and scikit-learn on the same samples
- `infonce_seconds`    a training step with InfoNCE and the matrix products that it cannot do without
- `quantizer_seconds`  a step of vector quantization, a bare nearest-code search, and vector-quantize-pytorch
- `host_seconds`       a training step of a unified host with the package's language model and with `MinimalGPT`

A *floor* is hand-written code that does the minimum of a task and nothing else. All times are processor seconds of
this process, not of the clock, and the steps of one comparison take turns, so that a busy machine disturbs them least.
Call `torch.set_num_threads(1)` before: the other libraries use one thread.
"""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require, require_int
from infotok.information import SeparableCritic, infonce, ksg, normal_scores
from infotok.tokenizers import SharedTokenizer, TokenizerConfig, VectorQuantizer
from infotok.unified import AutoregressiveModel, Backbone
from infotok.unified.throughput import operations
from infotok.worlds import JointGaussian, ShapesWorld

__all__ = [
    "MinimalGPT",
    "host_operations",
    "host_seconds",
    "infonce_seconds",
    "neighbor_seconds",
    "quantizer_seconds",
    "take_turns",
    "time_ratio",
]

Steps = dict[str, Callable[[Any], Any]]  # what is timed, by name; each takes the input of its round
WARM_UP = 2  # rounds before the first that counts
REUSED = 30 * 2**20  # bytes: once freed, glibc reuses blocks up to this size (32 MiB at most), as in a long training
CORRELATION = 0.6  # of the pairs whose information KSG estimates


def take_turns(
    steps: Steps, repetitions: int, *, rounds: int = 3, make: Callable[[int], Any] = int
) -> dict[str, list[float]]:
    """Median processor seconds of each step, once for each repetition: {name: (repetitions,)}.

    A process that never freed a large block gets fresh memory from the system at each allocation of a few megabytes.
    That can double the time of a step, and depends on what ran before; so one large block is freed first.

    Args:
        steps: {name: step}; every step of a round runs once on that round's input, one after the other.
        repetitions: how many medians; their spread says how far one of them can be trusted.
        rounds: runs of each step in one repetition.
        make: the number of the round -> its input; not timed.
    """
    require_int("repetitions", repetitions), require_int("rounds", rounds)
    torch.empty(REUSED, dtype=torch.uint8)
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(WARM_UP + repetitions * rounds):
        given = make(number)
        for name, step in steps.items():
            start = time.process_time()
            step(given)
            seconds[name].append(time.process_time() - start)
    return {
        name: np.median(np.reshape(taken[WARM_UP:], (repetitions, rounds)), axis=1).tolist()
        for name, taken in seconds.items()
    }


def time_ratio(seconds: Sequence[float], reference: Sequence[float]) -> dict[str, float]:
    """Time over the time of a reference: {"ratio": the median over repetitions, "low", "high": the extremes}.

    Args:
        seconds: (R,) seconds of one step, as `take_turns` returns them.
        reference: (R,) seconds of the step in the denominator, of the same repetitions.
    """
    require(len(seconds) == len(reference) > 0, "reference", f"{len(reference)} times", f"{len(seconds)}, one or more")
    ratios = np.divide(seconds, reference)
    return {"ratio": float(np.median(ratios)), "low": float(ratios.min()), "high": float(ratios.max())}


def neighbor_seconds(
    dims: Sequence[int], samples: int, repetitions: int, seed: int
) -> tuple[dict[str, list[float | None]], dict[str, list[list[float] | None]]]:
    """Values in nats, and seconds, of KSG and of the nearest-neighbour estimators of other libraries, by name.

    Args:
        dims: dimensions of x, and of y, one after the other.
        samples: N of each estimate.
        repetitions: timings of each.
        seed: of the samples, correlated Gaussian pairs.

    A library that is not installed is left out; None stands where one does not take the dimension.
    """
    values: dict[str, list] = {}
    seconds: dict[str, list] = {}
    for dim in dims:
        x, y = (normal_scores(v) for v in JointGaussian.correlated(dim, CORRELATION).sample(samples, seed))
        runs: dict[str, Callable | None] = {"infotok": lambda x=x, y=y: ksg(x, y)}
        if find_spec("ennemi"):
            from ennemi._entropy_estimators import _estimate_single_mi  # its public function takes one column of y

            runs["ennemi"] = lambda x=x, y=y: _estimate_single_mi(x, y, 3)
        from sklearn.feature_selection import mutual_info_regression

        one = lambda x=x, y=y: mutual_info_regression(x, y[:, 0])[0]  # noqa: E731
        runs["scikit-learn"] = one if dim == 1 else None
        found: dict[str, float] = {}
        steps: Steps = {name: _storing(found, name, run) for name, run in runs.items() if run}
        taken = take_turns(steps, repetitions, rounds=1)
        for name in runs:
            values.setdefault(name, []).append(found.get(name))
            seconds.setdefault(name, []).append(taken.get(name))
    return values, seconds


def _storing(found: dict[str, float], name: str, run: Callable[[], Any]) -> Callable[[Any], None]:
    """A step that puts the value of `run` into `found`."""
    return lambda _: found.update({name: float(run())})


def infonce_seconds(
    width: int, repetitions: int, seed: int, *, pairs: int = 512, dim: int = 64
) -> dict[str, list[float]]:
    """Seconds of an InfoNCE training step ("infotok") and of its bare matrix products ("bare products").

    The products are those of the two towers of a separable critic, forward and backward, and of the score matrix.

    Args:
        width: units of a hidden layer of each tower.
        repetitions, seed: as in `take_turns`; of the inputs.
        pairs: B, pairs in a batch.
        dim: dimensions of x, of y and of the embedding.
    """
    critic = SeparableCritic(dim, dim, hidden=width, dim=dim)
    x, y = torch.randn(2, pairs, dim, generator=torch.Generator().manual_seed(seed))
    towers = [
        [layer.weight.detach() for layer in tower if hasattr(layer, "weight")]
        for tower in (critic.embed_x, critic.embed_y)
    ]

    def step(_: int) -> None:
        critic.zero_grad()
        (-infonce(critic(x, y))).backward()

    return take_turns({"infotok": step, "bare products": lambda _: _products([x, y], towers)}, repetitions, rounds=8)


def _products(inputs: list[Tensor], towers: list[list[Tensor]]) -> None:
    """The matrix products of a training step of two linear towers and their score matrix, forward and backward."""
    kept = [[values] for values in inputs]
    for layers, weights in zip(kept, towers, strict=True):
        for weight in weights:
            layers.append(layers[-1] @ weight.T)
    left, right = kept[0].pop(), kept[1].pop()
    scores = left @ right.T
    for layers, weights, back in zip(kept, towers, (scores @ right, scores.T @ left), strict=True):
        for depth in reversed(range(len(weights))):
            _ = back.T @ layers[depth]  # the gradient of the weight
            if depth:
                back = back @ weights[depth]


def quantizer_seconds(
    size: int, repetitions: int, seed: int, *, vectors: int = 2048, dim: int = 32
) -> dict[str, list[float]]:
    """Seconds of a vector quantizer's step: "infotok", "bare search" and, if installed, "vector-quantize-pytorch".

    A bare search multiplies the vectors with all codes, finds the nearest and looks it up. The two libraries also
    return gradients, keep moving averages and revive dead codes.

    Args:
        size: K, codes of the codebook.
        repetitions, seed: as in `take_turns`; of codebook and vectors.
        vectors: N, vectors in a step.
        dim: their dimension.
    """
    draw = torch.Generator().manual_seed(seed)
    codebook = torch.randn(size, dim, generator=draw)
    ours = VectorQuantizer(dim, size)

    def bare(z: Tensor) -> Tensor:
        return codebook[(codebook.square().sum(1) - 2 * z[0] @ codebook.T).argmin(1)]

    def step(z: Tensor) -> None:
        out = ours(z.requires_grad_())
        (out.tokens.sum() + out.loss).backward()

    steps: Steps = {"bare search": bare, "infotok": step}
    if find_spec("vector_quantize_pytorch"):
        from vector_quantize_pytorch import VectorQuantize

        # Dead below a hundredth of a vector a step: with its default of 2, most of 8192 codes would always be dead.
        theirs = VectorQuantize(dim, codebook_size=size, decay=0.99, threshold_ema_dead_code=0.01)
        steps["vector-quantize-pytorch"] = lambda z: sum(part.sum() for part in theirs(z)[::2]).backward()

    def make(_: int) -> Tensor:
        near = codebook[torch.randint(size, (vectors,), generator=draw)]
        return (near + 0.3 * torch.randn(vectors, dim, generator=draw))[None].requires_grad_()

    return take_turns(steps, repetitions, rounds=2, make=make)


class MinimalGPT(nn.Module):
    """A hand-written GPT that can stand in a host's backbone: embeddings, attention under a mask, positions.

    Args:
        words: size of the vocabulary.
        hidden, layers, heads: width, blocks, and attention heads of each.
        positions: longest sequence.
    """

    def __init__(self, words: int, hidden: int = 64, layers: int = 2, heads: int = 4, positions: int = 256) -> None:
        super().__init__()
        self.hidden, self.heads, self.positions = hidden, heads, positions
        self.words, self.position_embedding = nn.Embedding(words, hidden), nn.Embedding(positions, hidden)
        self.blocks = nn.ModuleList(self._block(hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    @staticmethod
    def _block(hidden: int) -> nn.ModuleDict:
        sizes = {"qkv": (hidden, 3 * hidden), "out": (hidden, hidden), "up": (hidden, 4 * hidden)}
        linear = {name: nn.Linear(*size) for name, size in (sizes | {"down": (4 * hidden, hidden)}).items()}
        return nn.ModuleDict(linear | {"norm": nn.LayerNorm(hidden), "norm2": nn.LayerNorm(hidden)})

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """States (B, N, hidden) of `embeddings` (B, N, hidden), `mask` (B, 1, N, N) and `positions` (B, N)."""
        x = embeddings + self.position_embedding(positions)
        for block in self.blocks:
            q, k, v = block["qkv"](block["norm"](x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = x + block["out"](attended.transpose(1, 2).flatten(2))
            x = x + block["down"](F.gelu(block["up"](block["norm2"](x))))
        return self.norm(x)


def _hosts() -> dict[str, AutoregressiveModel]:
    """Two hosts of equal size that differ in their language model."""
    vocabulary = ShapesWorld().vocabulary
    hosts = {
        name: AutoregressiveModel(
            SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64})),
            backbone(len(vocabulary)),
            vocabulary,
        )
        for name, backbone in {"infotok": Backbone.tiny, "hand-written GPT": MinimalGPT}.items()
    }
    sizes = {name: sum(parameter.numel() for parameter in host.parameters()) for name, host in hosts.items()}
    assert len(set(sizes.values())) == 1, sizes
    return hosts


def host_seconds(repetitions: int, seed: int) -> dict[str, list[float]]:
    """Seconds of a host's training step with the package's language model and with `MinimalGPT` of the same size.

    Args:
        repetitions, seed: as in `take_turns`; of the batch of 32 scenes.
    """
    batch = ShapesWorld().batch(32, torch.Generator().manual_seed(seed))

    def step(host: AutoregressiveModel, number: int) -> None:
        sum(host.loss(batch, torch.Generator().manual_seed(number)).values()).backward()
        host.zero_grad()

    steps = {name: lambda number, h=host: step(h, number) for name, host in _hosts().items()}
    return take_turns(steps, repetitions, rounds=2)


def host_operations(seed: int) -> dict[str, int]:
    """Floating-point operations of the steps that `host_seconds` times; a count, which no busy machine changes.

    seed: of the batch of 32 scenes.
    """
    batch = ShapesWorld().batch(32, torch.Generator().manual_seed(seed))
    return {
        name: operations(lambda h=host: sum(h.loss(batch, torch.Generator().manual_seed(0)).values()).backward())
        for name, host in _hosts().items()
    }
