"""The mode of a module: eval mode for a block, frozen for good, or recomputed by gradient checkpointing.

- `evaluating`         eval mode inside a block; afterwards every submodule is in its earlier mode
- `keeping_modes`      any mode inside a block; afterwards every submodule is in its earlier mode
- `Freezable`          `freeze()`: eval mode that `train()` does not end; `requires_grad_(False)` stops averages too
- `recomputing`        whether this forward pass is the second one that gradient checkpointing makes
- `accumulating`       a block that is one part of an optimiser step; `ends_step` says whether it is the last
- `steps_before`       the training steps that a module had counted before this pass
- `replay`             a generator that draws in the second pass what it drew in the first
- `keep_constants`     buffers that no checkpoint holds, filled again where a state is loaded
- `refuse_nonfinite`   a hook that refuses NaN and infinity in a state that is loaded
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.utils.module_tracker import ModuleTracker

from infotok.errors import require, require_generator

__all__ = [
    "Freezable",
    "accumulating",
    "ends_step",
    "evaluating",
    "keep_constants",
    "keeping_modes",
    "recomputing",
    "refuse_nonfinite",
    "replay",
    "steps_before",
]

TRACKER = ModuleTracker()


class Step:
    """The optimiser step that is computed: one for the process, since a backward pass runs in threads of its own."""

    last = True  # whether this pass is the last one before the optimisers step


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A context manager: eval mode inside; afterwards, also after an error, every submodule is in its earlier mode.

    - module: with all its submodules
    """
    with keeping_modes(module):
        for part in module.modules():
            part.training = False
        yield


@contextmanager
def keeping_modes(module: nn.Module) -> Iterator[None]:
    """A context manager: any mode inside; afterwards, also after an error, every submodule is in its earlier mode.

    - module: with all its submodules
    """
    before = [(part, part.training, getattr(part, "asked", None)) for part in module.modules()]
    try:
        yield
    finally:
        for part, training, asked in before:
            part.training = training
            if asked is not None:
                part.asked = asked


def recomputing() -> bool:
    """Whether this forward pass runs inside a backward pass, as `torch.utils.checkpoint` recomputes activations.

    State that a training pass changes was then changed already, by the first of the two passes.
    """
    return not torch.compiler.is_compiling() and TRACKER.is_bw


@contextmanager
def accumulating(last: bool) -> Iterator[None]:
    """A context manager: a forward and backward pass whose gradients are added to those of a step's other parts.

    Schedules of modules, such as a warm-up, count the last part alone: they count optimiser steps.

    - last: whether the optimisers step afterwards
    """
    before, Step.last = Step.last, last
    try:
        yield
    finally:
        Step.last = before


def ends_step() -> bool:
    """Whether this pass is the last one of its optimiser step, as every pass is outside `accumulating`."""
    return Step.last


def steps_before(module: nn.Module) -> Tensor:
    """The training steps before this pass, `module.passes`; a recomputation does not count what its first pass did.

    - module: has `passes`, a tensor, and adds 1 to it at the end of a training pass that `ends_step`
    """
    again = module.training and recomputing() and ends_step()
    return module.passes - 1 if again else module.passes


def replay(module: nn.Module, generator: torch.Generator | None) -> torch.Generator | None:
    """`generator`; in a recomputation a copy of it, in the state at which `module` last used it.

    Gradient checkpointing restores torch's own generator and no other.

    - module: the one that draws
    - generator: a torch.Generator, or None for torch's own

    Raises TypeError for anything else.
    """
    if generator is not None:
        require_generator("generator", generator)
    if generator is None or torch.compiler.is_compiling():
        return generator
    if recomputing():
        again = torch.Generator(generator.device)
        again.set_state(module.generator_state)
        return again
    module.generator_state = generator.get_state()
    return generator


def keep_constants(module: nn.Module) -> None:
    """Register `module._constants()` as buffers outside of checkpoints, filled again whenever a state is loaded.

    Else a module made on the meta device and then `to_empty` would keep whatever the memory held.

    - module: its method `_constants` gives tensors by name
    """
    for name, value in module._constants().items():
        module.register_buffer(name, value, persistent=False)
    module.register_load_state_dict_post_hook(_fill_constants)


@torch.no_grad()
def _fill_constants(module: nn.Module, _: Any) -> None:
    with torch.device("cpu"):  # loading may happen inside another default device
        values = module._constants()
    for name, value in values.items():
        buffer = getattr(module, name)
        if not buffer.is_meta:
            buffer.copy_(value)


def refuse_nonfinite(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """A hook for `register_load_state_dict_pre_hook`: ValueError for NaN or infinity in what is loaded.

    - module: that loads
    - state: tensors by name
    - prefix: of the names that are the module's
    """
    for name, value in state.items():
        if name.startswith(prefix) and isinstance(value, Tensor) and value.is_floating_point():
            require(value.isfinite().all(), f"{type(module).__name__}, {name}", "NaN or infinity", "finite numbers")


class Freezable(nn.Module):
    """A module that can be frozen as a whole, averages and counters included."""

    frozen = False  # by freeze(): eval mode whatever train() says
    learning_allowed = True  # False after requires_grad_(False): averages do not change, like parameters
    asked = True  # the mode of the last call of train()

    def freeze(self) -> Self:
        """Stop all change: no gradient, no averages, eval mode whatever `train()` says. Returns itself."""
        self.requires_grad_(False)
        for part in self._freezable():
            part.asked, part.frozen = part.asked if part.frozen else part.training, True
        for part in self.modules():
            part.training = False
        return self

    def unfreeze(self) -> Self:
        """Undo `freeze`: all parameters get gradients, and the mode is that of the last call of `train`."""
        for part in self._freezable():
            part.frozen = False
        return self.requires_grad_(True).train(self.asked)

    def train(self, mode: bool = True) -> Self:
        """Training or eval mode; a frozen module stays in eval mode.

        - mode: True for training, False for eval
        """
        self.asked = mode
        return super().train(mode and not self.frozen)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Switch gradients on or off; False also stops averages, such as those of a codebook.

        Called on a module of another library, it does not reach averages inside: call `freeze()` on the quantizer.

        - requires_grad: True to switch gradients on
        """
        for part in self._freezable():
            part.learning_allowed = requires_grad
        return super().requires_grad_(requires_grad)

    def _freezable(self) -> list["Freezable"]:
        return [part for part in self.modules() if isinstance(part, Freezable)]
