"""GradScaler: keeps small gradients of a low type from vanishing, and skips steps whose gradients blow up."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

import numpy as np

from ..autograd.modes import no_grad
from ..tensor.core import Tensor
from ..tensor.create import tensor
from ..tensor.dtype import float16, float32
from ..warned import warn


class OptState(Enum):
    """How far an optimiser is since the last `update()`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class GradScaler:
    """Multiplies losses by a large number, and divides the gradients by it before the optimiser's step.

    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()

    A step whose gradients are infinite or NaN is left out and makes the number smaller; after
    `growth_interval` good steps in a row it grows. On "cuda", which is not here, it is switched off, and its
    methods pass everything through.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device != "cpu":
            warn(
                f"GradScaler is disabled: there is no {device} device here; GradScaler('cpu') works",
            )
            enabled = False
        if enabled and not growth_factor > 1.0:
            raise AssertionError(f"The growth factor must be > 1.0, got {growth_factor}")
        if enabled and not backoff_factor < 1.0:
            raise AssertionError(f"The backoff factor must be < 1.0, got {backoff_factor}")
        self._device, self._enabled = device, enabled
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._states: dict[int, OptState] = {}  # by id of the optimiser, since the last update()
        self._infinite: dict[int, bool] = {}

    # ---- the three calls of a training step, and unscale_ for who looks at gradients between them

    def scale(self, outputs: Any) -> Any:
        """A loss, or several in a container, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * tensor(self._scale, dtype=float32)
        if isinstance(outputs, Iterable):
            scaled = [self.scale(each) for each in outputs]
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled  # type: ignore[call-arg]
        raise ValueError(f"outputs must be a Tensor or an iterable of Tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Any) -> None:
        """Divides the gradients of an optimiser's parameters, for instance before they are clipped."""
        if not self._enabled:
            return
        state = self._states.get(id(optimizer), OptState.READY)
        if state is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        self._infinite[id(optimizer)] = self._divide(optimizer)
        self._states[id(optimizer)] = OptState.UNSCALED

    def _divide(self, optimizer: Any) -> bool:
        """Divides the gradients in place; is one of their numbers infinite or NaN?"""
        infinite, factor = False, 1.0 / self._scale
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not grads:
            raise AssertionError(
                "No inf checks were recorded for this optimizer: none of its parameters has a gradient"
            )
        with no_grad():
            for grad in grads:
                if grad.dtype is float16:
                    raise ValueError("Attempting to unscale FP16 gradients: keep the parameters in float32.")
                infinite = infinite or not np.isfinite(grad._a).all()
                grad.mul_(factor)
        return bool(infinite)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step()`, unless a gradient is infinite or NaN."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        state = self._states.get(id(optimizer), OptState.READY)
        if state is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state is OptState.READY:
            self.unscale_(optimizer)
        self._states[id(optimizer)] = OptState.STEPPED
        return None if self._infinite[id(optimizer)] else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """The scale for the next step: smaller after an overflow, larger after many good steps."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._infinite:
            raise AssertionError(
                "No inf checks were recorded prior to update: call step() or unscale_() before it"
            )
        else:
            self._adapt(any(self._infinite.values()))
        self._states.clear()
        self._infinite.clear()

    def _adapt(self, overflow: bool) -> None:
        if overflow:
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            grown = np.float32(self._scale * self._growth_factor)
            self._scale = float(grown) if np.isfinite(grown) else self._scale
            self._growth_tracker = 0

    # ---- its numbers

    def get_scale(self) -> float:
        """What losses are multiplied by; 1 when it is switched off."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """By how much the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Chooses by how much the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By how much the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Chooses by how much the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Chooses after how many good steps the scale grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Is it switched on?"""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """What to keep with a checkpoint; nothing when it is switched off."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of "
                "GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]


__all__ = ["GradScaler", "OptState"]
