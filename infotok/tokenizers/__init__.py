"""Tokens: from an encoder's features to codes of a known number of bits, and back.

- `quantizer`      the one interface: `Quantizer`, `Quantized`
- `usage`          who uses which code: `Usage`, `ContinuousUsage`
- `vector`         the nearest of K learned vectors: `VectorQuantizer`
- `lookup_free`    signs: `LookupFreeQuantizer`
- `continuous`     no codes, a noisy Gaussian: `GaussianTokens`
- `nearest`        the search for the nearest code: `nearest_codes`
- `gradients`      what the encoder gets through a choice: `straight_through`, `rotate`
"""

from infotok.tokenizers.continuous import GaussianTokens
from infotok.tokenizers.gradients import rotate, straight_through
from infotok.tokenizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.nearest import nearest_codes
from infotok.tokenizers.quantizer import Quantized, Quantizer
from infotok.tokenizers.usage import ContinuousUsage, Usage
from infotok.tokenizers.vector import VectorQuantizer

__all__ = [
    "ContinuousUsage",
    "GaussianTokens",
    "LookupFreeQuantizer",
    "Quantized",
    "Quantizer",
    "Usage",
    "VectorQuantizer",
    "nearest_codes",
    "rotate",
    "straight_through",
]
