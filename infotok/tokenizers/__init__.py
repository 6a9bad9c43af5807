"""Visual tokenizers: images to tokens of a known number of bits, and back.

- `quantizers`   features to codes, ten ways behind one interface (`infotok.tokenizers.quantizers`)
- `autoencoder`  images to a grid of features and back: `ConvEncoder`, `ConvDecoder`
- `config`       a tokenizer in names and numbers: `TokenizerConfig`
- `shared`       all of it, with InfoTok in its place: `SharedTokenizer`, `Tokenized`
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
