"""A tokenizer in numbers and names, so that it can be written down, saved with its weights and built again.

    config = TokenizerConfig(quantizer="vector", quantizer_options={"codebook_size": 64}, infotok={"text_dim": 60})
    tokenizer = SharedTokenizer.from_config(config)

Every field is a JSON value. Unknown names, wrong types and options that the quantizer or InfoTok does not take are
refused by name, before anything is built.
"""

import inspect
import math
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, get_type_hints

from torch import nn

from infotok.bottleneck.infotok import InfoTok
from infotok.errors import require, require_float, require_instance, require_int
from infotok.files import plain
from infotok.tokenizers.autoencoder import ConvDecoder, ConvEncoder
from infotok.tokenizers.latents import LatentDecoder, LatentEncoder
from infotok.tokenizers.quantizers.base import LARGEST_CODEBOOK
from infotok.tokenizers.quantizers.composite import LARGEST_NUMBER
from infotok.tokenizers.quantizers.continuous import GaussianTokens
from infotok.tokenizers.quantizers.gumbel import GumbelQuantizer
from infotok.tokenizers.quantizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.quantizers.multicodebook import MultiCodebookQuantizer
from infotok.tokenizers.quantizers.residual import ResidualQuantizer
from infotok.tokenizers.quantizers.scalar import FiniteScalarQuantizer
from infotok.tokenizers.quantizers.simvq import SimVQ
from infotok.tokenizers.quantizers.spherical import BinarySphericalQuantizer
from infotok.tokenizers.quantizers.vector import VectorQuantizer

__all__ = ["TokenizerConfig"]

QUANTIZERS = {
    "vector": VectorQuantizer,
    "residual": ResidualQuantizer,
    "multicodebook": MultiCodebookQuantizer,
    "scalar": FiniteScalarQuantizer,
    "lookup_free": LookupFreeQuantizer,
    "spherical": BinarySphericalQuantizer,
    "simvq": SimVQ,
    "gumbel": GumbelQuantizer,
    "continuous": GaussianTokens,
}
# What no image tokenizer of today comes near; a file that says more is damaged, or made to exhaust the memory.
LIMITS = {
    "size": 4096,
    "grid": 512,
    "tokens": 2**14,
    "dim": 2**14,
    "width": 2**12,
    "codebook_size": LARGEST_CODEBOOK,
    "codebooks": LARGEST_NUMBER,
    "code_dim": 2**14,
    "codes": LARGEST_CODEBOOK,
    "length": 2**14,
    "text_dim": 2**20,
    "answer_dim": 2**20,
    "target_dim": 2**20,
}


@dataclass(frozen=True)
class TokenizerConfig:
    """What a `SharedTokenizer` is made of.

    - size: pixels along a side. grid: tokens along a side, of the convolutional autoencoder; or, with grid=None,
      tokens: how many the one-dimensional tokenizer has. dim: numbers per token. width: channels of the networks
    - quantizer: the name of its file in `infotok.tokenizers`, None for continuous tokens as the encoder makes them
    - infotok: options of `InfoTok` (dim and, unless given, length are filled in), None for none
    - l1, l2, perceptual: weights of the reconstruction losses, means over pixels. 20 for l2 is a Gaussian decoder's
      log-likelihood a pixel, at a standard deviation of 0.16; with far less, features settle on their codes too soon
    - warmup: training passes as a plain autoencoder, before quantization begins

    Sizes above `LIMITS` are refused before anything is made of them.
    """

    size: int = 32
    grid: int | None = 4
    tokens: int | None = None
    dim: int = 32
    width: int = 24
    quantizer: str | None = "vector"
    quantizer_options: dict = field(default_factory=dict)
    infotok: dict | None = None
    l1: float = 0.0
    l2: float = 20.0
    perceptual: float = 0.0
    warmup: int = 0

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            fits = isinstance(value, kind | int if kind is float else kind) and not isinstance(value, bool)
            require(fits, name, f"{value!r} ({type(value).__name__})", _spelt(kind), TypeError)
        for name in ("l1", "l2", "perceptual"):
            require_float(name, getattr(self, name), "[0, inf)")
        require_int("warmup", self.warmup, 0)
        one = (self.grid is None) != (self.tokens is None)
        require(one, "grid, tokens", (self.grid, self.tokens), "one of them, and None for the other")
        named = self.quantizer is None or self.quantizer in QUANTIZERS
        require(named, "quantizer", self.quantizer, f"None or one of {', '.join(QUANTIZERS)}")
        if self.quantizer is None:
            require(not self.quantizer_options, "quantizer_options", self.quantizer_options, "{} without a quantizer")
        else:
            _known(self.quantizer_options, _options(QUANTIZERS[self.quantizer]), "quantizer_options")
        _known(self.infotok or {}, _options(InfoTok), "infotok")
        _check_sizes(vars(self))
        for name in ("quantizer_options", "infotok"):  # as JSON will give them back: lists for tuples
            object.__setattr__(self, name, plain(getattr(self, name)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TokenizerConfig":
        """The configuration of these fields; an unknown name is refused with the nearest known one."""
        require_instance("values", values, dict, "a dict of fields")
        _known(values, [f.name for f in fields(cls)], "config")
        return cls(**values)

    def asdict(self) -> dict[str, Any]:
        """Every field, as JSON values."""
        return asdict(self)

    @property
    def length(self) -> int:
        """Tokens per image."""
        return self.tokens if self.grid is None else self.grid**2

    def make_encoder(self) -> nn.Module:
        return self._network(ConvEncoder, LatentEncoder)

    def make_decoder(self) -> nn.Module:
        return self._network(ConvDecoder, LatentDecoder)

    def make_infotok(self) -> InfoTok | None:
        return None if self.infotok is None else InfoTok(self.dim, **{"length": self.length, **self.infotok})

    def make_quantizer(self) -> nn.Module | None:
        if self.quantizer is None:
            return None
        make = QUANTIZERS[self.quantizer]
        missing = [name for name in _needed(make) if self.quantizer_options.get(name) is None]
        require(not missing, "quantizer_options", f"no {', '.join(missing)}", f"what {make.__name__} needs")
        return make(dim=self.dim, **self.quantizer_options)

    def _network(self, of_grid: type[nn.Module], of_row: type[nn.Module]) -> nn.Module:
        sizes = {"size": self.size, "dim": self.dim, "width": self.width}
        return of_row(tokens=self.tokens, **sizes) if self.grid is None else of_grid(grid=self.grid, **sizes)


def _options(cls: type) -> list[str]:
    """What a module may be configured with, beside its width; several codebooks pass theirs on to each."""
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.name != "dim" and p.kind is not p.VAR_KEYWORD]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        names += [name for name in _options(VectorQuantizer) if name not in names]
    return names


def _needed(cls: type) -> list[str]:
    """The options without a default."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.name != "dim" and p.default is p.empty and p.kind is not p.VAR_KEYWORD]


def _known(values: dict[str, Any], known: list[str], what: str) -> None:
    for name in values:
        near = get_close_matches(str(name), known, n=1)
        hint = f"{near[0]!r} perhaps; " if near else ""
        require(name in known, what, name, f"{hint}one of {', '.join(known)}")


def _check_sizes(values: dict[str, Any], what: str = "") -> None:
    """TypeError or ValueError for a size that is no integer from 1 to its limit, here or among a part's options."""
    for name, value in values.items():
        if isinstance(value, dict):
            _check_sizes(value, f"{name}, ")
        elif name in LIMITS and value is not None:
            require_int(f"{what}{name}", value, 1, LIMITS[name])
    levels = values.get("levels")
    if isinstance(levels, list | tuple):
        require(len(levels) <= LIMITS["codebooks"], f"{what}levels", f"{len(levels)} numbers", "at most 256")
        codes = math.prod(level for level in levels if isinstance(level, int))
        require(
            codes <= LIMITS["codebook_size"], f"{what}levels", f"{codes} codes", f"at most {LIMITS['codebook_size']}"
        )


def _spelt(kind: Any) -> str:
    return {float: "a number"}.get(kind, str(getattr(kind, "__name__", kind)))
