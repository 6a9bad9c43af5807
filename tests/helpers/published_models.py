"""Tiny published models with random weights, and batches for them."""

from typing import Any

import torch
from torch import nn
from transformers import (
    ChameleonConfig,
    ChameleonForConditionalGeneration,
    Emu3Config,
    Emu3ForConditionalGeneration,
    JanusConfig,
    JanusForConditionalGeneration,
    set_seed,
)

FAMILIES = ("chameleon", "emu3", "janus")
PIXELS, GRID, CODES, TEXT = 8, (4, 4), 16, 5
IMAGE, END, WORDS = 3, 4, 40  # ids of the placeholder and of the end of a row; the first ids are words
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
SMALL |= {"num_key_value_heads": 2, "max_position_embeddings": 256, "pad_token_id": 0, "bos_token_id": 1}
SMALL |= {"eos_token_id": 2}


def chameleon() -> ChameleonForConditionalGeneration:
    letters = "ABCDEFGHIJ"
    names = ["IMGIMG" + "".join(letters[int(digit)] for digit in str(code)) + "Z" for code in range(CODES)]
    ids = {name: WORDS + (7 * code) % CODES for code, name in enumerate(names)}  # in another order than the codes
    vq = {"embed_dim": 6, "num_embeddings": CODES, "latent_channels": 8, "resolution": PIXELS, "base_channels": 32}
    vq |= {"channel_multiplier": [1, 1], "num_res_blocks": 1}
    return ChameleonForConditionalGeneration(
        ChameleonConfig(**SMALL, vocab_size=WORDS + CODES, vq_config=vq, vocabulary_map={"<image>": IMAGE, **ids})
    )


def emu3() -> Emu3ForConditionalGeneration:
    ids = {f"<|visual token {code:06d}|>": WORDS + (7 * code) % CODES for code in range(CODES)}
    vq = {"embed_dim": 4, "codebook_size": CODES, "latent_channels": 4, "base_channels": 32, "hidden_size": 32}
    vq |= {"channel_multiplier": [1, 1], "num_res_blocks": 1, "attn_resolutions": [1], "temporal_downsample_factor": 2}
    text = SMALL | {"vocab_size": WORDS + CODES, "attention_dropout": 0.0}
    mapping = {"<image>": IMAGE, "<|extra_200|>": END, **ids}
    return Emu3ForConditionalGeneration(Emu3Config(vq_config=vq, text_config=text, vocabulary_map=mapping))


def janus() -> JanusForConditionalGeneration:
    width = SMALL["hidden_size"]
    vq = {"embed_dim": 6, "num_embeddings": CODES, "latent_channels": 8, "base_channels": 32, "projection_dim": width}
    vq |= {"channel_multiplier": [1, 1], "num_res_blocks": 1, "image_token_embed_dim": width}
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": PIXELS}
    vision |= {"patch_size": 2, "projection_dim": width, "num_image_tokens": 16, "mlp_ratio": 2.0}
    text = SMALL | {"model_type": "llama", "vocab_size": WORDS + CODES}
    return JanusForConditionalGeneration(
        JanusConfig(
            vq_config=vq, vision_config=vision, text_config=text, image_token_id=IMAGE, tie_word_embeddings=False
        )
    )


MAKE = {"chameleon": chameleon, "emu3": emu3, "janus": janus}


def published(name: str, seed: int = 0) -> nn.Module:
    """A tiny model of a family; the codebook spreads over what the encoder gives, so that several codes are in use."""
    set_seed(seed)
    model = MAKE[name]().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3)  # published standard deviations are those of models a hundred times as wide
        images = torch.rand(8, 3, PIXELS, PIXELS, generator=generator) * 2 - 1
        z = encode(name, model.model.vqmodel, images).flatten(0, -2)
        chosen = torch.randperm(len(z), generator=generator)[:CODES]
        model.model.vqmodel.quantize.embedding.weight.copy_(z[chosen])
    return model


def encode(name: str, vq: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """z (N, h, w, D) before the quantizer, as the published `encode` computes it."""
    if name != "emu3":
        return vq.quant_conv(vq.encoder(images)).permute(0, 2, 3, 1)
    hidden = vq.encoder(images[:, None].repeat(1, 2, 1, 1, 1))
    return vq.quant_conv(hidden.permute(0, 2, 1, 3, 4))[:, :, 0].permute(0, 2, 3, 1)


def batch_of(name: str, n: int = 4, seed: int = 0) -> dict[str, Any]:
    """A processor's batch: an image, a question and an answer of two words each, with prompts and text."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = GRID
    length = rows * (columns + (name == "emu3"))

    def words(*shape: int) -> torch.Tensor:
        return torch.randint(5, WORDS, shape, generator=generator)

    ids = torch.cat([words(n, 2), torch.full((n, length), IMAGE), words(n, 4)], dim=1)
    labels = ids.masked_fill(torch.arange(ids.shape[1]) < ids.shape[1] - 2, -100)
    batch = {
        "pixel_values": torch.rand(n, 3, PIXELS, PIXELS, generator=generator) * 2 - 1,
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": labels,
        "prompts": words(n, 3),
        "text": torch.randn(n, TEXT, generator=generator),
    }
    sizes = {"image_sizes": torch.tensor([[PIXELS, PIXELS]] * n)} if name == "emu3" else {}
    return batch | sizes


def question_of(batch: dict[str, Any]) -> dict[str, Any]:
    """The parts of a batch that ask a question."""
    return {key: each for key, each in batch.items() if key not in ("labels", "prompts", "text")}
