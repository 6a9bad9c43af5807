"""FashionWorld: scenes of photographs of clothing, of known entropy, with captions, questions and prompts.

- `world`        `FashionWorld`, and `evaluated`: what evaluation asks of it
- `batch`        its batches: `FashionBatch`
- `photographs`  Fashion-MNIST from its files: `load_photographs`
- `scenes`       what a scene shows: `FashionScenes`
- `render`       rendering: scenes to pixels
- `text`         the vocabulary; captions are OpenMojiWorld's
- `questions`    questions with exact answers
- `reader`       a classifier of cells: scenes recovered from images; `train_reader` makes its weights
- `factors`      labels of the factors of a scene, for probes
"""

from infotok.worlds.fashion.batch import FashionBatch
from infotok.worlds.fashion.photographs import load_photographs
from infotok.worlds.fashion.reader import train_reader
from infotok.worlds.fashion.world import FashionWorld

__all__ = ["FashionBatch", "FashionWorld", "load_photographs", "train_reader"]
