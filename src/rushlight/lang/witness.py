"""What was done inside of a call, noted while that call is learnt (see `ops.learnt`)."""

from __future__ import annotations

from typing import Any, NamedTuple

notes: list[Any] | None = None  # where to note; None, nearly always, is not to


class Fold(NamedTuple):
    """`ufunc` along axes of an array, then divided by a number if there is one."""

    ufunc: Any
    array: Any
    axes: Any
    result: Any
    divisor: int = 0


class Launched(NamedTuple):
    """A kernel, called by `along.Launch`."""

    launch: Any
    arrays: tuple
    numbers: tuple
    result: Any


def folded(ufunc: Any, array: Any, axes: Any, result: Any) -> None:
    if notes is not None:
        notes.append(Fold(ufunc, array, axes, result))


def divided(total: Any, divisor: int, result: Any) -> None:
    """The last fold's result was divided."""
    if notes and type(notes[-1]) is Fold and notes[-1].result is total:
        notes[-1] = notes[-1]._replace(divisor=divisor, result=result)


def launched(launch: Any, arrays: tuple, numbers: tuple, result: Any) -> None:
    if notes is not None:
        notes.append(Launched(launch, arrays, numbers, result))
