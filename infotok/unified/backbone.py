"""The language model: any causal model of Hugging Face `transformers`, without its head.

    backbone = Backbone.tiny(words=len(world.vocabulary))                        # random weights, 0.1 M parameters
    backbone = Backbone.hub("gpt2", world.vocabulary.words, lora=8)              # a checkpoint by name or folder
    backbone = Backbone.hub("gpt2", world.vocabulary)                            # with its own tokens
    states = backbone(embeddings, mask, positions)                               # (B, N, hidden)

Words, visual tokens and markers all enter as embeddings. The attention mask (B, 1, N, N) and the positions are given,
so that one code serves causal, bidirectional and packed sequences. Of a closed vocabulary, one token a word, each word
keeps the mean of its pieces' embeddings in the checkpoint's own table; of a `TokenVocabulary`, its own tokenizer, each
token keeps its row. The same table embeds words and, transposed, scores them (tied embeddings).

`lora` is the rank of low-rank adapters beside every linear layer, by `peft` (Hu et al. 2021, arXiv 2106.09685); all
other weights of the checkpoint, words apart, are then frozen.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_instance, require_int, require_text
from infotok.hub import OWN_CODE, one_line
from infotok.optional import needs
from infotok.unified.arguments import LAYERS, NUMBERS, check_keys, check_layout, check_part, check_states
from infotok.worlds.image_text.tokens import TokenVocabulary

__all__ = ["Backbone"]

WEIGHTS = 2**37  # at most, in the whole model


class Backbone(nn.Module):
    """A transformers `model` without its head, which takes `inputs_embeds` and 4-D masks; `lora`: rank of its adapters.

    Example:
        >>> import torch
        >>> from infotok.unified import Backbone, block_mask
        >>> backbone = Backbone.tiny(words=100, hidden=64)  # `Backbone.hub(name, words)` takes a checkpoint
        >>> backbone(torch.randn(2, 16, 64), *block_mask(torch.zeros(2, 16, dtype=torch.long))).shape  # causal
        torch.Size([2, 16, 64])
    """

    def __init__(self, model: nn.Module, lora: int = 0) -> None:
        super().__init__()
        require_instance("model", model, nn.Module)
        check_part("model", model, ("config", "get_input_embeddings"), "a model of transformers")
        require_int("lora", lora, 0, model.config.hidden_size)  # the largest rank that a matrix of the model has
        self.config, self.lora = model.config, lora
        if lora:
            model = _with_adapters(model, lora)
        self.model = model
        self.words.weight.requires_grad_(True)

    @classmethod
    def tiny(cls, words: int, hidden: int = 64, layers: int = 2, heads: int = 4, positions: int = 256) -> "Backbone":
        """A small GPT-2 with random weights from torch's generator; its layer norms are single calls, fast on a CPU.

        Weights start at a standard deviation of 1/sqrt(hidden): the usual 0.02 is that of models ten times as wide, and
        with it small ones take hundreds of steps to learn where to attend.

        words: size of the vocabulary.
        hidden: width of the embeddings and states, H.
        layers: transformer blocks.
        heads: attention heads, a divisor of `hidden`.
        positions: longest sequence.
        """
        sizes = {"words": words, "hidden": hidden, "layers": layers, "heads": heads, "positions": positions}
        for name, size in sizes.items():
            sizes[name] = require_int(name, size, 1, LAYERS if name == "layers" else NUMBERS)
        words, hidden, layers, heads, positions = sizes.values()
        require(hidden % heads == 0, "heads", heads, f"a divisor of hidden={hidden}")
        config = _transformers().GPT2Config(
            vocab_size=words, n_embd=hidden, n_layer=layers, n_head=heads, n_positions=positions,
            activation_function="gelu", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            initializer_range=hidden**-0.5, bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
        return cls.from_spec({"config": config.to_dict(), "lora": 0})

    @classmethod
    def hub(cls, name: str, words: Sequence[str] | TokenVocabulary, lora: int = 0) -> "Backbone":
        """A checkpoint of the hub, with its words replaced by ours, or its tokens in the order of ours.

        name: its name on the hub, or a folder in the hub's layout (safetensors) with its tokenizer.
        words: the vocabulary: a list of words, or a `TokenVocabulary` of the checkpoint's own tokenizer. A token that
            the checkpoint lacks begins as the mean of all.
        lora: rank of the low-rank adapters; 0 for none.

        Weights become float32. A folder or name that is missing, truncated, lacks weights, or whose configuration is
        larger than its weights, raises ValueError, in one line. No code of the checkpoint's own is ever run.
        """
        hub = _transformers()
        require_instance("name", name, (str, Path), "a name on the hub, or a folder")
        require(str(name), "name", name, "a name on the hub, or a folder")
        _check_words(words.words if isinstance(words, TokenVocabulary) else words), require_int("lora", lora, 0)
        what = f"backbone {name}"
        with one_line(what):
            check_sizes(hub.PretrainedConfig.get_config_dict(name)[0], what)  # some configurations list their layers
            check_count(hub.AutoConfig.from_pretrained(name, **OWN_CODE), name, what)
            tokenizer = hub.AutoTokenizer.from_pretrained(name, **OWN_CODE)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # missing weights are reported below
                model, info = hub.AutoModel.from_pretrained(
                    name, use_safetensors=True, attn_implementation="sdpa", output_loading_info=True, **OWN_CODE
                )
        lacking = sorted(info["missing_keys"])
        require(not lacking, what, f"no weights for {lacking[:1]}", "those of the whole model")
        for key, tensor in model.state_dict().items():
            finite = not tensor.is_floating_point() or tensor.isfinite().all()
            require(finite, f"{what}, {key}", "NaN or infinite numbers", "finite numbers")
        _adopt(model, tokenizer, words)
        return cls(model, lora)

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> "Backbone":
        """The same architecture, random weights: of `spec` as `Backbone.spec` gives it; ValueError for no such spec."""
        hub = _transformers()
        check_keys("spec", spec, {"config", "lora"})
        with one_line("backbone, config"):
            config = dict(spec["config"])
            check_sizes(config, "backbone, config")
            config = hub.AutoConfig.for_model(config.pop("model_type"), **config)
            model = hub.AutoModel.from_config(config, attn_implementation="sdpa", **OWN_CODE)
        return cls(model, spec["lora"])

    def spec(self) -> dict[str, Any]:
        """What `from_spec` needs, in JSON values."""
        return {"config": self.config.to_dict(), "lora": self.lora}

    @property
    def words(self) -> nn.Embedding:
        """The embeddings of the vocabulary."""
        return self.model.get_input_embeddings()

    @property
    def hidden(self) -> int:
        """Width of embeddings and states, H."""
        return self.config.hidden_size

    @property
    def positions(self) -> int:
        """The longest sequence, in tokens."""
        return getattr(self.config, "max_position_embeddings", 2**31)

    @property
    def matrices(self) -> list[nn.Parameter]:
        """Weights of the linear layers, without adapters, embeddings and vectors: what Muon optimises."""
        from transformers.pytorch_utils import Conv1D  # what GPT-2 calls its linear layers

        if self.lora:
            return []
        return [module.weight for module in self.model.modules() if isinstance(module, nn.Linear | Conv1D)]

    def forward(self, embeddings: Tensor, mask: Tensor, positions: Tensor, cache: Any = None) -> Tensor:
        """The last layer's states (B, N, hidden).

        embeddings: (B, N, hidden).
        mask: (B, 1, N, past + N) bool, true where the row attends to the column.
        positions: (B, N).
        cache: a KV cache of `transformers` with `past` tokens, which grows by N; None for none.
        """
        past = cache.get_seq_length() if cache is not None else 0
        _check(self, embeddings, mask, positions, past)
        inputs = {"inputs_embeds": embeddings, "attention_mask": mask, "position_ids": positions}
        return self.model(**inputs, past_key_values=cache, use_cache=cache is not None).last_hidden_state

    def attention(self, embeddings: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """Attention weights (layers, B, heads, N, N) of a forward pass.

        embeddings: (B, N, hidden).
        mask: (B, 1, N, N) bool.
        positions: (B, N).
        """
        _check(self, embeddings, mask, positions, 0)
        allowed = torch.zeros(mask.shape, dtype=embeddings.dtype, device=mask.device)
        allowed = allowed.masked_fill(~mask, torch.finfo(embeddings.dtype).min)
        inputs = {"inputs_embeds": embeddings, "attention_mask": allowed, "position_ids": positions}
        self.model.set_attn_implementation("eager")  # the fast kernels do not return weights
        try:
            return torch.stack(self.model(**inputs, output_attentions=True, use_cache=False).attentions)
        finally:
            self.model.set_attn_implementation("sdpa")


def _check(backbone: Backbone, embeddings: Tensor, mask: Tensor, positions: Tensor, past: int) -> None:
    check_states("embeddings", embeddings, ("B", "N", backbone.hidden), backbone.training, backbone.words.weight)
    rows, length = embeddings.shape[:2]
    check_layout(mask, positions, (rows, length, past + length), backbone.positions, backbone.training)


def _check_words(words: Any) -> None:
    listed = isinstance(words, Sequence) and not isinstance(words, str) and len(words) > 0
    require(listed, "words", type(words).__name__, "a list of words", TypeError)
    for word in words:
        require_text("words", word)
    require(len(set(words)) == len(words), "words", "a word twice", "each word once")


def check_sizes(config: dict[str, Any], what: str) -> None:
    """ValueError for a size that no model has: the file is damaged, or made to exhaust the memory."""
    for name, value in ((str(key), value) for key, value in config.items()):  # labels' names have numbers for keys
        if isinstance(value, dict):
            check_sizes(value, f"{what}, {name}")
            continue
        limit = LAYERS if re.search("layer|expert|depth", name) else NUMBERS
        for size in value if isinstance(value, list | tuple) else [value]:
            fits = not isinstance(size, int) or size <= limit or "theta" in name  # a wave length of positions
            require(fits, f"{what}, {name}", size, f"at most {limit}")


def check_count(config: Any, name: str, what: str) -> None:
    """ValueError for a configuration of more weights than its folder has room for, counted without memory."""
    with torch.device("meta"):
        count = sum(p.numel() for p in _transformers().AutoModel.from_config(config, **OWN_CODE).parameters())
    held = sum(path.stat().st_size for path in Path(name).glob("*.safetensors"))  # 0 for a name on the hub
    most = min(WEIGHTS, 2 * held) if held else WEIGHTS  # none takes less than half a byte
    require(count <= most, f"{what}, config.json", f"{count} weights", f"at most {most}, by the size of its files")


def _transformers() -> ModuleType:
    with needs("hub", "Backbone"):
        import transformers
    return transformers


def _with_adapters(model: nn.Module, rank: int) -> nn.Module:
    with needs("hub", "a Backbone with lora"):
        from peft import LoraConfig, inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D

    linear = {name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)}
    transposed = any(isinstance(module, Conv1D) for module in model.modules())
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=linear, fan_in_fan_out=transposed)
    return inject_adapter_in_model(config, model)


def _adopt(model: nn.Module, tokenizer: Any, words: Sequence[str] | TokenVocabulary) -> None:
    """Replace the model's table by one row a word of ours, or a token; all weights become float32."""
    model.float().config.dtype = torch.float32  # many checkpoints are bfloat16, and the other parts of a host are not
    table = model.get_input_embeddings().weight.data
    if isinstance(words, TokenVocabulary):
        rows = _rows_of_tokens(table, tokenizer.get_vocab(), words.words)
    else:
        rows = _rows_of_words(table, tokenizer, words)
    adopted = nn.Embedding(*rows.shape)
    adopted.weight.data = rows
    model.set_input_embeddings(adopted)
    model.config.vocab_size = len(rows)


def _rows_of_words(table: Tensor, tokenizer: Any, words: Sequence[str]) -> Tensor:
    """One row a word: the mean of its pieces' rows in the table."""
    rows = []
    for word in words:
        pieces = tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
        rows.append(table[pieces].mean(0) if pieces else table.mean(0))
    return torch.stack(rows)


def _rows_of_tokens(table: Tensor, known: dict[str, int], words: Sequence[str]) -> Tensor:
    """One row a token, in the order of `words`: its own in the table, or the mean of all.

    known: the checkpoint's own id of each of its tokens.
    """
    lacking = sorted(known.keys() - set(words))
    require(not lacking, "words", f"a tokenizer without the token {lacking[:1]}", "the checkpoint's own tokenizer")
    mean = table.mean(0)
    return torch.stack([table[i] if 0 <= (i := known.get(word, -1)) < len(table) else mean for word in words])
