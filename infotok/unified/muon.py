"""torch's Muon, in float32 on a CPU.

torch.optim.Muon orthogonalises in bfloat16, which tensor cores multiply fast. Most CPUs only emulate it: there five
Newton-Schulz steps of a 64 x 256 matrix took fourteen times as long as in float32, a quarter of the training time of a
small model. Float32 also has the rounding error of the rest of the model, so two runs that differ
only by rounding diverge later than with bfloat16.
"""

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["Muon"]


class FullPrecision(TorchFunctionMode):
    """A CPU's tensors stay as they are where they were to become bfloat16."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is Tensor.bfloat16 and args[0].device.type == "cpu":
            function = Tensor.clone
        return function(*args, **(kwargs or {}))


class Muon(torch.optim.Muon):
    """`torch.optim.Muon`; on a CPU its Newton-Schulz steps are float32."""

    def step(self, closure=None):
        loss = None
        if closure is not None:  # outside: what a model does in bfloat16 is its own affair
            with torch.enable_grad():
                loss = closure()
        with FullPrecision():
            super().step()
        return loss
