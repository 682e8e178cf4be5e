"""What was done inside of a call, noted while that call is learnt (see `tensor.learnt`)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

notes: list[Any] | None = None  # where to note; None, nearly always, is not to


class Fold(NamedTuple):
    """`ufunc` along axes of an array, then divided by a number if there is one."""

    ufunc: Any
    array: Any
    axes: Any
    result: Any
    divisor: int = 0


class Called(NamedTuple):
    """A kernel, called with arrays and objects; the arrays that were made for it, first of all the
    results.
    """

    kernel: Any
    arguments: tuple
    made: tuple


def folded(ufunc: Any, array: Any, axes: Any, result: Any) -> None:
    if notes is not None:
        notes.append(Fold(ufunc, array, axes, result))


def divided(total: Any, divisor: int, result: Any) -> None:
    """The last fold's result was divided."""
    if notes and type(notes[-1]) is Fold and notes[-1].result is total:
        notes[-1] = notes[-1]._replace(divisor=divisor, result=result)


def called(kernel: Any, arguments: tuple, *made: Any) -> None:
    if notes is not None:
        seen = tuple([a[...] if type(a) is np.ndarray else a for a in arguments])  # results may change shape
        notes.append(Called(kernel, seen, made))
