"""A model cut over processes (FSDP2, `torch.distributed.fsdp.fully_shard`), and its state as whole tensors.

    shard(model, device, processes)      # each process keeps 1/processes of every weight
    whole_state(model)                   # on the first process, the state that a checkpoint keeps
    put_state(model, tensors)            # back onto the processes

Each layer of the language model is a unit of its own: its weights are gathered for its forward and its backward pass
and freed between them. The tokenizer, the embeddings and the heads are one more unit, gathered for the whole step.
Gradients are means over processes, as with DDP. A checkpoint is the same file with and without sharding.

A model stays sharded after training. All processes must then call `loss`, `answer` and `generate` together, and
`load_weights(new_model, run_dir)` gives the trained weights to a whole model in a single process.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.checkpoints import check_state, load_state
from infotok.distributed import first_rank
from infotok.errors import message, require

__all__ = [
    "checkpointing_layers",
    "class_name",
    "full",
    "is_sharded",
    "like",
    "naming_lost_processes",
    "put_state",
    "shard",
    "synchronising",
    "unsharded",
    "whole_state",
]

METHODS = (
    "loss",
    "answer",
    "generate",
    "draw",
    "predict_tokens",
    "tokens",
    "decode",
)  # what may be called from outside on all processes
LOST = r"gloo|NCCL|Connection (closed|reset|refused)|Broken pipe"


def shard(model: nn.Module, device: torch.device, processes: int) -> None:
    """Cut the parameters of `model` over all processes, in place; those of the first process are taken.

    model: the same architecture in each process.
    device: of this process.
    processes: how many there are, two or more.

    Raises ValueError for a single process.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    require(processes > 1, "sharding", "'fsdp' in a single process", 'two processes or more, or sharding="none"')
    if is_sharded(model):
        return
    first_rank(*model.state_dict().values())
    mesh = init_device_mesh(device.type, (processes,))
    for layer in layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for name in METHODS:
        if hasattr(model, name):
            register_fsdp_forward_method(model, name)


def layers(model: nn.Module) -> list[nn.Module]:
    """The layers of a model's language model, in order: its own `layers`, or the `backbone`'s; none without either."""
    if isinstance(own := getattr(model, "layers", None), nn.ModuleList):
        return list(own)
    lists = [part for part in getattr(model, "backbone", nn.Module()).modules() if isinstance(part, nn.ModuleList)]
    return list(lists[0]) if lists else []


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` has cut this model."""
    return torch.distributed.is_available() and hasattr(model, "set_requires_gradient_sync")


@contextmanager
def unsharded(model: nn.Module) -> Iterator[None]:
    """Inside, a sharded model's parts outside the language model's layers have whole weights, on all processes."""
    if not is_sharded(model):
        yield
        return
    model.unshard()
    try:
        yield
    finally:
        model.reshard()


def class_name(model: nn.Module) -> str:
    """The name of a model's class; a sharded model's class is made by torch and is called FSDP and its name."""
    return type(model).__name__.removeprefix("FSDP") if is_sharded(model) else type(model).__name__


def full(tensor: Tensor) -> Tensor:
    """The whole tensor of one that is cut over the processes, which all must call this; any other as it is."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def like(tensor: Tensor, own: Tensor) -> Tensor:
    """This process's part of a whole tensor, if `own` is cut over the processes; else the tensor."""
    if not hasattr(own, "full_tensor") or tensor.shape != own.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(tensor.to(own.device), own.device_mesh, own.placements, src_data_rank=None)


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """The state of a model as whole tensors; of a sharded one on the CPU of the first process, and none elsewhere.

    All processes must call this together if the model is sharded.
    """
    if not is_sharded(model):
        return model.state_dict()
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))


def put_state(model: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Load whole tensors into a model, sharded or not, strictly; ValueError in one line unless they fit."""
    if not is_sharded(model):
        load_state(model, tensors, what)
        return
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(model, check_state(model, tensors, what), options=StateDictOptions(full_state_dict=True))


@contextmanager
def checkpointing_layers(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Inside, the language model's layers recompute their activations in the backward pass, if `wanted`."""
    if not wanted:
        yield
        return
    network = getattr(getattr(model, "backbone", None), "model", None)
    able = getattr(network, "supports_gradient_checkpointing", False)
    require(able, "gradient_checkpointing", f"a {class_name(model)} that has none", "False, for this model")
    # Its name in transformers 5, and in 4.
    name = "activation" if hasattr(network, "activation_checkpointing_enable") else "gradient"
    arguments = {f"{name}_checkpointing_kwargs": {"use_reentrant": False}}
    getattr(network, f"{name}_checkpointing_enable")(**arguments)
    try:
        yield
    finally:
        getattr(network, f"{name}_checkpointing_disable")()


@contextmanager
def synchronising(last: bool, model: nn.Module, accelerator: Any) -> Iterator[None]:
    """A forward and backward pass whose gradients are averaged over processes only if it is a step's `last`."""
    if is_sharded(model):
        model.set_requires_gradient_sync(last)
    with nullcontext() if last or is_sharded(model) else accelerator.no_sync(model):
        yield


@contextmanager
def naming_lost_processes(processes: int, run_dir: str | Path | None) -> Iterator[None]:
    """ConnectionError, in one line, in place of what gloo and NCCL raise where another process has died."""
    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, getattr(torch.distributed, "DistError", ())) or re.search(LOST, str(error))
        if processes == 1 or not lost:
            raise
        then = f"start the run again: it goes on from the last checkpoint in {run_dir}" if run_dir else "start it again"
        got = "no answer from another process, which has died or left"
        raise ConnectionError(message("training", got, f"all {processes} processes; {then}")) from None
