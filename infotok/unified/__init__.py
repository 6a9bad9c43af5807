"""Three unified multimodal language models, each reading and drawing images through one shared tokenizer.

- `autoregressive`  codes predicted left to right: `AutoregressiveModel`
- `masked`          codes restored in rounds: `MaskedModel`
- `continuous`      continuous tokens that flow out of noise: `ContinuousModel`
- `host`            what they share: `UnifiedModel`
- `backbone`        the language model, tiny or from the hub: `Backbone`
- `training`        one loop for all: `train`, `TrainConfig`
- `optimisers`      Muon and AdamW, and their state under checks
- `run_folder`      the folder of a run: its lock and its checkpoints
- `metrics`         the rows that a run logs: `read_metrics`
- `arguments`       checks of what models and their parts are called with
- `packing`         several questions behind one image: `pack`, `block_mask`
- `depth`, `flow`   heads for several codebooks, and for continuous tokens: `DepthHead`, `FlowHead`
- `stream`          generating with and without a cache: `Stream`
- `draws`           random numbers that belong to a picture
- `speed`           throughput and utilisation: `Meter`, `matrix_peak`
"""

from infotok.unified.autoregressive import AutoregressiveModel
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel
from infotok.unified.code_head import DepthHead
from infotok.unified.continuous import ContinuousModel
from infotok.unified.flow_head import FlowHead
from infotok.unified.kv_cache import Stream
from infotok.unified.masked import MaskedModel
from infotok.unified.metrics import read_metrics
from infotok.unified.packing import block_mask, pack
from infotok.unified.training import TrainConfig, train

__all__ = [
    "AutoregressiveModel",
    "Backbone",
    "ContinuousModel",
    "DepthHead",
    "FlowHead",
    "MaskedModel",
    "Stream",
    "TrainConfig",
    "UnifiedModel",
    "block_mask",
    "pack",
    "read_metrics",
    "train",
]
