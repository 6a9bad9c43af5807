"""Visual tokenizers: images to tokens of a known number of bits, and back.

- `quantizers`   eight quantizers and Gaussian tokens, from features to codes (`infotok.tokenizers.quantizers`)
- `autoencoder`  a convolutional autoencoder: `ConvEncoder`, `ConvDecoder`
- `config`       the configuration of a tokenizer: `TokenizerConfig`, `QUANTIZERS`
- `teacher`      frozen features of a network trained on ImageNet: `ImageNetTeacher`
- `losses`       of a reconstruction: pixels, and what the teacher sees
- `shared`       the whole tokenizer, with InfoTok before or after its quantizer: `SharedTokenizer`, `Tokenized`
"""

from infotok.tokenizers.autoencoder import ConvDecoder, ConvEncoder
from infotok.tokenizers.config import QUANTIZERS, TokenizerConfig
from infotok.tokenizers.quantizers import (
    BinarySphericalQuantizer,
    CodebookQuantizer,
    ContinuousUsage,
    FiniteScalarQuantizer,
    GaussianTokens,
    GumbelQuantizer,
    LookupFreeQuantizer,
    MultiCodebookQuantizer,
    Quantized,
    Quantizer,
    ResidualQuantizer,
    SimVQ,
    Usage,
    VectorQuantizer,
    gaussian_step,
    nearest_codes,
    rotate,
    straight_through,
    uniform_error,
)
from infotok.tokenizers.shared import SharedTokenizer, Tokenized
from infotok.tokenizers.teacher import ImageNetTeacher

__all__ = [
    "QUANTIZERS",
    "BinarySphericalQuantizer",
    "CodebookQuantizer",
    "ContinuousUsage",
    "ConvDecoder",
    "ConvEncoder",
    "FiniteScalarQuantizer",
    "GaussianTokens",
    "GumbelQuantizer",
    "ImageNetTeacher",
    "LookupFreeQuantizer",
    "MultiCodebookQuantizer",
    "Quantized",
    "Quantizer",
    "ResidualQuantizer",
    "SharedTokenizer",
    "SimVQ",
    "Tokenized",
    "TokenizerConfig",
    "Usage",
    "VectorQuantizer",
    "gaussian_step",
    "nearest_codes",
    "rotate",
    "straight_through",
    "uniform_error",
]
