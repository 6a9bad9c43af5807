"""Tokens: from an encoder's features to codes of a known number of bits, and back.

- `quantizer`      the one interface: `Quantizer`, `Quantized`
- `usage`          who uses which code: `Usage`, `ContinuousUsage`
- `vector`         the nearest of K learned vectors: `VectorQuantizer`
- `residual`       one codebook after the other: `ResidualQuantizer`
- `multicodebook`  one codebook beside the other: `MultiCodebookQuantizer`
- `scalar`         numbers rounded to a few levels: `FiniteScalarQuantizer`, `gaussian_step`, `uniform_error`
- `lookup_free`    signs: `LookupFreeQuantizer`
- `spherical`      signs on a sphere: `BinarySphericalQuantizer`
- `simvq`          random vectors through a learned map: `SimVQ`
- `gumbel`         a code named outright, with noise: `GumbelQuantizer`
- `continuous`     no codes, a noisy Gaussian: `GaussianTokens`
- `autoencoder`    images to a grid of features and back: `ConvEncoder`, `ConvDecoder`
- `latents`        images to a row of features and back: `LatentEncoder`, `LatentDecoder`
- `perceptual`     images compared in a trained network's layers: `PerceptualLoss`
- `config`         a tokenizer in names and numbers: `TokenizerConfig`
- `shared`         all of it, with InfoTok in its place: `SharedTokenizer`, `Tokenized`
- `nearest`        the search for the nearest code: `nearest_codes`
- `gradients`      what the encoder gets through a choice: `straight_through`, `rotate`
"""

from infotok.tokenizers.autoencoder import ConvDecoder, ConvEncoder
from infotok.tokenizers.config import TokenizerConfig
from infotok.tokenizers.continuous import GaussianTokens
from infotok.tokenizers.gradients import rotate, straight_through
from infotok.tokenizers.gumbel import GumbelQuantizer
from infotok.tokenizers.latents import LatentDecoder, LatentEncoder
from infotok.tokenizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.multicodebook import MultiCodebookQuantizer
from infotok.tokenizers.nearest import nearest_codes
from infotok.tokenizers.perceptual import PerceptualLoss
from infotok.tokenizers.quantizer import Quantized, Quantizer
from infotok.tokenizers.residual import ResidualQuantizer
from infotok.tokenizers.scalar import FiniteScalarQuantizer, gaussian_step, uniform_error
from infotok.tokenizers.shared import SharedTokenizer, Tokenized
from infotok.tokenizers.simvq import SimVQ
from infotok.tokenizers.spherical import BinarySphericalQuantizer
from infotok.tokenizers.usage import ContinuousUsage, Usage
from infotok.tokenizers.vector import VectorQuantizer

__all__ = [
    "BinarySphericalQuantizer",
    "ContinuousUsage",
    "ConvDecoder",
    "ConvEncoder",
    "FiniteScalarQuantizer",
    "GaussianTokens",
    "GumbelQuantizer",
    "LatentDecoder",
    "LatentEncoder",
    "LookupFreeQuantizer",
    "MultiCodebookQuantizer",
    "PerceptualLoss",
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
