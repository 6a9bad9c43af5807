"""torch's Muon, in full precision where bfloat16 would only be emulated.

torch.optim.Muon orthogonalises in bfloat16, which tensor cores multiply fast. A CPU without such instructions emulates
it: there five Newton-Schulz steps of a 64 x 256 matrix take some twelve times as long as in float32, a quarter of the
training time of a small model. So on a CPU they are float32, and rounding is what it is elsewhere in the model.
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
        with FullPrecision():
            return super().step(closure)
