"""Processes of torch.distributed that train hosts by `train`, with DDP or FSDP, and what each of them ends with."""

import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import torch
from apart import ended, free_port, started
from safetensors.torch import save_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from trainings import WORLD, losses

from infotok.evaluation.evaluate import answer_batch, evaluate, generate_images, reconstruct
from infotok.experiments.hosts import make_host, train_and_score
from infotok.unified import TrainConfig, train
from infotok.unified.sharding import full, shard

STEPS = TrainConfig(steps=4, batch=8, questions=2, warmup=1, save_every=2, log_every=1, seed=3)
CASES = {  # host, and the terms of its InfoTok
    "contrastive": ("autoregressive", {"bound": "infonce", "compression": 0.0, "consistency": 0.5}),
    "hsic": ("masked", {"estimator": "hsic", "compression": 1.0, "consistency": 1.0}),
}


def changed(**changes):
    return TrainConfig(**{**vars(STEPS), **changes})


def small_host(case):
    host, variant = CASES[case]
    return make_host(host, variant, seed=0, world=WORLD, tokenizer_steps=0, hidden=16, heads=2)


@contextmanager
def first_gradients(model):
    """Inside, a dict that gets the whole gradient of every parameter before the first step of an optimiser."""
    found = {}

    def keep(*_):
        if not found:
            found.update({name: full(p.grad).clone() for name, p in model.named_parameters() if p.grad is not None})

    handle = register_optimizer_step_pre_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def begin(rank, port):
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", "INFOTOK_RUN": "1",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    torch.set_num_threads(1)


def train_rank(rank, folder, port):
    """Every case by DDP and by FSDP: logged rows, and the gradients of the first step."""
    begin(rank, port)
    for case in CASES:
        for sharding in ("none", "fsdp"):
            model, name = small_host(case), f"{case}-{sharding}"
            with first_gradients(model) as gradients:
                rows = losses(train(model, WORLD, changed(sharding=sharding), folder / name))
            whole = {key: gradient.contiguous() for key, gradient in gradients.items()}
            save_file(whole, folder / f"{name}-{rank}.safetensors")
            (folder / f"{name}-{rank}.json").write_text(json.dumps(rows))


def killed_rank(rank, folder, port):
    """Rank 1 is killed after three of four steps."""
    begin(rank, port)

    def stop(step, _):
        if rank == 1 and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        train(small_host("hsic"), WORLD, changed(sharding="fsdp"), folder / "run", on_step=stop)
    except ConnectionError as error:
        (folder / "line.txt").write_text(str(error))
        os._exit(3)  # not through the end of a process group that has lost a member


def resumed_rank(rank, folder, port):
    begin(rank, port)
    rows = losses(train(small_host("hsic"), WORLD, changed(sharding="fsdp"), folder / "run"))
    (folder / f"resumed-{rank}.json").write_text(json.dumps(rows))


SCORED = {"n": 7, "seed": 4, "at_once": 3}  # neither a multiple of two


def results_of(model):
    """Answers, reconstructions and drawn images, as lists."""
    batch = WORLD.batch(SCORED["n"], torch.Generator().manual_seed(4))
    drawn = generate_images(model, batch.captions, torch.Generator().manual_seed(5), at_once=3)
    seen = reconstruct(model, batch.images, at_once=3)
    answers = answer_batch(model, batch, at_once=3)
    return {"answers": answers.tolist(), "seen": seen.flatten().tolist(), "drawn": drawn.flatten().tolist()}


def evaluated_rank(rank, folder, port):
    """What every host answers, reconstructs and draws, whole and sharded, and the scores of one."""
    begin(rank, port)
    torch.distributed.init_process_group("gloo")
    found = {"evaluate": evaluate(small_host("hsic"), WORLD, **SCORED)}
    for case in CASES:
        for sharded in (False, True):
            model = small_host(case)
            if sharded:
                shard(model, torch.device("cpu"), 2)
            found[f"{case}, {sharded}"] = results_of(model)
    torch.distributed.destroy_process_group()
    (folder / f"scores-{rank}.json").write_text(json.dumps(found))


RUN = {"steps": 2, "tokenizer_steps": 2, "held_out": 5, "layers": 1, "heads": 2, "hidden": 16}
COMPARING = {"bound": "infonce", "compression": 0.0, "consistency": 1.0}  # the images of all processes


def a_run(folder=""):
    """A run of the experiment, without its times."""
    row = train_and_score("masked", COMPARING, 3, **RUN, folder=folder)
    return {name: value for name, value in row.items() if name != "seconds"}


def run_rank(rank, folder, port):
    begin(rank, port)
    row = a_run(str(folder / "kept"))
    (folder / f"run-{rank}.json").write_text(json.dumps(row))


def on_ranks(target, folder: Path):
    """The exit codes of `target(rank, folder, port)` in two processes."""
    port = free_port()
    return ended([started(target, rank, folder, port) for rank in range(2)])
