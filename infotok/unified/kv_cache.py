"""Incremental decoding with a KV cache: the backbone reads a sequence piece by piece, as generation does.

    decoder = IncrementalDecoder(backbone, prefix, mask, positions)    # mask and positions of the whole sequence
    states = decoder.feed(embedding)                                   # (B, 1, H) -> states (B, 1, H)

With and without a cache of keys and values the states are the same. With it a sequence of P prefix and L visual tokens
costs P + L token passes, without it about L (P + L/2).
"""

import copy

import torch
from torch import Tensor

from infotok.errors import require, require_flag, require_tensor
from infotok.unified.arguments import check_backbone, check_layout
from infotok.unified.backbone import Backbone

__all__ = ["IncrementalDecoder"]


class IncrementalDecoder:
    """A sequence that grows from left to right; `states` (B, n, H) are those of what was fed last.

    backbone: the language model.
    prefix: (B, P, H) embeddings to begin with.
    mask: (B, 1, N, N) bool, the attention mask of the whole sequence.
    positions: (B, N), those of the whole sequence.
    cached: whether to keep keys and values (a KV cache), or to compute them again each time.

    Example:
        >>> import torch
        >>> from infotok.unified import Backbone, IncrementalDecoder, block_mask
        >>> backbone, embeddings = Backbone.tiny(words=100, hidden=64).eval(), torch.randn(2, 16, 64)
        >>> mask, positions = block_mask(torch.zeros(2, 16, dtype=torch.long))
        >>> decoder = IncrementalDecoder(backbone, embeddings[:, :10], mask, positions)  # a prefix of ten
        >>> states = torch.cat([decoder.feed(embeddings[:, i : i + 1]) for i in range(10, 16)], 1)
        >>> torch.allclose(states, backbone(embeddings, mask, positions)[:, 10:], atol=1e-4)
        True
    """

    def __init__(
        self, backbone: Backbone, prefix: Tensor, mask: Tensor, positions: Tensor, cached: bool = True
    ) -> None:
        from transformers import DynamicCache

        check_backbone(backbone), require_flag("cached", cached)
        require_tensor("prefix", prefix, ("B", "P", backbone.hidden)), require_tensor("mask", mask, ("...", "N"), "any")
        length = mask.shape[-1]
        check_layout(mask, positions, (len(prefix), length, length), backbone.positions, backbone.training)
        self.backbone, self.mask, self.positions = backbone, mask, positions
        self.cache = DynamicCache() if cached else None
        self.row = prefix[:, :0]
        self.states = self.feed(prefix)

    def feed(self, embeddings: Tensor, keep: bool = True) -> Tensor:
        """States (B, n, H) of the next embeddings.

        embeddings: (B, n, H).
        keep: whether the sequence grows by them; False looks ahead and leaves it as it was.
        """
        require_flag("keep", keep)
        require_tensor("embeddings", embeddings, (len(self.row), "n", self.row.shape[2]))
        seen, end = self.row.shape[1], self.row.shape[1] + embeddings.shape[1]
        require(seen < end <= self.mask.shape[-1], "embeddings", embeddings, f"1 to {self.mask.shape[-1] - seen} more")
        row = torch.cat([self.row, embeddings], 1)
        if self.cache is None:
            states = self.backbone(row, self.mask[:, :, :end, :end], self.positions[:, :end])[:, seen:]
        else:
            cache = self.cache if keep else copy.deepcopy(self.cache)
            mask, positions = self.mask[:, :, seen:end, :end], self.positions[:, seen:end]
            states = self.backbone(embeddings, mask, positions, cache)
        if keep:
            self.row = row
        return states
