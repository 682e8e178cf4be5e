"""Whether operations are recorded: gradient mode and inference mode, each thread's own."""

from __future__ import annotations

import threading
from functools import wraps
from typing import Any, Callable


class _State(threading.local):
    grad = True
    inference = False
    run: Any = None  # the backward pass whose hook is being called


state = _State()


class _Settings:
    """What holds for all threads."""

    anomaly = False  # is the forward line of every operation remembered?
    check_nan = False  # are gradients looked through for NaN?
    multithreading = True


settings = _Settings()


class _Mode:
    """A setting that works as a context manager and as a decorator."""

    _changes: dict[str, bool] = {}

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._previous: list[tuple[bool, bool]] = []

    def __new__(cls, function: Any = None) -> Any:
        mode = super().__new__(cls)
        if callable(function):  # used as a bare decorator: @torch.no_grad
            mode.__init__()
            return mode(function)
        return mode

    def __enter__(self) -> None:
        self._previous.append((state.grad, state.inference))
        for name, value in self._changes.items():
            setattr(state, name, value)

    def __exit__(self, *error: Any) -> None:
        state.grad, state.inference = self._previous.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if _is_generator(function):
            return _each_step(self, function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return call

    def _fresh(self) -> _Mode:
        new = object.__new__(type(self))
        new._previous, new._changes = [], self._changes
        return new


def _is_generator(function: Callable[..., Any]) -> bool:
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & 0x20)


def _each_step(mode: _Mode, function: Callable[..., Any]) -> Callable[..., Any]:
    """A generator whose every step runs in `mode`, and whose consumer does not."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        steps = function(*args, **kwargs)
        sent = None
        while True:
            try:
                with mode._fresh():
                    item = steps.send(sent)
            except StopIteration as end:
                return end.value
            sent = yield item

    return call


class no_grad(_Mode):
    """Nothing inside is recorded for gradients."""

    _changes = {"grad": False}


class enable_grad(_Mode):
    """What happens inside is recorded again, within `no_grad`."""

    _changes = {"grad": True}


class inference_mode(_Mode):
    """Like `no_grad`, and the tensors made inside can never take part in a recorded computation."""

    _changes = {"grad": False, "inference": True}

    def __new__(cls, mode: Any = True) -> Any:
        new = super().__new__(cls, mode)
        if mode is False:
            new._changes = {"inference": False, "grad": True}
        return new

    def __init__(self, mode: Any = True) -> None:
        super().__init__()


class set_grad_enabled(_Mode):
    """Switches recording on or off: at once, and back at the end of a `with` block."""

    def __new__(cls, mode: bool) -> Any:
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._changes = {"grad": bool(mode)}
        self._before = (state.grad, state.inference)
        state.grad = bool(mode)

    def __enter__(self) -> None:
        self._previous.append(self._before)
        state.grad = self._changes["grad"]

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        state.grad = self._before[0]
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Are operations being recorded in this thread?"""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Is this thread inside `inference_mode`?"""
    return state.inference
