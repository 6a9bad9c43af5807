"""Sequence packing: several questions behind one image in one sequence, and the attention mask that separates them.

    [caption] [BOI] [visual tokens] [question 1] [question 2] ...
     segment 0, the prefix ........   segment 1    segment 2         -1 is padding

A token attends to the prefix and to its own segment, up to itself; visual tokens may attend to each other in both
directions. Its position is the number of tokens before it that it attends to, so that positions restart with every
question and do not count padding. A packed sequence gives what separate ones would, and the image is read once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from infotok.errors import LARGEST, checking, require, require_int, require_tensor
from infotok.unified.arguments import check_questions

__all__ = ["PADDING", "PREFIX", "Packed", "block_mask", "pack"]

PREFIX, PADDING = 0, -1


@dataclass(frozen=True)
class Packed:
    """Questions end to end, padded to the longest row."""

    words: Tensor  # (B, N) long
    segment: Tensor  # (B, N) long: 1 for the first question, 2 for the second, ...; PADDING behind the last
    last: Tensor  # (B, Q) long: where each question ends, in this row of N


def pack(questions: Tensor, pad: int = 0) -> Packed:
    """One sequence of questions for each image, without the padding between them.

    questions: (B, Q, T) ids, each question padded at its end.
    pad: the id of padding.

    Example:
        >>> import torch
        >>> from infotok.unified import pack
        >>> packed = pack(torch.tensor([[[5, 6, 0], [7, 8, 9]]]))  # two questions of one image, the first padded by 0
        >>> packed.words, packed.segment, packed.last
        (tensor([[5, 6, 7, 8, 9]]), tensor([[1, 1, 2, 2, 2]]), tensor([[1, 4]]))
    """
    require_int("pad", pad, 0)
    check_questions("questions", questions, ("B", "Q", "T"), LARGEST, pad, training=True)
    there = questions != pad  # (B, Q, T)
    owner = torch.arange(1, questions.shape[1] + 1, device=questions.device)[:, None].expand_as(questions)
    length = int(there.flatten(1).sum(1).max())
    order = (~there.flatten(1)).int().argsort(dim=1, stable=True)[:, :length]  # words first, in their order
    words = questions.flatten(1).gather(1, order)
    segment = torch.where(there, owner, PADDING).flatten(1).gather(1, order)
    return Packed(words, segment, there.sum(2).cumsum(1) - 1)


def block_mask(segment: Tensor, bidirectional: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The attention mask (B, 1, N, N) bool, true where the row attends to the column, and positions (B, N).

    segment: (B, N), the segment of each token: 0 for the prefix, -1 for padding.
    bidirectional: (B, N) bool, tokens of the prefix that attend to each other in both directions; None for none.

    Example:
        >>> import torch
        >>> from infotok.unified import block_mask
        >>> mask, positions = block_mask(torch.tensor([[0, 0, 1, 1, 2]]))  # a prefix of two, and two questions
        >>> mask[0, 0].int()
        tensor([[1, 0, 0, 0, 0],
                [1, 1, 0, 0, 0],
                [1, 1, 1, 0, 0],
                [1, 1, 1, 1, 0],
                [1, 1, 0, 0, 1]], dtype=torch.int32)
        >>> positions  # they restart with each question
        tensor([[0, 1, 2, 3, 2]])
    """
    looked = isinstance(segment, Tensor) and checking(segment, training=True)
    require_tensor("segment", segment, ("B", "N"), "int64", f"[{PADDING}, {LARGEST}]" if looked else None)
    require(segment.numel() > 0, "segment", segment, "one row or more")
    if bidirectional is not None:
        require_tensor("bidirectional", bidirectional, tuple(segment.shape), "any")
        require(bidirectional.dtype == torch.bool, "bidirectional", bidirectional.dtype, "dtype bool", TypeError)
    n = segment.shape[1]
    row, column = segment[:, :, None], segment[:, None, :]
    causal = torch.ones(n, n, dtype=torch.bool, device=segment.device).tril()
    visible = causal & ((row == column) | (column == PREFIX)) & (column != PADDING)
    positions = (visible.sum(-1) - 1).clamp(min=0)
    if bidirectional is not None:
        visible = visible | (bidirectional[:, :, None] & bidirectional[:, None, :])
    visible = visible | torch.eye(n, dtype=torch.bool, device=segment.device)  # padding too: no empty softmax
    return visible[:, None], positions
