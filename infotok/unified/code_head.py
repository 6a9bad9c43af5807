"""The head that predicts a token's codes; tokens of several codebooks are predicted codebook by codebook.

    p(c_1, ..., c_C | h) = prod_j p(c_j | h, c_1, ..., c_{j-1})
    logits_j = GAIN W_j f(h + d_j + sum_{i<j} E_i[c_i]) + b_j

h is the language model's state, d_j an embedding of the codebook, f one residual MLP shared by all. With one codebook
this is the ordinary next-token head. The sequence stays L long, whatever C: the depth transformer of Lee et al. (2022,
"RQ-Transformer", arXiv 2203.01941) as an MLP; VILA-U and UniTok decode residual and multi-codebook tokens in this way.
"""

import torch
from torch import Tensor, nn

from infotok.errors import checking, require, require_float, require_int, require_tensor
from infotok.tokenizers.quantizers.precision import wide
from infotok.unified.arguments import GUIDANCE, LAYERS, NUMBERS, UNIFORM, check_states
from infotok.unified.sampling import categorical, guide

__all__ = ["CodeHead"]

GAIN = 4.0  # the head's weights count four times, so that at one learning rate for all it is not the last to learn


class CodeHead(nn.Module):
    """States (..., hidden) to logits over the codes of each codebook, and to codes drawn from them.

    hidden: width of the states.
    size: codes in each codebook, K.
    codebooks: codes per token, C.

    Example:
        >>> import torch
        >>> from infotok.unified import CodeHead
        >>> head = CodeHead(hidden=64, size=32, codebooks=2)
        >>> states = torch.randn(5, 64)
        >>> codes, log_p = head.sample(states, torch.rand(5, 2))
        >>> head(states, codes).shape, codes.shape, log_p.shape  # logits of each codebook; codes; log p of both
        (torch.Size([5, 2, 32]), torch.Size([5, 2]), torch.Size([5]))
    """

    def __init__(self, hidden: int, size: int, codebooks: int = 1) -> None:
        super().__init__()
        require_int("hidden", hidden, 1, NUMBERS), require_int("size", size, 1, NUMBERS)
        require_int("codebooks", codebooks, 1, LAYERS)
        self.size, self.codebooks = size, codebooks
        self.codebook_embedding = nn.Parameter(torch.zeros(codebooks, hidden))
        self.code_embeddings = nn.ModuleList(nn.Embedding(size, hidden) for _ in range(codebooks - 1))
        self.norm = nn.LayerNorm(hidden)
        self.mlp = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))
        self.weight = nn.Parameter(torch.randn(codebooks, size, hidden) * 0.02 / GAIN)
        self.bias = nn.Parameter(torch.zeros(codebooks, size))

    def forward(self, states: Tensor, codes: Tensor) -> Tensor:
        """Logits (..., C, K) of every code given the true codes before it.

        states: (..., hidden).
        codes: (..., C), the true ones.
        """
        check_states("states", states, ("...", self.weight.shape[2]), self.training, self.weight)
        looked = not self.training and isinstance(codes, Tensor) and checking(codes)
        shape, values = (*states.shape[:-1], self.codebooks), f"[0, {self.size - 1}]" if looked else None
        require_tensor("codes", codes, shape, "int64", values)
        known = [embed(codes[..., j]) for j, embed in enumerate(self.code_embeddings)]  # C - 1 times (..., H)
        sums = torch.stack([torch.zeros_like(states), *known], -2).cumsum(-2)  # (..., C, H)
        contexts = self._residual(states[..., None, :] + sums + self.codebook_embedding)
        return GAIN * torch.einsum("...ch,ckh->...ck", contexts, self.weight) + self.bias

    def sample(
        self, states: Tensor, u: Tensor, temperature: float = 1.0, guidance: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Codes (..., C) and their joint log-probability (...), in nats, with guidance but at temperature 1.

        states: (..., hidden); with guidance (2, ..., hidden), with the caption and without it.
        u: (..., C) uniforms in [0, 1], which choose the codes.
        temperature: the logits are divided by it; 0 takes the most probable code.
        guidance: w of classifier-free guidance, logits without + w (with - without the caption); 1 is none.
        """
        require_float("temperature", temperature, "[0, inf)"), require_float("guidance", guidance, GUIDANCE)
        check_states("states", states, ("...", self.weight.shape[2]), self.training, self.weight)
        require(guidance == 1 or states.shape[0] == 2, "states", states, "two of each, with the caption and without")
        rows = states.shape[:-1] if guidance == 1 else states.shape[1:-1]
        check_states("u", u, (*rows, self.codebooks), self.training, values=UNIFORM)
        context, codes, log_p = states, [], 0.0
        for j in range(self.codebooks):
            logits = GAIN * self._residual(context + self.codebook_embedding[j]) @ self.weight[j].T + self.bias[j]
            if guidance != 1:
                logits = guide(logits, guidance)
            code = categorical(logits, u[..., j], temperature)
            log_p = log_p + wide(logits).log_softmax(-1).gather(-1, code[..., None]).squeeze(-1)
            codes.append(code)
            if j + 1 < self.codebooks:
                context = context + self.code_embeddings[j](code)
        return torch.stack(codes, -1), log_p

    def _residual(self, context: Tensor) -> Tensor:
        return context + self.mlp(self.norm(context))
