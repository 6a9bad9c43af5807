"""Binary spherical quantization (BSQ): the direction of the features, rounded to the nearest corner of a cube.

    u = z / |z|,   q = sign(u) / sqrt(bits)

The cube lies in the unit sphere, so |u - q| is bounded and no commitment loss is needed. The soft posterior
q(c|u) ~ exp(2 u.c / temperature) is a product over bits, as in `lookup_free`, and its batch entropy is again bounded by
the sum over bits (Zhao, Xiong & Kraehenbuehl 2024, arXiv 2406.07548, whose tau is 2 / temperature).
"""

from torch import Tensor

from infotok.tokenizers.quantizers.lookup_free import LookupFreeQuantizer
from infotok.tokenizers.quantizers.vector import unit

__all__ = ["BinarySphericalQuantizer"]


class BinarySphericalQuantizer(LookupFreeQuantizer):
    """Binary spherical quantizer: features (B, L, dim) -> log2(codebook_size) signs on the unit sphere.

    - dim: numbers per token; other than log2(codebook_size), linear layers map in and out
    - codebook_size: codes, K, a power of 2 from 2 to 2^20
    - entropy_weight: weight of the entropies, in nats per token, from 0
    - diversity: weight of the batch entropy relative to the conditional one, from 0
    - temperature: of the soft posterior, above 0
    - decay: of the usage over training passes, in [0, 1)

    Raises TypeError or ValueError for an option of another type or out of range.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import BinarySphericalQuantizer
        >>> quantizer = BinarySphericalQuantizer(dim=4, codebook_size=16)
        >>> out = quantizer(torch.tensor([[[0.3, -2.0, 0.7, 0.1]]]))
        >>> out.tokens.tolist(), out.codes.tolist()  # signs / sqrt(4), of length 1
        ([[[0.5, -0.5, 0.5, 0.5]]], [[13]])
    """

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
