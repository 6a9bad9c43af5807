"""Good calls of `infotok.standard`."""

import json
import tempfile
from pathlib import Path

import hub_models
import torch
from published_models import PIXELS

from infotok import standard as own
from public_api.published import ATTACHED, HUB, SAVED
from public_api.published import processor_of as published_processor
from public_api.unified import FOLDER, model
from public_api.worlds import WORLD, seeded

IMAGES = torch.rand(2, 3, 32, 32, generator=seeded())
PROMPT = {"tag": "colors", "prompt": "a red cat", "include": [{"class": "cat", "count": 1, "color": "red"}]}
BOXES = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
FOUND = own.Detections(BOXES, ["cat", "dog"], torch.tensor([0.9, 0.8]))
ANNOTATION = own.Annotation(BOXES, ["cat", "dog"], ["red", "blue"])
CLIP, CLIP_PROCESSOR = hub_models.clip()
DETR, DETR_PROCESSOR = hub_models.detr()
CLIP_FOLDER, DETR_FOLDER, TASKS, LINES = (Path(tempfile.mkdtemp()) for _ in range(4))
for folder, parts in ((CLIP_FOLDER, (CLIP, CLIP_PROCESSOR)), (DETR_FOLDER, (DETR, DETR_PROCESSOR))):
    for part in parts:
        part.save_pretrained(folder)
published_processor("chameleon").save_pretrained(HUB)
own.export_tasks(WORLD, TASKS, 2, 0, 1)
(LINES / "prompts.jsonl").write_text(json.dumps(PROMPT))
HOST = own.HostModel(model("masked"))
PUBLISHED = own.PublishedModel(ATTACHED, published_processor("chameleon"), tokens=2, size=PIXELS)
QUESTION = ["is there a red circle ?"] * 2


def detect(images):
    return [FOUND] * len(images)


def red(image, boxes, name):
    return ["red"] * len(boxes)


CALLS = {
    "judge": (own.judge, lambda: {"prompt": PROMPT, "detections": FOUND, "image": IMAGES[0], "colour_of": red}),
    "read_prompts": (own.read_prompts, lambda: {"path": LINES / "prompts.jsonl"}),
    "score_geneval": (
        own.score_geneval,
        lambda: {"images": IMAGES, "prompts": [PROMPT] * 2, "detect": detect, "colour_of": red},
    ),
    "photograph_ceiling": (
        own.photograph_ceiling,
        lambda: {
            "photographs": list(IMAGES),
            "annotations": [ANNOTATION] * 2,
            "detect": detect,
            "colour_of": red,
            "seed": 0,
        },
    ),
    "true_prompts": (own.true_prompts, lambda: {"annotation": ANNOTATION, "generator": seeded(), "margin": 0.1}),
    "Detector": (
        own.Detector,
        lambda: {"model": DETR, "processor": DETR_PROCESSOR, "names": None, "threshold": 0.1, "at_once": 2},
    ),
    "open_detector": (
        own.open_detector,
        lambda: {"folder": DETR_FOLDER, "names": None, "threshold": 0.1, "at_once": 2, "device": "cpu"},
    ),
    "clip_colours": (
        own.clip_colours,
        lambda: {"model": CLIP, "processor": CLIP_PROCESSOR, "colours": ["red", "blue"]},
    ),
    "nearest_colours": (own.nearest_colours, lambda: {"palette": {"red": (1.0, 0.0, 0.0)}}),
    "open_clip": (own.open_clip, lambda: {"folder": CLIP_FOLDER}),
    "score_captions": (
        own.score_captions,
        lambda: {
            "images": IMAGES,
            "captions": ["a cat", "a dog"],
            "model": CLIP,
            "processor": CLIP_PROCESSOR,
            "at_once": 2,
        },
    ),
    "export_tasks": (
        own.export_tasks,
        lambda: {
            "world": WORLD,
            "folder": Path(tempfile.mkdtemp()),
            "n": 2,
            "seed": 0,
            "questions": 1,
            "split": "test",
        },
    ),
    "read_questions": (own.read_questions, lambda: {"folder": TASKS}),
    "read_prompts_of": (own.read_prompts_of, lambda: {"folder": TASKS}),
    "world_of": (own.world_of, lambda: {"folder": TASKS}),
    "score_questions": (
        own.score_questions,
        lambda: {"folder": TASKS, "answer": lambda images, questions: ["yes"] * len(questions)},
    ),
    "score_prompts": (own.score_prompts, lambda: {"folder": TASKS, "draw": lambda prompts: IMAGES[: len(prompts)]}),
    "open_host": (own.open_host, lambda: {"folder": FOLDER}),
    "HostModel": (own.HostModel, lambda: {"model": model("masked"), "at_once": 2, "seed": 0}),
    "HostModel.answer": (HOST.answer, lambda: {"images": IMAGES, "questions": QUESTION}),
    "HostModel.log_probabilities": (
        HOST.log_probabilities,
        lambda: {"images": IMAGES, "questions": QUESTION, "answers": ["yes", "no"]},
    ),
    "HostModel.draw": (HOST.draw, lambda: {"prompts": ["empty"]}),
    "open_published": (own.open_published, lambda: {"folder": HUB, "checkpoint": SAVED}),
    "PublishedModel": (
        own.PublishedModel,
        lambda: {
            "attached": ATTACHED,
            "processor": published_processor("chameleon"),
            "template": "{question}",
            "tokens": 2,
            "size": PIXELS,
            "seed": 0,
        },
    ),
    "PublishedModel.answer": (PUBLISHED.answer, lambda: {"images": IMAGES, "questions": ["what is it?"] * 2}),
    "PublishedModel.log_probabilities": (
        PUBLISHED.log_probabilities,
        lambda: {"images": IMAGES, "questions": ["what is it?"] * 2, "answers": ["red", "blue"]},
    ),
    "PublishedModel.draw": (PUBLISHED.draw, lambda: {"prompts": ["a red wall"]}),
}
