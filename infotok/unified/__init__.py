"""Three unified multimodal language models, which answer questions on images and draw images with shared visual tokens.

- `autoregressive`  codes predicted left to right: `AutoregressiveModel`
- `masked`          masked codes restored in rounds: `MaskedModel`
- `continuous`      continuous tokens drawn by a flow: `ContinuousModel`
- `base`            what they share, losses and checkpoints: `UnifiedModel`
- `sequence`        embeddings, attention mask and positions: visual projection, position embedding
- `understanding`   visual question answering
- `backbone`        the language model, tiny or from the hub: `Backbone`
- `training`        one loop for all: `train`, `TrainConfig`
- `drawing`         batches drawn one step ahead, in a thread
- `optimisers`      Muon and AdamW, and their state under checks
- `train_config`    the hyperparameters of training, and the learning-rate schedule
- `sharding`        a model cut over processes (FSDP), and its state as whole tensors
- `run_folder`      the folder of a run: its lock and its checkpoints; `load_weights`
- `identity`        what a run was made with, for resuming
- `metrics`         the rows that a run logs: `read_metrics`
- `arguments`       checks of what models and their parts are called with
- `packing`         several questions behind one image, and their attention mask: `pack`, `block_mask`
- `code_head`       the head for codes of one or several codebooks: `CodeHead`
- `flow_head`       the flow-matching head for continuous tokens: `FlowHead`
- `kv_cache`        decoding with and without a KV cache: `IncrementalDecoder`
- `sampling`        random numbers that belong to an image
- `throughput`      images per second and model FLOPs utilisation (MFU): `Meter`, `matrix_peak`
"""

from infotok.unified.autoregressive import AutoregressiveModel
from infotok.unified.backbone import Backbone
from infotok.unified.base import UnifiedModel
from infotok.unified.code_head import CodeHead
from infotok.unified.continuous import ContinuousModel
from infotok.unified.flow_head import FlowHead
from infotok.unified.kv_cache import IncrementalDecoder
from infotok.unified.masked import MaskedModel
from infotok.unified.metrics import read_metrics
from infotok.unified.packing import block_mask, pack
from infotok.unified.run_folder import load_weights
from infotok.unified.training import TrainConfig, train

__all__ = [
    "AutoregressiveModel",
    "Backbone",
    "CodeHead",
    "ContinuousModel",
    "FlowHead",
    "IncrementalDecoder",
    "MaskedModel",
    "TrainConfig",
    "UnifiedModel",
    "block_mask",
    "load_weights",
    "pack",
    "read_metrics",
    "train",
]
