"""What InfoTok watches while it trains: scale, collapse, dropped terms. Each finding is one warning, given once."""

import math
import warnings
from typing import Any

from torch import Tensor

from infotok.bottleneck.padding import Padding

__all__ = ["Monitor"]

EVERY = 100  # training passes between two looks at scale and collapse
COLLAPSED_BITS = 0.1  # entropy of a token's code below which in effect one code is in use


class Monitor:
    """Counts training passes and keeps what was warned of. Not saved: a resumed run looks again."""

    def __init__(self) -> None:
        self.passes = self.quantized = 0
        self.warned: set[str] = set()

    def tokens(self, features: Tensor, padding: Padding, silent: bool, remedy: str) -> None:
        """Every so often: is the scale of features (B, L, D) near 1, and do they still depend on the image?

        silent: whether the rate is near 0. remedy: what to change when they have collapsed.
        """
        if self.passes % EVERY == 0:
            rms = root_mean_square(features, padding)
            if rms < 0.05 or 20 < rms < math.inf:  # infinite, unchecked: a step that a gradient scaler skips
                self.warn(
                    "scale",
                    f"features have a root mean square of {rms:.3g}; noise, priors and codebooks expect about 1: "
                    "end the encoder with GroupNorm or LayerNorm",
                )
            if self.passes and (silent or _constant(features, padding, rms)):
                said = "the tokens hardly depend on the image any more (posterior collapse): "
                self.warn("collapse", said + remedy)
        self.passes += 1

    def quantized_tokens(self, tokens: Tensor, usage: Any, padding: Padding) -> None:
        """Every so often: do tokens (B, L, D) behind the quantizer still differ between images, or have they collapsed?

        usage: its `.entropy` is that of a token's code in bits; None where there are no codes.
        """
        if self.quantized % EVERY == 0 and len(tokens) > 1:
            bits = None if usage is None else usage.entropy
            few = bits is not None and bits < COLLAPSED_BITS
            if few or _constant(tokens, padding, root_mean_square(tokens, padding)):
                entropy = "" if bits is None else f" ({bits:.2f} bits per token)"
                self.warn(
                    "codes",
                    f"behind the quantizer the tokens are the same for every image{entropy}, although InfoTok's terms, "
                    "if computed before it, may look well: revive the codebook, or normalise its input",
                )
        self.quantized += 1

    def warn(self, kind: str, text: str) -> None:
        """Warn unless this kind has been warned of."""
        if kind not in self.warned:
            self.warned.add(kind)
            warnings.warn(f"InfoTok: {text}", stacklevel=4)


def root_mean_square(tokens: Tensor, padding: Padding) -> float:
    return padding.pack(tokens.detach()).float().square().mean().sqrt().item()


def _constant(tokens: Tensor, padding: Padding, rms: float) -> bool:
    """Whether the tokens at each place are, in effect, the same for all images."""
    return len(tokens) > 1 and padding.spread(tokens.detach().float()).item() < 1e-3 * rms
