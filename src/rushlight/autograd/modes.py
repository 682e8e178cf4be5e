"""Whether operations are recorded: gradient mode and inference mode, each thread's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import wraps
from threading import get_ident
from types import MappingProxyType, coroutine
from typing import Any

CO_GENERATOR, CO_COROUTINE = 0x20, 0x80  # flags of code objects, as in inspect, which is slow to import


class _State(threading.local):
    grad = True
    inference = False
    run: Any = None  # the backward pass whose hook is being called
    unseen = False  # does the backward pass that is going on show gradients to none but leaves and hooks?


state = _State()


class _Settings:
    """What holds for all threads."""

    anomaly = False  # is the forward line of every operation remembered?
    check_nan = False  # are gradients looked through for NaN?
    multithreading = True


settings = _Settings()


class _Mode:
    """A setting that works as a context manager and as a decorator."""

    _changes: Mapping[str, bool] = MappingProxyType({})

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._previous: list[tuple[int, bool, bool]] = []  # thread, and what was in force there

    def __new__(cls, function: Any = None) -> Any:
        mode = super().__new__(cls)
        if callable(function):  # used as a bare decorator: @torch.no_grad
            mode.__init__()
            return mode(function)
        return mode

    def __enter__(self) -> None:
        grad, inference = state.grad, state.inference
        self._previous.append((get_ident(), grad, inference))
        grad, inference = self._changes.get("grad", grad), self._changes.get("inference", inference)
        state.grad, state.inference = grad, inference  # last: a signal that arrives earlier finds no change

    def __exit__(self, *error: Any) -> None:
        here, previous = get_ident(), self._previous
        last = len(previous) - 1
        while previous[last][0] != here:  # one object may be in use in several threads
            last -= 1
        _, state.grad, state.inference = previous.pop(last)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(function, type):
            raise RuntimeError(
                f"{type(self).__name__} cannot decorate the class {function.__name__}: decorate its methods"
            )
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if flags & CO_GENERATOR:
            return _generator(self, function)
        if flags & CO_COROUTINE:
            return _coroutine(self, function)

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._fresh():
                return function(*args, **kwargs)

        return call

    def _fresh(self) -> _Mode:
        new = object.__new__(type(self))
        new._previous, new._changes = [], self._changes
        return new


def _each_step(mode: _Mode, steps: Any) -> Any:
    """Drives a generator or coroutine so that every step of it runs in `mode`, and whoever drives it
    does not.
    """
    proceed, given = steps.send, None
    while True:
        try:
            with mode._fresh():
                item = proceed(given)
        except StopIteration as end:
            return end.value
        try:
            proceed, given = steps.send, (yield item)
        except GeneratorExit:
            with mode._fresh():
                steps.close()
            raise
        except BaseException as error:
            proceed, given = steps.throw, error


def _generator(mode: _Mode, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (yield from _each_step(mode, function(*args, **kwargs)))

    return call


def _coroutine(mode: _Mode, function: Callable[..., Any]) -> Callable[..., Any]:
    awaitable = coroutine(_each_step)

    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        return await awaitable(mode, function(*args, **kwargs))

    return call


class no_grad(_Mode):
    """Nothing inside is recorded for gradients."""

    _changes = MappingProxyType({"grad": False})


class enable_grad(_Mode):
    """What happens inside is recorded again, within `no_grad`."""

    _changes = MappingProxyType({"grad": True})


class inference_mode(_Mode):
    """Like `no_grad`, and the tensors made inside can never take part in a recorded computation."""

    _changes = MappingProxyType({"grad": False, "inference": True})

    def __new__(cls, mode: Any = True) -> Any:
        new = super().__new__(cls, mode)
        if mode is False:
            new._changes = {"inference": False, "grad": True}
        return new

    def __init__(self, mode: Any = True) -> None:
        super().__init__()


class set_grad_enabled(_Mode):
    """Switches recording on or off: at once, and back at the end of a `with` block."""

    _before: tuple[bool, bool] | None = None  # what was in force when the object was made

    def __new__(cls, mode: bool) -> Any:
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._changes = {"grad": bool(mode)}
        self._before = (state.grad, state.inference)
        state.grad = bool(mode)

    def __enter__(self) -> None:
        self._previous.append((get_ident(), *(self._before or (state.grad, state.inference))))
        self._before, state.grad = None, self._changes["grad"]

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if self._before is not None:
            state.grad = self._before[0]
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Are operations being recorded in this thread?"""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Is this thread inside `inference_mode`?"""
    return state.inference
