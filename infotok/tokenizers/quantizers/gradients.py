"""Gradient estimators for a discrete choice: the straight-through estimator and the rotation trick.

The choice of the nearest code has gradient 0 almost everywhere, so the encoder gets an estimate. Tokens are the code
vector q in value; in the backward pass they are a differentiable function of the features z.

- `straight_through`  dq/dz := I (Bengio et al. 2013, arXiv 1308.3432; van den Oord et al. 2017, arXiv 1711.00937)
- `rotate`            dq/dz := |q|/|z| R, with the rotation R that turns z towards q. The gradient keeps its angle to
                      the code, so vectors of one cell are pushed apart or together (Fifty et al. 2024,
                      arXiv 2410.06424)

Both return q to the bit.
"""

import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require, require_tensor

__all__ = ["GRADIENTS", "rotate", "straight_through"]


def straight_through(z: Tensor, q: Tensor) -> Tensor:
    """The straight-through estimator: q in value, with the gradient of z. NaN and infinity are passed on.

    - z: features, floats of any shape
    - q: code vectors, floats of the same shape

    Raises TypeError or ValueError for another type or shape.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import straight_through
        >>> z = torch.tensor([0.4, 1.7], requires_grad=True)
        >>> tokens = straight_through(z, z.round())
        >>> tokens.sum().backward()
        >>> tokens.tolist(), z.grad.tolist()  # rounded in value, the identity in the gradient
        ([0.0, 2.0], [1.0, 1.0])
    """
    require_tensor("z", z)
    require_tensor("q", q)
    require(q.shape == z.shape, "q", q, "a tensor of the shape of z")
    return q.detach() + (z - z.detach())  # z - z is an exact zero; z + (q - z) would round


def rotate(z: Tensor, q: Tensor) -> Tensor:
    """The rotation trick: q in value, with the gradient of |q|/|z| R z. NaN and infinity are passed on.

    R = I - 2 r r^T + 2 q^ z^^T is constant, with z^ = z/|z|, q^ = q/|q| and r the unit vector along z^ + q^.

    - z: features, floats (..., D)
    - q: code vectors, floats of the same shape

    Raises TypeError or ValueError for another type or shape.

    Example:
        >>> import torch
        >>> from infotok.tokenizers import rotate
        >>> z, q = torch.tensor([[1.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 2.0]])
        >>> tokens = rotate(z, q)
        >>> tokens[0, 1].backward()  # along q
        >>> tokens.tolist(), z.grad.round(decimals=3).tolist()  # the value of q; its gradient, turned to z and doubled
        ([[0.0, 2.0]], [[2.0, 0.0]])
    """
    require_tensor("z", z)
    require_tensor("q", q)
    require(q.shape == z.shape, "q", q, "a tensor of the shape of z")
    fixed, q = z.detach(), q.detach()
    source, target = F.normalize(fixed, dim=-1), F.normalize(q, dim=-1)  # z^, q^
    middle = F.normalize(source + target, dim=-1)  # r
    reflected = z - 2 * (z * middle).sum(-1, keepdim=True) * middle
    rotated = reflected + 2 * (z * source).sum(-1, keepdim=True) * target
    scale = q.norm(dim=-1, keepdim=True) / fixed.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return straight_through(scale * rotated, q)


GRADIENTS = {"straight-through": straight_through, "rotation": rotate}
