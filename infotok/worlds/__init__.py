"""Data sources with known answers: samplers whose mutual information, entropies or labels are exact.

- `gaussians`    continuous pairs with known mutual information: `JointGaussian`, `JointStudentT`, `AdditiveUniform`
- `transforms`   one-to-one maps that keep it: `Transformed`, `Spiral`, `swiss_roll`, maps of single coordinates
- `discrete`     finite sources: `DiscreteSource`, `BinarySymmetricSource`, `ErasureSource`, `HierarchicalSource`
- `channels`     mixtures and real images of known information: `StepUniform`, `GaussianWithAtoms`, `ImageChannel`
- `tasks`        the benchmark tasks of estimators: `beyond_normal` (forty), `staircase`
- `captures`     cards re-imaged in four capture domains, live or spoofed: `CaptureWorld`, `Captures`; `load_captures`
                 reads one's own from folders (`capture_folders`)
- `digits`       real images with labels: `load_images`, `ImageWorld`, `Split`
- `nuisance`     digits under a labelled texture or second digit: `NuisanceDigits`
- `clutter`      small pictures anywhere on a smooth random background: `ClutterWorld`
- `shapes`       rendered scenes of known entropy with captions and questions: `ShapesWorld`, `ShapesBatch`; their
                 parser, benchmarks and features: `parse`, `pope`, `mme`, `shapes_features`
- `openmoji`     scenes of emoji drawings with their Unicode names: `OpenMojiWorld`, `OpenMojiBatch`
- `fashion`      scenes of photographs of clothing: `FashionWorld`, `FashionBatch`
- `grid`         the structures of 2 x 2 scenes of named objects, and their splits
- `image_text`   one's own images and text: `open_records`, `ImageTextWorld`, `build_vocabulary`, `TextVocabulary`,
                 `TokenVocabulary`
- `captions`     captions as numbers: 0/1 attributes, or what a function of sentences gives
- `sentences`    sentence embeddings of captions: `SentenceEncoder`
- `batch`        what batches of all worlds have: `TextBatch`
- `source`       the protocols of data sources: `Batch`, `BatchSource`, `World`, `Redraws`, `Asks`, `Benchmarks`,
                 `Factors`
"""

from infotok.worlds.capture_folders import load_captures
from infotok.worlds.captures import Captures, CaptureWorld
from infotok.worlds.channels import GaussianWithAtoms, ImageChannel, StepUniform
from infotok.worlds.clutter import ClutterWorld
from infotok.worlds.digits import ImageWorld, Split, load_images
from infotok.worlds.discrete import BinarySymmetricSource, DiscreteSource, ErasureSource, HierarchicalSource
from infotok.worlds.fashion import FashionBatch, FashionWorld
from infotok.worlds.gaussians import AdditiveUniform, JointGaussian, JointStudentT
from infotok.worlds.image_text import (
    ImageTextBatch,
    ImageTextWorld,
    TextVocabulary,
    TokenVocabulary,
    build_vocabulary,
    open_records,
)
from infotok.worlds.nuisance import NuisanceDigits
from infotok.worlds.openmoji import OpenMojiBatch, OpenMojiWorld
from infotok.worlds.sentences import SentenceEncoder
from infotok.worlds.shapes import (
    COLOURS,
    KINDS,
    PLACES,
    RELATIONS,
    SHAPES,
    SIZES,
    Reading,
    Scenes,
    ShapesBatch,
    ShapesFeatures,
    ShapesWorld,
    Vocabulary,
    follows,
    leaks,
    mme,
    parse,
    pope,
    score_cells,
    score_generations,
    shapes_features,
    train_features,
)
from infotok.worlds.source import Asks, Batch, BatchSource, Benchmarks, Factors, Redraws, World
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
    "Asks",
    "Batch",
    "BatchSource",
    "Benchmarks",
    "Bimodal",
    "BinarySymmetricSource",
    "CaptureWorld",
    "Captures",
    "ClutterWorld",
    "DiscreteSource",
    "ErasureSource",
    "Factors",
    "FashionBatch",
    "FashionWorld",
    "GaussianWithAtoms",
    "HierarchicalSource",
    "ImageChannel",
    "ImageTextBatch",
    "ImageTextWorld",
    "ImageWorld",
    "JointGaussian",
    "JointStudentT",
    "NuisanceDigits",
    "OpenMojiBatch",
    "OpenMojiWorld",
    "Reading",
    "Redraws",
    "Scenes",
    "SentenceEncoder",
    "ShapesBatch",
    "ShapesFeatures",
    "ShapesWorld",
    "Spiral",
    "Split",
    "StepUniform",
    "Task",
    "TextVocabulary",
    "TokenVocabulary",
    "Transformed",
    "Vocabulary",
    "Wiggly",
    "World",
    "asinh",
    "beyond_normal",
    "build_vocabulary",
    "cubic",
    "follows",
    "half_cube",
    "leaks",
    "load_captures",
    "load_images",
    "mme",
    "normal_cdf",
    "open_records",
    "parse",
    "pope",
    "score_cells",
    "score_generations",
    "shapes_features",
    "staircase",
    "swiss_roll",
    "train_features",
]
