"""Functions that run around an optimiser's step and around the saving and loading of its state."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..autograd.hooks import RemovableHandle, add_hook

Hook = Callable[..., Any]
BEFORE_EVERY_STEP: dict[int, Hook] = OrderedDict()  # of every optimiser
AFTER_EVERY_STEP: dict[int, Hook] = OrderedDict()
KINDS = (
    "step_pre",
    "step_post",
    "state_dict_pre",
    "state_dict_post",
    "load_state_dict_pre",
    "load_state_dict_post",
)


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` before each step of every optimiser."""
    return add_hook(BEFORE_EVERY_STEP, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` after each step of every optimiser."""
    return add_hook(AFTER_EVERY_STEP, hook)


class Hooked:
    """The hooks of one optimiser."""

    def _make_hooks(self) -> None:
        for kind in KINDS:
            self.__dict__.setdefault(f"_optimizer_{kind}_hooks", OrderedDict())

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step; it may return new `(args, kwargs)`."""
        return add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        return add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before `state_dict()`."""
        return add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after `state_dict()`; it may return another one."""
        return add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` before it is loaded; it may return another one."""
        return add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` when a state has been loaded."""
        return add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A `step` method that runs the hooks, and notes for learning rate schedulers that it was called."""
    if getattr(step, "hooked", False):
        return step

    @wraps(step)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or BEFORE_EVERY_STEP
            or AFTER_EVERY_STEP
        ):
            return _step_in_hooks(step, self, args, kwargs)
        return step(self, *args, **kwargs)

    call.hooked = True  # type: ignore[attr-defined]
    return call


def _step_in_hooks(step: Callable[..., Any], optimizer: Any, args: tuple, kwargs: dict) -> Any:
    args = (optimizer, *args)
    for hook in [*BEFORE_EVERY_STEP.values(), *optimizer._optimizer_step_pre_hooks.values()]:
        result = hook(optimizer, args, kwargs)
        if result is not None:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"{getattr(hook, '__name__', hook)}: a step pre-hook must return None or a tuple of "
                    f"(new_args, new_kwargs), but got {result}."
                )
            args, kwargs = result
    loss = step(*args, **kwargs)
    for hook in [*optimizer._optimizer_step_post_hooks.values(), *AFTER_EVERY_STEP.values()]:
        hook(optimizer, args, kwargs)
    return loss
