"""Gates: a number for every hidden unit, or for every weight, of a network: 1 keeps it, 0 removes it.

    gates = Gates(head)                        # one gate for each hidden unit of each pair of layers
    value, weights = gates.evaluate(loss)      # loss(model) with the weights m * theta
    gates.apply()                              # torch.nn.utils.prune's masks; `shrink(head)` makes the layers smaller

A gate multiplies what a hidden unit sends on, so m_j scales column j of the next layer's weight. At m_j = 0 the unit
can be cut out without a change of the output, whatever its activation. Unstructured gates multiply single weights.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import prune as torch_prune

from infotok.errors import require, require_finite, require_flag, require_function, require_instance, require_tensor

__all__ = ["Gates", "hard_top_k", "shrink"]

Loss = Callable[[nn.Module], Tensor]
DENSE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
POINTWISE = (nn.SiLU, nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Identity, nn.Dropout)
FOUND = "a network with a weight of torch.nn.Linear or Conv"
PAIRS = "a network with a torch.nn.Sequential of Linear (or Conv), pointwise activation, Linear (or Conv)"


@dataclass(frozen=True)
class Layer:
    """A gated weight: `name` of its module, and the layer before it whose outputs are the units, if there is one."""

    name: str
    module: nn.Module
    before: nn.Module | None
    sequence: nn.Sequential | None = None
    places: tuple[int, int] = (0, 0)

    def spread(self, gate: Tensor) -> Tensor:
        """A gate for each unit as a factor of the weight, (1, units, 1, ...); of each weight as it is."""
        return gate if self.before is None else gate.reshape(1, -1, *[1] * (self.weight.ndim - 2))

    def total(self, values: Tensor) -> Tensor:
        """Values of the weight's shape, summed over what one gate multiplies."""
        return values if self.before is None else values.transpose(0, 1).flatten(1).sum(1)

    @property
    def weight(self) -> Tensor:
        """The weight without a mask."""
        return getattr(self.module, "weight_orig", self.module.weight)


class Gates:
    """The gates of a network, m of L(m * theta): `values`, a tensor for each gated layer, 1 at first.

    model: a network that no `torch.nn.utils.prune` mask is on.
    structured: a gate for each hidden unit or channel between two layers of a `Sequential`; False for each weight.

    Raises ValueError for a network without such layers, or with masks.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import Gates
        >>> head = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
        >>> gates = Gates(head)
        >>> gates.count, gates.sparsity
        (32, 0.0)
        >>> gates.set([(torch.arange(32) < 8).float()])
        >>> gates.sparsity  # eight units stay
        0.75
    """

    def __init__(self, model: nn.Module, structured: bool = True) -> None:
        require_instance("model", model, nn.Module, "a network")
        require_flag("structured", structured)
        require(not torch_prune.is_pruned(model), "model", "one with masks", "one without: call `shrink` first")
        self.model, self.structured = model, structured
        self.layers = list(_pairs(model) if structured else _weights(model))
        require(self.layers, "model", type(model).__name__, PAIRS if structured else FOUND)
        sizes = [layer.weight.shape[1:2] if structured else layer.weight.shape for layer in self.layers]
        self.values = [layer.weight.new_ones(size) for layer, size in zip(self.layers, sizes, strict=True)]

    @property
    def count(self) -> int:
        """How many gates there are."""
        return sum(gate.numel() for gate in self.values)

    @property
    def sparsity(self) -> float:
        """The share of gates that are removed: 1 - mean(m)."""
        counted = (gate.sum(dtype=torch.promote_types(gate.dtype, torch.float32)) for gate in self.values)
        return 1 - float(sum(counted)) / self.count  # bfloat16 counts exactly to 256 only

    def set(self, values: Sequence[Tensor]) -> None:
        """New values of the gates, each in [0, 1], a tensor for each layer, of the shape of that in `values`."""
        checked = self._checked(values)
        self.values = [new.detach().to(old) for new, old in zip(checked, self.values, strict=True)]

    def _checked(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        expected = f"{len(self.values)} tensors, one a layer"
        require_instance("values", values, (list, tuple), expected)
        require(len(values) == len(self.values), "values", f"{len(values)} tensors", expected)
        for i, (new, old) in enumerate(zip(values, self.values, strict=True)):
            require_tensor(f"values[{i}]", new, tuple(old.shape), values="[0, 1]")
        return values

    def evaluate(self, loss: Loss, values: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """The loss at the weights m * theta, a scalar, and all trainable weights of the network as the loss saw them.

        loss: a function of the network, which draws its own batch.
        values: gates in place of the network's own; gradients reach them.

        Raises TypeError or ValueError for a loss that is not one number.
        """
        require_function("loss", loss, "a function of the network")
        own = {name: value for name, value in self.model.named_parameters() if value.requires_grad}
        for layer, gate in zip(self.layers, self.values if values is None else self._checked(values), strict=True):
            own[f"{layer.name}.weight"] = layer.weight * layer.spread(gate)
        value = functional_call(_Evaluated(self.model, loss), {f"model.{name}": w for name, w in own.items()}, ())
        return require_tensor("loss(model)", value, ()), list(own.values())

    def split(self, flat: Tensor) -> list[Tensor]:
        """One vector of a number for each gate as a tensor for each layer.

        flat: (count,), in the order of the layers
        """
        require_finite("flat", require_tensor("flat", flat, (self.count,)))
        parts = flat.split([gate.numel() for gate in self.values])
        return [part.reshape(gate.shape) for part, gate in zip(parts, self.values, strict=True)]

    def apply(self) -> nn.Module:
        """Put the gates on the network as masks of `torch.nn.utils.prune`; returns the network."""
        for layer, gate in zip(self.layers, self.values, strict=True):
            mask = layer.spread(gate).expand_as(layer.weight).clone()
            torch_prune.custom_from_mask(layer.module, "weight", mask)
        return self.model


def hard_top_k(scores: Sequence[Tensor], keep: int) -> list[Tensor]:
    """A mask of 0 and 1 that keeps the `keep` largest scores of all layers together, and the best one of each layer.

    scores: a tensor for each layer.
    keep: how many; at least one a layer, at most all.
    """
    best = [torch.zeros_like(each).flatten().index_fill_(0, each.argmax(), 1).bool() for each in scores]
    flat = torch.cat([each.flatten().masked_fill(top, torch.inf) for each, top in zip(scores, best, strict=True)])
    mask = torch.zeros_like(flat).index_fill_(0, flat.topk(keep).indices, 1)
    parts = mask.split([each.numel() for each in scores])
    return [part.reshape(each.shape) for part, each in zip(parts, scores, strict=True)]


def shrink(model: nn.Module) -> nn.Module:
    """Make masks permanent and cut out every hidden unit that sends nothing on; the outputs stay the same.

    The masks of `torch.nn.utils.prune` are multiplied into the parameters. Then the layers around removed units become
    smaller, in place, which is where the speed comes from. Layers are cut from the last to the first, so that a unit
    goes, too, if it sends only to units that went. A layer keeps one unit at least.

    model: a network with or without masks; returned.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from infotok.companions import prune, shrink
        >>> head, x = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)), torch.randn(100, 8)
        >>> _ = prune(head, lambda model: model(x).square().mean(), sparsity=0.75, criterion="magnitude")
        >>> before = head(x)
        >>> small = shrink(head)
        >>> small[0].out_features, torch.allclose(small(x), before, atol=1e-5)
        (8, True)
    """
    require_instance("model", model, nn.Module, "a network")
    for module in model.modules():
        for hook in [*module._forward_pre_hooks.values()]:
            if isinstance(hook, torch_prune.BasePruningMethod):  # a mask of the weight, or of the bias
                torch_prune.remove(module, hook._tensor_name)
    for layer in reversed([*_pairs(model)]):
        sent = layer.total(layer.weight.detach().abs())
        kept = sent.nonzero().flatten() if sent.any() else sent.new_zeros(1).long()
        if len(kept) < len(sent):
            first, second = layer.places
            layer.sequence[first] = _cut(layer.before, kept, 0)
            layer.sequence[second] = _cut(layer.module, kept, 1)
    return model


class _Evaluated(nn.Module):
    """A loss of a network as a network, so that `functional_call` can put other weights in."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self) -> Tensor:
        return self.loss(self.model)


def _weights(model: nn.Module) -> Iterator[Layer]:
    for name, module in model.named_modules():
        if isinstance(module, DENSE) and module.weight.requires_grad:
            yield Layer(name, module, None)


def _pairs(model: nn.Module) -> Iterator[Layer]:
    """Linear and Linear, or Conv and Conv, with pointwise layers between them, in every `Sequential`.

    A layer that stands in two places is left out: what is cut for one place is missing in the other.
    """
    sequences = [(name, module) for name, module in model.named_modules() if type(module) is nn.Sequential]
    places = Counter(id(module) for _, sequence in sequences for module in sequence)
    for name, sequence in sequences:
        last = None
        for place, module in enumerate(sequence):
            if isinstance(module, DENSE) and getattr(module, "groups", 1) == 1 and places[id(module)] == 1:
                if last is not None and type(sequence[last]) is type(module):
                    yield Layer(f"{name}.{place}".lstrip("."), module, sequence[last], sequence, (last, place))
                last = place
            elif not isinstance(module, POINTWISE):
                last = None


def _cut(module: nn.Module, kept: Tensor, axis: int) -> nn.Module:
    """The layer with some of its outputs (axis 0) or inputs (axis 1) alone."""
    names = ("out_features", "in_features") if isinstance(module, nn.Linear) else ("out_channels", "in_channels")
    setattr(module, names[axis], len(kept))
    module.weight = _part(module.weight, kept, axis)
    if axis == 0 and module.bias is not None:
        module.bias = _part(module.bias, kept, 0)
    return module


def _part(parameter: nn.Parameter, kept: Tensor, axis: int) -> nn.Parameter:
    return nn.Parameter(parameter.detach().index_select(axis, kept).clone(), requires_grad=parameter.requires_grad)
