"""Good calls of `infotok.published`."""

import tempfile
from pathlib import Path

import torch
from published_models import CODES, PIXELS, TEXT, batch_of, published
from published_processors import processor_of

from infotok import published as own
from public_api.worlds import seeded

MODEL = published("chameleon")
BATCH = batch_of("chameleon", 2)
OPTIONS = {"compression": 0.01, "consistency": 1.0, "text_dim": TEXT}
ATTACHED = own.attach(MODEL, OPTIONS, near=4, decoder=lambda codes: codes[:, None].float()).eval()
SAVED, HUB = tempfile.mkdtemp(), tempfile.mkdtemp()
ATTACHED.save(SAVED)
MODEL.save_pretrained(HUB)
PROCESSOR = tempfile.mkdtemp()
processor_of("chameleon").save_pretrained(PROCESSOR)
Z, CODEBOOK = torch.randn(3, 2, generator=seeded()), torch.randn(5, 2, generator=seeded())
TABLE, ROWS = torch.randn(7, 4, generator=seeded()), torch.tensor([6, 0, 3, 1, 2])
LEARNED = {"through": "soft", "near": 4, "temperature": 0.5, "path": "vq", "frozen": False, "lora": 0}
LEARNED |= {"understanding": 1.0, "generation": 1.0, "quantizer": 1.0, "generation_gradient": True}
DRAWING = {"guidance": 1.5, "unconditional": BATCH["prompts"][:1], "temperature": 1.0, "cached": True}
SENTENCES = {"questions": ["what is it?", "where is it?"], "answers": ["red", "new york"], "captions": ["a", "it"]}


def new(values: dict):
    """The arguments, with a generator of their own."""
    return lambda: values | ({"generator": seeded()} if "generator" in values else {})


def entered(attached, sharding="none", run_dir=None):
    """The module inside `over_processes`."""
    with own.over_processes(attached, sharding, run_dir) as module:
        return module


CALLS = {
    "attach": (own.attach, new({"model": MODEL, "infotok": OPTIONS, **LEARNED, "decoder": lambda codes: codes})),
    "load": (own.load, new({"folder": SAVED, "model": MODEL, "decoder": lambda codes: codes})),
    "open_model": (own.open_model, new({"folder": HUB, "dtype": torch.float32})),
    "hub_folder": (own.hub_folder, new({"name": HUB, "kind": "model"})),
    "open_processor": (own.open_processor, new({"folder": PROCESSOR})),
    "outline": (own.outline, new({"name": "Janus-Pro-1B"})),
    "footprint": (
        own.footprint,
        new({"model": MODEL, "lora": 2, "images": 2, "pixels": PIXELS, "words": 4, "near": 4, "dtype": "float32"}),
    ),
    "what_fits": (own.what_fits, new({"names": ["Janus-Pro-1B"]})),
    "over_processes": (entered, new({"attached": ATTACHED, "sharding": "none", "run_dir": SAVED})),
    "prepare": (
        own.prepare,
        new(
            {
                "processor": processor_of("chameleon"),
                "images": torch.full((2, 3, PIXELS, PIXELS), 0.5),
                **SENTENCES,
                "text": BATCH["text"],
            }
        ),
    ),
    "soft_mixture": (
        own.soft_mixture,
        new({"z": Z, "codebook": CODEBOOK, "table": TABLE, "rows": ROWS, "near": 2, "temperature": 0.5}),
    ),
    "linear_map": (own.linear_map, new({"codebook": CODEBOOK, "table": TABLE, "rows": ROWS})),
    "with_gradient_of": (own.with_gradient_of, new({"surrogate": Z, "value": Z + 1})),
    "Attached.loss": (ATTACHED.loss, new({"batch": BATCH, "generator": None})),
    "Attached.tokens": (ATTACHED.tokens, new({"pixels": BATCH["pixel_values"]})),
    "Attached.decode": (ATTACHED.decode, new({"codes": torch.arange(CODES).view(1, 4, 4)})),
    "Attached.answer": (ATTACHED.answer, new({"batch": {k: v for k, v in BATCH.items() if k != "labels"}})),
    "Attached.draw": (ATTACHED.draw, new({"prompts": BATCH["prompts"], "grid": (1, 2), **DRAWING, "generator": None})),
    "Attached.generate": (ATTACHED.generate, new({"prompts": BATCH["prompts"], "grid": (1, 2), "generator": None})),
    "Attached.save": (ATTACHED.save, lambda: {"folder": Path(tempfile.mkdtemp()), "step": 3}),
    "Attached.restore": (ATTACHED.restore, new({"folder": SAVED})),
}
