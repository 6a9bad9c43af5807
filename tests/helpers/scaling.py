"""Two gloo processes that train one host through `train`, by DDP or by FSDP, and what each of them ends with."""

import json
import multiprocessing
import os
import signal
import socket
import warnings
from pathlib import Path

import torch
from accelerate.state import AcceleratorState
from trainings import WORLD, losses

from infotok.experiments import plan
from infotok.experiments.hosts import make_host
from infotok.unified import TrainConfig, train

STEPS = TrainConfig(steps=4, batch=8, questions=2, warmup=1, weight_decay=0.0, save_every=2, log_every=1, seed=3)
TERMS = {
    "contrastive": {"estimator": "variational", "bound": "infonce", "compression": 0.0, "consistency": 0.5},
    "hsic": {"estimator": "hsic", "compression": 1.0, "consistency": 1.0},
}


def host_with(terms, host="masked"):
    """A host whose InfoTok has these terms; its moving statistics are those of all processes."""
    return make_host(host, {**plan.options(host, "baseline"), "infotok": TERMS[terms]}, seed=0, world=WORLD)


def changed(**changes):
    return TrainConfig(**{**vars(STEPS), **changes})


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
