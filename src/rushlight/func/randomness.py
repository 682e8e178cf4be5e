"""Random numbers inside `vmap`: refused, the same for all samples, or different for each."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..tensor import sampling
from .batch import Batched, wrapped
from .batching import stacked
from .levels import sample, tensors_in

CHOICES = ("error", "different", "same")


class Mapping(NamedTuple):
    """A vmap that is running."""

    level: int
    size: int
    randomness: str


class _Running(threading.local):
    def __init__(self) -> None:
        self.mappings: list[Mapping] = []


_running = _Running()


@contextmanager
def mapping(level: int, size: int, randomness: str) -> Iterator[None]:
    """For the block, drawing random numbers follows what this vmap was told."""
    _running.mappings.append(Mapping(level, size, randomness))
    sampling.mappers.append(_module)
    try:
        yield
    finally:
        sampling.mappers.remove(_module)
        _running.mappings.pop()


def choice(what: str) -> str:
    """What the innermost vmap was told; an error if that was nothing."""
    chosen = _running.mappings[-1].randomness if _running.mappings else "different"
    if chosen == "error":
        raise RuntimeError(
            f"vmap: called random operation {what} while in randomness error mode. Say whether all samples "
            "get the same numbers or each its "
            "own: vmap(f, randomness='same') or vmap(f, randomness='different'); or draw them outside and "
            "pass them in"
        )
    return chosen


def draw(function: Any, args: tuple, kwargs: dict) -> Any:
    """A function that makes a random tensor, called inside of vmap."""
    if not _running.mappings or kwargs.get("out") is not None:
        return function(*args, **kwargs)
    here = _running.mappings[-1]
    if here.randomness == "error":
        return _without_drawing(function, args, kwargs)
    chosen = here.randomness
    given = (*args, *kwargs.values())
    inputs = [t for t in tensors_in(given) if isinstance(t, Batched) and t.level == here.level]
    with suspended():
        if chosen == "same" and not inputs:
            return function(*args, **kwargs)
        results, state = [], sampling.default_generator.get_state()
        for b in range(here.size):
            if chosen == "same":
                sampling.default_generator.set_state(state)
            results.append(function(*_sample(args, b, here.level), **_sample(kwargs, b, here.level)))
    return wrapped(stacked(_Named(function.__name__), results), here.level)


def _without_drawing(function: Any, args: tuple, kwargs: dict) -> Any:
    """A function that may draw numbers, and must not (dropout does not, outside of training)."""
    before = sampling.default_generator.get_state()
    with suspended():
        result = function(*args, **kwargs)
    if not (sampling.default_generator.get_state()._a == before._a).all():
        sampling.default_generator.set_state(before)
        choice(function.__name__)
    return result


class _Named(NamedTuple):
    path: str


def permit() -> None:
    """Something is about to draw numbers, and does not know of batches."""
    if _running.mappings and choice("that draws numbers for no sample in particular") == "different":
        raise RuntimeError(
            "vmap: with randomness='different' this random operation, whose arguments are the same for all "
            "samples, cannot draw for each of them. Give it an argument that is mapped, or draw outside"
        )


def _sample(values: Any, b: int, level: int) -> Any:
    if isinstance(values, dict):
        return {k: sample(v, b, level) for k, v in values.items()}
    return [sample(v, b, level) for v in values]


@contextmanager
def suspended() -> Iterator[None]:
    """Drawing without asking, for the block."""
    here, _running.mappings = _running.mappings, []
    try:
        yield
    finally:
        _running.mappings = here


def _refill(name: str) -> Any:
    """The in-place sampler of this name, for a batch."""

    def sampler(self: Batched, *args: Any, **kwargs: Any) -> Batched:
        chosen = choice(name)
        with suspended():
            if chosen == "different":
                getattr(self.value, name)(*args, **kwargs)
            else:
                self.value.copy_(
                    getattr(self.value[0].clone(), name)(*args, **kwargs).expand(self.value.shape)
                )
        return self

    sampler.__name__ = name
    return sampler


for _name in (
    "uniform_",
    "normal_",
    "exponential_",
    "geometric_",
    "cauchy_",
    "log_normal_",
    "bernoulli_",
    "random_",
):
    setattr(Batched, _name, _refill(_name))
_module = sys.modules[__name__]
