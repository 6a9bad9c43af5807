"""Opening a model and its processor from a folder in the hub's layout: no downloads, no code of the folder's own."""

import warnings
from pathlib import Path
from typing import Any

from torch import nn

from infotok.errors import require, require_instance
from infotok.files import read_json
from infotok.hub import OWN_CODE, one_line
from infotok.unified.backbone import check_sizes

__all__ = ["hub_parts"]


def hub_parts(folder: str | Path, model_class: Any, processor_class: Any) -> tuple[nn.Module, Any]:
    """The model in eval mode and its processor.

    folder: in the hub's layout: `config.json`, the processor's JSON and safetensors.
    model_class: of `transformers`, such as `CLIPModel`.
    processor_class: of `transformers`, such as `CLIPProcessor`.

    Raises FileNotFoundError for a missing folder, and ValueError, in one line, for code of its own, pickled or missing
    weights, and a model of another kind.
    """
    require_instance("folder", folder, (str, Path), "a folder's path")
    path, what = Path(folder) / "config.json", f"model {folder}"
    config = read_json(path, keys=("model_type",))
    require(
        not config.get("auto_map"), str(path), "auto_map, code of the folder's own", "a model of transformers alone"
    )
    check_sizes(config, str(path))
    options = {"use_safetensors": True, "output_loading_info": True, "local_files_only": True}
    with one_line(what), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # missing weights are reported below
        model, info = model_class.from_pretrained(folder, **options, **OWN_CODE)
        processor = processor_class.from_pretrained(folder, local_files_only=True, **OWN_CODE)
    lacking = sorted(info["missing_keys"])
    require(not lacking, what, f"no weights for {lacking[:1]}", "those of the whole model")
    return model.eval(), processor
