"""A softmax over very many classes, quick because most of them are rare."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ...ops.operator import OPERATORS
from .. import functional as F
from ..module import Module
from .container import ModuleList, Sequential
from .linear import Linear

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The logarithms of the right classes' probabilities, and their mean as a loss.

    Classes are numbered from the most frequent: those below `cutoffs[0]` are scored directly, each later
    cluster through a smaller layer of its own (Grave et al., 2017).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        _check_cutoffs(cutoffs, n_classes)
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        like = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **like)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            narrow = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, narrow, bias=False, **like),
                    Linear(narrow, high - low, bias=False, **like),
                )
            )

    def reset_parameters(self) -> None:
        """Draws all weights anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Any, target_: Any) -> _ASMoutput:
        _check_pair(input_, target_)
        if target_.dim() == 0:
            output, loss = self.forward(input_.unsqueeze(0), target_.unsqueeze(0))
            return _ASMoutput(output.squeeze(0), loss)
        self._check_target(target_)
        head = F.log_softmax(self.head(input_), dim=1)
        column = target_.clone()  # where in the head each target is: itself, or its cluster
        inner = input_.new_zeros(target_.shape[0])
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            rows = ((target_ >= low) & (target_ < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            column[rows] = self.shortlist_size + i
            scores = F.log_softmax(self.tail[i](input_.index_select(0, rows)), dim=1)
            own = scores.gather(1, (target_.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            inner = inner.index_copy(0, rows, own)
        output = inner + head.gather(1, column.unsqueeze(1)).squeeze(1)
        return _ASMoutput(output, (-output).mean())

    def _check_target(self, target: Any) -> None:
        low, high = target.min().item(), target.max().item()
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range [{low}, {high}] "
                "were "
                "found. "
            )

    def log_prob(self, input: Any) -> Any:
        """The logarithms of the probabilities of all classes."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            share = head[:, self.shortlist_size + i].unsqueeze(1)
            parts.append(F.log_softmax(cluster(input), dim=1) + share)
        return OPERATORS["cat"].call(parts, 1)

    def predict(self, input: Any) -> Any:
        """The most probable class of each row; clusters are looked into only where they win."""
        best = self.head(input).argmax(dim=1)
        rare = (best >= self.shortlist_size).nonzero().squeeze(1)
        if rare.numel() > 0:
            best[rare] = self.log_prob(input.index_select(0, rare)).argmax(dim=1)
        return best


def _check_cutoffs(cutoffs: list, n_classes: int) -> None:
    if len(cutoffs) == 0:
        raise ValueError("cutoffs should be a sequence of length larger than 0")
    rising = all(a < b for a, b in pairwise(cutoffs))
    if not rising or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1 or any(int(c) != c for c in cutoffs):
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where "
            "each "
            f"value is between 1 and n_classes-1; got {cutoffs} for {n_classes} classes"
        )


def _check_pair(input: Any, target: Any) -> None:
    if target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with "
            "size "
            f"{tuple(input.shape)}"
        )
    if target.dim() == 1 and input.shape[0] != target.shape[0]:
        raise RuntimeError(
            "Input and target should have the same size in the batch dimension: "
            f"{tuple(input.shape)} and {tuple(target.shape)}."
        )


__all__ = ["AdaptiveLogSoftmaxWithLoss"]
