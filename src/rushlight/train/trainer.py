"""The loop that every training program has, written once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import rushlight
from rushlight.nn.utils import clip_grad_norm_
from rushlight.utils.pytree import tree_map

from .callbacks import Callback
from .logs import Progress
from .metrics import Means

Row = dict[str, float]
VERSION = 1  # of the files that `save` writes


class Trainer:
    """Trains a network on batches (inputs..., target); `history` has a row of numbers for each epoch.

    metrics: functions of (outputs, targets) by name. clip_norm: the longest that a step's gradient may be.
    autocast: a dtype (bfloat16) that the forward pass may use. progress: False for silence.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[..., Any],
        optimizer: Any,
        metrics: Mapping[str, Callable[..., Any]] | None = None,
        callbacks: Sequence[Callback] = (),
        *,
        clip_norm: float | None = None,
        autocast: Any = None,
        device: Any = None,
        progress: bool = True,
    ) -> None:
        self.model = model if device is None else model.to(device)
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = dict(metrics or {})
        self.callbacks = [*callbacks, *([Progress()] if progress else [])]
        self.clip_norm = clip_norm
        self.autocast = autocast
        self.device = device
        self.history: list[Row] = []
        self.epochs = 0  # as many as fit() was asked for
        self.stopped = False  # a callback sets this to end the training after the epoch

    # --- training

    def fit(self, batches: Iterable[Any], valid: Iterable[Any] | None = None, epochs: int = 1) -> list[Row]:
        """Trains until `epochs` epochs are done, those of earlier calls and of a resumed run among them."""
        self.epochs, self.stopped = epochs, False
        self._tell("on_resume")
        self._tell("on_fit_start")
        try:
            while len(self.history) < epochs and not self.stopped:
                self._epoch(batches, valid)
        finally:
            self._tell("on_fit_end")
        return self.history

    def _epoch(self, batches: Iterable[Any], valid: Iterable[Any] | None) -> None:
        began, means = time.perf_counter(), Means()
        self._tell("on_epoch_start", batches)
        row = {"epoch": len(self.history) + 1, "lr": self.optimizer.param_groups[0]["lr"]}
        self.model.train()
        for batch in batches:
            numbers, samples = self.step(batch)
            means.add(numbers, samples)
            self._tell("on_batch_end", means.values())
        if not means.samples:
            raise ValueError(
                "fit() was given no batch: is the dataset empty, or an iterator that is used up?"
            )
        row |= means.values()
        if valid is not None:
            row |= {f"valid_{name}": value for name, value in self.evaluate(valid).items()}
        self.history.append(row | {"seconds": time.perf_counter() - began})
        self._tell("on_epoch_end", self.history[-1])
        self._tell("on_epoch_done", self.history[-1])

    def step(self, batch: Any) -> tuple[dict[str, Any], int]:
        """Learns from one batch; its numbers, and how many samples it has."""
        outputs, targets, loss = self._forward(batch)
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        return self._numbers(outputs.detach(), targets, loss.detach()), len(targets)

    def _forward(self, batch: Any) -> tuple[Any, Any, Any]:
        *inputs, targets = self._placed(batch)
        with self._precision():
            outputs = self.model(*inputs)
            return outputs, targets, self.loss(outputs, targets)

    def _numbers(self, outputs: Any, targets: Any, loss: Any) -> dict[str, Any]:
        return {"loss": loss, **{name: metric(outputs, targets) for name, metric in self.metrics.items()}}

    def _precision(self) -> Any:
        return nullcontext() if self.autocast is None else rushlight.autocast("cpu", dtype=self.autocast)

    def _placed(self, batch: Any) -> Any:
        """The batch on the device of the training."""
        if self.device is None:
            return batch
        return tree_map(lambda leaf: leaf.to(self.device) if hasattr(leaf, "to") else leaf, batch)

    def _tell(self, event: str, *details: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self, *details)

    # --- use

    def evaluate(self, batches: Iterable[Any]) -> dict[str, float]:
        """The loss and the metrics on batches that are not learned from."""
        means = Means()
        self.model.eval()
        with rushlight.no_grad():
            for batch in batches:
                outputs, targets, loss = self._forward(batch)
                means.add(self._numbers(outputs, targets, loss), len(targets))
        if not means.samples:
            raise ValueError("evaluate() was given no batch")
        return means.values()

    def predict(self, inputs: Any) -> Any:
        """What the network says about a tensor, or about every batch of a loader (targets are ignored)."""
        self.model.eval()
        with rushlight.no_grad(), self._precision():
            if isinstance(inputs, rushlight.Tensor):
                return self.model(self._placed(inputs))
            return rushlight.cat([self._of_batch(batch) for batch in inputs])

    def _of_batch(self, batch: Any) -> Any:
        placed = self._placed(batch)
        several = isinstance(placed, (tuple, list))
        return self.model(*(placed[:-1] if len(placed) > 1 else placed)) if several else self.model(placed)

    # --- files

    def state_dict(self) -> dict[str, Any]:
        """Everything that a run needs to go on as if it had never stopped."""
        return {
            "version": VERSION,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "random": rushlight.get_rng_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state that `state_dict` gave."""
        if state.get("version") != VERSION:
            raise ValueError(f"not the state of a Trainer of version {VERSION}: it has {sorted(state)[:5]}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = list(state["history"])
        for callback, kept in zip(self.callbacks, state["callbacks"]):
            callback.load_state_dict(kept)
        rushlight.set_rng_state(state["random"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the state of the training to a file."""
        rushlight.save(self.state_dict(), path)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Goes on from a file that `save` wrote."""
        self.load_state_dict(rushlight.load(path))
