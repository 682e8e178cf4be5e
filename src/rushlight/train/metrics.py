"""How good a network is: functions of its outputs and the targets, and their means over batches."""

from __future__ import annotations

from typing import Any


def accuracy(outputs: Any, targets: Any) -> Any:
    """The share of samples whose highest output is at the target; with one output, whose sign is right."""
    if outputs.ndim > targets.ndim and outputs.shape[1] > 1:
        return (outputs.argmax(1) == targets).float().mean()
    return ((outputs.reshape(targets.shape) > 0) == (targets > 0.5)).float().mean()


class Means:
    """The mean of each of several numbers over samples that come in batches."""

    def __init__(self) -> None:
        self.totals: dict[str, float] = {}
        self.samples = 0

    def add(self, numbers: dict[str, Any], samples: int) -> None:
        """Takes the means of one batch in."""
        self.samples += samples
        for name, number in numbers.items():
            self.totals[name] = self.totals.get(name, 0.0) + float(number) * samples

    def values(self, prefix: str = "") -> dict[str, float]:
        """The means so far."""
        return {prefix + name: total / self.samples for name, total in self.totals.items()}
