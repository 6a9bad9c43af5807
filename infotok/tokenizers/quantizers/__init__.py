"""Quantizers: features to codes of a known number of bits, and back, all behind one interface.

- `base`           the interface: `Quantizer`, `Quantized`
- `vector`         the nearest of K learned vectors: `VectorQuantizer`
- `residual`       one codebook after the other: `ResidualQuantizer`
- `multicodebook`  one codebook beside the other: `MultiCodebookQuantizer`
- `scalar`         numbers rounded to a few levels: `FiniteScalarQuantizer`, `gaussian_step`, `uniform_error`
- `lookup_free`    signs: `LookupFreeQuantizer`
- `spherical`      signs on a sphere: `BinarySphericalQuantizer`
- `simvq`          fixed random vectors through a learned linear map: `SimVQ`
- `gumbel`         a code drawn from logits, with Gumbel noise: `GumbelQuantizer`
- `continuous`     no codes, a noisy Gaussian: `GaussianTokens`
- `usage`          how often each code is used: `Usage`, `ContinuousUsage`
- `nearest`        the search for the nearest code: `nearest_codes`
- `gradients`      gradients through a choice: `straight_through`, `rotate`
"""

from infotok.tokenizers.quantizers.base import CodebookQuantizer, Quantized, Quantizer
from infotok.tokenizers.quantizers.continuous import GaussianTokens
from infotok.tokenizers.quantizers.gradients import rotate, straight_through
from infotok.tokenizers.quantizers.gumbel import GumbelQuantizer
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
