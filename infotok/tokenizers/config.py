"""The configuration of a tokenizer in numbers and names: what is saved beside its weights and builds it again.

    config = TokenizerConfig(quantizer="vector", quantizer_options={"codebook_size": 64}, infotok={"text_dim": 60})
    tokenizer = SharedTokenizer.from_config(config)

Every field is a JSON value. Wrong types, values out of range, unknown names and options that the quantizer or InfoTok
does not take are refused by name, before anything is built.
"""

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field, fields
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field
from torch import nn

from infotok.bottleneck import InfoTok
from infotok.errors import require, require_instance, require_int
from infotok.files import plain
from infotok.settings import NonNegative, settings
from infotok.tokenizers.autoencoder import ConvDecoder, ConvEncoder
from infotok.tokenizers.quantizers import (
    BinarySphericalQuantizer,
    FiniteScalarQuantizer,
    GaussianTokens,
    GumbelQuantizer,
    LookupFreeQuantizer,
    MultiCodebookQuantizer,
    Quantizer,
    ResidualQuantizer,
    SimVQ,
    VectorQuantizer,
)
from infotok.tokenizers.quantizers.composite import MOST_CODEBOOKS
from infotok.tokenizers.quantizers.usage import LARGEST_CODEBOOK
from infotok.tokenizers.teacher import require_size

__all__ = ["QUANTIZERS", "TokenizerConfig"]

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
# The largest sizes among the options of the parts. No image tokenizer of today comes near; a file that asks for more is
# damaged, or made to exhaust the memory.
LARGEST = {
    "codebook_size": LARGEST_CODEBOOK,
    "codebooks": MOST_CODEBOOKS,
    "code_dim": 2**14,
    "codes": LARGEST_CODEBOOK,
    "length": 2**14,
    "text_dim": 2**20,
    "answer_dim": 2**20,
    "target_dim": 2**20,
}
# Fields of version 0.1 that are gone, and the value at which each had no effect: with it, an old configuration loads.
REMOVED_FIELDS = {"tokens": None}
LOSSES = ("l1", "l2", "perceptual", "distillation", "teacher_size")  # fields that `ReconstructionLosses` takes


@settings
class TokenizerConfig:
    """The configuration of a `SharedTokenizer`.

    - size: pixels along a side of the image
    - grid: tokens along a side; size / grid is a power of two, 2 or above
    - dim: numbers per token
    - width: channels of the convolutional networks
    - quantizer: its name among `QUANTIZERS`; None for continuous tokens as the encoder makes them
    - quantizer_options: arguments of the quantizer, all but `dim`
    - infotok: arguments of `InfoTok`, all but `dim`; `length` is filled in unless given; None for no InfoTok
    - l1, l2: weights of the absolute and the squared reconstruction error, means over pixels. 20 for l2 is the
      log-likelihood per pixel of a Gaussian decoder with a standard deviation of 0.16; with a much smaller weight
      features settle on their codes before the image is learned
    - warmup: training steps as a plain autoencoder, before quantization begins
    - perceptual: weight of the squared difference between the feature maps that a frozen `ImageNetTeacher` has of image
      and reconstruction
    - distillation: weight of 1 - cosine between the teacher's pooled features and a linear map of the mean token
    - teacher_size: pixels along a side at which the teacher sees images, a multiple of 32

    Raises TypeError for a value of another type, ValueError for one out of its range or an unknown option.

    Example:
        >>> from infotok.tokenizers import TokenizerConfig
        >>> config = TokenizerConfig(quantizer="scalar", quantizer_options={"levels": [8, 5, 5, 5]}, dim=4)
        >>> config.length, config.make_quantizer().codebook_size, config.infotok
        (16, 1000, None)
        >>> TokenizerConfig.from_dict(config.asdict()) == config
        True
    """

    size: Annotated[int, Field(ge=2, le=4096)] = 32
    grid: Annotated[int, Field(ge=1, le=512)] = 4
    dim: Annotated[int, Field(ge=1, le=2**14)] = 32
    width: Annotated[int, Field(ge=1, le=2**12)] = 24
    quantizer: Literal[tuple(QUANTIZERS)] | None = "vector"
    quantizer_options: dict = field(default_factory=dict)
    infotok: dict | None = None
    l1: NonNegative = 0.0
    l2: NonNegative = 20.0
    warmup: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    perceptual: NonNegative = 0.0
    distillation: NonNegative = 0.0
    teacher_size: Annotated[int, Field(ge=32, le=1024)] = 224

    def __post_init__(self) -> None:
        for name in ("quantizer_options", "infotok"):  # as JSON will give them back: lists for tuples
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.quantizer is None:
            require(not self.quantizer_options, "quantizer_options", self.quantizer_options, "{} without a quantizer")
        else:
            _check_options("quantizer_options", self.quantizer_options, _options(QUANTIZERS[self.quantizer]))
        _check_options("infotok", self.infotok or {}, _options(InfoTok))
        require_size("teacher_size", self.teacher_size)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TokenizerConfig":
        """The configuration with these fields, as `asdict` or version 0.1 wrote them.

        - values: each field's value by its name; a field that is left out has its default

        Raises ValueError for an unknown name, with the nearest known one, and for a field that no longer exists, unless
        it had no effect (`REMOVED_FIELDS`).
        """
        require_instance("values", values, dict, "a dict of fields")
        for name, unused in REMOVED_FIELDS.items():
            value = values.get(name, unused)
            require(value == unused, name, value, f"{unused}: versions after 0.1 have no such field")
        values = {name: value for name, value in values.items() if name not in REMOVED_FIELDS}
        _check_names("config", values, [f.name for f in fields(cls)])
        return cls(**values)

    def asdict(self) -> dict[str, Any]:
        """Every field, as JSON values."""
        return asdict(self)

    @property
    def length(self) -> int:
        """Tokens per image."""
        return self.grid**2

    @property
    def losses(self) -> dict[str, float]:
        """The arguments of `ReconstructionLosses`, all but `dim`."""
        return {name: getattr(self, name) for name in LOSSES}

    def make_encoder(self) -> nn.Module:
        """A new encoder: images (B, 3, size, size) -> features (B, length, dim)."""
        return ConvEncoder(self.size, self.grid, self.dim, self.width)

    def make_decoder(self) -> nn.Module:
        """A new decoder: tokens (B, length, dim) -> images (B, 3, size, size)."""
        return ConvDecoder(self.size, self.grid, self.dim, self.width)

    def make_infotok(self) -> InfoTok | None:
        """A new `InfoTok`, or None."""
        return None if self.infotok is None else InfoTok(self.dim, **{"length": self.length, **self.infotok})

    def make_quantizer(self) -> Quantizer | None:
        """A new quantizer, or None. Raises ValueError if an option without a default is missing."""
        if self.quantizer is None:
            return None
        make = QUANTIZERS[self.quantizer]
        missing = [name for name in _required(make) if self.quantizer_options.get(name) is None]
        require(not missing, "quantizer_options", f"no {', '.join(missing)}", f"what {make.__name__} needs")
        return make(dim=self.dim, **self.quantizer_options)


def _options(cls: type) -> list[str]:
    """The arguments of a part's constructor, all but `dim`; several codebooks pass further ones on to each."""
    parameters = inspect.signature(cls).parameters.values()
    names = [p.name for p in parameters if p.name != "dim" and p.kind is not p.VAR_KEYWORD]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        names += [name for name in _options(VectorQuantizer) if name not in names]
    return names


def _required(cls: type) -> list[str]:
    """The arguments without a default."""
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.name != "dim" and p.default is p.empty and p.kind is not p.VAR_KEYWORD]


def _check_names(what: str, names: Iterable[str], known: list[str]) -> None:
    for name in names:
        near = get_close_matches(str(name), known, n=1)
        hint = f"{near[0]!r} perhaps; " if near else ""
        require(name in known, what, name, f"{hint}one of {', '.join(known)}")


def _check_options(what: str, options: Mapping[str, Any], known: list[str]) -> None:
    """TypeError or ValueError for an unknown option, and for a size that is not an integer from 1 to its maximum."""
    _check_names(what, options, known)
    for name, largest in LARGEST.items():
        if options.get(name) is not None:
            require_int(f"{what}, {name}", options[name], 1, largest)
    levels = options.get("levels")
    if isinstance(levels, list):
        require(len(levels) <= MOST_CODEBOOKS, f"{what}, levels", f"{len(levels)} numbers", f"at most {MOST_CODEBOOKS}")
        codes = math.prod(level for level in levels if isinstance(level, int))
        require(codes <= LARGEST_CODEBOOK, f"{what}, levels", f"{codes} codes", f"at most {LARGEST_CODEBOOK}")
