"""OpenMojiWorld: scenes of emoji drawings of known entropy with captions, questions and prompts.

- `world`      `OpenMojiWorld`, and `evaluated`: what evaluation asks of it
- `batch`      its batches: `OpenMojiBatch`
- `objects`    the emoji: code points, names and kinds, from `objects.csv`
- `scenes`     the objects of a scene: `OpenMojiScenes`, their distribution and the splits
- `sprites`    drawings of emoji, reduced to cells
- `render`     rendering: scenes to pixels
- `text`       captions and the vocabulary
- `questions`  questions with exact answers
- `prompts`    prompts for generation, in GenEval's schema
- `reader`     scenes recovered from images; `scoring`: what of scenes and prompts is found
- `factors`    labels of the factors of a scene, for probes
"""

from infotok.worlds.openmoji.batch import OpenMojiBatch
from infotok.worlds.openmoji.world import OpenMojiWorld

__all__ = ["OpenMojiBatch", "OpenMojiWorld"]
