"""What quantizers have in common: `TokenLayer`, and `CodebookQuantizer` of those with codes (see `interface`).

    out = quantizer(z)                 z (B, L, dim): features of an encoder whose output has unit scale
    out.tokens, out.codes, out.loss    (B, L, dim); (B, L), or (B, L, C) with C codebooks; a scalar to add to the loss
    quantizer(z, mask)                 mask (B, L), true for real tokens: padding influences nothing
    quantizer.decode(out.codes)        the same tokens again, from the codes alone
    quantizer.rate(length=L)           bits per image: L log2 K for each codebook

Tokens are exactly the decoded codes in value; only their gradient is an estimate (see `gradients`). A quantizer whose
code vectors are narrower than `dim` projects in and out with linear layers of its own. All computations are in float32
at least, also under autocast and after `.half()`; tokens come back in the type of the features.

A training pass changes averages and counters once, also where gradient checkpointing makes the pass twice. The loss of
features whose squares overflow is infinite; their tokens are not. Where values are not checked (see
`infotok.errors.checks`), a feature with NaN or infinity gives NaN tokens and changes no state.

How to add a quantizer:

1. Write a class derived from `CodebookQuantizer` in a file of this folder. Its `__init__` calls
   `super().__init__(dim, codebook_size, code_dim)` and sets `self.tracker = UsageTracker(codebook_size)`. It defines
   `_quantize` and `_vectors`, both on rows (N, code_dim); masks, projections, checks, usage and freezing are inherited.
2. Give it a name in `QUANTIZERS` (`infotok.tokenizers.config`) and export it in the `__init__` of both packages.
3. Add it to `DISCRETE` in `tests/tokenizers/quantizers/test_quantizers.py`; `EVERY` is `DISCRETE` and the one without
   codes. Every test of this interface then runs on it. Add a good call to `tests/helpers/public_api/tokenizers.py`.
4. Compare it with the rate-distortion bound in lesson 06.

A module of another library needs no base class. `Quantizer` is a protocol: any `nn.Module` with all its names, `rate`
and `codebooks` among them, fits into `SharedTokenizer`.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from infotok.bottleneck.precision import call_in, wide_dtype
from infotok.errors import checking, require, require_finite, require_float, require_int, require_tensor
from infotok.modes import Freezable, recomputing, refuse_nonfinite, replay
from infotok.tokenizers.quantizers.interface import Quantized
from infotok.tokenizers.quantizers.nearest import shift_to_origin
from infotok.tokenizers.quantizers.precision import WideBuffers
from infotok.tokenizers.quantizers.usage import LARGEST_CODEBOOK, ContinuousUsage, Usage, check_codes

__all__ = ["CodebookQuantizer", "TokenLayer"]

LARGEST_POSTERIOR = 2**14  # codes up to which `logits` are computed, one for each


class TokenLayer(Freezable, WideBuffers, ABC):
    """The part of a quantizer that codes and continuous tokens share: masks, checks, and the rate per image."""

    def __init__(self) -> None:
        super().__init__()
        self.dtype = torch.get_default_dtype()
        self.register_load_state_dict_pre_hook(refuse_nonfinite)

    def forward(self, z: Tensor, mask: Tensor | None = None, generator: torch.Generator | None = None) -> Quantized:
        """Features -> `Quantized`, with tokens in the type of the features.

        - z: features (B, L, dim)
        - mask: (B, L) bool, true for real tokens. Padding has no part in loss, usage or state. Its tokens and codes are
          0, which any embedding accepts; only the mask tells them from code 0
        - generator: source of random numbers, for the few quantizers that draw

        Raises TypeError or ValueError for another type or shape, no row or no real token, NaN or infinity.
        """
        self._check_shape(z)
        generator = replay(self, generator)
        if mask is None:
            return self._forward(z, generator)
        self._check_mask(mask, z)
        return self._forward(z[mask][None], generator).padded(mask)

    @abstractmethod
    def _forward(self, z: Tensor, generator: torch.Generator | None) -> Quantized:
        """`forward` without a mask."""

    def rate(self, length: int) -> float:
        """Bits per image: `length` times `bits_per_token`.

        - length: tokens per image, a positive integer
        """
        return require_int("length", length) * self.bits_per_token

    @property
    def _updates(self) -> bool:
        """Whether this pass may change averages and counters."""
        return self.training and not recomputing()

    def _check_shape(self, z: Tensor) -> None:
        require_tensor("features", z, ("B", "L", self.dim))
        require(z.numel() > 0, "features", z, f"a tensor of shape (B, L, {self.dim}), not empty")

    def _check_mask(self, mask: Tensor, z: Tensor) -> None:
        require_tensor("mask", mask, kind="any")
        require(mask.dtype == torch.bool, "mask", mask.dtype, "torch.bool, true for real tokens", TypeError)
        require(mask.shape == z.shape[:2], "mask", mask, f"shape {tuple(z.shape[:2])}, as the features")
        require(torch.compiler.is_compiling() or mask.any(), "mask", "no real token", "one at least")

    def _check_finite(self, name: str, values: Tensor) -> None:
        require_finite(name, values, self.training)


class CodebookQuantizer(TokenLayer):
    """The base class of quantizers with codes; see the recipe at the top of this file.

    - dim: numbers per token
    - codebook_size: codes per codebook, K, from 2 to 2^20
    - code_dim: width of the code vectors; `dim` by default, else with linear layers in and out

    A subclass sets `tracker` and defines, on vectors of width `code_dim`:

    - `_quantize(z (N, code_dim), generator) -> tokens (N, code_dim), codes (N,), loss`, in the type of z
    - `_vectors(codes) -> (..., code_dim)`, the vectors that codes stand for, in any type
    - `_to_code_space(z)`, what is compared with the code vectors: z itself unless overridden

    Example:
        >>> import torch
        >>> from infotok.tokenizers import CodebookQuantizer, SimVQ, VectorQuantizer
        >>> issubclass(SimVQ, CodebookQuantizer), issubclass(VectorQuantizer, CodebookQuantizer)
        (True, True)
        >>> quantizer = SimVQ(dim=8, codebook_size=32).eval()
        >>> out = quantizer(torch.randn(2, 16, 8))
        >>> torch.equal(quantizer.decode(out.codes), out.tokens)  # what each of them inherits
        True
    """

    codebooks = 1

    def __init__(self, dim: int, codebook_size: int, code_dim: int | None = None) -> None:
        super().__init__()
        dim = require_int("dim", dim)
        code_dim = dim if code_dim is None else require_int("code_dim", code_dim)
        codebook_size = require_int("codebook_size", codebook_size, 2, LARGEST_CODEBOOK)
        self.dim, self.code_dim, self.codebook_size = dim, code_dim, codebook_size
        self.project_in = nn.Identity() if dim == code_dim else nn.Linear(dim, code_dim)
        self.project_out = nn.Identity() if dim == code_dim else nn.Linear(code_dim, dim)

    def _forward(self, z: Tensor, generator: torch.Generator | None) -> Quantized:
        self._check_finite("features", z)
        with torch.autocast(z.device.type, enabled=False):
            features = self._projected(z)
            vectors = features.flatten(0, 1)
            tokens, codes, loss = self._quantize(vectors, generator)
            tokens = call_in(features.dtype, self.project_out, tokens.view_as(features))
            if self._updates:
                self._count(codes, vectors)
        if not self.training:
            self._check_finite("code vectors", tokens)
        codes = codes.unflatten(0, z.shape[:2])
        return Quantized(tokens.to(z.dtype), codes, loss, Usage.of(codes, self.codebook_size, self.codebooks))

    def _projected(self, z: Tensor) -> Tensor:
        """Features (B, L, dim) at the width of the code vectors, in float32 at least."""
        dtype = wide_dtype(z.dtype, self.dtype)
        return call_in(dtype, self.project_in, z.to(dtype))

    def decode(self, codes: Tensor) -> Tensor:
        """Tokens (B, L, dim) from codes, equal to those of the forward pass in eval mode, in the module's own type.

        - codes: integers (B, L), or (B, L, C) with C codebooks

        Raises ValueError for codes out of range and for code vectors with NaN.
        """
        self._check_codes(codes)
        dtype = wide_dtype(self.dtype)
        with torch.autocast(codes.device.type, enabled=False):
            tokens = call_in(dtype, self.project_out, self._vectors(codes).to(dtype)).to(self.dtype)
        self._check_finite("code vectors", tokens)
        return tokens

    def logits(self, z: Tensor, temperature: float = 1.0) -> Tensor:
        """The log posterior of codes, log q(k|z) up to a constant: -|z - e_k|^2 / temperature. Differentiable.

        - z: features (B, L, dim)
        - temperature: a number above 0

        Returns (B, L, K), float32 at least. Raises ValueError for more than 2^14 codes, NaN or infinity.
        """
        self._check_logits(z, temperature)
        size = self.codebook_size
        require(size <= LARGEST_POSTERIOR, "codebook_size", size, f"at most {LARGEST_POSTERIOR}, for a logit per code")
        with torch.autocast(z.device.type, enabled=False):
            own = self._to_code_space(self._projected(z))
            vectors = self._vectors(torch.arange(size, device=z.device)).to(own.dtype)  # (K, code_dim)
            own, vectors = shift_to_origin(own, vectors)  # else the squares would cancel
            cross = 2 * own @ vectors.T - vectors.square().sum(1)
            logits = (cross - own.square().sum(-1, keepdim=True)) / temperature
        self._check_finite("logits", logits)
        return logits

    @property
    def bits_per_token(self) -> float:
        """The capacity of a token, C log2 K bits; `usage.entropy` is the part in use."""
        return self.codebooks * math.log2(self.codebook_size)

    @property
    def usage(self) -> Usage | ContinuousUsage:
        """Usage over the last training passes."""
        return self.tracker.usage()

    # --- for each quantizer to write ---------------------------------------------------------------------------------

    @abstractmethod
    def _quantize(self, z: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]: ...

    @abstractmethod
    def _vectors(self, codes: Tensor) -> Tensor: ...

    def _to_code_space(self, z: Tensor) -> Tensor:
        return z

    def _count(self, codes: Tensor, z: Tensor) -> None:
        if not checking(z, self.training):  # a row with NaN has chosen no code
            codes = torch.where(z.isfinite().all(-1), codes, self.codebook_size)
        self.tracker.update(codes)

    # --- checks -----------------------------------------------------------------------------------------------------

    def _check_logits(self, z: Tensor, temperature: float) -> None:
        self._check_shape(z)
        self._check_finite("features", z)
        require_float("temperature", temperature, "(0, inf)")

    def _check_codes(self, codes: Tensor) -> None:
        several = (self.codebooks,) if self.codebooks > 1 else ()
        require_tensor("codes", codes, ("B", "L", *several), "integer")
        require(codes.numel() > 0, "codes", codes, "one code or more")
        check_codes(codes, self.codebook_size, self.training)

    def extra_repr(self) -> str:
        books = f", codebooks={self.codebooks}" if self.codebooks > 1 else ""
        return f"dim={self.dim}, codebook_size={self.codebook_size}{books}"
