"""InfoTok on published unified models of `transformers`: Chameleon, Emu3 and Janus.

    attached = attach("folder", {"text_dim": 64, "consistency": 1.0}, lora=16)
    sum(attached.loss(batch).values()).backward()

In `transformers` the loss of these models sends no gradient to the visual tokenizer, since codes are looked up by their
index. After `attach` it does, by a surrogate gradient, and InfoTok stands before the quantizer. See
`docs/published_models.md`.

- `attach`, `load`       a published model with InfoTok, new or from a checkpoint: an `Attached`
- `prepare`              a batch of images and text, by the published model's processor
- `open_model`           a folder in the hub's layout, without running anything in it
- `hub_folder`, `open_processor`   what a name on the hub stands for, and a model's processor
- `outline`, `footprint`, `what_fits`   a published architecture without weights, and the memory of its training
- `over_processes`       an attached model on several processes, by DDP or FSDP
- `soft_mixture`, `linear_map`, `with_gradient_of`   the surrogate gradients
"""

from infotok.published.attach import attach, load
from infotok.published.attached import Attached
from infotok.published.batches import prepare
from infotok.published.fits import what_fits
from infotok.published.footprint import Footprint, footprint
from infotok.published.hub import hub_folder, open_processor
from infotok.published.opening import open_model
from infotok.published.outlines import outline
from infotok.published.processes import over_processes
from infotok.published.surrogate import linear_map, soft_mixture, with_gradient_of

__all__ = [
    "Attached",
    "Footprint",
    "attach",
    "footprint",
    "hub_folder",
    "linear_map",
    "load",
    "open_model",
    "open_processor",
    "outline",
    "over_processes",
    "prepare",
    "soft_mixture",
    "what_fits",
    "with_gradient_of",
]
