"""What can happen round the epochs of a training: stopping early, checkpoints, other learning rates."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rushlight

if TYPE_CHECKING:
    from .trainer import Row, Trainer


class Callback:
    """Base of the callbacks: override what you want to know of."""

    def on_resume(self, trainer: Trainer) -> None: ...  # the first of all: a state may be loaded
    def on_fit_start(self, trainer: Trainer) -> None: ...
    def on_epoch_start(self, trainer: Trainer, batches: Any) -> None: ...
    def on_batch_end(self, trainer: Trainer, numbers: dict[str, float]) -> None: ...
    def on_epoch_end(self, trainer: Trainer, row: Row) -> None: ...
    def on_epoch_done(self, trainer: Trainer, row: Row) -> None: ...  # after every on_epoch_end
    def on_fit_end(self, trainer: Trainer) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        """What the callback must remember across a restart."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state_dict` gave."""


class Best:
    """Watches one number of the rows: lower is better, or higher if it is an accuracy (or `mode` says so)."""

    def __init__(self, monitor: str | None, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode={mode!r}: expected 'auto', 'min' or 'max'")
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.value: float | None = None
        self.epoch = 0

    def improved(self, row: Row) -> bool:
        """Whether this row is better than all before it."""
        name = self.monitor or ("valid_loss" if "valid_loss" in row else "loss")
        if name not in row:
            raise ValueError(f"there is no {name!r} to watch; an epoch has {', '.join(row)}")
        higher = self.mode == "max" or (self.mode == "auto" and "loss" not in name)
        gain = 0.0 if self.value is None else (row[name] - self.value) * (1 if higher else -1)
        if self.value is not None and not gain > self.min_delta:
            return False
        self.value, self.epoch = row[name], int(row["epoch"])
        return True


class EarlyStopping(Callback):
    """Ends the training after `patience` epochs without a better result, and takes the best weights back."""

    def __init__(
        self,
        patience: int = 5,
        monitor: str | None = None,
        mode: str = "auto",
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience = patience
        self.restore_best = restore_best
        self.best = Best(monitor, mode, min_delta)
        self.weights: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        if self.best.epoch:
            self.stop_if_late(trainer)

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        if self.best.improved(row) and self.restore_best:
            self.weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        self.stop_if_late(trainer)

    def stop_if_late(self, trainer: Trainer) -> None:
        """Ends the training if the best epoch is too long ago."""
        if len(trainer.history) - self.best.epoch >= self.patience:
            trainer.stopped = True

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.best.value, "epoch": self.best.epoch, "weights": self.weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best.value, self.best.epoch, self.weights = state["value"], state["epoch"], state["weights"]


class Checkpoint(Callback):
    """Writes last.pt (the whole state of the training) after each epoch, and best.pt (the network's
    state_dict) after each better one. With `resume=True` a training goes on where last.pt ends.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str | None = None,
        mode: str = "auto",
        resume: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.resume = resume
        self.best = Best(monitor, mode)

    def on_resume(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.resume and not trainer.history and (self.folder / "last.pt").exists():
            trainer.load(self.folder / "last.pt")

    def on_epoch_done(self, trainer: Trainer, row: Row) -> None:
        if self.best.improved(row):
            rushlight.save(trainer.model.state_dict(), self.folder / "best.pt")
        trainer.save(self.folder / "last.pt")

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.best.value, "epoch": self.best.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best.value, self.best.epoch = state["value"], state["epoch"]


class LRSchedule(Callback):
    """Changes the learning rate after each epoch: by a scheduler of `optim.lr_scheduler`, by a table
    {epoch: rate}, or by a function from the number of the coming epoch (the first is 1) to its rate.
    """

    def __init__(self, schedule: Any, monitor: str | None = None) -> None:
        self.schedule = schedule
        self.monitor = monitor

    def on_fit_start(self, trainer: Trainer) -> None:
        self.set_rate(trainer, len(trainer.history) + 1)

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        if not hasattr(self.schedule, "step"):
            self.set_rate(trainer, int(row["epoch"]) + 1)
        elif type(self.schedule).__name__ == "ReduceLROnPlateau":
            self.schedule.step(row[self.monitor or ("valid_loss" if "valid_loss" in row else "loss")])
        else:
            self.schedule.step()

    def set_rate(self, trainer: Trainer, epoch: int) -> None:
        """Sets the rate of an epoch, if the table or the function has one for it."""
        if hasattr(self.schedule, "step"):
            return
        rule: Callable[[int], float | None] = self.schedule
        rate = self.schedule.get(epoch) if isinstance(self.schedule, Mapping) else rule(epoch)
        if rate is not None:
            for group in trainer.optimizer.param_groups:
                group["lr"] = rate

    def state_dict(self) -> dict[str, Any]:
        return {"schedule": self.schedule.state_dict()} if hasattr(self.schedule, "step") else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if "schedule" in state:
            self.schedule.load_state_dict(state["schedule"])
