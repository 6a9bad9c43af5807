"""Tiny detectors and a tiny CLIP of `transformers` with random weights, and their processors."""

import string

import torch
from torch import nn
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTokenizer,
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessor,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTImageProcessor,
    OwlViTProcessor,
    ProcessorMixin,
    ResNetConfig,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
    set_seed,
)

SIDE = 32  # pixels
TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = TEXT | {"image_size": SIDE, "patch_size": 8}
CLASSES = {0: "cat", 1: "dog", 2: "cup"}
DETECTED = {"id2label": CLASSES, "label2id": {name: i for i, name in CLASSES.items()}}


def spread(model: nn.Module, factor: float = 10.0) -> nn.Module:
    """The model with larger weights: the usual 0.02 is that of models a hundred times as wide."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(factor)
    return model.eval()


def tokenizer() -> CLIPTokenizer:
    """Letters as tokens, without merges, in the form of CLIP's."""
    letters = [*string.ascii_lowercase, *string.digits, ".", ",", "-", "?", ":"]
    tokens = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[])


def clip() -> tuple[nn.Module, ProcessorMixin]:
    set_seed(0)
    words = tokenizer()
    ids = {"vocab_size": len(words), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
    text = TEXT | ids | {"max_position_embeddings": 40}
    model = spread(CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=8)))
    size = {"shortest_edge": SIDE}
    images = CLIPImageProcessor(size=size, crop_size={"height": SIDE, "width": SIDE})
    return model, CLIPProcessor(images, words)


def detr() -> tuple[nn.Module, DetrImageProcessor]:
    set_seed(0)
    stages = {"embedding_size": 8, "hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1], "layer_type": "basic"}
    backbone = ResNetConfig(**stages, out_features=["stage4"])
    layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    layers |= {"encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "d_model": 16, "num_queries": 6}
    config = DetrConfig(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone,
                        **layers, **DETECTED)  # fmt: skip
    sizes = {"shortest_edge": SIDE, "longest_edge": 2 * SIDE}
    return spread(DetrForObjectDetection(config)), DetrImageProcessor(size=sizes)


def yolos() -> tuple[nn.Module, YolosImageProcessor]:
    set_seed(0)
    sizes = {"image_size": [SIDE, SIDE], "patch_size": 8, "num_detection_tokens": 6}
    config = YolosConfig(**TEXT, **sizes, **DETECTED, use_mid_position_embeddings=False)
    return spread(YolosForObjectDetection(config)), YolosImageProcessor(
        size={"shortest_edge": SIDE, "longest_edge": 64}
    )


def owl() -> tuple[nn.Module, ProcessorMixin]:
    set_seed(0)
    words = tokenizer()
    text = TEXT | {"vocab_size": len(words), "max_position_embeddings": 40, "pad_token_id": 0}
    text |= {"bos_token_id": 1, "eos_token_id": 2}
    model = spread(OwlViTForObjectDetection(OwlViTConfig(text_config=text, vision_config=VISION, projection_dim=16)), 3)
    return model, OwlViTProcessor(OwlViTImageProcessor(size={"height": SIDE, "width": SIDE}), words)


DETECTORS = {"detr": detr, "yolos": yolos, "owl": owl}
