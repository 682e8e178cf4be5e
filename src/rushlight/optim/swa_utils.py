"""Averages of a model's weights along the training, and the learning rates that go with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from ..autograd.modes import no_grad
from ..nn.module import Module
from ..tensor.core import Tensor
from ..tensor.create import tensor
from ..tensor.dtype import DTYPES
from .lr_scheduler.base import LRScheduler, for_each_group
from .optimizer import Optimizer


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """The exponential mean: `decay` of what was, the rest of what is."""
    _check_decay(decay)

    @no_grad()
    def ema(average: Tensor, current: Tensor, count: Any) -> Tensor:
        return average * decay + current * (1 - decay)

    return ema


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """The mean of all so far."""

    @no_grad()
    def mean(average: Tensor, current: Tensor, count: Any) -> Tensor:
        return average + (current - average) / (count + 1)

    return mean


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """The exponential mean of many tensors at once, in place."""
    return _for_many(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """The mean of many tensors at once, in place."""
    return _for_many(get_swa_avg_fn())


def _for_many(average: Callable[..., Tensor]) -> Callable[..., None]:
    @no_grad()
    def update(averages: Any, currents: Any, count: Any) -> None:
        for a, current in zip(averages, currents, strict=True):
            a.copy_(average(a, current, count))

    return update


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided: expected a number from 0 to 1")


class AveragedModel(Module):
    """A copy of a model whose weights are averages: call `update_parameters(model)` now and then."""

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Tensor] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError(
                "avg_fn and multi_avg_fn were both given: the average is made by one of them"
            )
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=DTYPES["int64"], device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model says."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Takes the model's present weights into the average; the first ones are the average."""
        averages, currents = self._averaged(self.module), self._averaged(model)
        if self.n_averaged == 0:
            for a, current in zip(averages, currents):
                a.copy_(current)
        else:
            self._update(averages, currents)
        if not self.use_buffers:
            for a, current in zip(self.module.buffers(), model.buffers(), strict=True):
                a.detach().copy_(current.detach())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> list[Tensor]:
        tensors = [*model.parameters(), *(model.buffers() if self.use_buffers else ())]
        return [t.detach() for t in tensors]

    def _update(self, averages: list[Tensor], currents: list[Tensor]) -> None:
        if self.multi_avg_fn is None:
            average = self.avg_fn or get_swa_avg_fn()
            for a, current in zip(averages, currents):
                a.copy_(average(a, current, self.n_averaged))
            return
        for dtype in dict.fromkeys(a.dtype for a in averages):
            chosen = [k for k, a in enumerate(averages) if a.dtype is dtype]
            self.multi_avg_fn([averages[k] for k in chosen], [currents[k] for k in chosen], self.n_averaged)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Computes the statistics of the model's batch norms anew, as plain means over the batches of a loader.

    A batch may be a tensor, or a list or tuple that begins with the one that the model takes.
    """
    norms = [m for m in model.modules() if hasattr(m, "reset_running_stats") and hasattr(m, "momentum")]
    norms = [m for m in norms if not type(m).__name__.startswith("InstanceNorm")]
    if not norms:
        return
    momenta = [m.momentum for m in norms]
    training = model.training
    model.train()
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for m, momentum in zip(norms, momenta):
        m.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """From the present learning rate to `swa_lr` in `anneal_epochs`, and there it stays."""

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for group, lr in zip(optimizer.param_groups, for_each_group("swa_lr", optimizer, swa_lr)):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        self._warn_outside_of_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        groups = self.optimizer.param_groups
        return [g["swa_lr"] * now + _origin(g["lr"], g["swa_lr"], before) * (1 - now) for g in groups]

    def _share(self, step: int) -> float:
        """How much of the way to `swa_lr` is done."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t


def _origin(lr: Any, swa_lr: Any, share: float) -> Any:
    """The rate from which `share` of the way to `swa_lr` has led to `lr`."""
    return swa_lr if share == 1 else (lr - share * swa_lr) / (1 - share)


__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]
