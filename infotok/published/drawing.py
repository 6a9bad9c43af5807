"""Images as sequences behind a prompt: the loss of predicting their codes, and drawing them code by code.

A prompt ends with the tokens that begin an image, as the model's processor writes it. Padding may be on either side:
prompts are moved to the right, and positions count real tokens alone. Some models read a token behind each row of the
grid; it is put in, not drawn.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from infotok.errors import require, require_flag, require_float, require_tensor
from infotok.published.base import Family
from infotok.published.inputs import check_prompts
from infotok.published.visual import VisualTokens
from infotok.unified.arguments import GUIDANCE, check_ids
from infotok.unified.sampling import categorical, guide, uniform

__all__ = ["draw", "generation_loss"]


def generation_loss(family: Family, seen: VisualTokens, prompts: Tensor, mask: Tensor | None, through: bool) -> Tensor:
    """The mean cross-entropy in nats of each code given the prompt and the codes before it, among all K codes.

    family: the parts of the model.
    seen: the images' tokens.
    prompts: (N, P) ids, the prompt of each image.
    mask: (N, P), true for real tokens; None: all are.
    through: whether the gradient also reaches the tokens that are read; the codes to predict have none.
    """
    prompts, mask = to_the_right(prompts, mask)
    cut = [
        (each[:h, :w], codes[:h, :w]) for each, codes, (h, w) in zip(seen.embedded, seen.codes, seen.grids, strict=True)
    ]
    images = pad_sequence([family.lay_out(each) for each, _ in cut], batch_first=True)
    lengths = torch.tensor([len(family.is_code(grid)) for grid in seen.grids], device=images.device)
    is_code = pad_sequence([family.is_code(grid) for grid in seen.grids], batch_first=True).to(images.device)
    words = family.model.get_input_embeddings()(prompts)
    images = (images if through else images.detach()).to(words.dtype)
    real = torch.arange(images.shape[1], device=images.device) < lengths[:, None]
    embeddings, attended = torch.cat([words, images[:, :-1]], 1), torch.cat([mask, real[:, :-1]], 1)
    states = run(family, embeddings, attended)[:, prompts.shape[1] - 1 :]
    logits = family.code_logits(states[is_code])
    return F.cross_entropy(logits.float(), torch.cat([codes.flatten() for _, codes in cut]))


def draw(
    family: Family,
    rows: Tensor,
    prompts: Tensor,
    mask: Tensor | None,
    grid: tuple[int, int],
    *,
    unconditional: Tensor | None = None,
    unconditional_mask: Tensor | None = None,
    guidance: float = 1.0,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    cached: bool = True,
) -> Tensor:
    """Codes (N, h, w), drawn one after the other with a KV cache and classifier-free guidance.

    family: the parts of the model.
    rows: (K,) rows of the table, on the model's device.
    prompts: (N, P) ids that end where an image begins.
    mask: (N, P), true for real tokens; None: all are.
    grid: height and width in codes.
    unconditional: (1 or N, P') ids that are read in the prompts' place for guidance.
    unconditional_mask: of these.
    guidance: the scale; 1 for none.
    temperature: of the sampling; 0 for the most probable code.
    generator: of the sampling; None for torch's own.
    cached: whether to keep keys and values, or to compute them again for each code.
    """
    from transformers import DynamicCache

    require_float("guidance", guidance, GUIDANCE), require_float("temperature", temperature, "[0, inf)")
    require_flag("cached", cached)
    words = family.model.get_input_embeddings().num_embeddings
    check_ids("prompts", prompts, ("N", "P"), words)
    check_prompts(prompts, family)
    if unconditional is not None:
        check_ids("unconditional", unconditional, ("N", "P"), words)
    if guidance != 1:
        prompts, mask = _with_unconditional(prompts, mask, unconditional, unconditional_mask)
    ids, attended = to_the_right(prompts, mask)
    cache = DynamicCache() if cached else None
    places = family.is_code(grid).nonzero().flatten().tolist()
    count = len(ids) // 2 if guidance != 1 else len(ids)
    u = uniform(count, (len(places),), generator, ids.device)
    fed, codes = family.model.get_input_embeddings()(ids), []
    for step, place in enumerate(places):
        logits = family.code_logits(run(family, fed, attended, cache)[:, -1]).float()
        logits = guide(logits.unflatten(0, (2, count)), guidance) if guidance != 1 else logits
        codes.append(categorical(logits, u[:, step], temperature))
        if step + 1 == len(places):
            break
        chosen = codes[-1].repeat(len(ids) // count)
        following = family.into_language(F.embedding(rows[chosen], family.table))[:, None].to(fed.dtype)
        if places[step + 1] > place + 1:
            following = family.with_end(following)
        fed = following if cached else torch.cat([fed, following], 1)
        attended = F.pad(attended, (0, following.shape[1]), value=1)
    return torch.stack(codes, 1).view(count, *grid)


def run(family: Family, embeddings: Tensor, attended: Tensor, cache: Any = None) -> Tensor:
    """States (B, n, H) of the last n embeddings.

    family: the parts of the model.
    embeddings: (B, n, H).
    attended: (B, past + n), 1 for real tokens.
    cache: a KV cache of `transformers`; None for none.
    """
    positions = (attended.cumsum(1) - 1).clamp(min=0)[:, -embeddings.shape[1] :]
    inputs = {"inputs_embeds": embeddings, "attention_mask": attended, "position_ids": positions}
    return family.language(**inputs, past_key_values=cache, use_cache=cache is not None).last_hidden_state


def to_the_right(ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Ids (B, P) with the padding moved to the left of real tokens, and their mask as integers.

    ids: (B, P).
    mask: (B, P), true for real tokens; None: all are.
    """
    if mask is not None:
        require_tensor("mask", mask, tuple(ids.shape), "any")
    mask = torch.ones_like(ids) if mask is None else mask.to(ids.device).long()
    require(bool(mask.any(1).all()), "prompts_mask", "a prompt without a token", "one or more")
    order = mask.argsort(dim=1, stable=True)
    return ids.gather(1, order), mask.gather(1, order)


def _with_unconditional(
    prompts: Tensor, mask: Tensor | None, other: Tensor | None, other_mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Prompts, and below them what is read in their place for guidance, padded to one length."""
    require_tensor("unconditional", other, ("B", "P"), "int64")
    require(len(other) in (1, len(prompts)), "unconditional", other, f"1 row, or {len(prompts)} as prompts")
    pairs = [to_the_right(prompts, mask), to_the_right(other.to(prompts.device), other_mask)]
    length = max(ids.shape[1] for ids, _ in pairs)
    ids, masks = zip(*([F.pad(each, (length - each.shape[1], 0)) for each in pair] for pair in pairs), strict=True)
    return tuple(torch.cat([first, second.expand_as(first)]) for first, second in (ids, masks))
