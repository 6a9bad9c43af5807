"""Probing: a lower bound on the nats of each group of a world's factors that tokens hold.

    probe_tokens(tokens, scenes, world)["structure"]   # 7.9 nats [7.8, 8.0] (lower bound, probe), of at most 10.2
    probe_tokenizer(tokenizer, world)                  # the same for a tokenizer, on images drawn for it

A probe q predicts every factor of a scene from its tokens Z (`Factors`): of ShapesWorld what is in each cell, its
offset, each coefficient of the background. For a group of factors C of known entropy the probed information is the
lower bound of Barber & Agakov (2003) on images that the probe was not trained on,

    I(Z;C) = H(C) - H(C|Z) >= H(C) - E[-log q(C|Z)],   log q(C|Z) = sum_i log q_i(C_i|Z)

It holds for any q, and whether or not the factors are independent: H(C) is the world's own, exact number. The bound
never exceeds H(C). It is too low by what the probe misses, so variants must be compared with the same probe; it can
fall just below 0 by chance where Z holds nothing. Of factors that not every scene has, such as the offset of an object,
it is I(Z; C | which of them there are).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_int, require_tensor
from infotok.information.embedding import hidden_layers, token_input
from infotok.information.estimate import Estimate
from infotok.information.isolation import seeded
from infotok.modes import evaluating
from infotok.unified.arguments import check_part
from infotok.worlds.source import Factors

__all__ = ["probe_tokenizer", "probe_tokens"]

FEWEST, MOST = 100, 2**24  # images
CODES = f"[0, {2**20}]"
FINITE = "[-1e18, 1e18]"  # whose squares are finite
Z95 = 1.96
FEW = 64  # codes; with more of them the probe learns faster from their vectors
PARTS = (0.7, 0.1)  # of the images, to fit the probe and to stop it; the rest is held out
BATCH, RATE, DECAY, EVERY = 256, 6e-3, 1e-2, 50


class Probe(nn.Module):
    """The probe: tokens -> log q_i(. | tokens) of every factor at once; it starts from the factors' frequencies.

    log q_i(value) = prior_i(value) + sum_j design(value, j) score_ij(tokens): values that are alike share their scores.
    """

    def __init__(self, first: nn.Module, width: int, labels: list[Tensor], designs: list[Tensor]) -> None:
        super().__init__()
        self.designs = designs
        self.shapes = [(design.shape[1], y.shape[1]) for design, y in zip(designs, labels, strict=True)]
        self.first = first
        self.layers = hidden_layers(width)
        self.head = nn.Linear(2 * width, sum(scores * factors for scores, factors in self.shapes), bias=False)
        nn.init.zeros_(self.head.weight)
        values = [torch.arange(len(design))[:, None] for design in designs]
        counts = [(y[:, None] == value).sum(0) for y, value in zip(labels, values, strict=True)]
        self.prior = [(count + 0.5).log() for count in counts]  # (values, factors): log frequencies, up to a constant

    def surprise(self, tokens: Tensor, labels: list[Tensor]) -> Tensor:
        """-log q of each group's factors, summed: (N, groups) nats."""
        linear = self.first(tokens)
        scores = self.head(torch.cat([linear, self.layers(linear)], 1)).T.split(
            [rows * factors for rows, factors in self.shapes]
        )
        sums = []
        for score, (rows, factors), design, prior, label in zip(
            scores, self.shapes, self.designs, self.prior, labels, strict=True
        ):
            logits = design @ score.reshape(rows, -1)  # (values, factors N): images come last, where memory is even
            log_q = (logits.view(-1, factors, len(tokens)) + prior[..., None]).log_softmax(0)
            chosen = log_q.gather(0, label.T.clamp(min=0)[None])[0]  # (factors, N)
            sums.append(-chosen.masked_fill(label.T < 0, 0.0).sum(0))
        return torch.stack(sums, 1)


def probe_tokens(
    tokens: Tensor, scenes: Any, world: Factors, *, steps: int = 400, width: int = 256, seed: int = 0
) -> dict[str, Estimate]:
    """Probed information of tokens about each group of a world's factors, in nats per image.

    Estimates are lower bounds with a 95 % interval over the held-out images; `ceiling` is the group's entropy. Raises
    ValueError for unequal lengths, NaN, or fewer than 100 images.

    tokens: (N, ...) floats, or integer codes (N, ...).
    scenes: the N scenes, drawn from `world`.
    world: a `Factors`; gives the factors and, by its split and settings, their entropies.
    steps: of the probe's training.
    width: hidden units of the probe.
    seed: of the probe's weights and batches, and of the images held out.

    Example:
        >>> import torch
        >>> from infotok.evaluation import probe_tokens
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> batch = world.batch(1000, torch.Generator().manual_seed(0), questions=1)
        >>> pixels = torch.nn.functional.avg_pool2d(batch.images, 4).flatten(1)  # in the place of tokens
        >>> found = probe_tokens(pixels, batch.scenes, world, steps=100, width=64)
        >>> found["structure"].nats > 2, round(found["structure"].ceiling, 1)  # a lower bound, and all that there is
        (True, 10.2)
    """
    real = isinstance(tokens, Tensor) and tokens.is_floating_point()
    require_tensor("tokens", tokens, kind="float" if real else "integer", values=FINITE if real else CODES)
    check_part("world", world, ("entropies", "factors", "surplus"), "a world of known factors")
    require_int("steps", steps), require_int("width", width, 1, 2**16)
    seed = require_int("seed", seed, 0, 2**63 - 1)
    require(tokens.ndim >= 2 and len(tokens) >= FEWEST, "tokens", tokens, "shape (N, ...), of 100 images or more")
    require(tokens.numel() > 0, "tokens", tokens, "one number or more for each image")
    tokens = tokens.detach()
    groups, surplus = world.factors(scenes), world.surplus(scenes)
    labels, designs = ([group[i] for group in groups.values()] for i in (0, 1))
    require(len(scenes) == len(tokens), "scenes", len(scenes), f"one for each of the {len(tokens)} images")
    order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))
    ends = [round(len(order) * share) for share in (PARTS[0], sum(PARTS))]
    fit, stop, held_out = order.tensor_split(ends)
    with seeded(seed):
        inputs, first = token_input(tokens, fit, width)
        parted = [(inputs[index], [y[index] for y in labels]) for index in (fit, stop, held_out)]
        probe = Probe(first, width, parted[0][1], designs)
        best = _train(probe, *parted[:2], steps)
    objects = surplus[held_out]
    spread = objects.square().mean().clamp(min=1e-12)  # 0 in a world whose scenes have equally many objects
    estimates = {}
    for i, (name, state) in enumerate(zip(groups, best, strict=True)):
        probe.load_state_dict(state)
        with evaluating(probe), torch.no_grad():
            surprise = probe.surprise(*parted[2])[:, i].double()
        entropy = world.entropies[name]
        slope = ((surprise - surprise.mean()) * objects).mean() / spread
        surprise = surprise - slope * objects  # a control variate of mean zero: crowded scenes hold more to be read
        nats = entropy - surprise.mean().item()
        half = Z95 * surprise.std().item() / math.sqrt(len(surprise))
        interval = (nats - half, min(nats + half, entropy))
        estimates[name] = Estimate(nats, interval, "lower bound", "probe", ceiling=entropy)
    return estimates


def probe_tokenizer(
    tokenizer: nn.Module, world: Factors, *, images: int = 12000, seed: int = 0, **probe
) -> dict[str, Estimate]:
    """Probed information of a tokenizer's tokens, on images drawn for it.

    The probe takes codes where there are few of them, and the tokens otherwise.

    tokenizer: a `SharedTokenizer`.
    world: the images are drawn from it.
    images: how many.
    seed: of the images and of the probe.
    probe: `steps` and `width` of `probe_tokens`.

    Example:
        >>> from infotok.evaluation import probe_tokenizer
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.worlds import ShapesWorld
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> found = probe_tokenizer(tokenizer, ShapesWorld(), images=200, steps=20, width=32)  # 12,000 by default
        >>> {name: round(estimate.ceiling, 1) for name, estimate in found.items()}  # the most, in nats
        {'structure': 10.2, 'jitter': 6.7, 'nuisance': 77.3}
    """
    reads = isinstance(tokenizer, nn.Module) and all(hasattr(tokenizer, n) for n in ("encode", "codes", "quantizer"))
    require(reads, "tokenizer", type(tokenizer).__name__, "a SharedTokenizer", TypeError)
    check_part("world", world, ("entropies", "factors", "render", "sample", "surplus"), "a world of known factors")
    images, seed = require_int("images", images, FEWEST, MOST), require_int("seed", seed, 0, 2**63 - 1)
    generator = torch.Generator().manual_seed(seed)
    scenes = world.sample(images, generator)
    few = (getattr(tokenizer.quantizer, "codebook_size", None) or math.inf) <= FEW  # None: tokens without codes
    read = tokenizer.codes if few else tokenizer.encode
    tokens = torch.cat([read(world.render(scenes[index], generator)) for index in torch.arange(images).split(500)])
    return probe_tokens(tokens, scenes, world, seed=seed, **probe)


def _train(probe: Probe, fit: tuple, stop: tuple, steps: int) -> list[dict[str, Tensor]]:
    """Fit the probe; returns its weights where it was best on the images to stop by, for each group apart."""
    tokens, labels = fit
    optimizer = torch.optim.AdamW(probe.parameters(), RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    groups = len(labels)
    best, states = torch.full((groups,), math.inf), [{}] * groups
    for step in range(steps + 1):
        if step % EVERY == 0:
            with evaluating(probe), torch.no_grad():
                surprise = probe.surprise(*stop).mean(0)
            state = {name: tensor.clone() for name, tensor in probe.state_dict().items()}
            for i in (surprise < best).nonzero().flatten().tolist():
                best[i], states[i] = surprise[i], state
        index = torch.randint(len(tokens), (BATCH,))
        loss = probe.surprise(tokens[index], [y[index] for y in labels]).mean(0).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return states
