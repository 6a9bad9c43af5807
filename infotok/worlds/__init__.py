"""Data with known answers.

- `gaussians`    pairs that carry their mutual information: `JointGaussian`, `JointStudentT`, `AdditiveUniform`
- `transforms`   the same information in other coordinates: `Transformed`, `Spiral`, `swiss_roll`, many margins
- `discrete`     finite sources: `DiscreteSource`, `BinarySymmetricSource`, `ErasureSource`, `HierarchicalSource`
- `channels`     atoms and real images, known: `StepUniform`, `GaussianWithAtoms`, `ImageChannel`
- `tasks`        what estimators are examined on: `beyond_normal`, the forty; `staircase`
- `digits`       real images with labels: `load_images`, `ImageWorld`, `Split`
- `nuisance`     digits with a labelled texture or second digit laid over: `NuisanceDigits`
- `shapes`       small scenes whose every bit is accounted for, captioned and asked about: `ShapesWorld`, `ShapesBatch`
- `source`       the protocols of data sources: `Batch`, `BatchSource`, `World`
"""

from infotok.worlds.channels import GaussianWithAtoms, ImageChannel, StepUniform
from infotok.worlds.digits import ImageWorld, Split, load_images
from infotok.worlds.discrete import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource
from infotok.worlds.gaussians import AdditiveUniform, JointGaussian, JointStudentT
from infotok.worlds.nuisance import NuisanceDigits
from infotok.worlds.shapes import (
    COLOURS,
    KINDS,
    PLACES,
    RELATIONS,
    SHAPES,
    SIZES,
    Scenes,
    ShapesBatch,
    ShapesWorld,
    Vocabulary,
    leaks,
)
from infotok.worlds.source import Batch, BatchSource, World
from infotok.worlds.tasks import Task, beyond_normal, staircase
from infotok.worlds.transforms import (
    Bimodal,
    Spiral,
    Transformed,
    Wiggly,
    asinh,
    cubic,
    half_cube,
    normal_cdf,
    swiss_roll,
)

__all__ = [
    "COLOURS",
    "KINDS",
    "PLACES",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "AdditiveUniform",
    "Batch",
    "BatchSource",
    "Bimodal",
    "BinarySymmetricSource",
    "DiscreteSource",
    "ErasureSource",
    "GaussianWithAtoms",
    "HierarchicalSource",
    "ImageChannel",
    "ImageWorld",
    "JointGaussian",
    "JointStudentT",
    "NuisanceDigits",
    "Scenes",
    "ShapesBatch",
    "ShapesWorld",
    "Spiral",
    "Split",
    "StepUniform",
    "Task",
    "Transformed",
    "Vocabulary",
    "Wiggly",
    "World",
    "asinh",
    "beyond_normal",
    "cubic",
    "half_cube",
    "leaks",
    "load_images",
    "normal_cdf",
    "staircase",
    "swiss_roll",
]
