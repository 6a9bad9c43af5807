"""The lower bounds on I(Z;Y) that InfoTok's relevance, generation and consistency terms use, by the name of `bound`.

Both follow from one inequality. For any function f(z, y)

    I(Z;Y) >= E f(z, y) - E log E_p(y') e^f(z, y')

- "decoder"   normalises exactly: f = log q(y|z) - log p(y) of a decoder q          (`decoders`)
- "infonce"   estimates the normaliser from N candidates, so at most log N          (`contrast`)

The third, HSIC, is a dependence without nats (`hsic`).
"""

from torch import nn

from infotok.bottleneck.contrast import BilinearCritic, CosineCritic
from infotok.bottleneck.decoders import LinearDecoder, SequenceDecoder
from infotok.bottleneck.options import Options
from infotok.bottleneck.terms import COMPARED_WITH

__all__ = ["make_bounds"]


def make_bounds(options: Options) -> nn.ModuleDict:
    """The bound of each variational term that is switched on, by term; none for HSIC."""
    if options.estimator == "hsic":
        return nn.ModuleDict()
    terms = {term: name for term, name in COMPARED_WITH.items() if options.weights[term]}
    return nn.ModuleDict({term: _bound(options, name) for term, name in terms.items()})


def _bound(options: Options, name: str) -> nn.Module:
    dim, width = options.dim * (options.length or 1), options.widths[name]
    if options.bound == "infonce":
        critic = BilinearCritic if options.critic == "bilinear" else CosineCritic
        return critic(dim, width, options.negatives)
    entropy, likelihood = (options.entropies or {}).get(name), options.likelihood if name == "text" else "auto"
    if likelihood == "sequence":
        return SequenceDecoder(dim, width, entropy)
    return LinearDecoder(dim, width, likelihood, entropy, options.critic)
