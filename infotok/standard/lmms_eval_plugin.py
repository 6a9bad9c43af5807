"""The entry point `lmms_eval.models`: it tells lmms-eval which models there are, without importing them.

    lmms-eval --model infotok_host --model_args pretrained=runs/mine --tasks ...
    lmms-eval --model infotok_published --model_args pretrained=emu3,checkpoint=runs/own --tasks ...

It follows lmms-eval's second registry of models (`lmms_eval.models.registry_v2`) as its repository has it at commit
059d63b: an entry point of this group is a function that returns `ModelManifest`s, each with the path of a class.
"""

from typing import Any

from infotok.optional import needs

__all__ = ["INSTALL", "model_manifests"]

INSTALL = "pip install lmms-eval"
MODELS = {"infotok_host": "HostLmms", "infotok_published": "PublishedLmms"}


def model_manifests() -> list[Any]:
    """The `ModelManifest` of each model; ModuleNotFoundError in one line where lmms-eval is not installed."""
    with needs(None, "infotok's models in lmms-eval", install=INSTALL):
        from lmms_eval.models.registry_v2 import ModelManifest
    path = "infotok.standard.lmms_eval_models"
    return [ModelManifest(model_id=name, simple_class_path=f"{path}.{made}") for name, made in MODELS.items()]
