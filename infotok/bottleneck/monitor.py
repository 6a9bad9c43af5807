"""Warnings of InfoTok in training: scale, collapse, terms that are left out. Each is given once."""

import math
import warnings
from typing import Any

from torch import Tensor

from infotok.bottleneck.padding import Padding

__all__ = ["Monitor"]

EVERY = 100  # training steps between two checks of scale and collapse
COLLAPSED_BITS = 0.1  # entropy of a token's code, in bits, below which in effect one code is in use


class Monitor:
    """The warnings of one module: it counts training steps and keeps what was warned of.

    It is not saved with the module: a resumed run warns again.
    """

    def __init__(self) -> None:
        self.steps = self.quantized_steps = 0
        self.warned: set[str] = set()

    def check_tokens(self, features: Tensor, padding: Padding, silent: bool, remedy: str) -> None:
        """Count a training step; in every 100th, warn unless features have a scale near 1 and depend on the image.

        features: (B, L, dim).
        padding: which tokens are real.
        silent: whether the estimator says that the tokens no longer depend on the image.
        remedy: what to change when they have collapsed.
        """
        if self.steps % EVERY == 0:
            rms = root_mean_square(features, padding)
            if rms < 0.05 or 20 < rms < math.inf:  # infinite, unchecked: a step that a gradient scaler skips
                self.warn(
                    "scale",
                    f"features have a root mean square of {rms:.3g}; noise, priors and codebooks expect about 1: "
                    "end the encoder with GroupNorm or LayerNorm",
                )
            if self.steps and (silent or _constant(features, padding, rms)):
                said = "the tokens hardly depend on the image any more (posterior collapse): "
                self.warn("collapse", said + remedy)
        self.steps += 1

    def check_quantized(self, tokens: Tensor, usage: Any, padding: Padding) -> None:
        """Count a step; in the first and every 100th, warn if quantized tokens no longer differ between images.

        tokens: (B, L, dim) behind the quantizer.
        usage: of the codebook, `.entropy` in bits per token; None without codes.
        padding: which tokens are real.
        """
        if self.quantized_steps % EVERY == 0 and len(tokens) > 1:
            bits = None if usage is None else usage.entropy
            few = bits is not None and bits < COLLAPSED_BITS
            if few or _constant(tokens, padding, root_mean_square(tokens, padding)):
                entropy = "" if bits is None else f" ({bits:.2f} bits per token)"
                self.warn(
                    "codes",
                    f"behind the quantizer the tokens are the same for every image{entropy}. InfoTok's terms do not "
                    "show it if they are computed before the quantizer: revive the codebook, or normalise its input",
                )
        self.quantized_steps += 1

    def check_condition(self, conditional: bool, condition: Tensor | None) -> None:
        """Warn if a rate that is conditioned on the text gets none."""
        if conditional and condition is None:
            self.warn("prior", 'prior="text", but no text was passed: the rate is that of the unconditional prior')

    def warn_dropped(self, dropped: dict[str, str]) -> None:
        """Warn of terms that are left out of a batch, for each reason once."""
        for term, reason in dropped.items():
            kind = "absent" if reason.startswith("no ") else "few"
            self.warn(f"{term}, {kind}", f"{term} is left out of a batch: {reason} (see terms.dropped)")

    def warn(self, kind: str, text: str) -> None:
        """Warn, unless this kind of warning has been given."""
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(f"InfoTok: {text}", stacklevel=4)


def root_mean_square(tokens: Tensor, padding: Padding) -> float:
    """The root mean square of all numbers in the real tokens."""
    return padding.pack(tokens.detach()).float().square().mean().sqrt().item()


def _constant(tokens: Tensor, padding: Padding, rms: float) -> bool:
    """Whether the tokens at each place are, in effect, the same for all images."""
    return len(tokens) > 1 and padding.spread(tokens.detach().float()).item() < 1e-3 * rms
