"""ShapesWorld: rendered scenes of known entropy with captions, questions and prompts.

- `world`       `ShapesWorld`: draws, renders, captions, and scores what is drawn
- `settings`    what follows from its settings alone: vocabulary, renderer, entropies
- `batch`       its batches: `ShapesBatch`
- `scenes`      the objects of a scene: `Scenes`, their distribution and the splits
- `render`      rendering: scenes to pixels
- `text`        captions and the vocabulary
- `questions`   questions with exact answers
- `benchmarks`  yes/no questions in pairs: `pope`, `mme`
- `prompts`     prompts for generation, in GenEval's schema
- `parser`      scenes recovered from images by least squares: `parse`, `Reading`, `score_cells`
- `following`   images against prompts, as GenEval does: `score_generations`, `follows`
- `factors`     factors of scenes as labels, for probes
- `features`    features of images for distances between sets: `ShapesFeatures`, `shapes_features`, `train_features`
"""

from infotok.worlds.shapes.batch import ShapesBatch
from infotok.worlds.shapes.benchmarks import mme, pope
from infotok.worlds.shapes.features import ShapesFeatures, shapes_features, train_features
from infotok.worlds.shapes.following import follows, score_generations
from infotok.worlds.shapes.parser import Reading, parse, score_cells
from infotok.worlds.shapes.questions import KINDS
from infotok.worlds.shapes.scenes import COLOURS, PLACES, RELATIONS, SHAPES, SIZES, Scenes, leaks
from infotok.worlds.shapes.text import Vocabulary
from infotok.worlds.shapes.world import ShapesWorld

__all__ = [
    "COLOURS",
    "KINDS",
    "PLACES",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "Reading",
    "Scenes",
    "ShapesBatch",
    "ShapesFeatures",
    "ShapesWorld",
    "Vocabulary",
    "follows",
    "leaks",
    "mme",
    "parse",
    "pope",
    "score_cells",
    "score_generations",
    "shapes_features",
    "train_features",
]
