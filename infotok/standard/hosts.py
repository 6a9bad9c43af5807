"""A unified model of `infotok.unified` behind plain sentences and images of any size: it answers and it draws.

    host = HostModel(open_host("runs/mine"))
    host.answer(images, ["is there a red circle ?"])            # ["yes"]
    host.draw(["top-left small red circle"])                    # images (1, 3, S, S)

The vocabulary of these models is closed: a sentence with another word is refused in one line. Only the first line of a
sentence is read, since benchmarks put instructions such as "Answer with one word." behind the question.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require, require_choice, require_folder, require_instance, require_int
from infotok.evaluation.evaluate import generate_images, in_parts
from infotok.files import read_json
from infotok.images import require_images
from infotok.standard.arguments import require_list, require_names
from infotok.unified import AutoregressiveModel, ContinuousModel, MaskedModel, UnifiedModel

__all__ = ["HostModel", "open_host", "resized"]

HOSTS = {host.__name__: host for host in (AutoregressiveModel, MaskedModel, ContinuousModel)}


def open_host(folder: str | Path) -> UnifiedModel:
    """The unified model that `save_pretrained` wrote to `folder`, whichever of the three it is, in eval mode.

    Raises FileNotFoundError or ValueError, in one line, for a folder without such a checkpoint.

    Example:
        >>> from tempfile import mkdtemp
        >>> from infotok.standard import open_host
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> folder = mkdtemp()
        >>> model.save_pretrained(folder)
        >>> type(open_host(folder)).__name__
        'AutoregressiveModel'
    """
    require_folder("folder", folder)
    path = Path(folder) / "config.json"
    meta = read_json(path, keys=("meta",))["meta"]
    kind = meta.get("kind") if isinstance(meta, dict) else None
    require_choice(f"{path}, kind", kind, tuple(HOSTS))
    return HOSTS[kind].from_pretrained(folder)


class HostModel:
    """A unified model that is asked in sentences.

    model: the unified model.
    at_once: images at a time.
    seed: of what it draws.
    drawing: options of the model's `generate`, such as `guidance`.

    Example:
        >>> import torch
        >>> from infotok.standard import HostModel
        >>> from infotok.tokenizers import SharedTokenizer, TokenizerConfig
        >>> from infotok.unified import AutoregressiveModel, Backbone
        >>> from infotok.worlds import ShapesWorld
        >>> world = ShapesWorld()
        >>> tokenizer = SharedTokenizer.from_config(TokenizerConfig(quantizer_options={"codebook_size": 64}))
        >>> model = AutoregressiveModel(tokenizer, Backbone.tiny(len(world.vocabulary)), world.vocabulary)
        >>> asked = HostModel(model.eval())
        >>> answers = asked.answer(torch.rand(2, 3, 48, 48), ["is there a red circle ?"] * 2)
        >>> len(answers), asked.draw(["top-left small red circle"]).shape
        (2, torch.Size([1, 3, 32, 32]))
    """

    def __init__(self, model: UnifiedModel, at_once: int = 64, seed: int = 0, **drawing: Any) -> None:
        require_instance("model", model, UnifiedModel, "a unified model")
        self.model, self.at_once, self.drawing = model, require_int("at_once", at_once), drawing
        self.seed = require_int("seed", seed, 0, 2**63 - 1)
        several = "a model whose answers are tokens of a text tokenizer"
        require(model.end is None, "model", several, "one with a vocabulary of words")
        config = model.tokenizer.config
        require(config is not None, "model, tokenizer, config", None, "one made from_config, which knows its size")
        self.size = config.size
        self.words = list(model.words)
        self._ids = {word: i for i, word in enumerate(self.words)}

    def answer(self, images: Sequence[Tensor], questions: Sequence[str]) -> list[str]:
        """The most probable answer to each question, one word.

        images: N of (3, H, W) in [0, 1], of any sizes.
        questions: one for each image.
        """
        best = self._probabilities(images, questions).argmax(-1)
        return [self.words[i] for i in self.model.answer_ids.cpu()[best].tolist()]

    def log_probabilities(
        self, images: Sequence[Tensor], questions: Sequence[str], answers: Sequence[str]
    ) -> list[tuple[float, bool]]:
        """(log probability in nats, whether it is the most probable answer) of an answer to each question.

        The probabilities of all words that may answer a question add up to 1.

        images: N of (3, H, W) in [0, 1], of any sizes.
        questions: one for each image.
        answers: one for each question, a word that may answer one.
        """
        probabilities = self._probabilities(images, questions)
        known = [self.words[i] for i in self.model.answer_ids.tolist()]
        asked = [each.strip() for each in require_names("answers", answers, "answers", len(questions), "questions")]
        for answer in asked:
            require(answer in known, "answers", answer, f"one of the {len(known)} words that may answer a question")
        columns = torch.tensor([known.index(answer) for answer in asked])
        chosen = probabilities.gather(1, columns[:, None]).squeeze(1).log()
        return list(zip(chosen.tolist(), (probabilities.argmax(1) == columns).tolist(), strict=True))

    def draw(self, prompts: Sequence[str]) -> Tensor:
        """Images (N, 3, S, S) in [0, 1] of prompts, captions in the model's words; the same for the same seed.

        prompts: N sentences.
        """
        ids = self._encode("prompts", require_names("prompts", prompts, "sentences"))
        require(len(ids) > 0, "prompts", "none", "one sentence or more")
        generator = torch.Generator().manual_seed(self.seed)
        return generate_images(self.model, ids, generator, self.at_once, **self.drawing).clamp(0, 1)

    def _probabilities(self, images: Sequence[Tensor], questions: Sequence[str]) -> Tensor:
        """Probability of each word that may answer, (N, A)."""
        images = require_list("images", images, "images")
        ids = self._encode("questions", require_names("questions", questions, "sentences", len(images)))[:, None]
        return in_parts(self.model.answer_probabilities, self.at_once, self.model, resized(images, self.size), ids)[
            :, 0
        ]

    def _encode(self, name: str, sentences: list[str]) -> Tensor:
        """Ids (N, T) of the first lines, padded with 0."""
        rows = []
        for sentence in sentences:
            words = sentence.strip().splitlines()[0].split() if sentence.strip() else []
            require(words, name, sentence, "a word or more")
            for word in words:
                require(word in self._ids, f"{name}, word", word, f"one of the model's {len(self.words)} words")
            rows.append(torch.tensor([self._ids[word] for word in words]))
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True) if rows else torch.empty(0, 1).long()


def resized(images: Sequence[Tensor], size: int) -> Tensor:
    """Images (N, 3, size, size) of N images (3, H, W) in [0, 1]: the square at their centres, bilinear, antialiased."""
    squares = []
    for index, image in enumerate(images):
        require_images(f"images[{index}]", image, (3, "H", "W"))
        height, width = image.shape[1:]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image[None, :, top : top + side, left : left + side].float().cpu()
        same = side == size
        square = square if same else F.interpolate(square, size, mode="bilinear", antialias=True).clamp(0, 1)
        squares.append(square)
    require(squares, "images", "none", "one image or more")
    return torch.cat(squares)
