"""Checks of a machine with an attached model: a tiny Emu3, or a published checkpoint.

    infotok check --profile gpu --model deepseek-community/Janus-Pro-1B
    add_attached("checkpoints/own"); check_machine("gpu")

- a step: every term is finite, and the gradient of the language model's losses reaches each tensor of the encoder
- the language model in bfloat16 against float32: its losses, and their gradient in the encoder
- on a GPU: the same step in float32 on the CPU, of the tiny model
- memory: the largest so far, beside what `footprint` computes for the step
- a training stopped halfway and resumed from its checkpoint
"""

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require_instance
from infotok.experiments import machine_check
from infotok.experiments.attached_setting import Setting, open_setting, side_of
from infotok.experiments.machine_check import (
    NORM,
    ROOM,
    TERM,
    Check,
    Machine,
    add_check,
    apart,
    repeatable,
    vector,
)
from infotok.experiments.memory import peak_memory, reset_peak
from infotok.published import Attached, footprint

__all__ = ["add_attached", "attached_checks"]

NAME = "attached"
LANGUAGE = ("understanding", "generation")  # the terms that the language model computes
OPTIONS = {"consistency": 1.0, "compression": 0.001}
IMAGES, STEPS, RANK = 2, 4, 4  # of a step; of the training that is resumed; of a checkpoint's adapters
HALF_LOSS, HALF_GRADIENT = 0.01, 0.2  # relative: all of the language model is in bfloat16, not its products alone


def add_attached(model: str = "") -> None:
    """Let `check_machine` also check an attached model, in the place of one that was added before.

    model: a checkpoint's folder or its name on the hub; "" for a tiny Emu3 with random weights.
    """
    require_instance("model", model, str, "a checkpoint's folder, its name on the hub, or nothing")
    machine_check.CHECKS.pop(NAME, None)
    add_check(NAME, partial(attached_checks, model=model))


def attached_checks(machine: Machine, model: str = "") -> Iterator[Check]:
    """The checks, one after the other.

    machine: whose device they run on. model: as for `add_attached`.
    """
    name = f"attached {Path(model).name or 'tiny Emu3'}"
    reset_peak(machine.device)  # the peak of another model says nothing of this one
    whole = Trial.new(model, machine.device, torch.float32)
    terms, gradient = whole.step()
    reached, count = whole.reached()
    line = f"loss {sum(terms.values()):.3f}; the gradient of its language model reaches {reached} of the encoder's "
    line += f"{count} tensors"
    passed = all(map(math.isfinite, terms.values())) and bool(gradient.isfinite().all()) and reached == count
    yield Check(f"{name}: a step", passed, line, {**terms, "reached": reached, "of": count})
    if machine.device == "cuda" and not model:
        yield _as_on_the_cpu(name)
    del whole
    half = Trial.new(model, machine.device, torch.bfloat16)
    found, other = half.step()
    loss = max(apart(found[key], terms[key]) for key in LANGUAGE if key in terms)
    far = ((other - gradient).norm() / gradient.norm()).item()
    line = f"losses differ by {loss:.1e} (at most {HALF_LOSS:g}), the encoder's gradient by {far:.1e} "
    line += f"(at most {HALF_GRADIENT:g})"
    values = {"loss": loss, "gradient": far}
    yield Check(f"{name}: bfloat16 as float32", loss <= HALF_LOSS and far <= HALF_GRADIENT, line, values)
    used, most = peak_memory(machine.device)
    computed = half.computed()
    line = f"{used / 2**30:.2f} of {most / 2**30:.1f} GiB (at most {ROOM:.0%}); "
    line += f"computed for a step with checkpointing: {computed / 2**30:.2f} GiB"
    yield Check(f"{name}: memory", used <= ROOM * most, line, {"bytes": used, "of": most, "computed": computed})
    del half
    yield _resumed(name, model, machine.device)


@dataclass
class Trial:
    """An attached model, what it reads, and where it computes."""

    setting: Setting
    attached: Attached
    device: str
    lora: int

    @classmethod
    def new(cls, model: str, device: str, dtype: torch.dtype) -> "Trial":
        """The model of seed 0 on the device, with the language model in `dtype`."""
        lora = RANK if model else 0
        with torch.random.fork_rng():
            torch.manual_seed(0)
            setting = open_setting(model)
            attached = setting.attach("soft", OPTIONS, lora).train()
        tokenizer = {id(each) for each in attached.family.vq.parameters()}
        for name, each in attached.model.named_parameters():
            if id(each) not in tokenizer and ".lora_" not in name:
                each.data = each.data.to(dtype)
        return cls(setting, attached.to(device), device, lora)

    def batch(self, seed: int) -> dict[str, Tensor]:
        """A batch of images with answers, on the device."""
        return {name: each.to(self.device) for name, each in self.setting.batch(IMAGES, seed).items()}

    def step(self, seed: int = 0, of: tuple[str, ...] = LANGUAGE) -> tuple[dict[str, float], Tensor]:
        """The terms of a step, and the encoder's gradient of some of them as one vector on the CPU."""
        self.attached.zero_grad()
        terms = self.attached.loss(self.batch(seed), torch.Generator(self.device).manual_seed(seed))
        sum(term for name, term in terms.items() if name in of).backward()
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.encoder()]
        return {name: term.item() for name, term in terms.items()}, vector(gradients)

    def encoder(self) -> list[Tensor]:
        """The tensors of the tokenizer's encoder."""
        return list(self.attached.family.vq.encoder.parameters())

    def reached(self) -> tuple[int, int]:
        """How many tensors of the encoder have a gradient that is not 0, and how many there are."""
        encoder = self.encoder()
        return sum(p.grad is not None and bool(p.grad.any()) for p in encoder), len(encoder)

    def computed(self) -> int:
        """Bytes of a step by `footprint`."""
        side = 32 if self.setting.processor is None else side_of(self.setting.processor)
        return footprint(self.attached.model, lora=self.lora, images=IMAGES, pixels=side).total

    def train(self, begin: int, end: int, folder: Path | None = None) -> None:
        """Steps `begin` to `end` of AdamW, from the checkpoint in `folder` if there is one, which is written again."""
        optimiser = torch.optim.AdamW([p for p in self.attached.parameters() if p.requires_grad], lr=1e-4)
        if folder is not None and folder.exists():
            begin = self.attached.restore(folder, optimiser)
        for step in range(begin, end):
            self.step(step, (*LANGUAGE, "infotok", "quantizer"))
            optimiser.step()
        if folder is not None:
            self.attached.save(folder, optimiser, end)

    def trained(self) -> Tensor:
        """All trained weights as one vector on the CPU."""
        return vector(p for p in self.attached.parameters() if p.requires_grad)


def _as_on_the_cpu(name: str) -> Check:
    """The step of the tiny model in float32 on the CPU; InfoTok's noise is of another generator there, so it is off."""
    found = []
    for device in ("cuda", "cpu"):
        trial = Trial.new("", device, torch.float32)
        trial.attached.eval()
        with torch.backends.cudnn.flags(allow_tf32=False):
            found.append(trial.step())
    term = max(apart(found[0][0][key], value) for key, value in found[1][0].items())
    norm = apart(found[0][1].norm().item(), found[1][1].norm().item())
    line = f"terms differ by {term:.1e} (at most {TERM:g}), the gradient's norm by {norm:.1e} (at most {NORM:g})"
    return Check(f"{name}: float32 as on the CPU", term <= TERM and norm <= NORM, line, {"term": term, "norm": norm})


def _resumed(name: str, model: str, device: str) -> Check:
    """A training of four steps, and the same stopped after two and resumed by a model opened anew: to the bit."""
    start: Any = Trial.new(model, device, torch.float32)
    before = start.trained()
    with repeatable(), tempfile.TemporaryDirectory() as folder:
        start.train(0, STEPS)
        one = start.trained()
        del start
        for end in (STEPS // 2, STEPS):
            parts = Trial.new(model, device, torch.float32)
            parts.train(0, end, Path(folder) / "run")
    other = parts.trained()
    largest, moved = (one - other).abs().max().item(), (one - before).norm().item()
    line = f"weights moved by {moved:.3g} and differ by {largest:.1e} at most (to the bit)"
    return Check(f"{name}: resumed", torch.equal(one, other) and moved > 0, line, {"largest": largest, "moved": moved})
