"""CLIPScore (Hessel et al. 2021, arXiv 2104.08718): how close images and their captions are in CLIP's space.

    CLIPScore = mean over pairs of max(100 cos(E_image, E_text), 0)

    model, processor = open_clip("folder of a CLIP")
    score_captions(images, captions, model, processor)            # {"clip_score": ..., "shuffled": ...}

It is torchmetrics' definition, with each pair cut off at 0. torchmetrics' own class takes what `get_image_features`
returns for a tensor; in transformers 5 that is an output object, so the cosine is computed here.

CLIP reads captions as bags of words to a large part: it hardly notices exchanged attributes or positions. The score of
the same images with captions of their neighbours stands beside it, "shuffled".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.errors import require, require_instance, require_int
from infotok.images import require_images
from infotok.modes import evaluating
from infotok.optional import needs
from infotok.standard.arguments import require_names
from infotok.standard.opening import hub_parts
from infotok.unified.arguments import check_part

__all__ = ["clip_images", "clip_texts", "open_clip", "require_clip", "score_captions"]


def open_clip(folder: str | Path) -> tuple[nn.Module, Any]:
    """A CLIP model, in eval mode, and its processor, from a folder in the hub's layout.

    folder: `config.json`, the processor's files and safetensors; nothing is downloaded.

    Raises FileNotFoundError for a missing folder, and ValueError, in one line, for missing or pickled weights.

    Example:
        >>> from infotok.standard import open_clip  # doctest: +SKIP
        >>> model, processor = open_clip("clip-vit-base-patch32")  # a folder of the hub's layout  # doctest: +SKIP
    """
    with needs("hub", "open_clip"):
        from transformers import CLIPModel, CLIPProcessor
    return hub_parts(folder, CLIPModel, CLIPProcessor)


def score_captions(
    images: Tensor, captions: Sequence[str], model: nn.Module, processor: Any, at_once: int = 64
) -> dict[str, float | None]:
    """CLIPScore "clip_score" in [0, 100], and "shuffled", that with each caption moved on by one image.

    "shuffled" is None for a single image, which has no neighbour.

    images: (N, 3, H, W) in [0, 1].
    captions: N sentences.
    model: with `get_image_features` and `get_text_features`, as a `CLIPModel` has them.
    processor: of the model.
    at_once: images at a time.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.standard import open_clip, score_captions  # doctest: +SKIP
        >>> model, processor = open_clip("clip-vit-base-patch32")  # a folder of the hub's layout  # doctest: +SKIP
        >>> score_captions(torch.rand(2, 3, 224, 224), ["a cat", "a dog"], model, processor)  # doctest: +SKIP
    """
    require_images("images", images, ("N", 3, "H", "W"))
    captions = require_names("captions", captions, "sentences", len(images))
    require_clip(model, processor)
    at_once = require_int("at_once", at_once)
    seen = torch.cat([clip_images(part, model, processor) for part in images.split(at_once)])
    parts = range(0, len(captions), at_once)
    read = torch.cat([clip_texts(captions[i : i + at_once], model, processor) for i in parts])
    return {"clip_score": _score(seen, read), "shuffled": _score(seen, read.roll(1, 0)) if len(read) > 1 else None}


@torch.no_grad()
def clip_images(images: Tensor, model: nn.Module, processor: Any) -> Tensor:
    """Unit vectors (N, D) of `images` (N, 3, H, W) in [0, 1], or of a list of such images of several sizes."""
    pictures = [(image.float() * 255).round().to(torch.uint8).cpu() for image in images]  # as files hold them
    with evaluating(model):
        inputs = processor(images=pictures, return_tensors="pt", input_data_format="channels_first")
        return _unit(model.get_image_features(pixel_values=inputs["pixel_values"].to(_device(model))))


@torch.no_grad()
def clip_texts(sentences: Sequence[str], model: nn.Module, processor: Any) -> Tensor:
    """Unit vectors (N, D) of sentences; what is longer than the model's text is cut off."""
    with evaluating(model):
        inputs = processor(
            text=list(sentences), return_tensors="pt", padding=True, truncation=True, max_length=_longest(model)
        )
        ids, mask = (inputs[name].to(_device(model)) for name in ("input_ids", "attention_mask"))
        return _unit(model.get_text_features(input_ids=ids, attention_mask=mask))


def require_clip(model: Any, processor: Any) -> None:
    """Raise TypeError unless these are a model with the features of CLIP and its processor."""
    require_instance("model", model, nn.Module, "a CLIP model")
    check_part("model", model, ("get_image_features", "get_text_features", "config"), "a CLIP model")
    named = hasattr(processor, "tokenizer") and hasattr(processor, "image_processor") and callable(processor)
    require(named, "processor", type(processor).__name__, "the processor of a CLIP model", TypeError)


def _unit(features: Any) -> Tensor:
    """Features at length 1; before transformers 5 they came as a tensor."""
    return F.normalize(getattr(features, "pooler_output", features).float().cpu(), dim=-1)


def _score(seen: Tensor, read: Tensor) -> float:
    return (100 * (seen * read).sum(-1)).clamp(min=0).mean().item()


def _longest(model: nn.Module) -> int:
    return getattr(getattr(model.config, "text_config", None), "max_position_embeddings", 77)


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
