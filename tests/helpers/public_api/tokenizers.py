"""Good calls of `infotok.tokenizers`."""

import tempfile

import torch

from infotok import tokenizers as own
from public_api.worlds import BATCH


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


Z = torch.randn(3, 2, 4, generator=seeded())
CODES = torch.tensor([[0, 1], [2, 3], [1, 0]])
IMAGES = BATCH.images[:2]
ENTROPY = {"entropy_weight": 0.02, "diversity": 1.0, "temperature": 0.2, "decay": 0.9}
QUANTIZERS = {
    "VectorQuantizer": {
        "dim": 4,
        "codebook_size": 4,
        "code_dim": 2,
        "learning": "average",
        "gradient": "rotation",
        "cosine": False,
        "commitment": 0.25,
        "decay": 0.9,
        "patience": 4,
        "revive_until": 10,
    },
    "ResidualQuantizer": {"dim": 4, "codebook_size": 4, "codebooks": 2, "code_dim": 2, "decay": 0.9},
    "MultiCodebookQuantizer": {"dim": 4, "codebook_size": 4, "codebooks": 2, "code_dim": 2, "decay": 0.9},
    "FiniteScalarQuantizer": {"dim": 4, "levels": (3, 3), "bound": "tanh", "decay": 0.9},
    "LookupFreeQuantizer": {"dim": 4, "codebook_size": 4, "commitment": 0.25, **ENTROPY},
    "BinarySphericalQuantizer": {"dim": 4, "codebook_size": 4, **ENTROPY},
    "SimVQ": {
        "dim": 4,
        "codebook_size": 4,
        "code_dim": 2,
        "gradient": "straight-through",
        "commitment": 0.25,
        "decay": 0.9,
    },
    "GumbelQuantizer": {
        "dim": 4,
        "codebook_size": 4,
        "weight": 5e-4,
        "temperature": 1.0,
        "final": 0.5,
        "cooling": 10,
        "decay": 0.9,
    },
    "GaussianTokens": {"dim": 4, "weight": 1e-3, "noise": 0.1, "decay": 0.9},
}
torch.manual_seed(0)
MADE = {name: getattr(own, name)(**options) for name, options in QUANTIZERS.items()}
for each in MADE.values():
    each(Z)
    each.eval()
CONFIG = {
    "size": 32,
    "grid": 2,
    "dim": 4,
    "width": 4,
    "quantizer": "vector",
    "quantizer_options": {"codebook_size": 4},
    "infotok": {"text_dim": 52},
    "l1": 0.1,
    "l2": 20.0,
    "warmup": 0,
    "perceptual": 0.0,
    "distillation": 0.0,
    "teacher_size": 32,
}
TOKENIZER = own.SharedTokenizer.from_config(own.TokenizerConfig(**CONFIG)).eval()
FOLDER = tempfile.mkdtemp()
TOKENIZER.save_pretrained(FOLDER)
CONV = {"size": 32, "grid": 2, "dim": 4, "width": 4}
TEACHER = own.ImageNetTeacher(size=32)
USAGE = own.Usage.of(CODES, 4)


def rand(values: dict):
    return lambda: values | ({"generator": seeded()} if "generator" in values else {})


def methods(name: str, made) -> dict:
    if made.codebooks == 0:
        return {f"{name}.forward": (made, rand({"z": Z, "generator": None}))}
    codes = CODES if made.codebooks == 1 else torch.stack([CODES, CODES], -1)
    calls = {
        f"{name}.forward": (made, rand({"z": Z, "generator": None})),
        f"{name}.logits": (made.logits, rand({"z": Z, "temperature": 1.0})),
    }
    return calls | {f"{name}.decode": (made.decode, rand({"codes": codes}))}


CALLS = {
    **{name: (getattr(own, name), rand(options)) for name, options in QUANTIZERS.items()},
    **{key: call for name, made in MADE.items() for key, call in methods(name, made).items()},
    "GaussianTokens.logits": (MADE["VectorQuantizer"].logits, rand({"z": Z, "temperature": 1.0})),
    "GaussianTokens.posterior": (MADE["GaussianTokens"].posterior, rand({"z": Z})),
    "GaussianTokens.decode": (MADE["VectorQuantizer"].decode, rand({"codes": CODES})),
    **methods("CodebookQuantizer", MADE["VectorQuantizer"]),
    "VectorQuantizer.start_from": (own.VectorQuantizer(4, 4).start_from, rand({"codebook": torch.randn(4, 4)})),
    "LookupFreeQuantizer.corner": (lambda: MADE["LookupFreeQuantizer"].corner, rand({})),
    "ConvEncoder": (own.ConvEncoder, rand(CONV)),
    "ConvDecoder": (own.ConvDecoder, rand(CONV)),
    "ConvEncoder.forward": (own.ConvEncoder(**CONV), rand({"images": IMAGES})),
    "ConvDecoder.forward": (own.ConvDecoder(**CONV), rand({"tokens": torch.randn(2, 4, 4)})),
    "ImageNetTeacher": (own.ImageNetTeacher, rand({"weights": "lite0", "size": 32})),
    "ImageNetTeacher.forward": (TEACHER, rand({"images": IMAGES})),
    "ImageNetTeacher.stages": (TEACHER.stages, rand({"images": IMAGES})),
    "SharedTokenizer": (
        own.SharedTokenizer,
        rand(
            {
                "encoder": TOKENIZER.encoder,
                "infotok": TOKENIZER.infotok,
                "quantizer": TOKENIZER.quantizer,
                "decoder": TOKENIZER.decoder,
                "l1": 0.1,
                "l2": 20.0,
                "warmup": 2,
                "perceptual": 0.1,
                "distillation": 0.1,
                "teacher_size": 32,
            }
        ),
    ),
    "SharedTokenizer.forward": (TOKENIZER, rand({"images": IMAGES, "text": BATCH.text[:2], "generator": None})),
    "SharedTokenizer.reconstruction": (
        TOKENIZER.reconstruction,
        rand({"tokens": torch.randn(2, 4, 4), "images": IMAGES}),
    ),
    "SharedTokenizer.loss": (TOKENIZER.loss, rand({"batch": BATCH, "generator": None})),
    "SharedTokenizer.encode": (TOKENIZER.encode, rand({"images": IMAGES})),
    "SharedTokenizer.codes": (TOKENIZER.codes, rand({"images": IMAGES})),
    "SharedTokenizer.decode": (TOKENIZER.decode, rand({"tokens": torch.randn(2, 4, 4)})),
    "SharedTokenizer.decode_codes": (TOKENIZER.decode_codes, rand({"codes": torch.zeros(2, 4, dtype=torch.long)})),
    "SharedTokenizer.from_config": (own.SharedTokenizer.from_config, rand({"config": own.TokenizerConfig(**CONFIG)})),
    "SharedTokenizer.save_pretrained": (TOKENIZER.save_pretrained, lambda: {"folder": tempfile.mkdtemp()}),
    "SharedTokenizer.from_pretrained": (own.SharedTokenizer.from_pretrained, rand({"folder": FOLDER})),
    "TokenizerConfig": (own.TokenizerConfig, rand(CONFIG)),
    "TokenizerConfig.from_dict": (own.TokenizerConfig.from_dict, rand({"values": CONFIG})),
    "Quantized.padded": (MADE["VectorQuantizer"](Z[:1]).padded, rand({"mask": torch.tensor([[True, True, False]])})),
    "Usage.of": (own.Usage.of, rand({"codes": CODES, "codebook_size": 4, "codebooks": 1})),
    "Usage.stack": (own.Usage.stack, rand({"usages": [USAGE, USAGE]})),
    "Usage.rate": (USAGE.rate, rand({"length": 3})),
    "ContinuousUsage.rate": (own.ContinuousUsage(torch.ones(3)).rate, rand({"length": 3})),
    "gaussian_step": (own.gaussian_step, rand({"levels": 4})),
    "uniform_error": (own.uniform_error, rand({"levels": 4, "step": 0.5})),
    "nearest_codes": (own.nearest_codes, rand({"z": Z[0], "codebook": Z[:, 0]})),
    "rotate": (own.rotate, rand({"z": Z, "q": Z + 0.1})),
    "straight_through": (own.straight_through, rand({"z": Z, "q": Z + 0.1})),
}
