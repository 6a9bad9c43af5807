"""The supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362), with a choice of positives over domains."""

import torch
import torch.nn.functional as F
from torch import Tensor

from infotok.errors import require_choice, require_float, require_rows, require_tensor

__all__ = ["POSITIVES", "positive_pairs", "supervised_contrastive"]

POSITIVES = ("across", "live", "all", "within")


def positive_pairs(labels: Tensor, domains: Tensor, positives: str = "across") -> Tensor:
    """Which rows are positives of which, (B, B) bool, none of itself.

    Live captures attract live ones of every domain. Of spoofs:

    - "across"  those of one domain attract each other: spoofs of two domains need nothing in common
    - "live"    none attract each other; a spoof is only a negative of live captures
    - "all"     those of every domain do: the loss of Khosla et al.
    - "within"  those of one domain do; and live captures, too, only attract those of their own domain

    labels: (B,) int64, 1 for live and 0 for spoof
    domains: (B,) int64, any numbers: equal ones are one domain
    positives: one of the four names above

    Example:
        >>> import torch
        >>> from infotok.companions import positive_pairs
        >>> labels, domains = torch.tensor([1, 1, 0, 0]), torch.tensor([0, 1, 0, 1])  # live, live, spoof, spoof
        >>> positive_pairs(labels, domains, "across").int()  # live ones of both domains; spoofs of each domain apart
        tensor([[0, 1, 0, 0],
                [1, 0, 0, 0],
                [0, 0, 0, 0],
                [0, 0, 0, 0]], dtype=torch.int32)
    """
    require_choice("positives", positives, POSITIVES)
    require_tensor("labels", labels, ("B",), "int64", values="[0, 1]")
    require_tensor("domains", domains, (len(labels),), "int64")
    same, near = labels[:, None] == labels, domains[:, None] == domains
    live = (labels == 1)[:, None] & (labels == 1)
    chosen = {"across": live | (same & near), "live": live, "all": same, "within": same & near}[positives]
    return chosen & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)


def supervised_contrastive(
    z: Tensor, labels: Tensor, domains: Tensor, *, positives: str = "across", temperature: float = 0.1
) -> Tensor:
    """Supervised contrastive loss, in nats, averaged over the anchors that have a positive; 0 if none has.

        L = mean_i  -1/|P(i)| sum_(p in P(i)) log [ exp(z_i . z_p / T) / sum_(a != i) exp(z_i . z_a / T) ]

    Rows of z are divided by their length. `positives` chooses P(i), see `positive_pairs`.

    z: (B, D)
    labels: (B,) int64, 1 for live and 0 for spoof
    domains: (B,) int64, any numbers: equal ones are one domain
    temperature: T, above 0

    Raises ValueError for other shapes, an unknown `positives`, and NaN.

    Example:
        >>> import torch
        >>> from infotok.companions import supervised_contrastive
        >>> labels, domains = torch.tensor([1, 1, 0, 0]), torch.tensor([0, 1, 0, 1])
        >>> apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> together = torch.ones(4, 2)
        >>> [round(supervised_contrastive(z, labels, domains).item(), 2) for z in (apart, together)]  # 0; log 3
        [0.0, 1.1]
    """
    require_rows("z", z, ("B", "D"))
    require_tensor("labels", labels, (len(z),), "int64")
    require_float("temperature", temperature, "[0.001, 1000]")
    chosen = positive_pairs(labels, domains, positives)
    z = F.normalize(z, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    log_share = F.log_softmax(logits, dim=1).masked_fill(itself, 0.0)
    count = chosen.sum(1)
    each = -(log_share * chosen).sum(1) / count.clamp(min=1)
    return each.sum() / (count > 0).sum().clamp(min=1)
