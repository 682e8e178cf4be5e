"""What all learning rate schedulers share: they count epochs and set the optimiser's learning rates."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from ...tensor.core import Tensor
from ...warned import warn
from ..optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "scheduler.step(epoch): the epoch parameter is deprecated; scheduler.step() counts by itself. "
    "With an epoch given, the closed form of the schedule is used where there is one."
)


class LRScheduler:
    """Changes the learning rates of an optimiser's groups at each `step()`.

    A subclass defines `get_lr()`: the new rates of the groups, from `last_epoch`, `base_lrs` and the present
    rates. Rates given as Tensors are changed in place.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    _unsaved: tuple[str, ...] = ("optimizer",)  # attributes that are not part of the state

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copy_of(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}]: a scheduler that goes on "
                    f"(last_epoch={last_epoch}) needs it. Load the optimizer's state first, or leave "
                    "last_epoch away when training begins"
                )
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, to go on later."""
        return {key: value for key, value in self.__dict__.items() if key not in self._unsaved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what `state_dict()` gave."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The learning rates that were set last."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The learning rates for `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} has no learning rates to say: define get_lr()")

    def step(self, epoch: int | None = None) -> None:
        """Goes on to the next epoch."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first rate is never "
                "used; call `optimizer.step()` first.",
                UserWarning,
            )
        self._step_count += 1
        if epoch is not None:
            warn(EPOCH_DEPRECATION_WARNING, UserWarning)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._set_lrs(closed or self.get_lr)

    def _set_lrs(self, rates: Callable[[], list[Any]]) -> None:
        self._get_lr_called_within_step = True
        try:
            new = rates()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, new, strict=True):
            set_value(group, "lr", lr)
        self._last_lr = values_of(self.optimizer, "lr")

    # ---- for subclasses

    def _warn_outside_of_step(self) -> None:
        if not self._get_lr_called_within_step:
            warn(
                "get_lr() computes the next learning rates; those that are in use are `get_last_lr()`.",
                UserWarning,
            )

    def _unchanged(self) -> list[Any]:
        return values_of(self.optimizer, "lr")

    def _scaled(self, factor: float) -> list[Any]:
        return [group["lr"] * factor for group in self.optimizer.param_groups]


_LRScheduler = LRScheduler


def checked_optimizer(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer; the first argument must be one")
    return optimizer


def copy_of(x: Any) -> Any:
    return x.clone() if isinstance(x, Tensor) else x


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of each group."""
    return [copy_of(group[key]) for group in optimizer.param_groups]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """A new value of an option; a Tensor there is filled with it."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.item() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


def for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """An argument that may be one value for all groups or a list with one for each."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        value = [value] * count
    elif len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups, or be one value for all: it has "
            f"{len(value)} values, and there are {count} groups"
        )
    return [copy_of(v) for v in value]


def state_of_function(function: Any) -> dict[str, Any] | None:
    """What can be saved of a user's function: the attributes, if it is an object."""
    return None if isinstance(function, types.FunctionType) else function.__dict__.copy()
