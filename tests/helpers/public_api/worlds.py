"""Good calls of `infotok.worlds`."""

import numpy as np
import torch

from infotok import worlds as own
from infotok.worlds.shapes import features
from public_api import captures, fashion, image_text, openmoji
from public_api.stopping import stopped

WORLD = own.ShapesWorld(nuisance=0.5)
BATCH = WORLD.batch(6, torch.Generator().manual_seed(0), questions=3)
SCENES = BATCH.scenes
MANY = WORLD.batch(120, torch.Generator().manual_seed(0), questions=1)
PROMPTS = WORLD.prompts(6, torch.Generator().manual_seed(0))
X = np.random.default_rng(0).standard_normal((6, 2))
COV = np.array([[1.0, 0.4, 0.1], [0.4, 1.0, 0.2], [0.1, 0.2, 1.0]])
NORMAL = own.JointGaussian.correlated(1, 0.5)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def draws(world):
    return world.sample, lambda: {"n": 5, "seed": 0}


def scenes(function):
    return function, lambda: {"scenes": SCENES}


CALLS = {
    "AdditiveUniform": (own.AdditiveUniform, lambda: {"eps": 0.1}),
    "AdditiveUniform.sample": draws(own.AdditiveUniform(0.1)),
    "Bimodal": (own.Bimodal, lambda: {"weight": 0.3, "left": 0.0, "right": 5.0}),
    "Bimodal call": (own.Bimodal(0.3, 0.0, 5.0), lambda: {"u": np.array([[0.1], [0.7]])}),
    "BinarySymmetricSource": (own.BinarySymmetricSource, lambda: {"flip": 0.1}),
    "BinarySymmetricSource.relevance": (
        own.BinarySymmetricSource(0.1).relevance,
        lambda: {"rate": np.array([0.1, 0.3])},
    ),
    "BinarySymmetricSource.optimum": (own.BinarySymmetricSource(0.1).optimum, lambda: {"beta": 2.5}),
    "DiscreteSource": (own.DiscreteSource, lambda: {"p_xy": np.array([[0.2, 0.3], [0.4, 0.1]])}),
    "DiscreteSource.sample": draws(own.ErasureSource(0.3)),
    "ErasureSource": (own.ErasureSource, lambda: {"erasure": 0.3, "symbols": 3}),
    "ErasureSource.relevance": (own.ErasureSource(0.3).relevance, lambda: {"rate": np.array([0.1, 0.3])}),
    "GaussianWithAtoms": (own.GaussianWithAtoms, lambda: {"rho": 0.9, "agree": 0.8, "weight": 0.5}),
    "GaussianWithAtoms.sample": draws(own.GaussianWithAtoms()),
    "HierarchicalSource": (own.HierarchicalSource, lambda: {"branching": (2, 3), "fidelity": (0.9, 0.8)}),
    "ImageChannel": (own.ImageChannel, lambda: {"flip": 0.1, "classes": (0, 1), "name": "digits", "root": "data"}),
    "ImageChannel.sample": draws(own.ImageChannel()),
    "JointGaussian": (own.JointGaussian, lambda: {"cov": COV, "dim_x": 1}),
    "JointGaussian.correlated": (own.JointGaussian.correlated, lambda: {"dim": 2, "rho": 0.5}),
    "JointGaussian.with_information": (own.JointGaussian.with_information, lambda: {"dim": 2, "nats": 1.5}),
    "JointGaussian.dense": (own.JointGaussian.dense, lambda: {"dim_x": 2, "dim_y": 1, "correlation": 0.3}),
    "JointGaussian.sparse": (own.JointGaussian.sparse, lambda: {"dim_x": 2, "dim_y": 3, "pairs": 1, "rho": 0.5}),
    "JointGaussian.sample": draws(NORMAL),
    "JointStudentT": (own.JointStudentT, lambda: {"dispersion": COV, "dof": 2.5, "dim_x": 1}),
    "JointStudentT.sample": draws(own.JointStudentT(COV, 2.5, 1)),
    "ClutterWorld": (
        own.ClutterWorld,
        lambda: {"pictures": "fashion", "size": 20, "clutter": 0.1, "contrast": 0.5, "folder": fashion.FOLDER},
    ),
    "ClutterWorld.sample": (own.ClutterWorld().sample, lambda: {"n": 3, "seed": 0, "split": "train"}),
    "NuisanceDigits": (own.NuisanceDigits, lambda: {"nuisance": "texture", "strength": 0.7}),
    "NuisanceDigits.sample": (own.NuisanceDigits().sample, lambda: {"n": 3, "seed": 0, "split": "train"}),
    "Scenes.to": (SCENES.to, lambda: {"device": "cpu"}),
    "SentenceEncoder": (own.SentenceEncoder, lambda: {"device": "cpu", "batch": 4, "cache": 8}),
    "ShapesBatch.to": (BATCH.to, lambda: {"device": "cpu"}),
    "ShapesWorld": (
        own.ShapesWorld,
        lambda: {
            "size": 32,
            "nuisance": 0.5,
            "jitter": 2,
            "name_offsets": False,
            "split": "train",
            "text": "attributes",
        },
    ),
    "ShapesWorld.sample": (WORLD.sample, lambda: {"n": 3, "generator": seeded()}),
    "ShapesWorld.render": (WORLD.render, lambda: {"scenes": SCENES, "generator": seeded()}),
    "ShapesWorld.redraw": (
        WORLD.redraw,
        lambda: {"batch": BATCH, "generator": seeded(), "keep_offsets": True},
    ),
    "ShapesWorld.foreground": scenes(WORLD.foreground),
    "ShapesWorld.asked": (WORLD.asked, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "ShapesWorld.batch": (WORLD.batch, lambda: {"n": 3, "generator": seeded(), "questions": 2}),
    "ShapesWorld.caption_ids": scenes(WORLD.caption_ids),
    "ShapesWorld.caption_vector": scenes(WORLD.caption_vector),
    "ShapesWorld.captions": scenes(WORLD.captions),
    "ShapesWorld.novelty": scenes(WORLD.novelty),
    "ShapesWorld.scenes_of": (WORLD.scenes_of, lambda: {"captions": ["empty", "top-left small red circle"]}),
    "ShapesWorld.prompts": (WORLD.prompts, lambda: {"n": 6, "generator": seeded()}),
    "ShapesWorld.with_split": (WORLD.with_split, lambda: {"split": "test"}),
    "ShapesWorld.score_generations": (
        WORLD.score_generations,
        lambda: {"images": BATCH.images, "prompts": PROMPTS},
    ),
    "ShapesWorld.score_cells": (WORLD.score_cells, lambda: {"images": BATCH.images, "scenes": SCENES}),
    "ShapesWorld.pope": (
        WORLD.pope,
        lambda: {"batch": BATCH, "negatives": "random", "generator": seeded(), "questions": 4},
    ),
    "ShapesWorld.mme": (WORLD.mme, lambda: {"batch": BATCH, "generator": seeded()}),
    "ShapesWorld.factors": scenes(WORLD.factors),
    "ShapesWorld.surplus": scenes(WORLD.surplus),
    "ShapesFeatures": (own.ShapesFeatures, lambda: {"width": 2}),
    "ShapesFeatures.forward": (own.shapes_features(), lambda: {"images": BATCH.images}),
    "train_features": (
        stopped(own.train_features, features, "ShapesFeatures"),
        lambda: {"steps": 4, "batch": 1, "seed": 0},
    ),
    "parse": (own.parse, lambda: {"images": BATCH.images, "world": WORLD}),
    "score_cells": (own.score_cells, lambda: {"images": BATCH.images, "scenes": SCENES, "world": WORLD}),
    "follows": (own.follows, lambda: {"cells": SCENES.cells[0], "prompt": PROMPTS[5]}),
    "score_generations": (own.score_generations, lambda: {"images": BATCH.images, "prompts": PROMPTS, "world": WORLD}),
    "pope": (
        own.pope,
        lambda: {"batch": BATCH, "world": WORLD, "negatives": "random", "generator": seeded(), "questions": 4},
    ),
    "mme": (own.mme, lambda: {"batch": BATCH, "world": WORLD, "generator": seeded()}),
    "Spiral": (own.Spiral, lambda: {"speed": 1.0, "i": 0, "j": 1}),
    "Spiral call": (own.Spiral(), lambda: {"x": X}),
    "StepUniform": (own.StepUniform, lambda: {"symbols": 3}),
    "StepUniform.sample": draws(own.StepUniform(3)),
    "Transformed": (own.Transformed, lambda: {"base": NORMAL, "map_x": own.cubic, "map_y": own.cubic}),
    "Transformed.sample": draws(own.Transformed(NORMAL, own.cubic, own.cubic)),
    "Vocabulary": (own.Vocabulary, lambda: {"jitter": 1}),
    "Vocabulary.ids": (WORLD.vocabulary.ids, lambda: {"words": ["red", "circle"]}),
    "Vocabulary.encode": (WORLD.vocabulary.encode, lambda: {"sentences": ["red circle", "empty"], "length": 3}),
    "Vocabulary.decode": (WORLD.vocabulary.decode, lambda: {"ids": BATCH.captions}),
    "Wiggly": (own.Wiggly, lambda: {"amplitudes": (0.4, 0.2), "frequencies": (1.0, 1.7), "phases": (0.0, 1.0)}),
    "Wiggly call": (own.Wiggly((0.4, 0.2), (1.0, 1.7), (0.0, 1.0)), lambda: {"x": X}),
    **{f.__name__: (f, lambda: {"x": X}) for f in (own.asinh, own.cubic, own.half_cube, own.normal_cdf)},
    "swiss_roll": (own.swiss_roll, lambda: {"u": np.array([[0.1], [0.7]])}),
    "beyond_normal": (
        own.beyond_normal,
        lambda: {"rho": 0.75, "dense": 0.5, "pair": 0.8, "speed": 1.0, "eps": (0.1, 0.75)},
    ),
    "staircase": (own.staircase, lambda: {"dim": 3, "nats": (2.0, 4.0), "map_y": own.cubic}),
    "leaks": (own.leaks, lambda: {"a": SCENES, "b": SCENES}),
    "load_images": (own.load_images, lambda: {"name": "digits", "root": "data", "seed": 0, "download": False}),
}
CALLS |= fashion.CALLS | image_text.CALLS | openmoji.CALLS | captures.CALLS
