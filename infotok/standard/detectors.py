"""Object detectors of `transformers` for GenEval: those whose image processor has `post_process_object_detection`.

    detect = open_detector("folder of a DETR")                         # names of classes from its configuration
    detect = open_detector("folder of an OWL-ViT", names=["dog", "cat"])     # names of classes from you
    detect(images)                                                     # a `Detections` for each image

Detectors of fixed classes are DETR, Conditional and Deformable DETR, RT-DETR, YOLOS and others of
`AutoModelForObjectDetection`; detectors of any names are OWL-ViT and OWLv2. Weights come from a folder in the hub's
layout, from safetensors alone; nothing is downloaded, and no code of a folder is run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from infotok.errors import require, require_device, require_float, require_instance, require_int
from infotok.files import read_json
from infotok.images import require_images
from infotok.modes import evaluating
from infotok.optional import needs
from infotok.standard.arguments import require_names
from infotok.standard.geneval import Detections
from infotok.standard.opening import hub_parts
from infotok.unified.arguments import check_part

__all__ = ["Detector", "open_detector"]

OPEN_VOCABULARY = ("owlvit", "owlv2")  # by `model_type` of a configuration
AS_TENSORS = {"return_tensors": "pt", "input_data_format": "channels_first"}
ASKED = "a photo of a {}"  # how OWL-ViT's authors ask for a name


class Detector:
    """A detector of `transformers` as a function: images (N, 3, H, W) in [0, 1] -> a `Detections` for each.

    model: a model for object detection, with `logits` and `pred_boxes` in its output.
    processor: its image processor; for a detector of any names its processor, which also reads text.
    names: of the classes to find, for a detector of any names. For one of fixed classes: {its name: the name in
        prompts} where they differ, such as {"mouse": "computer mouse"} for GenEval; None where they do not.
    threshold: least confidence that is returned; the judge has its own.
    at_once: images at a time.

    Example:
        >>> import torch
        >>> from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor
        >>> from infotok.standard import Detector
        >>> sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        >>> config = YolosConfig(**sizes, image_size=[64, 64], id2label={0: "cat", 1: "dog"})
        >>> size = {"shortest_edge": 64, "longest_edge": 64}
        >>> detect = Detector(YolosForObjectDetection(config), YolosImageProcessor(size=size))  # random weights
        >>> detect.names, len(detect(torch.rand(2, 3, 64, 64)))
        (['cat', 'dog'], 2)
    """

    def __init__(
        self,
        model: nn.Module,
        processor: Any,
        names: Sequence[str] | Mapping[str, str] | None = None,
        threshold: float = 0.1,
        at_once: int = 8,
    ) -> None:
        require_instance("model", model, nn.Module, "a detector of transformers")
        check_part("model", model, ("config",), "a detector of transformers")
        images = getattr(processor, "image_processor", processor)
        known = hasattr(images, "post_process_object_detection") and not isinstance(images, type)
        expected = "an image processor with post_process_object_detection"
        require(known, "processor", type(processor).__name__, expected, TypeError)
        self.model, self.processor, self.images = model.eval(), processor, images
        self.asks = getattr(model.config, "model_type", "") in OPEN_VOCABULARY
        self.names = _names(names, self.asks, model)
        self.threshold, self.at_once = require_float("threshold", threshold, "[0, 1]"), require_int("at_once", at_once)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> list[Detections]:
        """What is in each of the images.

        images: (N, 3, H, W) in [0, 1].
        """
        require_images("images", images, ("N", 3, "H", "W"))
        with evaluating(self.model):
            return [each for part in images.split(self.at_once) for each in self._part(part)]

    def _part(self, images: Tensor) -> list[Detections]:
        device = next(self.model.parameters()).device
        pictures = list((images.float() * 255).round().to(torch.uint8).cpu())  # as files hold them
        if self.asks:
            asked = [[ASKED.format(name) for name in self.names]] * len(images)
            longest = self.model.config.text_config.max_position_embeddings
            padded = {"padding": "max_length", "truncation": True, "max_length": longest}
            inputs = self.processor(text=asked, images=pictures, **padded, **AS_TENSORS)
        else:
            inputs = self.images(images=pictures, **AS_TENSORS)
        output = self.model(**inputs.to(device))
        sizes = [tuple(images.shape[-2:])] * len(images)
        found = self.images.post_process_object_detection(output, threshold=self.threshold, target_sizes=sizes)
        return [self._read(each) for each in found]

    def _read(self, found: dict[str, Tensor]) -> Detections:
        labels = [self.names[label] for label in found["labels"].tolist()]
        return Detections(found["boxes"].float().cpu(), labels, found["scores"].float().clamp(0, 1).cpu())


def open_detector(
    folder: str | Path,
    names: Sequence[str] | Mapping[str, str] | None = None,
    threshold: float = 0.1,
    at_once: int = 8,
    device: str | torch.device = "cpu",
) -> Detector:
    """The detector in a folder of the hub's layout.

    folder: `config.json`, `preprocessor_config.json` and safetensors.
    names: as for `Detector`.
    threshold: least confidence that is returned.
    at_once: images at a time.
    device: of the model.

    Raises FileNotFoundError for a missing folder, and ValueError, in one line, for code of its own, pickled or missing
    weights, and a model of another kind.

    Example:
        >>> import torch  # doctest: +SKIP
        >>> from infotok.standard import open_detector  # doctest: +SKIP
        >>> detect = open_detector("detr-resnet-50", threshold=0.3)  # a folder of the hub's layout  # doctest: +SKIP
        >>> detect(torch.rand(2, 3, 256, 256))[0].labels  # doctest: +SKIP
    """
    require_device("device", device)
    with needs("hub", "open_detector"):
        from transformers import (
            AutoImageProcessor,
            AutoModelForObjectDetection,
            AutoModelForZeroShotObjectDetection,
            AutoProcessor,
        )
    require_instance("folder", folder, (str, Path), "a folder's path")
    kind = read_json(Path(folder) / "config.json", keys=("model_type",))["model_type"]
    zero_shot = kind in OPEN_VOCABULARY
    made = AutoModelForZeroShotObjectDetection if zero_shot else AutoModelForObjectDetection
    model, processor = hub_parts(folder, made, AutoProcessor if zero_shot else AutoImageProcessor)
    return Detector(model.to(device), processor, names, threshold, at_once)


def _names(names: Any, asks: bool, model: nn.Module) -> list[str]:
    """Names of classes by their label."""
    if not asks:
        own = model.config.id2label
        renamed = {} if names is None else names
        mapped = isinstance(renamed, Mapping)
        expected = "None or {its name: the name in prompts}: this detector has classes of its own"
        require(mapped, "names", type(names).__name__, expected, TypeError)
        unknown = sorted(str(name) for name in renamed if name not in own.values())
        require(not unknown, "names", ", ".join(unknown), "names of the detector's own classes")
        require_names("names", list(renamed.values()))
        given = {label: renamed.get(name, name) for label, name in own.items()}
        return [given.get(label, f"class {label}") for label in range(1 + max(given))]
    require(names is not None, "names", None, "names of classes: this detector finds what it is asked for", TypeError)
    names = require_names("names", names)
    require(len(names) > 0, "names", "none", "one name or more")
    return names
