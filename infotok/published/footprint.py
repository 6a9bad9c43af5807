"""What a training step of an attached model needs: parameters, bytes and operations, computed without its weights.

    found = footprint(outline("Janus-Pro-1B"), lora=16)
    found.weights, found.states, found.activations, found.total        # bytes
    found.operations                                                   # of one step

Bytes of weights, gradients and AdamW's averages follow from the numbers of parameters. Bytes of activations, with
gradient checkpointing (`attached.model.activation_checkpointing_enable()`), are

    max( inputs + heads + layer, encoder, surrogate )

- inputs      L x N x T x H numbers of the language model's type, for each of the two passes: what each layer read
- heads       what autograd keeps of the logits and the losses of both passes
- layer       what autograd keeps of one layer while the backward pass recomputes it, of the longer pass
- encoder     what autograd keeps of the tokenizer's encoder while it is recomputed, when both passes are done
- surrogate   the largest chunk of the soft surrogate, see `soft_mixture`, before the passes and after them

"Keeps" is counted, not estimated: the parts run on tensors without memory (`FakeTensorMode`), and the bytes that
autograd saves are added up. Attention is counted as its fused kernels keep it. Temporary buffers, the allocator's
rounding and InfoTok's own weights are left out.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_choice, require_instance, require_int
from infotok.published.attach import FAMILIES, choose_trained
from infotok.published.base import Family
from infotok.published.options import AttachOptions
from infotok.published.outlines import OUTLINES, outline
from infotok.published.surrogate import NUMBERS_AT_ONCE

__all__ = ["Footprint", "footprint"]

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


@dataclass(frozen=True)
class Footprint:
    """Numbers of parameters, bytes and operations of a training step; `footprint` says how they are computed.

    parameters, trained: numbers of all parameters, and of those with a gradient.
    language, tokenizer, adapters: bytes of weights.
    gradients, optimiser: bytes of gradients, and of AdamW's two averages.
    inputs, heads, layer, encoder, surrogate: bytes of activations.
    operations: floating-point operations of a step, with recomputation; `encoder_operations` are the encoder's of them.

    Example:
        >>> from infotok.published import footprint
        >>> found = footprint("Janus-Pro-1B", lora=0)  # all weights are trained
        >>> round(found.parameters / 1e9, 2), found.optimiser == 2 * found.gradients
        (2.08, True)
        >>> found.total == found.weights + found.states + found.activations
        True
    """

    parameters: int
    trained: int
    language: int
    tokenizer: int
    adapters: int
    gradients: int
    optimiser: int
    inputs: int
    heads: int
    layer: int
    encoder: int
    surrogate: int
    operations: int
    encoder_operations: int

    @property
    def weights(self) -> int:
        """Bytes of all weights."""
        return self.language + self.tokenizer + self.adapters

    @property
    def states(self) -> int:
        """Bytes of gradients and of AdamW's averages."""
        return self.gradients + self.optimiser

    @property
    def activations(self) -> int:
        """Bytes at the step's peak beyond weights, gradients and averages."""
        return max(self.inputs + self.heads + self.layer, self.encoder, self.surrogate)

    @property
    def total(self) -> int:
        """Bytes of a training step."""
        return self.weights + self.states + self.activations


def footprint(
    model: nn.Module | str,
    *,
    lora: int = 16,
    images: int = 1,
    pixels: int | None = None,
    words: int = 64,
    near: int = 32,
    dtype: str = "bfloat16",
) -> Footprint:
    """What one training step of a published model with both losses needs; the model itself stays as it is.

    model: a published model, of which the configuration alone is used, or a name of `OUTLINES`.
    lora: rank of low-rank adapters beside the language model's linear layers; 0 trains all of it.
    images: of a step, each with a question and a prompt.
    pixels: a side of an image; None for that of the outline, or 512.
    words: tokens of the question with its answer, and of the prompt.
    near: codes of the soft surrogate's mixture.
    dtype: of the language model, "bfloat16" or "float32"; the tokenizer and the adapters are in float32.

    Raises TypeError or ValueError, in one line, for another model or an option out of its range.

    Example:
        >>> from infotok.published import footprint
        >>> found = footprint("Janus-Pro-1B", lora=16)  # computed, without weights; one image a step
        >>> round(found.weights / 2**30, 1), round(found.total / 2**30, 1)  # GiB
        (4.1, 6.3)
    """
    require_int("lora", lora, 0, 2**14), require_int("near", near)
    sizes = {"images": require_int("images", images, 1, 2**16), "words": require_int("words", words, 1, 2**20)}
    require_choice("dtype", dtype, tuple(DTYPES))
    if isinstance(model, str):
        model, default = outline(model), OUTLINES[model][1]
    else:
        require_instance("model", model, nn.Module, "a published model, or the name of one")
        known = f"one of {', '.join(FAMILIES)}"
        require(type(model).__name__ in FAMILIES, "model", type(model).__name__, known, TypeError)
        default = 512
        with torch.device("meta"):
            model = type(model)(model.config).eval()
    pixels = default if pixels is None else require_int("pixels", pixels, 1, 2**14)
    family = FAMILIES[type(model).__name__](model.to(DTYPES[dtype]))
    family.vq.float()
    choose_trained(family, AttachOptions(lora=lora))
    return Footprint(**_of_weights(family), **_of_activations(family, pixels=pixels, near=near, **sizes))


def _of_weights(family: Family) -> dict[str, int]:
    """Parameters, and bytes of weights, gradients and AdamW's averages, which have the type of their weight."""
    parts: dict[str, list[Tensor]] = {"tokenizer": [*family.vq.parameters()], "adapters": [], "language": []}
    for name, each in family.model.named_parameters():
        if not name.startswith("model.vqmodel."):
            parts["adapters" if ".lora_" in name else "language"].append(each)
    every = [each for part in parts.values() for each in part]
    gradients = sum(each.nbytes for each in every if each.requires_grad)
    counts = {"parameters": sum(each.numel() for each in every)}
    counts["trained"] = sum(each.numel() for each in every if each.requires_grad)
    kept = {name: sum(each.nbytes for each in part) for name, part in parts.items()}
    return counts | kept | {"gradients": gradients, "optimiser": 2 * gradients}


def _of_activations(family: Family, images: int, pixels: int, words: int, near: int) -> dict[str, int]:
    """Bytes of the parts of the step's peak, and operations."""
    model, layers = family.model, family.language.layers
    table = family.table
    width, dtype = model.get_input_embeddings().weight.shape[1], model.get_input_embeddings().weight.dtype
    rows, codes = len(family.rows), family.rows
    with without_memory(model):
        family.rows = torch.zeros(rows, dtype=torch.long)
        picture = torch.empty(images, 3, pixels, pixels)
        with counting() as counted:
            encoder, z = kept_bytes(lambda: family.encode(picture), model)
        encoder_operations = 4 * counted.get_total_flops()  # forward, again, and twice as much backward
        grid = z.shape[1:3]
        tokens = images * grid.numel()
        length = len(family.is_code(tuple(grid))) + words
        states = torch.empty(images, length, width, dtype=dtype, requires_grad=True)
        first, passed = _through(family, states, layers, 1)
        second, passed_twice = _through(family, states, layers, 2)
        labels = torch.zeros(images, length, dtype=torch.long)
        with counting() as counted:
            read, _ = kept_bytes(lambda: _understanding(model, states, labels), model)
            drawn, _ = kept_bytes(lambda: _generation(family, states[:, : grid.numel()]), model)
        heads_operations = counted.get_total_flops()
    family.rows = codes
    forward = 2 * (passed + (len(layers) - 1) * (passed_twice - passed))  # of both passes
    trained = any(each.requires_grad for name, each in layers.named_parameters() if ".lora_" not in name)
    language_operations = forward * (4 if trained else 3)  # a frozen weight's gradient is not computed
    chunk = min(tokens, max(1, NUMBERS_AT_ONCE // max(rows, near * max(table.shape[1], z.shape[-1]))))
    gathered = near * table.shape[1] * (4 + table.element_size())
    return {
        "inputs": 2 * len(layers) * states.nbytes,
        "heads": read + drawn,
        "layer": second - first,
        "encoder": encoder,
        "surrogate": chunk * max(gathered, 4 * rows),
        "operations": encoder_operations + language_operations + heads_operations * (3 if trained else 2),
        "encoder_operations": encoder_operations,
    }


def counting() -> Any:
    """A context in which torch counts operations."""
    from torch.utils.flop_counter import FlopCounterMode  # slow to import

    return FlopCounterMode(display=False)


def _through(family: Family, states: Tensor, layers: nn.ModuleList, count: int) -> tuple[int, int]:
    """Bytes that autograd keeps of the language model with its first layers, and operations of a forward pass."""
    family.language.layers = layers[:count]
    try:
        with counting() as counted:
            kept, _ = kept_bytes(lambda: family.language(inputs_embeds=states, use_cache=False), family.model)
    finally:
        family.language.layers = layers
    return kept, counted.get_total_flops()


def _understanding(model: nn.Module, states: Tensor, labels: Tensor) -> list[Tensor]:
    """The logits, which the model's output holds, and the published loss."""
    logits = model.lm_head(states)
    return [logits, model.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1])]


def _generation(family: Family, states: Tensor) -> list[Tensor]:
    logits = family.code_logits(states)
    codes = torch.zeros(states.shape[:2], dtype=torch.long)
    return [logits, nn.functional.cross_entropy(logits.float().flatten(0, 1), codes.flatten())]


@contextmanager
def without_memory(model: nn.Module) -> Iterator[None]:
    """Inside, parameters and buffers of a model on the meta device, and new tensors, are on a CPU that holds none."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    tables = [table for module in model.modules() for table in (module._parameters, module._buffers)]
    before = [dict(table) for table in tables]
    with FakeTensorMode():
        try:
            for table in tables:
                for name, each in table.items():
                    if each is not None:
                        table[name] = _fake(each)
            yield
        finally:
            for table, own in zip(tables, before, strict=True):
                table.update(own)


def _fake(tensor: Tensor) -> Tensor:
    empty = torch.empty(tensor.shape, dtype=tensor.dtype)
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def kept_bytes(function: Callable[[], Any], model: nn.Module) -> tuple[int, Any]:
    """Bytes of the storages that autograd keeps while `function` runs, or that it returns, without the model's own.

    function: a forward pass.
    model: whose parameters and buffers do not count.
    """
    own = {_storage(each) for each in (*model.parameters(), *model.buffers())}
    seen: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        seen[_storage(tensor)] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function()
    for tensor in result if isinstance(result, list) else ():
        pack(tensor)
    return sum(each.untyped_storage().nbytes() for key, each in seen.items() if key not in own), result


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
