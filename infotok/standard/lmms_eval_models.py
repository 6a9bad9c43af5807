"""Unified models and attached published models as models of lmms-eval; importing this file needs lmms-eval.

They follow the interface of lmms-eval (its repository at commit 059d63b) for models that are given text and a function
for images, "simple" ones: a request of `generate_until` has (text, options, doc_to_visual, document's index, task,
split), one of `loglikelihood` an answer, or a function that gives it, in the place of the options.

- `generate_until` answers a question about one image. A request without an image, or with the option `draw`, draws: it
  returns JSON with the paths of images, as lmms-eval's own drawing models do.
- `loglikelihood` returns the negative log probability in nats. lmms-eval's documentation asks for the log probability,
  but its evaluator takes the smallest number for the model's choice, and its own models return a loss.

One process scores all requests.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infotok.errors import refuse, require
from infotok.optional import needs
from infotok.standard.hosts import HostModel, open_host
from infotok.standard.lmms_eval_plugin import INSTALL
from infotok.standard.published_models import PublishedModel, open_published

with needs(None, "infotok's models in lmms-eval", install=INSTALL):
    from lmms_eval.api.model import lmms

__all__ = ["HostLmms", "PublishedLmms"]

GENERATION = ("max_new_tokens", "do_sample", "temperature", "top_p", "top_k", "num_beams")  # what `generate` takes
SAMPLING = ("temperature", "top_p", "top_k")  # means nothing, and is warned of, where nothing is sampled


class SentenceLmms(lmms):
    """What both models share: requests in, sentences out.

    model: has `answer`, `log_probabilities` and `draw`.
    output: the folder of what is drawn.
    """

    is_simple = True

    def __init__(self, model: HostModel | PublishedModel, output: str | Path) -> None:
        super().__init__()
        self.model, self.output = model, Path(output)

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """An answer to each request, or JSON with the path of what was drawn."""
        said: list[str] = [""] * len(requests)
        drawn = [i for i, request in enumerate(requests) if self._draws(request)]
        for i, path in zip(drawn, self._draw([requests[i] for i in drawn]), strict=True):
            said[i] = json.dumps({"text": "", "images": [path]})
        groups: dict[str, list[int]] = {}  # requests of the same options are answered together
        for i in sorted({*range(len(requests))} - {*drawn}):
            groups.setdefault(json.dumps(requests[i].args[1], sort_keys=True, default=str), []).append(i)
        for rows in groups.values():
            options = requests[rows[0]].args[1]
            images, texts = [self._image(requests[i]) for i in rows], [requests[i].args[0] for i in rows]
            for i, answer in zip(rows, self._answer(images, texts, options), strict=True):
                said[i] = cut(answer, options.get("until"))
        return said

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """(negative log probability in nats, whether it is the greedy answer) of the answer in each request."""
        answers = [self._target(request) for request in requests]
        texts = [request.args[0] for request in requests]
        found = self.model.log_probabilities([self._image(request) for request in requests], texts, answers)
        return [(-value, greedy) for value, greedy in found]

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Refused: these models answer one question at a time."""
        refuse("requests", "several rounds", "one question about one image", NotImplementedError)

    def _answer(self, images: list[Tensor], texts: list[str], options: dict[str, Any]) -> list[str]:
        return self.model.answer(images, texts)

    def _document(self, request: Any) -> Any:
        index, task, split = request.args[-3:]
        return self.task_dict[task][split][index]

    def _target(self, request: Any) -> str:
        target = request.args[1]
        return str(target(self._document(request)) if callable(target) else target).strip()

    def _visuals(self, request: Any) -> list[Any]:
        return list(request.args[2](self._document(request)) or []) if request.args[2] is not None else []

    def _draws(self, request: Any) -> bool:
        return bool(request.args[1].get("draw")) or not self._visuals(request)

    def _image(self, request: Any) -> Tensor:
        """The image (3, H, W) in [0, 1] of a request."""
        visuals = self._visuals(request)
        require(len(visuals) == 1, "images of a request", len(visuals), "one: these models read one image")
        picture = np.array(visuals[0].convert("RGB"))
        return torch.from_numpy(picture).permute(2, 0, 1).float() / 255

    def _draw(self, requests: Sequence[Any]) -> list[str]:
        """The paths of what each request draws."""
        from PIL import Image

        paths: list[str] = []
        if not requests:
            return paths
        for request, image in zip(requests, self.model.draw([r.args[0] for r in requests]), strict=True):
            index, task, _ = request.args[-3:]
            path = self.output / str(task) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 255).round().byte().permute(1, 2, 0).numpy()).save(path)
            paths.append(str(path.resolve()))
        return paths


class HostLmms(SentenceLmms):
    """A model of `infotok.unified` in lmms-eval, `--model infotok_host`.

    pretrained: the folder that `save_pretrained` wrote.
    batch_size: images at a time.
    device: of the model.
    output: the folder of what is drawn.
    seed: of what is drawn.
    max_batch_size: not used.
    """

    def __init__(
        self,
        pretrained: str,
        batch_size: int | str = 64,
        device: str | None = None,
        output: str = "drawn",
        seed: int = 0,
        max_batch_size: int | None = None,
        **drawing: Any,
    ) -> None:
        model = open_host(pretrained).to(device or "cpu")
        super().__init__(HostModel(model, int(batch_size), seed, **drawing), output)


class PublishedLmms(SentenceLmms):
    """An attached published model in lmms-eval, `--model infotok_published`.

    pretrained: the folder of the published model and its processor.
    checkpoint: what `Attached.save` wrote; "" for the published model as it is.
    template: the question as the model expects it, with {question} in it.
    path: for Janus, "vq" or "siglip", where there is no checkpoint.
    device: of the model.
    output: the folder of what is drawn.
    size: pixels a side of what is drawn.
    seed: of what is drawn.
    batch_size, max_batch_size: not used, since images have several sizes.
    """

    def __init__(
        self,
        pretrained: str,
        checkpoint: str = "",
        template: str = "{question}",
        path: str = "",
        device: str | None = None,
        output: str = "drawn",
        size: int = 256,
        seed: int = 0,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        **drawing: Any,
    ) -> None:
        attached, processor = open_published(pretrained, checkpoint, **({"path": path} if path else {}))
        attached.to(device or "cpu")
        super().__init__(PublishedModel(attached, processor, template, size=size, seed=seed, **drawing), output)

    def _answer(self, images: list[Tensor], texts: list[str], options: dict[str, Any]) -> list[str]:
        sampled = options.get("do_sample", False)
        kept = {name: options[name] for name in GENERATION if options.get(name) is not None}
        return self.model.answer(images, texts, **{n: v for n, v in kept.items() if sampled or n not in SAMPLING})


def cut(text: str, until: Any) -> str:
    """The text before the first of the stopping texts, one or a list of them."""
    for stop in [until] if isinstance(until, str) else until or []:
        text = text.split(stop)[0] if stop else text
    return text.strip()
