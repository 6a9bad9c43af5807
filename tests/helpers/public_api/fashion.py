"""Good calls of `infotok.worlds.FashionWorld`, on a small folder of drawn photographs."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from clothes import small_folder

from infotok import worlds as own

_KEPT = TemporaryDirectory()  # until the tests end
FOLDER = str(small_folder(Path(_KEPT.name)))
WORLD = own.FashionWorld(nuisance=0.5, folder=FOLDER)
BATCH = WORLD.batch(6, torch.Generator().manual_seed(0), questions=3)
SCENES = BATCH.scenes


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def scenes(function):
    return function, lambda: {"scenes": SCENES}


CALLS = {
    "FashionBatch.to": (BATCH.to, lambda: {"device": "cpu"}),
    "FashionWorld": (
        own.FashionWorld,
        lambda: {"size": 32, "nuisance": 0.5, "jitter": 1, "split": "train", "folder": FOLDER, "text": "attributes"},
    ),
    "FashionWorld.sample": (WORLD.sample, lambda: {"n": 3, "generator": seeded()}),
    "FashionWorld.render": (WORLD.render, lambda: {"scenes": SCENES, "generator": seeded()}),
    "FashionWorld.redraw": (WORLD.redraw, lambda: {"batch": BATCH, "generator": seeded(), "keep_offsets": True}),
    "FashionWorld.foreground": scenes(WORLD.foreground),
    "FashionWorld.asked": (WORLD.asked, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "FashionWorld.batch": (WORLD.batch, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "FashionWorld.caption_ids": scenes(WORLD.caption_ids),
    "FashionWorld.caption_vector": scenes(WORLD.caption_vector),
    "FashionWorld.captions": scenes(WORLD.captions),
    "FashionWorld.scenes_of": (WORLD.scenes_of, lambda: {"captions": ["empty", "top-left bag bottom-left coat"]}),
    "FashionWorld.prompts": (WORLD.prompts, lambda: {"n": 6, "generator": seeded()}),
    "FashionWorld.with_split": (WORLD.with_split, lambda: {"split": "test"}),
    "FashionWorld.read": (WORLD.read, lambda: {"images": BATCH.images}),
    "FashionWorld.score_cells": (WORLD.score_cells, lambda: {"images": BATCH.images, "scenes": SCENES}),
    "FashionWorld.score_generations": (
        WORLD.score_generations,
        lambda: {"images": BATCH.images, "prompts": WORLD.prompts(6, seeded())},
    ),
    "FashionWorld.novelty": scenes(WORLD.novelty),
    "FashionWorld.factors": scenes(WORLD.factors),
    "FashionWorld.surplus": scenes(WORLD.surplus),
}
