"""A world of eight images, all equally likely, whose entropies are sums: four captions, two backgrounds of each."""

from dataclasses import dataclass
from types import SimpleNamespace

import torch

from infotok.tokenizers import SharedTokenizer, TokenizerConfig
from infotok.unified import AutoregressiveModel, Backbone, MaskedModel

WORDS = SimpleNamespace(words=("", "red", "green", "blue", "grey", "what", "yes"), answer_ids=torch.tensor([6]))
COLOURS = torch.tensor([[1.0, 0.1, 0.1], [0.1, 1.0, 0.1], [0.1, 0.1, 1.0], [0.5, 0.5, 0.5]])
KINDS = {
    "autoregressive": (AutoregressiveModel, "lookup_free", {"codebook_size": 4}),
    "depth": (AutoregressiveModel, "residual", {"codebook_size": 2, "codebooks": 2}),
    "masked": (MaskedModel, "lookup_free", {"codebook_size": 4}),
    "masked depth": (MaskedModel, "multicodebook", {"codebook_size": 2, "codebooks": 2}),
}


@dataclass
class CardBatch:
    """A batch; everything about an image follows from its number."""

    number: torch.Tensor  # (B,) from 0 to 7: caption and background

    def __len__(self):
        return len(self.number)

    def __getitem__(self, index):
        return CardBatch(self.number[index])

    @property
    def images(self):
        light = torch.linspace(0.2, 1.0, 32)
        light = torch.where((self.number % 2 == 0)[:, None], light, light.flip(0))  # (B, 32)
        return COLOURS[self.number // 2][:, :, None, None] * light[:, None, None, :].expand(-1, 1, 32, -1)

    @property
    def captions(self):
        return (1 + self.number // 2)[:, None]

    @property
    def questions(self):
        return torch.full((len(self), 1, 1), 5)

    @property
    def answers(self):
        return torch.full((len(self), 1), 6)

    @property
    def text(self):
        return torch.nn.functional.one_hot(self.number // 2, 4).float()


class Cards:
    """The world; a batch of 8 k images has each k times, so that its means are expectations."""

    vocabulary = WORDS

    def batch(self, n, generator, questions=1):
        return CardBatch(torch.arange(n) % 8)

    def redraw(self, batch, generator, keep_offsets=False):
        background = torch.randint(2, (len(batch),), generator=generator)
        return CardBatch(batch.number // 2 * 2 + background).images


EVERY = CardBatch(torch.arange(8))


def host(kind, grid=2, seed=0, **options):
    """A small host in eval mode, after a training pass so that codebooks are alive."""
    torch.manual_seed(seed)
    cls, quantizer, own = KINDS[kind]
    config = TokenizerConfig(grid=grid, dim=4, width=4, quantizer=quantizer, quantizer_options=own)
    backbone = Backbone.tiny(len(WORDS.words), hidden=16, layers=1, heads=2, positions=16)
    model = cls(SharedTokenizer.from_config(config), backbone, WORDS, **options)
    model.loss(EVERY, torch.Generator().manual_seed(0))
    return model.eval()


@torch.enable_grad()
def fit(model, steps):
    """Train the language model on the codes of the cards, with captions dropped at random; the tokenizer stays."""
    many = EVERY[torch.arange(8).repeat(16)]
    with torch.no_grad():
        out = model.tokenizer.eval()(many.images)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam([p for name, p in model.named_parameters() if not name.startswith("tokenizer")], 1e-2)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, steps)
    for _ in range(steps):
        u = torch.rand(len(many), 1 + model._loss_draws, generator=generator)
        captions = many.captions.masked_fill(u[:, :1] < model.options["drop"], 0)
        optimizer.zero_grad()
        model._generation_loss(captions, out, u[:, 1:]).backward()
        optimizer.step()
        schedule.step()
    return model.eval()
