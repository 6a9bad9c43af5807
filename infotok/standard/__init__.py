"""Standard benchmarks: lmms-eval, GenEval and CLIPScore, for our models and published ones, on our worlds and others.

- `tasks`             ShapesWorld and OpenMojiWorld as tasks of lmms-eval: `export_tasks`
- `scoring`           exported tasks scored without lmms-eval: `score_questions`, `score_prompts`
- `hosts`             a unified model asked in sentences: `open_host`, `HostModel`
- `published_models`  an attached published model asked in sentences: `open_published`, `PublishedModel`
- `lmms_eval_plugin`, `lmms_eval_models`, `lmms_eval_tasks`   both as models of lmms-eval, which is no dependency
- `geneval`           prompts in GenEval's schema judged by detections: `judge`, `score_geneval`
- `geneval_prompts`   these prompts from a file: `read_prompts`
- `photographs`       the same judge on annotated photographs: `photograph_ceiling`
- `detectors`         detectors of `transformers`: `open_detector`
- `colours`           names for the colours in boxes: `clip_colours`, `nearest_colours`
- `clip_score`        CLIPScore with a CLIP that you give: `open_clip`, `score_captions`

Frechet distance and KID are `infotok.evaluation.score_fidelity`. See `docs/evaluation.md`.
"""

from infotok.standard.clip_score import open_clip, score_captions
from infotok.standard.colours import clip_colours, nearest_colours
from infotok.standard.detectors import Detector, open_detector
from infotok.standard.geneval import Detections, Verdict, judge, score_geneval
from infotok.standard.geneval_prompts import read_prompts
from infotok.standard.hosts import HostModel, open_host
from infotok.standard.photographs import Annotation, photograph_ceiling, true_prompts
from infotok.standard.published_models import PublishedModel, open_published
from infotok.standard.scoring import score_prompts, score_questions
from infotok.standard.tasks import export_tasks, read_prompts_of, read_questions, world_of

__all__ = [
    "Annotation",
    "Detections",
    "Detector",
    "HostModel",
    "PublishedModel",
    "Verdict",
    "clip_colours",
    "export_tasks",
    "judge",
    "nearest_colours",
    "open_clip",
    "open_detector",
    "open_host",
    "open_published",
    "photograph_ceiling",
    "read_prompts",
    "read_prompts_of",
    "read_questions",
    "score_captions",
    "score_geneval",
    "score_prompts",
    "score_questions",
    "true_prompts",
    "world_of",
]
