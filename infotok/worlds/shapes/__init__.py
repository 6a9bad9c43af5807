"""ShapesWorld: rendered scenes of known entropy with captions, questions and prompts.

- `world`      `ShapesWorld` and its batches: `ShapesBatch`
- `scenes`     the objects of a scene: `Scenes`, their distribution and the splits
- `render`     rendering: scenes to pixels
- `text`       captions and the vocabulary
- `questions`  questions with exact answers
- `prompts`    prompts for generation, in GenEval's schema
"""

from infotok.worlds.shapes.questions import KINDS
from infotok.worlds.shapes.scenes import COLOURS, PLACES, RELATIONS, SHAPES, SIZES, Scenes, leaks
from infotok.worlds.shapes.text import Vocabulary
from infotok.worlds.shapes.world import ShapesBatch, ShapesWorld

__all__ = [
    "COLOURS",
    "KINDS",
    "PLACES",
    "RELATIONS",
    "SHAPES",
    "SIZES",
    "Scenes",
    "ShapesBatch",
    "ShapesWorld",
    "Vocabulary",
    "leaks",
]
