"""Tiny checkpoints of Janus and Emu3 as folders in the hub's layout, with processors, and folders of images."""

from pathlib import Path

import torch
from own_data import as_folder, rows
from published_processors import tokenizer_of
from transformers import (
    Emu3Config,
    Emu3ForConditionalGeneration,
    Emu3ImageProcessor,
    Emu3Processor,
    JanusConfig,
    JanusForConditionalGeneration,
    JanusImageProcessor,
    JanusProcessor,
)

SIDE, CODES = 32, 16
NAMED = {"janus": "tiny/janus", "emu3": "tiny/emu3"}


def checkpoint(name: str, folder: Path) -> Path:
    """A model with random weights and its processor; Emu3's as published has codes of 8 x 8 pixels."""
    tokenizer = tokenizer_of(name)
    words = len(tokenizer)
    text = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    text |= {"num_key_value_heads": 2, "max_position_embeddings": 256, "vocab_size": words + CODES}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.2}
    torch.manual_seed(0)
    vq = {"embed_dim": 4, "latent_channels": 4, "base_channels": 32, "num_res_blocks": 1}
    if name == "janus":
        vq |= {"num_embeddings": CODES, "projection_dim": 32, "image_token_embed_dim": 32, "attn_resolutions": []}
        vq |= {"channel_multiplier": [1, 1, 1, 1]}
        vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": SIDE}
        vision |= {"patch_size": 8, "projection_dim": 32, "num_image_tokens": 16, "mlp_ratio": 2.0}
        image = tokenizer.convert_tokens_to_ids("<image>")
        config = JanusConfig(vq_config=vq, vision_config=vision, text_config=text | {"model_type": "llama"},
                             image_token_id=image, tie_word_embeddings=False)  # fmt: skip
        model = JanusForConditionalGeneration(config)
        square = {"height": SIDE, "width": SIDE}
        processor = JanusProcessor(JanusImageProcessor(size=square, min_size=2), tokenizer, num_image_tokens=16)
    else:
        ids = {f"<|visual token {code:06d}|>": words + code for code in range(CODES)}
        ids |= {"<image>": tokenizer.convert_tokens_to_ids("<image>")}
        ids |= {"<|extra_200|>": tokenizer.convert_tokens_to_ids("<eol>")}
        vq |= {"codebook_size": CODES, "hidden_size": 32, "channel_multiplier": [1, 1, 1, 1], "attn_resolutions": []}
        vq |= {"temporal_downsample_factor": 1}
        config = Emu3Config(vq_config=vq, text_config=text | {"attention_dropout": 0.0}, vocabulary_map=ids)
        model = Emu3ForConditionalGeneration(config)
        processor = Emu3Processor(Emu3ImageProcessor(min_pixels=SIDE**2, max_pixels=SIDE**2), tokenizer)
    with torch.no_grad():
        model.model.vqmodel.quantize.embedding.weight.normal_()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def pictures(folder: Path, n: int = 48) -> Path:
    """A folder of images of coloured walls with captions, questions and answers."""
    return as_folder(folder, rows(n, forms=("PNG",)))
