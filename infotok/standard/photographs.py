"""The ceiling of GenEval: the same judge on real photographs whose objects are annotated.

    photograph_ceiling(photographs, annotations, detect, colour_of)["overall"]

Every photograph gets prompts that are true of it by its annotations, one of each category that it allows. A judge that
never erred would give 1; what it gives is the most that a generator can expect of this detector. The same photographs
with the prompts of their neighbours give "shuffled": what a generator gets for drawing something else.

    single_object   a class that is there
    two_object      two classes that are there
    counting        a class with two to four objects: exactly this number
    colors          a class with one object, whose colour is annotated
    position        two classes with one object each, in a relation by their boxes
    color_attr      two classes with one object each, of two annotated colours
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from infotok.errors import require, require_generator, require_instance, require_int, require_tensor
from infotok.images import require_images
from infotok.standard.arguments import require_list, require_names
from infotok.standard.geneval import (
    COUNTING,
    ColourOf,
    Detect,
    JudgeOptions,
    by_tag,
    detected,
    judge,
    relations,
    require_known,
)

__all__ = ["Annotation", "photograph_ceiling", "true_prompts"]

COUNTED = (2, 3, 4)


@dataclass(frozen=True)
class Annotation:
    """What is in a photograph: all of its objects of the classes that a detector knows.

    boxes: (N, 4) left, top, right, bottom in pixels.
    labels: N names of classes.
    colours: N names of colours, "" where it is not annotated; None where none is.

    Example:
        >>> import torch
        >>> from infotok.standard import Annotation
        >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
        >>> len(Annotation(boxes, labels=["cat", "dog"], colours=["black", ""]))  # the dog's colour is not annotated
        2
    """

    boxes: Tensor
    labels: Sequence[str]
    colours: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.labels)


def photograph_ceiling(
    photographs: Sequence[Tensor],
    annotations: Sequence[Annotation],
    detect: Detect,
    colour_of: ColourOf | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, dict[str, float]]:
    """GenEval's scores of photographs with prompts that are true of them, "ceiling", and with others', "shuffled".

    photographs: N of (3, H, W) in [0, 1], two or more.
    annotations: what is in each.
    detect: finds objects, as in `score_geneval`.
    colour_of: names the colours of boxes; None leaves prompts about colours out.
    seed: of the choice of prompts.
    options: of `JudgeOptions`.

    Raises ValueError where no photograph allows a prompt, for fewer than two photographs, and for a label that a
    detector with `names` does not know.

    Example:
        >>> import torch
        >>> from infotok.standard import Annotation, Detections, photograph_ceiling
        >>> box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
        >>> cat, dog = (Detections(box, [name], torch.tensor([0.9])) for name in ("cat", "dog"))
        >>> def detect(images):  # the first photograph is black, the second white
        ...     return [dog if image.mean() > 0.5 else cat for image in images]
        ...
        >>> photographs = [torch.zeros(3, 32, 32), torch.ones(3, 32, 32)]
        >>> photograph_ceiling(photographs, [Annotation(box, ["cat"]), Annotation(box, ["dog"])], detect)
        {'ceiling': {'single_object': 1.0, 'overall': 1.0, 'images': 1.0}, 'shuffled': {'single_object': 0.0,
        'overall': 0.0, 'images': 0.0}}
    """
    photographs = require_list("photographs", photographs, "images")
    annotations = require_list("annotations", annotations, "annotations", len(photographs), "photographs")
    generator = torch.Generator().manual_seed(require_int("seed", seed, 0, 2**63 - 1))
    margin = JudgeOptions(**options).margin
    rows = []  # (photograph, prompt that is true of it)
    for index, (photograph, annotation) in enumerate(zip(photographs, annotations, strict=True)):
        require_tensor(f"photographs[{index}]", photograph, (3, "H", "W"))
        require_images(f"photographs[{index}]", photograph[None], (1, 3, "H", "W"))
        prompts = true_prompts(annotation, generator, margin)
        require_known(f"annotations[{index}].labels", annotation.labels, detect)
        rows += [(index, p) for p in prompts if colour_of is not None or not _coloured(p)]
    require(rows, "annotations", "none that allows a prompt", "photographs with annotated objects")
    require(len(photographs) > 1, "photographs", "1", "2 or more: one has no neighbour's prompts")
    seen = [detected(detect, photograph[None])[0] for photograph in photographs]

    def score(shift: int) -> dict[str, float]:
        where = [(index + shift) % len(photographs) for index, _ in rows]
        prompts = [prompt for _, prompt in rows]
        judged = zip(prompts, where, strict=True)
        return by_tag(prompts, [judge(p, seen[i], photographs[i], colour_of, **options).right for p, i in judged])

    return {"ceiling": score(0), "shuffled": score(1)}


def true_prompts(annotation: Annotation, generator: torch.Generator, margin: float = 0.1) -> list[dict[str, Any]]:
    """Prompts in GenEval's schema that are true of a photograph, one of each category that its annotation allows.

    annotation: of the photograph.
    generator: of the choice of classes.
    margin: of positions, as in `JudgeOptions`.

    Example:
        >>> import torch
        >>> from infotok.standard import Annotation, true_prompts
        >>> boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
        >>> prompts = true_prompts(Annotation(boxes, ["cat", "dog"]), torch.Generator().manual_seed(0))
        >>> sorted(prompt["tag"] for prompt in prompts)
        ['position', 'single_object', 'two_object']
    """
    _require_annotation(annotation)
    require_generator("generator", generator)
    margin = JudgeOptions(margin=margin).margin
    order = torch.randperm(len(annotation), generator=generator, device=generator.device).tolist()
    where = {}  # class -> its objects
    for i in order:
        where.setdefault(annotation.labels[i], []).append(i)
    names = list(where)
    alone = [name for name in names if len(where[name]) == 1]
    colours = annotation.colours or [""] * len(annotation)
    coloured = {name: colours[where[name][0]] for name in alone if colours[where[name][0]]}
    prompts = [_prompt("single_object", [_entry(name)]) for name in names[:1]]
    if len(names) > 1:
        prompts.append(_prompt("two_object", [_entry(names[0]), _entry(names[1])]))
    for name in [name for name in names if len(where[name]) in COUNTED][:1]:
        count = len(where[name])
        prompts.append(_prompt(COUNTING, [_entry(name, count)], [_entry(name, count + 1)]))
    prompts += [_prompt("colors", [_entry(name, color=coloured[name])]) for name in list(coloured)[:1]]
    prompts += _position(alone, {name: annotation.boxes[where[name][0]] for name in alone}, margin)
    pairs = [(a, b) for a in coloured for b in coloured if a != b and coloured[a] != coloured[b]]
    prompts += [_prompt("color_attr", [_entry(n, color=coloured[n]) for n in pair]) for pair in pairs[:1]]
    return prompts


def _position(names: Sequence[str], boxes: Mapping[str, Tensor], margin: float) -> list[dict[str, Any]]:
    """A prompt on the first two of these classes that stand in a relation, if there are any."""
    for second in names:
        for first in names:
            for relation in sorted(relations(boxes[second], boxes[first], margin)) if first != second else ():
                return [_prompt("position", [_entry(first), _entry(second, position=[relation, 0])])]
    return []


def _entry(name: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"class": name, "count": count, **more}


def _prompt(tag: str, include: list[dict[str, Any]], exclude: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """A prompt of the schema; its text serves readers, the judge does not read it."""
    named = " and ".join(
        f"{each['count']} {each.get('color', '')} {each['class']}".replace("  ", " ") for each in include
    )
    placed = "".join(f", the second {each['position'][0]} the first" for each in include if "position" in each)
    return {"tag": tag, "prompt": f"a photo of {named}{placed}", "include": include, "exclude": list(exclude)}


def _coloured(prompt: Mapping[str, Any]) -> bool:
    return any("color" in entry for entry in prompt["include"])


def _require_annotation(annotation: Any) -> None:
    require_instance("annotation", annotation, Annotation)
    require_names("annotation.labels", annotation.labels)
    if annotation.colours is not None:
        require_names("annotation.colours", annotation.colours, "names", len(annotation.labels), "objects")
    require_tensor("annotation.boxes", annotation.boxes, (len(annotation.labels), 4), values="(-inf, inf)")
