"""Batches of one's own images and text for attached models, by the published model's processor."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from infotok.errors import require, require_tensor, require_text
from infotok.images import require_images
from infotok.published.hub import check_processor

__all__ = ["prepare"]


def prepare(
    processor: Any,
    images: Tensor,
    questions: Sequence[str] | None = None,
    answers: Sequence[str] | None = None,
    captions: Sequence[str] | None = None,
    text: Tensor | None = None,
) -> dict[str, Tensor]:
    """The batch that `Attached.loss` and `Attached.answer` take.

    With answers, `labels` are the ids of each answer and of the end of the text; without them the batch is that of
    `answer`. With captions, `prompts` are their ids up to where an image begins.

    processor: of the published model: a Chameleon, Emu3 or Janus processor.
    images: (N, 3, S, S) in [0, 1].
    questions: one for each image; None for generation alone.
    answers: one for each question.
    captions: one for each image.
    text: (N, W) what InfoTok compares tokens with; passed on.

    Raises TypeError or ValueError, in one line, for parts that do not fit each other.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.published import hub_folder, open_processor, prepare  # doctest: +SKIP
        >>> processor = open_processor(hub_folder("deepseek-community/Janus-Pro-1B"))  # doctest: +SKIP
        >>> images = torch.rand(2, 3, 384, 384)  # doctest: +SKIP
        >>> batch = prepare(processor, images, ["what is it?"] * 2, answers=["a cat", "a dog"])  # doctest: +SKIP
    """
    require_images("images", images, ("N", 3, "S", "T"))
    check_processor("processor", processor)
    for name, sentences in (("questions", questions), ("answers", answers), ("captions", captions)):
        _check_sentences(name, sentences, len(images), processor.image_token)
    require(answers is None or questions is not None, "questions", None, "questions, since there are answers")
    asked = [f"{processor.image_token}{question}" for question in questions or [""] * len(images)]
    pictures = list((images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())  # as files hold them
    batch = dict(processor(images=pictures, text=asked, padding=True, padding_side="left", return_tensors="pt"))
    if answers is not None:
        batch |= _with_answers(processor.tokenizer, batch, answers)
    if questions is None:
        batch = {name: each for name, each in batch.items() if name in ("pixel_values", "image_sizes")}
    if captions is not None:
        batch |= _prompts(processor, batch, captions)
    if text is not None:
        batch["text"] = require_tensor("text", text, (len(images), "W"))
    batch.pop("token_type_ids", None)
    return batch


def _check_sentences(name: str, sentences: Any, count: int, image: str) -> None:
    if sentences is None:
        return
    listed = isinstance(sentences, Sequence) and not isinstance(sentences, str)
    require(listed, name, type(sentences).__name__, "a list of sentences", TypeError)
    require(len(sentences) == count, name, f"{len(sentences)} sentences", f"one for each of the {count} images")
    for sentence in sentences:
        require_text(name, sentence)
        require(image not in sentence, name, sentence, f"a sentence without {image}, which is put before a question")


def _with_answers(tokenizer: Any, batch: dict[str, Tensor], answers: Sequence[str]) -> dict[str, Tensor]:
    """Each question with its answer behind it, padded on the right, and the labels: the answer's ids."""
    texts = [f"{answer}{tokenizer.eos_token}" for answer in answers]
    ends = [torch.tensor(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    starts = [ids[mask.bool()] for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)]
    pairs = list(zip(starts, ends, strict=True))
    ids = pad_sequence([torch.cat(pair) for pair in pairs], batch_first=True, padding_value=tokenizer.pad_token_id)
    labels = [torch.cat([torch.full_like(start, -100), end]) for start, end in pairs]
    mask = pad_sequence([torch.ones(len(label), dtype=torch.long) for label in labels], batch_first=True)
    labels = pad_sequence(labels, batch_first=True, padding_value=-100)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _prompts(processor: Any, batch: dict[str, Tensor], captions: Sequence[str]) -> dict[str, Tensor]:
    """Ids of captions and of what begins an image, as the processor writes it, with the grid's size for Emu3."""
    begins = [processor.image_start_token] * len(captions)
    if "image_sizes" in batch:  # Emu3, whose tokenizer adds no token at the start either
        grids = [[int(side) // processor.downsample_ratio for side in size] for size in batch["image_sizes"]]
        begins = [f"{begins[0]}{h}*{w}{processor.fake_token_around_image}" for h, w in grids]
        captions = [f"{processor.bos_token}{caption}" for caption in captions]
    texts = [f"{caption}{begin}" for caption, begin in zip(captions, begins, strict=True)]
    found = processor.tokenizer(texts, padding=True, padding_side="left", return_tensors="pt")
    return {"prompts": found["input_ids"], "prompts_mask": found["attention_mask"]}
