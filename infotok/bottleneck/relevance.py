"""InfoNCE, a lower bound on I(Z;Y) between the tokens Z of an image and a text, answer or target Y.

    I(Z;Y) >= log B + E log softmax_j f(z_i, y_j) at j = i        (van den Oord et al. 2018, arXiv 1807.03748)

- `TokenCritic`    the learned critic f
- `make_critics`   one for each term of InfoTok that is switched on
- `infonce_term`   the bound on one batch
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infotok.bottleneck.inputs import Batch, Variable, gather
from infotok.bottleneck.options import Options
from infotok.bottleneck.priors.conditional import vectors
from infotok.bottleneck.terms import COMPARED_WITH
from infotok.information.bounds import infonce

__all__ = ["TokenCritic", "infonce_term", "make_critics"]


class TokenCritic(nn.Module):
    """A bilinear critic f(z, y) = scale * cos(A z, B y); the cosine keeps scores bounded.

    Each row of scores is a softmax over the batch's y. Duplicates need no mask in this direction: two equal captions
    have equal scores, and the best f is still the log-ratio. The bound then is at most the batch's own H(y), not log B.

    dim: width of the vector that the critic sees of an image's tokens.
    dim_y: width of vectors y, or number of labels y.
    width: dimensions of A z and B y.
    """

    def __init__(self, dim: int, dim_y: int, width: int = 64) -> None:
        super().__init__()
        self.dim_y = dim_y
        self.tokens, self.value = nn.Linear(dim, width, bias=False), nn.Linear(dim_y, width, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def of_tokens(self, pooled: Tensor) -> Tensor:
        """A z / |A z|, (B, dim) -> (B, width)."""
        return F.normalize(self.tokens(pooled), dim=1)

    def of_value(self, value: Tensor, name: str) -> Tensor:
        """B y / |B y|, (B, dim_y) vectors or (B,) labels -> (B, width)."""
        return F.normalize(self.value(vectors(value, self.dim_y, name, self.training).to(self.value.weight)), dim=1)

    def scale(self) -> Tensor:
        """The factor of the cosine, at most 100."""
        return self.log_scale.clamp(max=math.log(100.0)).exp()


def make_critics(options: Options) -> nn.ModuleDict:
    """The critics of the options' variational terms, by term; none for HSIC."""
    if options.estimator == "hsic":
        return nn.ModuleDict()
    dim = options.dim * (options.length or 1)
    terms = {term: name for term, name in COMPARED_WITH.items() if options.weights[term]}
    return nn.ModuleDict({term: TokenCritic(dim, options.widths[name]) for term, name in terms.items()})


def infonce_term(critic: TokenCritic, pooled: Tensor, variable: Variable, batch: Batch) -> Tensor:
    """InfoNCE between the pooled tokens (B, dim) of all ranks and a variable, over rows that have one; nats."""
    values = variable.values.flatten(1) if variable.values.is_floating_point() else variable.values
    tokens = gather(critic.of_tokens(pooled), batch.training)
    values = gather(critic.of_value(values, variable.name), batch.training)
    if not variable.present.all():
        tokens, values = tokens[variable.present], values[variable.present]
    return infonce(critic.scale() * tokens @ values.T)
