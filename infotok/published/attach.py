"""`attach`: InfoTok on a published unified model, and `load`: the same again from a checkpoint.

attached = attach("folder of a checkpoint", {"text_dim": 64, "consistency": 1.0}, lora=16)
terms = attached.loss(batch)
sum(terms.values()).backward()
"""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.bottleneck import InfoTok
from infotok.errors import require, require_function, require_instance
from infotok.files import plain
from infotok.optional import needs
from infotok.published.attached import Attached
from infotok.published.base import Family
from infotok.published.chameleon import Chameleon
from infotok.published.checkpoint import read_checkpoint, restore
from infotok.published.emu3 import Emu3
from infotok.published.janus import Janus
from infotok.published.opening import open_model
from infotok.published.options import AttachOptions

__all__ = ["attach", "choose_trained", "load"]

FAMILIES: dict[str, type[Family]] = {family.kind: family for family in (Chameleon, Emu3, Janus)}
PLACEMENTS = ("before", "adapter", "after")
AVAILABLE = frozenset({"image", "text", "answer", "target", "posterior"})  # to InfoTok


def attach(
    model: nn.Module | str | Path,
    infotok: nn.Module | Mapping[str, Any] | None = None,
    *,
    through: str = "soft",
    near: int = 32,
    temperature: float | None = None,
    path: str = "vq",
    frozen: bool = False,
    lora: int = 0,
    understanding: float = 1.0,
    generation: float = 1.0,
    quantizer: float = 1.0,
    generation_gradient: bool = True,
    decoder: Callable[[Tensor], Tensor] | None = None,
) -> Attached:
    """A published unified model with InfoTok on its visual tokens, which the language model's losses then reach.

    The tokenizer's encoder and codebook are trained, in float32 whatever the language model's dtype; its decoder of
    pixels stays as published. Training losses do not rebuild pixels: add a loss on `decode` where drawings count.

    model: a `ChameleonForConditionalGeneration`, `Emu3ForConditionalGeneration` or `JanusForConditionalGeneration`,
        changed in place; or the folder of one, see `open_model`.
    infotok: an `InfoTok` for vectors of the codebook's width, or its options without `dim`; None for no InfoTok.
    through: the surrogate whose gradient z receives where its code is read: "soft", "linear" or "none".
    near: codes of the mixture of "soft".
    temperature: of the mixture, in squared units of z; None for the mean squared distance of neighbouring codes.
    path: for Janus, "vq" to understand images through the codes that it draws with, or "siglip" as published.
    frozen: whether the tokenizer stays as published; InfoTok(placement="adapter") then moves z alone, and an InfoTok
        at another place only measures.
    lora: rank of low-rank adapters beside the language model's linear layers, by `peft`; all else of the published
        model but the tokenizer is then frozen. 0 for none: which weights of it are trained is then left as it is.
    understanding, generation, quantizer: weights of these terms.
    generation_gradient: whether the generation loss reaches the tokens that it reads; it never reaches its targets.
    decoder: codes (N, h, w) -> pixels, for Chameleon, which is published without one.

    The result is in the mode of the model, that is in eval mode for a model that was just opened: `train()` it.

    Raises TypeError or ValueError, in one line, for another model, one in which an InfoTok is still installed, one with
    adapters that get more, and for an option out of its range; the model is then as it was.

    Example:
        >>> from infotok.published import attach, hub_folder  # doctest: +SKIP
        >>> folder = hub_folder("deepseek-community/Janus-Pro-1B")  # doctest: +SKIP
        >>> attached = attach(folder, {"text_dim": 64, "consistency": 1.0}, lora=16)  # doctest: +SKIP
        >>> loss = sum(attached.loss(batch).values())  # a batch of `prepare`  # doctest: +SKIP
    """
    values = {name: value for name, value in locals().items() if name in AttachOptions.__dataclass_fields__}
    options = AttachOptions(**values)
    if isinstance(model, str | Path):
        model = open_model(model)
    model = model.get_base_model() if hasattr(model, "get_base_model") else model  # of peft
    known = f"one of {', '.join(FAMILIES)}"
    require(type(model).__name__ in FAMILIES, "model", type(model).__name__, known, TypeError)
    installed = "accepts_loss_kwargs" in vars(model)
    require(not installed, "model", "one in which `install` has put an InfoTok", "a model after `uninstall`")
    adapted = any(".lora_" in name for name, _ in model.named_parameters())
    require(not (options.lora and adapted), "lora", options.lora, "0, since the model has adapters already")
    family = FAMILIES[type(model).__name__](model)
    require(options.path in family.paths, "path", options.path, f"one of {', '.join(family.paths)} for {family.kind}")
    if decoder is not None:
        require_function("decoder", decoder, "a function of codes (N, h, w)")
    with torch.random.fork_rng(devices=[]):  # what InfoTok refuses is refused before the model is changed
        _make_infotok(infotok, family)
    family.vq.float()
    choose_trained(family, options)
    made, given = _make_infotok(infotok, family)
    attached = Attached(family, made, options, decoder, given)
    attached.training = model.training
    if made is not None:
        made.train(model.training)
    return attached


def load(
    folder: str | Path,
    model: nn.Module | str | Path,
    *,
    infotok: nn.Module | None = None,
    decoder: Callable[[Tensor], Tensor] | None = None,
) -> Attached:
    """The attached model that `Attached.save` wrote, in eval mode.

    folder: the checkpoint.
    model: the published model that it was attached to, or its folder.
    infotok: the module that was attached, where it was given as a module; its weights are loaded. None for one that was
        made from options.
    decoder: as for `attach`.

    Raises FileNotFoundError, ValueError or TypeError, in one line, for a missing, damaged or foreign checkpoint, and
    for another published model than it was attached to.

    Example:
        >>> from infotok.published import attach, load  # doctest: +SKIP
        >>> attached = attach("janus", {"compression": 0.001}, lora=16)  # the folder of a checkpoint  # doctest: +SKIP
        >>> attached.save("run", step=1000)  # doctest: +SKIP
        >>> load("run", "janus")  # doctest: +SKIP
    """
    _, meta = read_checkpoint(folder)
    given = infotok if meta["infotok"] is None else meta["infotok"]
    own = infotok is None or meta["infotok"] is None
    require(own, "infotok", type(infotok).__name__, "None: this checkpoint has the options that it is made from")
    missing = meta["has_infotok"] and given is None
    require(not missing, "infotok", None, "the module that was attached: it was not made from options")
    attached = attach(model, given, **meta["options"], decoder=decoder)
    restore(attached, folder)
    return attached.eval()


def _make_infotok(infotok: Any, family: Family) -> tuple[nn.Module | None, Mapping[str, Any] | None]:
    """The regulariser on the model's device, and the options that it was made from, in JSON values."""
    if infotok is None:
        return None, None
    dim, options = family.codebook.shape[1], None
    if isinstance(infotok, Mapping):
        options, names = plain(infotok), set(inspect.signature(InfoTok).parameters) - {"dim"}
        unknown = sorted(set(options) - names)
        require(not unknown, "infotok", ", ".join(unknown), f"some of {', '.join(sorted(names))}")
        infotok = InfoTok(dim, **options)
    require_instance("infotok", infotok, nn.Module, "an InfoTok, a dict of its options, or None")
    placed = getattr(infotok, "placement", None)
    require(placed in PLACEMENTS, "infotok, placement", placed, f"one of {', '.join(PLACEMENTS)}")
    found = getattr(infotok, "dim", dim)
    require(found == dim, "infotok, dim", found, f"{dim}, the width of the codebook")
    unavailable = sorted(set(infotok.needs) - AVAILABLE)
    require(not unavailable, "infotok, needs", ", ".join(unavailable), f"some of {', '.join(sorted(AVAILABLE))}")
    gaussian = getattr(getattr(infotok, "options", None), "gaussian", False)
    require(not gaussian, "infotok, noise", None, "a number: published tokens are no Gaussians")
    return infotok.to(family.codebook.device), options


def choose_trained(family: Family, options: AttachOptions) -> None:
    """Which weights have a gradient."""
    if options.lora:
        family.model.requires_grad_(False)
        _add_adapters(family, options.lora)
    family.vq.requires_grad_(False)
    for part in family.trained:
        part.requires_grad_(not options.frozen)


def _add_adapters(family: Family, rank: int) -> None:
    """Low-rank adapters in float32 beside the language model's linear layers (Hu et al. 2021, arXiv 2106.09685)."""
    with needs("hub", "attach with lora"):
        from peft import LoraConfig, inject_adapter_in_model

    apart = {id(module) for module in family.vq.modules()}
    inner = {id(module) for module in family.language.modules()} - apart
    names = {n for n, m in family.model.named_modules() if isinstance(m, nn.Linear) and id(m) in inner}
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names), family.model)
    for name, parameter in family.model.named_parameters():
        if ".lora_" in name:
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
