"""GenEval (Ghosh, Hajishirzi & Schmidt 2023, arXiv 2310.11513): object detections judge whether images follow prompts.

    prompts = read_prompts("evaluation_metadata.jsonl")
    score_geneval(images, prompts, detect, colour_of)["overall"]

A prompt is a dict, one line of JSONL, of the published schema:

    {"tag": "position", "prompt": "a photo of a dog right of a cat",
     "include": [{"class": "cat", "count": 1}, {"class": "dog", "count": 1, "position": ["right of", 0]}],
     "exclude": [{"class": "cat", "count": 3}]}

The rules are the published ones, written from their description and thresholds:

- a detection counts from a confidence of 0.30, in the category "counting" from 0.90; at most 16 of a class;
- `include` asks for `count` objects of a class: the most confident ones are looked at. All of them must have the colour
  `color`, and stand in the relation `position` to all objects of another entry of `include`, by its index;
- `exclude` asks for fewer than `count` objects of a class;
- an image is right if all of this holds. The score of a category (`tag`) is the share of its images that are right,
  the overall score is the mean of the categories.

GenEval's own detector is Mask2Former, whose masks blank the background before colours are read. Detectors that
`open_detector` opens give boxes alone, so scores are comparable with each other, not with published ones; the score on
real photographs (`photograph_ceiling`) belongs beside each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from infotok.errors import require, require_function, require_instance, require_tensor
from infotok.images import require_images
from infotok.settings import NonNegative, settings
from infotok.standard.arguments import require_list, require_names
from infotok.standard.geneval_prompts import RELATIONS, require_prompt, require_prompts

__all__ = ["ColourOf", "Detect", "Detections", "JudgeOptions", "Verdict", "judge", "score_geneval"]

COUNTING = "counting"


@dataclass(frozen=True)
class Detections:
    """What a detector finds in one image.

    boxes: (N, 4) left, top, right, bottom in pixels.
    labels: N names of classes.
    scores: (N,) confidences in [0, 1].

    Example:
        >>> import torch
        >>> from infotok.standard import Detections
        >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])  # left, top, right, bottom
        >>> len(Detections(boxes, labels=["cat", "dog"], scores=torch.tensor([0.9, 0.8])))
        2
    """

    boxes: Tensor
    labels: Sequence[str]
    scores: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Verdict:
    """Whether an image follows its prompt.

    right: whether it does
    reason: what is wrong with it; "" for nothing

    Example:
        >>> import torch
        >>> from infotok.standard import Detections, judge
        >>> nothing = Detections(torch.empty(0, 4), labels=[], scores=torch.empty(0))
        >>> prompt = {"tag": "single_object", "prompt": "a cat", "include": [{"class": "cat", "count": 1}]}
        >>> judge(prompt, nothing)
        Verdict(right=False, reason='1 cat wanted, 0 found')
    """

    right: bool
    reason: str


Detect = Callable[[Tensor], Sequence[Detections]]  # images (N, 3, H, W) in [0, 1] -> what is in each
ColourOf = Callable[[Tensor, Tensor, str], Sequence[str]]  # image (3, H, W), boxes (M, 4), class -> M colours


@settings
class JudgeOptions:
    """Thresholds of `judge`; the published ones by default.

    threshold: least confidence of a detection.
    counting_threshold: the same in the category "counting".
    most: objects of a class, at most; the most confident are kept.
    margin: of positions: the distance of two centres counts beyond this share of the sum of the boxes' sides.
    """

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.3
    counting_threshold: Annotated[float, Field(ge=0, le=1)] = 0.9
    most: Annotated[int, Field(ge=1, le=2**16)] = 16
    margin: NonNegative = 0.1


def judge(
    prompt: Mapping[str, Any],
    detections: Detections,
    image: Tensor | None = None,
    colour_of: ColourOf | None = None,
    **options: Any,
) -> Verdict:
    """Whether an image, known by its detections, does what a prompt asks.

    prompt: in GenEval's schema.
    detections: of the image.
    image: (3, H, W) in [0, 1], where the prompt asks for colours.
    colour_of: names the colours of boxes, where the prompt asks for them: `clip_colours` or `nearest_colours`.
    options: of `JudgeOptions`.

    Example:
        >>> import torch
        >>> from infotok.standard import Detections, judge
        >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
        >>> found = Detections(boxes, labels=["cat", "dog"], scores=torch.tensor([0.9, 0.8]))
        >>> cat, dog = {"class": "cat", "count": 1}, {"class": "dog", "count": 1, "position": ["right of", 0]}
        >>> judge({"tag": "position", "prompt": "a dog right of a cat", "include": [cat, dog]}, found)
        Verdict(right=True, reason='')
    """
    require_prompt("prompt", prompt)
    _require_detections(detections)
    chosen = JudgeOptions(**options)
    coloured = any("color" in entry for entry in prompt["include"])
    if coloured:
        require_tensor("image", image, (3, "H", "W"), values="[0, 1]")
        require_function("colour_of", colour_of, "a function of an image, boxes (M, 4) and the class's name")
    found = _by_class(detections, prompt["tag"] == COUNTING, chosen)
    wrong, matched = [], []
    for entry in prompt["include"]:
        reason, boxes = _include(entry, found, matched, chosen, image, colour_of)
        wrong += [reason] if reason else []
        matched.append(None if reason else boxes)
    for entry in prompt.get("exclude", []):
        count = len(found.get(entry["class"], []))
        if count >= entry["count"]:
            wrong.append(f"fewer than {entry['count']} {entry['class']} wanted, {count} found")
    return Verdict(not wrong, "; ".join(wrong))


def score_geneval(
    images: Tensor,
    prompts: Sequence[Mapping[str, Any]],
    detect: Detect,
    colour_of: ColourOf | None = None,
    **options: Any,
) -> dict[str, float]:
    """Share of images that follow their prompts, by category, "overall" (the categories' mean) and "images" (of all).

    images: (N, 3, H, W) in [0, 1].
    prompts: N, in GenEval's schema.
    detect: finds objects: `open_detector`, or a function of images.
    colour_of: names the colours of boxes; None where no prompt asks for them.
    options: of `JudgeOptions`.

    Example:
        >>> import torch
        >>> from infotok.standard import Detections, score_geneval
        >>> include = [[{"class": name, "count": 1}] for name in ("cat", "cup")]
        >>> prompts = [{"tag": "single_object", "prompt": "", "include": each} for each in include]
        >>> cat = Detections(torch.tensor([[0.0, 0.0, 10.0, 10.0]]), ["cat"], torch.tensor([0.9]))
        >>> def detect(images):  # a detector that always sees a cat
        ...     return [cat] * len(images)
        ...
        >>> score_geneval(torch.rand(2, 3, 32, 32), prompts, detect)
        {'single_object': 0.5, 'overall': 0.5, 'images': 0.5}
    """
    require_images("images", images, ("N", 3, "H", "W"))
    require_prompts(prompts, len(images))
    for prompt in prompts:
        require_known("prompts, class", [e["class"] for e in (*prompt["include"], *prompt.get("exclude", []))], detect)
    seen = detected(detect, images)
    parts = zip(prompts, seen, images, strict=True)
    return by_tag(prompts, [judge(prompt, each, image, colour_of, **options).right for prompt, each, image in parts])


def detected(detect: Detect, images: Tensor) -> list[Detections]:
    """What a detector finds in images; TypeError or ValueError unless it is a detector."""
    require(callable(detect) and not isinstance(detect, type), "detect", type(detect).__name__, "a function", TypeError)
    return require_list("detect", detect(images), "detections", len(images))


def require_known(name: str, classes: Sequence[str], detect: Detect) -> None:
    """Raise ValueError unless a detector that has `names` knows all of these classes."""
    known = getattr(detect, "names", None)
    for each in classes if known is not None else ():
        require(each in known, name, each, "a class of the detector: see its names")


def by_tag(prompts: Sequence[Mapping[str, Any]], right: Sequence[bool]) -> dict[str, float]:
    """Shares of what is right by the prompts' tags, "overall" (the tags' mean) and "images" (of all)."""
    tags = dict.fromkeys(prompt["tag"] for prompt in prompts)
    rows = list(zip(prompts, right, strict=True))
    each = {tag: [float(good) for prompt, good in rows if prompt["tag"] == tag] for tag in tags}
    shares = {tag: sum(values) / len(values) for tag, values in each.items()}
    return {**shares, "overall": sum(shares.values()) / len(shares), "images": sum(map(float, right)) / len(rows)}


def relations(first: Tensor, second: Tensor, margin: float) -> set[str]:
    """How a box (4,) stands to another: "left of", "right of", "above", "below"; two of them on a diagonal.

    With the offset d of the centres and the sums s of widths and heights, d' = sign(d) max(|d| - margin s, 0). A
    direction holds if its part of d' / |d| is above 1/2.
    """
    centres = torch.stack([first, second]).double().view(2, 2, 2).mean(1)
    sides = (first[2:] - first[:2] + second[2:] - second[:2]).double().abs()
    offset = centres[0] - centres[1]
    beyond = offset.sign() * (offset.abs() - margin * sides).clamp(min=0)
    if not beyond.any():
        return set()
    x, y = (beyond / offset.norm()).tolist()
    holds = (x < -0.5, x > 0.5, y < -0.5, y > 0.5)
    return {name for name, there in zip(RELATIONS, holds, strict=True) if there}


def _include(
    entry: Mapping[str, Any],
    found: Mapping[str, Tensor],
    matched: Sequence[Tensor | None],
    options: JudgeOptions,
    image: Tensor | None,
    colour_of: ColourOf | None,
) -> tuple[str, Tensor]:
    """(what is wrong, the boxes looked at) of one entry of `include`."""
    name, count = entry["class"], entry["count"]
    boxes = found.get(name, torch.empty(0, 4))[:count]
    if len(boxes) < count:
        return f"{count} {name} wanted, {len(boxes)} found", boxes
    if "color" in entry:
        given = colour_of(image, boxes, name) if count else []
        colours = require_names("colour_of", given, "colours", len(boxes), "boxes")
        if colours.count(entry["color"]) < count:
            return f"{count} {entry['color']} {name} wanted, {', '.join(map(str, colours))} found", boxes
    if "position" in entry:
        relation, target = entry["position"]
        others = matched[target]
        if others is None:
            return f"{name} {relation} what is not there", boxes
        if not all(relation in relations(box, other, options.margin) for box in boxes for other in others):
            return f"{name} is not {relation} its target", boxes
    return "", boxes


def _by_class(detections: Detections, counting: bool, options: JudgeOptions) -> dict[str, Tensor]:
    """Boxes (M, 4) of each class, the most confident first."""
    least = options.counting_threshold if counting else options.threshold
    order = detections.scores.argsort(descending=True, stable=True).tolist()
    kept = [i for i in order if detections.scores[i] > least]
    names = dict.fromkeys(detections.labels[i] for i in kept)
    chosen = {name: [i for i in kept if detections.labels[i] == name][: options.most] for name in names}
    return {name: detections.boxes[rows] for name, rows in chosen.items()}


def _require_detections(detections: Any) -> None:
    require_instance("detections", detections, Detections)
    labels = require_names("detections.labels", detections.labels)
    require_tensor("detections.boxes", detections.boxes, (len(labels), 4), values="(-inf, inf)")
    require_tensor("detections.scores", detections.scores, (len(labels),), values="[0, 1]")
