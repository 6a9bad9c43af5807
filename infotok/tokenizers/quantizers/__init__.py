"""Quantizers: features to codes of a known number of bits, and back, all behind one interface.

- `interface`      the interface: `Quantizer`, `Quantized`
- `base`           what the ones of this package share, and how to add one: `CodebookQuantizer`
- `vector`         vector quantization, the nearest of K learned vectors: `VectorQuantizer`
- `residual`       residual quantization, each codebook on the error of those before it: `ResidualQuantizer`
- `multicodebook`  product quantization, a codebook for each part of the features: `MultiCodebookQuantizer`
- `scalar`         finite scalar quantization (FSQ), numbers rounded to a few levels: `FiniteScalarQuantizer`,
  `gaussian_step`, `uniform_error`
- `lookup_free`    lookup-free quantization (LFQ), the signs of the features: `LookupFreeQuantizer`
- `spherical`      binary spherical quantization (BSQ), signs on the unit sphere: `BinarySphericalQuantizer`
- `simvq`          SimVQ, fixed random vectors through one learned linear map: `SimVQ`
- `gumbel`         Gumbel-softmax quantization, a code drawn from logits: `GumbelQuantizer`
- `continuous`     continuous tokens, Gaussian and without codes: `GaussianTokens`
- `usage`          usage metrics (entropy, perplexity, dead codes): `Usage`, `ContinuousUsage`
- `nearest`        the search for the nearest code: `nearest_codes`
- `gradients`      gradient estimators for a discrete choice: `straight_through`, `rotate`
"""

from infotok.tokenizers.quantizers.base import CodebookQuantizer
from infotok.tokenizers.quantizers.continuous import GaussianTokens
from infotok.tokenizers.quantizers.gradients import rotate, straight_through
from infotok.tokenizers.quantizers.gumbel import GumbelQuantizer
from infotok.tokenizers.quantizers.interface import Quantized, Quantizer
from infotok.tokenizers.quantizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.quantizers.multicodebook import MultiCodebookQuantizer
from infotok.tokenizers.quantizers.nearest import nearest_codes
from infotok.tokenizers.quantizers.residual import ResidualQuantizer
from infotok.tokenizers.quantizers.scalar import FiniteScalarQuantizer, gaussian_step, uniform_error
from infotok.tokenizers.quantizers.simvq import SimVQ
from infotok.tokenizers.quantizers.spherical import BinarySphericalQuantizer
from infotok.tokenizers.quantizers.usage import ContinuousUsage, Usage
from infotok.tokenizers.quantizers.vector import VectorQuantizer

__all__ = [
    "BinarySphericalQuantizer",
    "CodebookQuantizer",
    "ContinuousUsage",
    "FiniteScalarQuantizer",
    "GaussianTokens",
    "GumbelQuantizer",
    "LookupFreeQuantizer",
    "MultiCodebookQuantizer",
    "Quantized",
    "Quantizer",
    "ResidualQuantizer",
    "SimVQ",
    "Usage",
    "VectorQuantizer",
    "gaussian_step",
    "nearest_codes",
    "rotate",
    "straight_through",
    "uniform_error",
]
