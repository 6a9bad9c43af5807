"""Throughput of training: images per second, the share of time spent waiting for data, model FLOPs utilisation (MFU).

    MFU = floating-point operations of a step / (seconds of a step x the machine's peak)       (key "utilisation")

Operations are counted once by PyTorch's counter, forward and backward; the peak is that of one large matrix product in
the same precision, measured here. Small models have a low MFU: their time goes into many short operations.
"""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn

__all__ = ["Meter", "matrix_peak", "operations", "sharing_parameters"]


@cache
def matrix_peak(device: str, dtype: torch.dtype, threads: int) -> float:
    """Floating-point operations per second of a product of two square matrices, the best of five."""
    n = 8192 if device != "cpu" else 1024
    a = torch.ones(n, n, device=device, dtype=dtype)

    def seconds() -> float:
        _settle(device)
        start = time.perf_counter()
        a @ a
        _settle(device)
        return time.perf_counter() - start

    return 2 * n**3 / min(seconds() for _ in range(5))


def operations(step: Callable[[], None]) -> int:
    """Floating-point operations of one call.

    Counting changes how things round, and a call may change averages: count on a model that is `sharing_parameters`.
    """
    from torch.utils.flop_counter import FlopCounterMode  # here, for it brings triton: 0.2 s of every import

    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def sharing_parameters(model: nn.Module) -> nn.Module:
    """A copy of a model with its own buffers and attributes and the same parameters, so that no weight is held twice.

    A backward pass of the copy leaves its gradients in the model's parameters.
    """
    return copy.deepcopy(model, {id(p): p for p in model.parameters()})


class Meter:
    """Measures throughput and MFU: the seconds of data and of steps of so many `operations` between two readings."""

    def __init__(self, device: torch.device, dtype: torch.dtype, operations: int) -> None:
        self.device, self.peak = device.type, matrix_peak(device.type, dtype, torch.get_num_threads())
        self.operations = operations
        self._reset()

    def _reset(self) -> None:
        self.seconds, self.steps = {"data": 0.0, "step": 0.0}, 0

    @contextmanager
    def timing(self, what: str) -> Iterator[None]:
        """Time the block as "data" or "step"."""
        start = time.perf_counter()
        yield
        if what == "step":
            _settle(self.device)
            self.steps += 1
        self.seconds[what] += time.perf_counter() - start

    def read(self, batch: int) -> dict[str, float]:
        """Images per second, the share of time spent waiting for data, and MFU, since the last reading."""
        total = sum(self.seconds.values())
        values = {
            "images_per_second": batch * self.steps / total,
            "data_share": self.seconds["data"] / total,
            "utilisation": self.operations * self.steps / (self.seconds["step"] * self.peak),
        }
        self._reset()
        return values


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
