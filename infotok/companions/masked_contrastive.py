"""MCAE, a masked contrastive autoencoder: features for detection in a domain that training never saw.

    encoder = MaskedAutoencoder(size=32)
    model = MCAE(encoder, positives="across")
    terms = model(images, labels, domains, generator)                 # terms.loss to minimise
    features = model.features(images)                                 # (B, 64), for a classifier

A companion method of InfoTok's authors (Zheng et al., *MCAE: masked contrastive autoencoder for face anti-spoofing*,
arXiv 2302.08674). Only the abstract is reachable: a masked image model and a supervised contrastive loss train one
vision transformer, so that live samples of different domains have features in common. Sizes, weights, positives and
the place of the contrastive loss are *our* reading.

As an information bottleneck: the contrast keeps I(Z; live or not), positives across domains discard
I(Z; domain | live), and the reconstruction of hidden patches keeps I(Z; image) where labels are few.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from infotok.companions.contrastive import POSITIVES, supervised_contrastive
from infotok.errors import (
    require,
    require_choice,
    require_finite,
    require_float,
    require_generator,
    require_instance,
    require_int,
    require_tensor,
)
from infotok.images import require_images
from infotok.modes import evaluating
from infotok.noise import rand
from infotok.unified.backbone import Backbone

__all__ = ["MCAE", "MCAETerms", "MaskedAutoencoder", "Reconstruction"]


@dataclass(frozen=True)
class Reconstruction:
    """What a masked autoencoder makes of images.

    pooled: (B, hidden), the mean state of the visible patches
    predicted: (B, N, 3 P^2), every patch as the decoder predicts it
    hidden: (B, N) bool, true for the patches that the encoder did not see
    error: mean squared error of the hidden patches, (B,)

    Example:
        >>> import torch
        >>> from infotok.companions import MaskedAutoencoder
        >>> model, images = MaskedAutoencoder(size=32, patch=8), torch.rand(4, 3, 32, 32)
        >>> made = model(images, ratio=0.75, generator=torch.Generator().manual_seed(0))
        >>> made.hidden.sum(1), made.predicted.shape, model.complete(images, made).shape
        (tensor([12, 12, 12, 12]), torch.Size([4, 16, 192]), torch.Size([4, 3, 32, 32]))
    """

    pooled: Tensor
    predicted: Tensor
    hidden: Tensor
    error: Tensor


@dataclass(frozen=True)
class MCAETerms:
    """The terms of a step, scalars; those with weight 0 are 0.

    loss: their weighted sum
    contrastive: supervised contrastive loss, in nats
    reconstruction: mean squared error of hidden patches
    classification: cross-entropy of live and spoof, in nats

    Example:
        >>> import torch
        >>> from infotok.companions import MCAE, MaskedAutoencoder
        >>> model = MCAE(MaskedAutoencoder(size=32, patch=8), contrast=1.0, reconstruction=10.0)
        >>> labels, domains = torch.arange(8) % 2, torch.arange(8) // 4
        >>> terms = model(torch.rand(8, 3, 32, 32), labels, domains, torch.Generator().manual_seed(0))
        >>> torch.isclose(terms.loss, terms.contrastive + 10.0 * terms.reconstruction).item()
        True
    """

    loss: Tensor
    contrastive: Tensor
    reconstruction: Tensor
    classification: Tensor


class MaskedAutoencoder(nn.Module):
    """A vision transformer that reconstructs hidden patches from visible ones (He et al. 2022, arXiv 2111.06377).

        minimise  E |x_hidden - decoder(encoder(x_visible))|^2

    size: pixels a side of an image
    patch: pixels a side of a patch, a divisor of `size`
    hidden: width of the encoder
    layers: of the encoder; the decoder has one
    heads: attention heads, a divisor of `hidden` and of its half, the width of the decoder

    Example:
        >>> import torch
        >>> from infotok.companions import MaskedAutoencoder
        >>> model = MaskedAutoencoder(size=32, patch=8)
        >>> images = torch.rand(4, 3, 32, 32)
        >>> made = model(images, ratio=0.5, generator=torch.Generator().manual_seed(0))
        >>> model.states(images).shape, made.error.shape  # of 16 patches; squared error of the hidden half
        (torch.Size([4, 16, 64]), torch.Size([4]))
    """

    def __init__(self, size: int = 32, patch: int = 8, hidden: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.size, self.patch = require_int("size", size, 2, 2**12), require_int("patch", patch, 1, 2**12)
        require(size % patch == 0 and size > patch, "patch", patch, f"a divisor of size={size}, smaller than it")
        require_int("hidden", hidden, 2, 2**14), require_int("layers", layers, 1, 2**10)
        require_int("heads", heads, 1, 2**10)
        require(hidden % (2 * heads) == 0, "heads", heads, f"a divisor of half of hidden={hidden}")
        self.hidden, self.patches = hidden, (size // patch) ** 2
        pixels, narrow = 3 * patch**2, hidden // 2
        self.embed = nn.Linear(pixels, hidden)
        self.encoder = Backbone.tiny(1, hidden, layers, heads, self.patches)
        self.to_decoder = nn.Linear(hidden, narrow)
        self.mask_token = nn.Parameter(torch.zeros(narrow))
        self.decoder = Backbone.tiny(1, narrow, 1, heads, self.patches)
        self.to_pixels = nn.Linear(narrow, pixels)

    def cut(self, images: Tensor) -> Tensor:
        """The patches (B, N, 3 P^2) of `images` (B, 3, S, S) in [0, 1], row by row."""
        require_images("images", images, ("B", 3, self.size, self.size))
        return rearrange(images, "b c (h p) (w q) -> b (h w) (p q c)", p=self.patch, q=self.patch)

    def paste(self, patches: Tensor) -> Tensor:
        """The images (B, 3, S, S) of `patches` (B, N, 3 P^2): the inverse of `cut`."""
        require_tensor("patches", patches, ("B", self.patches, 3 * self.patch**2))
        require_finite("patches", patches, self.training)
        side = self.size // self.patch
        return rearrange(patches, "b (h w) (p q c) -> b c (h p) (w q)", h=side, p=self.patch, q=self.patch)

    def states(self, images: Tensor) -> Tensor:
        """States (B, N, hidden) of all patches of whole `images` (B, 3, S, S)."""
        patches = self.cut(images)
        return self._encode(patches, torch.arange(self.patches, device=images.device).expand(len(images), -1))

    def forward(self, images: Tensor, ratio: float, generator: torch.Generator) -> Reconstruction:
        """Hide a share of each image's patches, encode the others and predict all.

        images: (B, 3, S, S) in [0, 1]
        ratio: the share to hide, above 0 and below 1; at least one patch is hidden, and at least one is visible
        generator: of the masks
        """
        require_float("ratio", ratio, "(0, 1)"), require_generator("generator", generator)
        patches = self.cut(images)
        rows, count = patches.shape[:2]
        visible = min(max(round(count * (1 - ratio)), 1), count - 1)
        kept = rand((rows, count), generator, images.device).argsort(1)[:, :visible].sort(1).values
        states = self._encode(patches.gather(1, kept[..., None].expand(-1, -1, patches.shape[2])), kept)
        hidden = torch.ones(rows, count, dtype=torch.bool, device=images.device).scatter(1, kept, False)
        predicted = self._decode(states, kept)
        error = (predicted - patches).square().mean(2)
        return Reconstruction(states.mean(1), predicted, hidden, (error * hidden).sum(1) / (count - visible))

    def complete(self, images: Tensor, made: Reconstruction) -> Tensor:
        """Images (B, 3, S, S) with hidden patches as predicted, cut off at 0 and 1, and visible ones as they are.

        images: (B, 3, S, S) in [0, 1]
        made: the reconstruction of these images
        """
        require_instance("made", made, Reconstruction)
        patches = self.cut(images)
        for part in (made.predicted, made.hidden):
            require_tensor("made", part, kind="any")
        fits = made.predicted.shape == patches.shape and made.hidden.shape == patches.shape[:2]
        require(fits, "made", made.predicted, f"the reconstruction of these images, shape {tuple(patches.shape)}")
        require_tensor("made", made.predicted)
        require_finite("made", made.predicted, self.training)
        require(made.hidden.dtype == torch.bool, "made", made.hidden.dtype, "booleans for hidden patches", TypeError)
        return self.paste(torch.where(made.hidden[..., None], made.predicted.clamp(0, 1), patches))

    def _encode(self, patches: Tensor, places: Tensor) -> Tensor:
        mask = torch.ones(len(patches), 1, places.shape[1], places.shape[1], dtype=torch.bool, device=patches.device)
        return self.encoder(self.embed(patches.to(self.embed.weight.dtype) - 0.5), mask, places)

    def _decode(self, states: Tensor, kept: Tensor) -> Tensor:
        inner, width = self.to_decoder(states), self.mask_token.shape[0]
        whole = self.mask_token.to(inner.dtype).expand(len(states), self.patches, width)
        whole = whole.scatter(1, kept[..., None].expand(-1, -1, width), inner)
        mask = torch.ones(len(states), 1, self.patches, self.patches, dtype=torch.bool, device=states.device)
        places = torch.arange(self.patches, device=states.device).expand(len(states), -1)
        return self.to_pixels(self.decoder(whole, mask, places)) + 0.5


class MCAE(nn.Module):
    """A masked autoencoder with a supervised contrastive loss on its pooled state; each term can be left out.

        L = contrast * L_contrastive + reconstruction * L_hidden + classification * cross-entropy

    With contrast = reconstruction = ratio = 0 it is a vision transformer trained by cross-entropy: the baseline.

    autoencoder: a `MaskedAutoencoder`
    positives: which captures attract each other, one of POSITIVES, see `supervised_contrastive`
    contrast, reconstruction, classification: weights from 0, not all 0
    ratio: share of patches that are hidden in training, from 0 to below 1; above 0 if reconstruction is
    temperature: of the contrastive loss, above 0

    Example:
        >>> import torch
        >>> from infotok.companions import MCAE, MaskedAutoencoder
        >>> model = MCAE(MaskedAutoencoder(size=32, patch=8), positives="across")
        >>> images, labels, domains = torch.rand(8, 3, 32, 32), torch.arange(8) % 2, torch.arange(8) // 4
        >>> terms = model(images, labels, domains, torch.Generator().manual_seed(0))
        >>> terms.loss.backward()
        >>> model.features(images).shape
        torch.Size([8, 64])
    """

    def __init__(
        self,
        autoencoder: MaskedAutoencoder,
        *,
        positives: str = "across",
        contrast: float = 1.0,
        reconstruction: float = 10.0,
        classification: float = 0.0,
        ratio: float = 0.5,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        require_instance("autoencoder", autoencoder, MaskedAutoencoder)
        require_choice("positives", positives, POSITIVES)
        weights = {"contrast": contrast, "reconstruction": reconstruction, "classification": classification}
        for name, weight in weights.items():
            require_float(name, weight, "[0, 1e6]")
        require(any(weights.values()), "contrast, reconstruction, classification", "0 for all", "one above 0")
        require_float("ratio", ratio, "[0, 1)"), require_float("temperature", temperature, "[0.001, 1000]")
        require(ratio > 0 or not reconstruction, "ratio", ratio, "a share above 0, to have something to reconstruct")
        self.autoencoder, self.positives, self.weights = autoencoder, positives, weights
        self.ratio, self.temperature = float(ratio), float(temperature)
        width = autoencoder.hidden
        self.projection = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 32))
        self.classifier = nn.Linear(width, 2)

    def forward(
        self,
        images: Tensor,
        labels: Tensor,
        domains: Tensor,
        generator: torch.Generator,
        unlabelled: Tensor | None = None,
    ) -> MCAETerms:
        """The terms of a batch.

        images: (B, 3, S, S) in [0, 1]
        labels: (B,) int64, 1 for live and 0 for spoof
        domains: (B,) int64, any numbers: equal ones are one domain
        generator: of the masks
        unlabelled: (M, 3, S, S), images that are reconstructed in place of `images`; None for none
        """
        require_tensor("images", images, ("B", 3, self.autoencoder.size, self.autoencoder.size))
        require_tensor("labels", labels, (len(images),), "int64", values="[0, 1]")
        made = self.autoencoder(images, self.ratio, generator) if self.ratio else None
        pooled = made.pooled if made else self.autoencoder.states(images).mean(1)
        zero = pooled.new_zeros(())
        contrastive = reconstruction = classification = zero
        if self.weights["contrast"]:
            z = self.projection(pooled)
            contrastive = supervised_contrastive(
                z, labels, domains, positives=self.positives, temperature=self.temperature
            )
        if self.weights["reconstruction"]:
            more = None if unlabelled is None else self.autoencoder(unlabelled, self.ratio, generator)
            reconstruction = (made if more is None else more).error.mean()
        if self.weights["classification"]:
            classification = F.cross_entropy(self.classifier(pooled), labels)
        terms = {"contrast": contrastive, "reconstruction": reconstruction, "classification": classification}
        loss = sum(self.weights[name] * term for name, term in terms.items())
        return MCAETerms(loss, contrastive, reconstruction, classification)

    def features(self, images: Tensor) -> Tensor:
        """Features (B, hidden) of whole `images` (B, 3, S, S): the mean state of all patches, without gradient."""
        with torch.no_grad(), evaluating(self):
            return self.autoencoder.states(images).mean(1)
