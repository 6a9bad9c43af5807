"""Importance of hidden units and weights: what the loss, or its gradient norm, would be without them.

With weights w = m * theta, the gradient g = dL/dw and the Hessian H, for one gate m_j:

    magnitude      the norm of its weights
    taylor         |dL/dm|                      first-order change of the loss (Molchanov et al., arXiv 1611.06440)
    fisher         E (dL/dm)^2                  second order, Fisher for Hessian (Theis et al., arXiv 1801.05787)
    gradient_flow  d(1/2 |g|^2)/dm = theta . Hg     low where a removal raises the gradient norm
    random         nothing at all

Removing a gate changes 1/2 |g|^2 by -theta . Hg to first order. The criterion of arXiv 2501.09464, in our reading of
its abstract, prunes what *raises* the gradient norm: it keeps the large theta . Hg. GraSP (Wang et al., arXiv
2002.07376) has the same score, computed once, before training; "grasp" is its name here. `flip` gives the opposite
sign, a known confusion.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from infotok.companions.gates import Gates, Loss
from infotok.errors import require_choice, require_finite, require_flag, require_instance, require_int

__all__ = ["CRITERIA", "gradient_norm_flow", "importance"]

CRITERIA = ("gradient_flow", "magnitude", "taylor", "fisher", "grasp", "random")


def importance(
    loss: Loss, gates: Gates, criterion: str = "gradient_flow", *, batches: int = 8, flip: bool = False, seed: int = 0
) -> list[Tensor]:
    """A score for each gate, a tensor for each layer; the lowest are removed first.

    loss: a function of the network to a scalar, which draws its own batch.
    gates: the network's gates, at the values where the score is computed.
    criterion: one of `CRITERIA`, see the equations above.
    batches: calls of the loss; scores, or gradients, are means over them.
    flip: the opposite sign.
    seed: of "random".

    Raises TypeError or ValueError for an unknown criterion, for a loss that is not one number, and for NaN or infinity
    in a score: such a score would be the best, or keep a mask from moving.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import Gates, importance
        >>> head, x = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)), torch.randn(100, 8)
        >>> scores = importance(lambda model: model(x).square().mean(), Gates(head), "taylor", batches=1)
        >>> len(scores), scores[0].shape, bool((scores[0] >= 0).all())  # one score for each hidden unit
        (1, torch.Size([32]), True)
    """
    require_choice("criterion", criterion, CRITERIA), require_flag("flip", flip)
    require_instance("gates", gates, Gates), require_int("batches", batches, 1, 2**20)
    require_int("seed", seed, 0, 2**63 - 1)
    if criterion == "random":
        generator = torch.Generator().manual_seed(seed)
        scores = [torch.rand(gate.shape, generator=generator).to(gate) for gate in gates.values]
    elif criterion == "magnitude":
        scores = _magnitudes(gates)
    elif criterion == "taylor":
        scores = [each.abs() for each in _mean([gate_gradient(loss, gates) for _ in range(batches)])]
    elif criterion == "fisher":
        squares = [[each.square() for each in gate_gradient(loss, gates)] for _ in range(batches)]
        scores = _mean(squares)
    else:
        scores = _mean([gradient_norm_flow(loss, gates) for _ in range(batches)])
    for each in scores:
        require_finite(f"scores ({criterion})", each)
    return [-each for each in scores] if flip else scores


def gradient_norm_flow(loss: Loss, gates: Gates) -> list[Tensor]:
    """d(1/2 |g|^2)/dm = theta . Hg on one batch: the velocity dm/dt that raises the gradient norm fastest.

    g is the gradient with respect to all trainable weights w = m * theta of the network. Differentiating its squared
    norm once more is one Hessian-vector product. It is the gradient flow of the energy E(m) = -1/2 |g|^2.

    loss: a function of the network to a scalar, twice differentiable.
    gates: the network's gates.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import Gates, gradient_norm_flow
        >>> head, x = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)), torch.randn(100, 8)
        >>> scores = gradient_norm_flow(lambda model: model(x).square().mean(), Gates(head))
        >>> scores[0].shape
        torch.Size([32])
    """
    require_instance("gates", gates, Gates)
    leaves = [gate.detach().clone().requires_grad_() for gate in gates.values]
    value, weights = gates.evaluate(loss, leaves)
    gradients = torch.autograd.grad(value, weights, create_graph=True, allow_unused=True, materialize_grads=True)
    energy = sum(each.square().sum() for each in gradients) / 2
    return list(torch.autograd.grad(energy, leaves, allow_unused=True, materialize_grads=True))


def gate_gradient(loss: Loss, gates: Gates) -> list[Tensor]:
    """dL/dm on one batch: to first order, minus what removing a gate adds to the loss."""
    leaves = [gate.detach().clone().requires_grad_() for gate in gates.values]
    value, _ = gates.evaluate(loss, leaves)
    return list(torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True))


def _magnitudes(gates: Gates) -> list[Tensor]:
    """The norm of all weights that go with a gate: of a unit its incoming and its outgoing ones."""
    found = []
    for layer, gate in zip(gates.layers, gates.values, strict=True):
        squared = layer.total(layer.weight.detach().square())
        if layer.before is not None:
            squared = squared + layer.before.weight.detach().square().flatten(1).sum(1)
        found.append(gate.abs() * squared.sqrt())
    return found


def _mean(batches: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [torch.stack(each).mean(0) for each in zip(*batches, strict=True)]
