"""Good calls of `infotok.worlds.OpenMojiWorld`."""

import torch

from infotok import worlds as own

WORLD = own.OpenMojiWorld(objects=12, nuisance=0.5)
BATCH = WORLD.batch(6, torch.Generator().manual_seed(0), questions=3)
SCENES = BATCH.scenes


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def scenes(function):
    return function, lambda: {"scenes": SCENES}


CALLS = {
    "OpenMojiBatch.to": (BATCH.to, lambda: {"device": "cpu"}),
    "OpenMojiWorld": (
        own.OpenMojiWorld,
        lambda: {
            "objects": 12,
            "size": 32,
            "nuisance": 0.5,
            "jitter": 1,
            "scales": (10, 14),
            "name_sizes": False,
            "split": "train",
            "text": "attributes",
            "style": "openmoji",
        },
    ),
    "OpenMojiWorld.sample": (WORLD.sample, lambda: {"n": 3, "generator": seeded()}),
    "OpenMojiWorld.render": (WORLD.render, lambda: {"scenes": SCENES, "generator": seeded()}),
    "OpenMojiWorld.redraw": (
        WORLD.redraw,
        lambda: {"batch": BATCH, "generator": seeded(), "keep_offsets": True},
    ),
    "OpenMojiWorld.foreground": scenes(WORLD.foreground),
    "OpenMojiWorld.asked": (WORLD.asked, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "OpenMojiWorld.batch": (WORLD.batch, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "OpenMojiWorld.caption_ids": scenes(WORLD.caption_ids),
    "OpenMojiWorld.caption_vector": scenes(WORLD.caption_vector),
    "OpenMojiWorld.captions": scenes(WORLD.captions),
    "OpenMojiWorld.scenes_of": (WORLD.scenes_of, lambda: {"captions": ["empty", "top-left ant bottom-left axe"]}),
    "OpenMojiWorld.prompts": (WORLD.prompts, lambda: {"n": 6, "generator": seeded()}),
    "OpenMojiWorld.with_split": (WORLD.with_split, lambda: {"split": "test"}),
    "OpenMojiWorld.read": (WORLD.read, lambda: {"images": BATCH.images}),
    "OpenMojiWorld.score_cells": (WORLD.score_cells, lambda: {"images": BATCH.images, "scenes": SCENES}),
    "OpenMojiWorld.score_generations": (
        WORLD.score_generations,
        lambda: {"images": BATCH.images, "prompts": WORLD.prompts(6, seeded())},
    ),
    "OpenMojiWorld.novelty": scenes(WORLD.novelty),
    "OpenMojiWorld.factors": scenes(WORLD.factors),
    "OpenMojiWorld.surplus": scenes(WORLD.surplus),
}
