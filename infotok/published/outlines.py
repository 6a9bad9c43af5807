"""Published models as outlines: their architectures at full size, without weights and without memory.

    model = outline("Janus-Pro-1B")        # on the meta device
    sum(p.numel() for p in model.parameters())

The sizes are those of the published configurations, as far as they differ from the defaults of `transformers`:

- Chameleon-7B: the defaults, which are those of facebook/chameleon-7b
- Emu3-Chat and Emu3-Gen: the defaults, which are those of Emu3-community/Emu3-Chat-hf; its conversion from BAAI's
  files sets no other size, and takes both checkpoints
- Janus-Pro-1B and Janus-1.3B: hf-internal-testing/tiny-processor-janus, config.json, which has the language model of
  the 1B model. Both are built on DeepSeek-LLM 1.3B (arXiv 2410.13848, 2501.17811); that they are equal is our reading
- Janus-Pro-7B: the copy of deepseek-ai/Janus-Pro-7B's config.json in YhangChen/iris-step200
- heads of words are apart from the tables in all of them
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from infotok.errors import require_choice
from infotok.optional import needs

__all__ = ["OUTLINES", "outline"]

LETTERS = "ABCDEFGHIJ"  # the digits of Chameleon's names of codes


def chameleon() -> nn.Module:
    """Chameleon-7B."""
    import transformers

    names = ["IMGIMG" + "".join(LETTERS[int(digit)] for digit in str(code)) + "Z" for code in range(8192)]
    mapping = {"<image>": 8711} | {name: 4 + code for code, name in enumerate(names)}
    return transformers.ChameleonForConditionalGeneration(transformers.ChameleonConfig(vocabulary_map=mapping))


def emu3() -> nn.Module:
    """Emu3-Chat, and Emu3-Gen."""
    import transformers

    mapping = {f"<|visual token {code:06d}|>": 151854 + code for code in range(32768)}
    mapping |= {"<image>": 151853, "<|extra_200|>": 151846}
    return transformers.Emu3ForConditionalGeneration(transformers.Emu3Config(vocabulary_map=mapping))


def janus(hidden: int, inner: int, layers: int) -> Callable[[], nn.Module]:
    """A Janus by the sizes of its language model, whose heads have 128 numbers each."""

    def make() -> nn.Module:
        import transformers

        text: dict[str, Any] = {"model_type": "llama", "vocab_size": 102400, "hidden_size": hidden}
        text |= {"intermediate_size": inner, "num_hidden_layers": layers, "max_position_embeddings": 16384}
        text |= {"num_attention_heads": hidden // 128, "num_key_value_heads": hidden // 128}
        vision, vq = {"projection_dim": hidden}, {"projection_dim": hidden, "image_token_embed_dim": hidden}
        config = transformers.JanusConfig(
            text_config=text, vision_config=vision, vq_config=vq, tie_word_embeddings=False
        )
        return transformers.JanusForConditionalGeneration(config)

    return make


JANUS_1B = janus(2048, 5632, 24)
OUTLINES: dict[str, tuple[Callable[[], nn.Module], int]] = {  # by name: what makes it, and pixels a side of an image
    "Janus-1.3B": (JANUS_1B, 384),
    "Janus-Pro-1B": (JANUS_1B, 384),
    "Janus-Pro-7B": (janus(4096, 11008, 30), 384),
    "Chameleon-7B": (chameleon, 512),
    "Emu3-Chat": (emu3, 512),
    "Emu3-Gen": (emu3, 512),
}


def outline(name: str) -> nn.Module:
    """The architecture of a published model at full size on torch's meta device, which holds no numbers.

    name: one of `OUTLINES`.

    Raises ValueError, in one line, for another name.

    Example:
        >>> from infotok.published import outline
        >>> model = outline("Janus-Pro-1B")  # no weights, no memory
        >>> type(model).__name__, f"{sum(p.numel() for p in model.parameters()):,}", next(model.parameters()).device
        ('JanusForConditionalGeneration', '2,076,636,811', device(type='meta'))
    """
    require_choice("name", name, tuple(OUTLINES))
    with needs("hub", "outline"), torch.device("meta"):
        return OUTLINES[name][0]().eval()
