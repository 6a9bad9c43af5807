"""Good calls of `infotok.unified`."""

import tempfile
from functools import cache, wraps
from pathlib import Path
from unittest import mock

import huggingface_hub
import torch
from text_tokenizers import pieces
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from infotok import unified as own
from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import training
from infotok.worlds import TokenVocabulary
from public_api.stopping import stopped
from public_api.worlds import BATCH, WORLD, seeded

KINDS = {
    "autoregressive": ("vector", own.AutoregressiveModel),
    "masked": ("lookup_free", own.MaskedModel),
    "continuous": ("continuous", own.ContinuousModel),
}
IMAGES, CAPTIONS, QUESTIONS = BATCH.images[:2], BATCH.captions[:2], BATCH.questions[:2, :2]
WORDS = len(WORLD.vocabulary)


def parts(kind: str):
    quantizer = KINDS[kind][0]
    config = TokenizerConfig(
        grid=2,
        dim=4,
        width=4,
        quantizer=quantizer,
        quantizer_options={} if kind == "continuous" else {"codebook_size": 4},
    )
    return SharedTokenizer.from_config(config), own.Backbone.tiny(WORDS, hidden=8, layers=1, heads=2, positions=64)


@cache
def model(kind: str) -> own.UnifiedModel:
    torch.manual_seed(0)
    made = KINDS[kind][1](*parts(kind), WORLD.vocabulary)
    made.loss(BATCH, seeded())
    return made.eval()


@cache
def writer() -> own.UnifiedModel:
    """A model whose answers have several tokens."""
    text = TokenVocabulary(pieces(), ["red", "New York"], 6)
    tokenizer, _ = parts("masked")
    backbone = own.Backbone.tiny(len(text), hidden=8, layers=1, heads=2, positions=64)
    return own.MaskedModel(tokenizer, backbone, text).eval()


def new(values: dict):
    return lambda: values | ({"generator": seeded()} if "generator" in values else {})


BACKBONE = own.Backbone.tiny(9, hidden=8, layers=1, heads=2, positions=16).eval()
EMBEDDINGS = torch.randn(2, 3, 8, generator=seeded())
MASK, POSITIONS = own.block_mask(torch.zeros(2, 5, dtype=torch.long))
SHORT = MASK[:, :, :3, :3], POSITIONS[:, :3]
STATES, X = torch.randn(2, 3, 8, generator=seeded()), torch.randn(2, 3, 4, generator=seeded())
DEPTH, FLOW = own.CodeHead(8, 4, 2).eval(), own.FlowHead(4, 8, 8, 1).eval()
FOLDER = tempfile.mkdtemp()
model("masked").save_pretrained(FOLDER)
RUN = Path(tempfile.mkdtemp())
(RUN / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5}\n')
PLAN = {
    "steps": 2,
    "batch": 4,
    "questions": 2,
    "learning_rate": 1e-3,
    "warmup": 1,
    "weight_decay": 0.01,
    "clip": 5.0,
    "accumulate": 1,
    "gradient_checkpointing": False,
    "sharding": "none",
    "precision": "no",
    "muon": True,
    "seed": 0,
    "save_every": 2,
    "log_every": 1,
}
U = torch.full((2, 1), 0.5)


def constructor(kind: str):
    def arguments() -> dict:
        tokenizer, backbone = parts(kind)
        options = {"understanding": 1.0, "generation": 1.0, "drop": 0.1} | (
            {"width": 8, "depth": 1} if kind == "continuous" else {}
        )
        return {"tokenizer": tokenizer, "backbone": backbone, "vocabulary": WORLD.vocabulary, **options}

    return KINDS[kind][1], arguments


def methods(kind: str) -> dict:
    made, draw = (
        model(kind),
        {
            "autoregressive": {"temperature": 1.0},
            "masked": {"steps": 2, "temperature": 1.0, "choice_temperature": 1.0},
            "continuous": {"steps": 2},
        }[kind],
    )
    name = type(made).__name__
    u = torch.full((2, max(1, made._loss_draws)), 0.5)
    drawing = {"captions": CAPTIONS, "generator": None, "guidance": 1.5, "cached": True} | draw
    return {
        f"{name}.predict_tokens": (made.predict_tokens, new({"captions": CAPTIONS, "images": IMAGES, "u": u})),
        f"{name}.draw": (made.draw, new(drawing)),
        f"{name}.loss": (made.loss, new({"batch": BATCH, "generator": None})),
        f"{name}.answer": (made.answer, new({"images": IMAGES, "questions": QUESTIONS})),
        f"{name}.generate": (made.generate, new({"captions": CAPTIONS, "generator": None})),
    }


def stream() -> own.IncrementalDecoder:
    with torch.no_grad():
        return own.IncrementalDecoder(BACKBONE, EMBEDDINGS, MASK, POSITIONS)


def hub_folder() -> str:
    """A Llama of one layer with a tokenizer of whole words, in the hub's layout."""
    vocabulary = {word: i for i, word in enumerate(["<unk>", *WORLD.vocabulary.words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=None,
    )
    folder = tempfile.mkdtemp()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def offline(function):
    """`function` without a network, where a name on the hub is found at once not to be there."""

    @wraps(function)
    def call(**arguments):
        with mock.patch.object(huggingface_hub.constants, "HF_HUB_OFFLINE", True):
            return function(**arguments)

    return call


HUB = hub_folder()
CALLS = {
    **{KINDS[kind][1].__name__: constructor(kind) for kind in KINDS},
    "UnifiedModel": constructor("masked"),
    **{key: call for kind in KINDS for key, call in methods(kind).items()},
    "UnifiedModel.loss": (model("masked").loss, new({"batch": BATCH, "generator": None})),
    "UnifiedModel.answer": (model("masked").answer, new({"images": IMAGES, "questions": QUESTIONS, "listed": False})),
    "UnifiedModel.answer tokens": (writer().answer, new({"images": IMAGES, "questions": QUESTIONS, "listed": True})),
    "UnifiedModel.answer_log_probabilities": (
        writer().answer_log_probabilities,
        new({"images": IMAGES, "questions": QUESTIONS, "answers": writer().answer_ids[None].repeat(2, 1, 1)}),
    ),
    "UnifiedModel.answer_probabilities": (
        model("masked").answer_probabilities,
        new({"images": IMAGES, "questions": QUESTIONS}),
    ),
    "UnifiedModel.attention": (model("masked").attention, new({"images": IMAGES, "questions": QUESTIONS})),
    "UnifiedModel.generate": (model("masked").generate, new({"captions": CAPTIONS, "generator": None, "steps": 2})),
    "UnifiedModel.save_pretrained": (model("masked").save_pretrained, lambda: {"folder": tempfile.mkdtemp()}),
    "UnifiedModel.from_spec": (own.MaskedModel.from_spec, new({"spec": model("masked").spec()})),
    "UnifiedModel.from_pretrained": (own.MaskedModel.from_pretrained, new({"folder": FOLDER})),
    "MaskedModel.unmask": (
        model("masked").unmask,
        new(
            {
                "captions": CAPTIONS,
                "generator": None,
                "steps": 2,
                "guidance": 1.5,
                "temperature": 1.0,
                "choice_temperature": 1.0,
                "cached": True,
            }
        ),
    ),
    "ContinuousModel.paths": (
        model("continuous").paths,
        new({"captions": CAPTIONS, "generator": None, "guidance": 1.5, "steps": 2, "cached": True}),
    ),
    "Backbone": (own.Backbone, new({"model": BACKBONE.model, "lora": 0})),
    "Backbone.tiny": (own.Backbone.tiny, new({"words": 9, "hidden": 8, "layers": 1, "heads": 2, "positions": 16})),
    "Backbone.from_spec": (own.Backbone.from_spec, new({"spec": BACKBONE.spec()})),
    "Backbone.forward": (BACKBONE, new({"embeddings": EMBEDDINGS, "mask": SHORT[0], "positions": SHORT[1]})),
    "Backbone.attention": (
        BACKBONE.attention,
        new({"embeddings": EMBEDDINGS, "mask": SHORT[0], "positions": SHORT[1]}),
    ),
    "CodeHead": (own.CodeHead, new({"hidden": 8, "size": 4, "codebooks": 2})),
    "CodeHead.forward": (DEPTH, new({"states": STATES, "codes": torch.zeros(2, 3, 2, dtype=torch.long)})),
    "CodeHead.sample": (
        DEPTH.sample,
        new({"states": STATES, "u": torch.full((3, 2), 0.5), "temperature": 1.0, "guidance": 1.5}),
    ),
    "FlowHead": (own.FlowHead, new({"dim": 4, "hidden": 8, "width": 8, "depth": 1})),
    "FlowHead.forward": (FLOW, new({"x": X, "t": torch.full((2, 3), 0.5), "states": STATES})),
    "FlowHead.velocity": (FLOW.velocity, new({"x": X, "t": torch.full((2, 3), 0.5), "state": STATES})),
    "FlowHead.loss": (FLOW.loss, new({"x": X, "states": STATES, "noise": X[None], "t": torch.full((1, 2, 3), 0.5)})),
    "FlowHead.sample": (FLOW.sample, new({"states": STATES, "noise": X[0], "steps": 2, "guidance": 1.5})),
    "FlowHead.mean": (FLOW.mean, new({"states": STATES, "dim": 4})),
    "IncrementalDecoder": (
        own.IncrementalDecoder,
        new({"backbone": BACKBONE, "prefix": EMBEDDINGS, "mask": MASK, "positions": POSITIONS, "cached": True}),
    ),
    "IncrementalDecoder.feed": (stream().feed, new({"embeddings": EMBEDDINGS[:, :1], "keep": False})),
    "TrainConfig": (own.TrainConfig, new(PLAN)),
    "block_mask": (
        own.block_mask,
        new(
            {
                "segment": torch.tensor([[0, 0, 1, 2, -1]]),
                "bidirectional": torch.tensor([[True, True, False, False, False]]),
            }
        ),
    ),
    "load_weights": (own.load_weights, lambda: {"model": model("masked"), "folder": FOLDER}),
    "pack": (own.pack, new({"questions": QUESTIONS, "pad": 0})),
    "train": (
        stopped(own.train, training, "make_optimisers"),
        lambda: {
            "model": model("masked"),
            "source": WORLD,
            "config": own.TrainConfig(**PLAN),
            "run_dir": tempfile.mkdtemp(),
            "on_step": lambda step, row: None,
        },
    ),
    "Backbone.hub": (
        offline(own.Backbone.hub),
        lambda: {"name": HUB, "words": list(WORLD.vocabulary.words), "lora": 0},
    ),
    "read_metrics": (own.read_metrics, new({"run_dir": str(RUN)})),
}
