"""A checklist for a machine: does it compute what a CPU computes, how fast, with how much memory, and does it resume.

    report = check_machine("gpu")            # {"passed": True, "device": "cuda", "checks": [{"name": ..., ...}, ...]}
    infotok check --profile gpu              # the same as a command: a line for each check, exit code 1 for a failure

Checks, by host where they concern one:

- the device: a GPU, where the profile needs one
- terms and gradients of a step in float32, on the device and on the CPU (without a GPU there is nothing to compare)
- losses and gradients in bfloat16 against float32
- a run: a step that is finite and changes weights, throughput, share of the peak, memory; stopped and resumed
- the terms of InfoTok's estimators against float64 on the CPU

A check is a function `(machine) -> Iterator[Check]`. `add_check(name, function)` adds one, for instance of a model of
`transformers`; it runs with the others and is reported in the same form.
"""

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from infotok.bottleneck import InfoTok
from infotok.errors import require, require_choice, require_function, require_text
from infotok.experiments.hosts import HOSTS, make_host
from infotok.experiments.memory import peak_memory, reset_peak
from infotok.experiments.variants import options
from infotok.unified import TrainConfig, UnifiedModel, train
from infotok.worlds import ShapesWorld

__all__ = ["CHECKS", "Check", "Machine", "add_check", "check_machine"]

WORLD = ShapesWorld(nuisance=0.8)
VARIANT = "InfoTok variational"
SIZES = {  # of the language model, and of a batch
    "smoke": {"hidden": 16, "layers": 1, "heads": 2, "batch": 8, "steps": 4},
    "gpu": {"hidden": 768, "layers": 12, "heads": 12, "batch": 256, "steps": 20},
}
BOUNDS = {
    "decoder": {"bound": "decoder"},
    "infonce": {"bound": "infonce", "negatives": 512},
    "hsic": {"estimator": "hsic"},
}
TERM, NORM = 1e-3, 1e-2  # relative: float32 on the device against the CPU
HALF_LOSS, HALF_GRADIENT = 0.005, 0.1  # relative: bfloat16 against float32; a gradient's by the norm of the difference
STOPPED = {"steps": 4, "save_every": 2}  # of the run that is stopped halfway and resumed
ROOM = 0.9  # the largest share of the memory


@dataclass(frozen=True)
class Check:
    """One finished check: its name, whether it passed, a line that says what was found, and the numbers."""

    name: str
    passed: bool
    line: str
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine:
    """What a check is told: the device ("cpu" or "cuda") and the profile's sizes."""

    device: str
    profile: str
    sizes: dict[str, int]

    def host(self, name: str, **sizes: int) -> UnifiedModel:
        """A host with InfoTok, of the profile's sizes unless others are given, with the weights of seed 0."""
        shape = {size: self.sizes[size] for size in ("hidden", "layers")} | sizes
        shape["heads"] = max(2, shape["hidden"] // 64)
        return make_host(name, options(name, VARIANT), seed=0, world=WORLD, tokenizer_steps=0, **shape)


CheckFunction = Callable[[Machine], Iterator[Check]]


def check_machine(profile: str = "smoke", on_check: Callable[[Check], None] | None = None) -> dict[str, Any]:
    """Run every check; the report, in JSON values.

    profile: "smoke" for tiny sizes on any device, "gpu" for the sizes of a training, which need a GPU.
    on_check: called with each check when it has finished.

    A check that raises an error is reported as failed, with the first line of the error, and the others go on.
    """
    require_choice("profile", profile, tuple(SIZES))
    if on_check is not None:
        require_function("on_check", on_check, "a function of a check")
    found: list[Check] = []

    def report(check: Check) -> None:
        found.append(check)
        if on_check is not None:
            on_check(check)

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for `repeatable`; read at the first product on a GPU
    gpu = torch.cuda.is_available()
    able = gpu or profile != "gpu"
    name = torch.cuda.get_device_name() if gpu else "no GPU: the checks run on the CPU"
    report(Check("device", able, name if able else "no GPU, which the sizes of profile gpu need: try --profile smoke"))
    if found[0].passed:
        machine = Machine("cuda" if gpu else "cpu", profile, SIZES[profile])
        for own, function in CHECKS.items():
            try:
                with silent():
                    for check in function(machine):
                        report(check)
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                report(Check(own, False, f"{type(error).__name__}: {reason}"))
    passed = all(check.passed for check in found)
    about = {"profile": profile, "device": "cuda" if gpu else "cpu", "torch": str(torch.__version__)}
    return {"passed": passed, **about, "checks": [asdict(check) for check in found]}


def add_check(name: str, function: CheckFunction) -> None:
    """Add a check to those of `check_machine`; ValueError for a name that is taken."""
    require_text("name", name), require_function("function", function, "a function of a Machine")
    require(name not in CHECKS, "name", name, f"another than {', '.join(CHECKS)}")
    CHECKS[name] = function


# --- the checks -------------------------------------------------------------------------------------------------------


def float32(machine: Machine) -> Iterator[Check]:
    """The terms of a step and the norm of its gradient, in float32, on the device and on the CPU, at small sizes."""
    for host in HOSTS if machine.device == "cuda" else ():
        with torch.backends.cudnn.flags(allow_tf32=False):
            there, here = (step(machine.host(host, hidden=64, layers=2), 16, d) for d in (machine.device, "cpu"))
        term = max(apart(there[0][name], value) for name, value in here[0].items())
        norm = apart(there[1].norm().item(), here[1].norm().item())
        line = f"terms differ by {term:.1e} (at most {TERM:g}), the gradient's norm by {norm:.1e} (at most {NORM:g})"
        yield Check(f"{host}: float32 as on the CPU", term <= TERM and norm <= NORM, line, {"term": term, "norm": norm})


def bfloat16(machine: Machine) -> Iterator[Check]:
    """The loss and the gradient of a step under bfloat16 autocast, against float32 on the same device."""
    for host in HOSTS:
        half, full = (step(machine.host(host), machine.sizes["batch"], machine.device, bf16) for bf16 in (True, False))
        loss = apart(sum(half[0].values()), sum(full[0].values()))
        gradient = ((half[1] - full[1]).norm() / full[1].norm()).item()
        line = f"loss differs by {loss:.1e} (at most {HALF_LOSS:g}), the gradient by {gradient:.1e} "
        line += f"(at most {HALF_GRADIENT:g})"
        passed = loss <= HALF_LOSS and gradient <= HALF_GRADIENT
        yield Check(f"{host}: bfloat16 as float32", passed, line, {"loss": loss, "gradient": gradient})


def runs(machine: Machine) -> Iterator[Check]:
    """A short run of each host: its first step, throughput, memory, and the same run stopped halfway and resumed."""
    steps, on_gpu = machine.sizes["steps"], machine.device == "cuda"
    about = {"steps": steps, "batch": machine.sizes["batch"], "warmup": 0, "save_every": steps // 2}
    config = TrainConfig(**about, log_every=max(1, steps // 4), precision="bf16" if on_gpu else "no")
    short = replace(config, **STOPPED)
    for host in HOSTS:
        whole, losses = machine.host(host), []
        before = vector(whole.parameters())
        reset_peak(machine.device)
        with tempfile.TemporaryDirectory() as folder:
            rows = train(whole, WORLD, config, folder, on_step=lambda _, row, kept=losses: kept.append(row["loss"]))
        used, most = peak_memory(machine.device)
        moved = (vector(whole.parameters()) - before).norm().item()
        line = f"loss {losses[0]:.3f} at the first step; {steps} steps moved the weights by {moved:.3g}"
        finite = all(map(math.isfinite, losses)) and 0 < moved < math.inf
        yield Check(f"{host}: training steps", finite, line, {"loss": losses[0], "moved": moved})
        speed, share, data = (rows[-1][name] for name in ("images_per_second", "utilisation", "data_share"))
        line = f"{speed:.0f} images/s, {data:.0%} of the time spent waiting for them; a step computes at {share:.3f} "
        line += f"of the peak of a {'bfloat16' if on_gpu else 'float32'} matrix product"
        values = {"images_per_second": speed, "share": share, "data_share": data}
        yield Check(f"{host}: throughput", speed > 0 and 0 < share <= 1, line, values)
        line = f"{used / 2**30:.2f} of {most / 2**30:.1f} GiB (at most {ROOM:.0%})"
        yield Check(f"{host}: memory", used <= ROOM * most, line, {"bytes": used, "of": most})
        with repeatable():
            whole = machine.host(host)
            train(whole, WORLD, short)
            check = resumed(machine, host, short, whole)
        yield check


def resumed(machine: Machine, host: str, config: TrainConfig, whole: UnifiedModel) -> Check:
    """The run of `whole` again, stopped after its first checkpoint and resumed: the same weights, to the bit."""

    def stop(step: int, _: dict[str, float]) -> None:
        if step == config.save_every + 1:
            raise Stopped

    parts = machine.host(host)
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(parts, WORLD, config, Path(folder) / "run", on_step=stop)
        except Stopped:
            parts = machine.host(host)
        train(parts, WORLD, config, Path(folder) / "run")
    one, other = (vector(model.state_dict().values()) for model in (whole, parts))
    largest = (one - other).abs().max().item()
    line = f"weights and counts differ by {largest:.1e} at most (to the bit)"
    return Check(f"{host}: resumed", torch.equal(one, other), line, {"largest": largest})


class Stopped(Exception):
    """The end of a run before its time."""


def infotok_terms(machine: Machine) -> Iterator[Check]:
    """The terms of each estimator in float32 on the device, against float64 on the CPU."""
    draw = torch.Generator().manual_seed(0)
    z, image = torch.randn(64, 16, 8, generator=draw), torch.rand(64, 3, 32, 32, generator=draw)
    text = torch.randint(0, 2, (64, 12), generator=draw).float()
    for name, bound in BOUNDS.items():
        found = []
        for device, dtype in ((machine.device, torch.float32), ("cpu", torch.float64)):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                infotok = InfoTok(8, text_dim=12, length=16, consistency=1.0, **bound).to(device, dtype)
            infotok.eval()
            inputs = {"image": image.to(device, dtype), "text": text.to(device, dtype)}
            _, terms = infotok(z.to(device, dtype), **inputs, generator=torch.Generator().manual_seed(0))
            found.append({term: value for term, value in terms.asdict().items() if isinstance(value, float)})
        worst = max(apart(found[0][term], value) for term, value in found[1].items())
        line = f"terms {', '.join(found[1])} differ by {worst:.1e} (at most {TERM:g})"
        yield Check(f"InfoTok {name}", worst <= TERM, line, {"term": worst})


CHECKS: dict[str, CheckFunction] = {
    "float32": float32,
    "bfloat16": bfloat16,
    "runs": runs,
    "InfoTok": infotok_terms,
}


@contextmanager
def silent() -> Iterator[None]:
    """Inside, training shows no progress line, as under the runner of the course."""
    before = os.environ.setdefault("INFOTOK_RUN", "check")
    try:
        yield
    finally:
        if before == "check":
            del os.environ["INFOTOK_RUN"]


@contextmanager
def repeatable() -> Iterator[None]:
    """Inside, a GPU adds up in one order: without it two runs differ, and a code that flips changes every count.

    An operation that has no such form raises an error there, which fails the check.
    """
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


# --- parts ------------------------------------------------------------------------------------------------------------


def step(model: UnifiedModel, images: int, device: str, bf16: bool = False) -> tuple[dict[str, float], Tensor]:
    """The terms of a training step on so many images, and its gradient as one vector on the CPU."""
    model = model.to(device).train()
    batch = WORLD.batch(images, torch.Generator().manual_seed(1)).to(device)
    with torch.random.fork_rng(), torch.autocast(device, torch.bfloat16, enabled=bf16):
        torch.manual_seed(0)
        terms = model.loss(batch, torch.Generator().manual_seed(2))
        sum(terms.values()).backward()
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]
    return {name: term.item() for name, term in terms.items()}, vector(gradients)


def vector(tensors: Any) -> Tensor:
    """All numbers of these tensors, one after the other, on the CPU."""
    return torch.cat([tensor.detach().float().cpu().flatten() for tensor in tensors])


def apart(found: float, expected: float) -> float:
    """The relative difference of two numbers; of numbers below 0.1 a tenth counts as their size."""
    return abs(found - expected) / max(abs(expected), 0.1)
