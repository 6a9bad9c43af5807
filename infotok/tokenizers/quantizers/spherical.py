"""Binary spherical quantization: the features' direction, rounded to the nearest corner of a cube in the sphere.

    u = z / |z|,   q = sign(u) / sqrt(bits),   |u - q| bounded by the geometry, so no commitment is needed

The soft posterior q(c|u) ~ exp(2 u.c / temperature) is a product over bits, as in `lookup_free`. Its batch entropy is
again bounded by the sum over bits (Zhao, Xiong & Kraehenbuehl 2024, arXiv 2406.07548, whose tau is 2 / temperature).
"""

from torch import Tensor

from infotok.tokenizers.quantizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.quantizers.vector import unit

__all__ = ["BinarySphericalQuantizer"]


class BinarySphericalQuantizer(LookupFreeQuantizer):
    """features (B, L, dim) -> log2(codebook_size) signs on the unit sphere. Entropies in nats per token."""

    def __init__(
        self,
        dim: int,
        codebook_size: int,
        *,
        entropy_weight: float = 0.02,
        diversity: float = 1.0,
        temperature: float = 0.2,
        decay: float = 0.99,
    ) -> None:
        super().__init__(
            dim,
            codebook_size,
            commitment=0.0,
            entropy_weight=entropy_weight,
            diversity=diversity,
            temperature=temperature,
            decay=decay,
        )
        self.corner = self.code_dim**-0.5

    def _to_code_space(self, z: Tensor) -> Tensor:
        return unit(z)
