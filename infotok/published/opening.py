"""Opening the folder of a published model, without running anything that it holds.

Weights are read from safetensors, never from pickles; the code is that of `transformers`, never a folder's own; a
configuration larger than its weights is refused before memory is allocated.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from infotok.errors import require, require_choice, require_instance
from infotok.files import read_json
from infotok.hub import OWN_CODE, one_line
from infotok.optional import needs
from infotok.unified.backbone import check_count, check_sizes

__all__ = ["open_model"]

CLASSES = {
    "chameleon": "ChameleonForConditionalGeneration",
    "emu3": "Emu3ForConditionalGeneration",
    "janus": "JanusForConditionalGeneration",
}  # by `model_type` of a configuration


def open_model(folder: str | Path, dtype: torch.dtype | None = None) -> nn.Module:
    """The published model in `folder`, in eval mode.

    folder: in the hub's layout: `config.json` and safetensors.
    dtype: of the weights; None for that of the files.

    Raises FileNotFoundError for a missing folder, and ValueError, in one line, for a model of another type, code of its
    own, pickled, truncated or missing weights, and a configuration that does not fit them.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.published import hub_folder, open_model  # doctest: +SKIP
        >>> model = open_model(hub_folder("deepseek-community/Janus-Pro-1B"), dtype=torch.bfloat16)  # doctest: +SKIP
    """
    with needs("hub", "open_model"):
        import transformers
    require_instance("folder", folder, (str, Path), "the name of a folder")
    what, path = f"model {folder}", Path(folder) / "config.json"
    config = read_json(path, keys=("model_type",))
    kind = config["model_type"]
    require_choice(f"{path}, model_type", kind, tuple(CLASSES))
    own_code = [key for key, value in _items(config) if key == "auto_map" and value]
    require(not own_code, str(path), "auto_map, code of the folder's own", "a model of transformers alone")
    check_sizes(config, str(path))
    with one_line(what):
        check_count(transformers.AutoConfig.from_pretrained(folder, **OWN_CODE), str(folder), what)
        made = getattr(transformers, CLASSES[kind])
        options = {"dtype": dtype or "auto", "use_safetensors": True, "output_loading_info": True}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing weights are reported below
            model, info = made.from_pretrained(folder, local_files_only=True, **options)
        foreign = sorted(key for key in info["unexpected_keys"] if key.startswith("infotok."))
        expected = "those of a published model: `uninstall` it before save_pretrained, and `save` what is attached"
        require(not foreign, what, "weights of an InfoTok", expected)
        lacking = sorted(info["missing_keys"])
        require(not lacking, what, f"no weights for {lacking[:1]}", "those of the whole model")
        for name, tensor in model.named_parameters():
            require(tensor.isfinite().all(), f"{what}, {name}", "NaN or infinite numbers", "finite numbers")
    return model.eval()


def _items(config: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value of a configuration, those of its parts included."""
    for key, value in config.items() if isinstance(config, dict) else ():
        yield key, value
        yield from _items(value)
