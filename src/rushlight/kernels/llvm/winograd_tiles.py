"""Winograd's transforms for six points (0, 1, -1, 2, -2, infinity), on vectors of channels.

A tile of 6x6 inputs gives 4x4 outputs of a 3x3 filter or 2x2 of a 5x5 one, with 36 multiplications for each
pair of channels instead of 144 or 100. `inputs` is B, `filters` G and `outputs` A of the usual formula
A'[(G g G') * (B' d B)]A; each function is one dimension, and `both` applies it to rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...runtime.ir import Function, Value

POINTS = 6
Line = list[Value]


def both(f: Function, transform: Callable, square: list[Line]) -> list[Line]:
    """The transform of the columns, then of the rows."""
    columns = [transform(f, list(column)) for column in zip(*square)]
    return [transform(f, list(row)) for row in zip(*columns)]


def inputs(f: Function, d: Line) -> Line:
    """B' d, of six elements."""
    even, odd = f.fma(d[2], -4.0, d[4]), f.fma(d[1], -4.0, d[3])
    even_two, odd_two = d[4] - d[2], d[3] - d[1]
    return [
        f.fma(d[0], 4.0, f.fma(d[2], -5.0, d[4])),
        even + odd,
        even - odd,
        f.fma(odd_two, 2.0, even_two),
        f.fma(odd_two, -2.0, even_two),
        f.fma(d[1], 4.0, f.fma(d[3], -5.0, d[5])),
    ]


def _sums(m: Line) -> tuple[Value, Value, Value, Value]:
    """What the values at 1 and -1, and at 2 and -2, have in common, and how they differ."""
    return m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]


def outputs_of_three(f: Function, m: Line) -> Line:
    """A' m: four outputs of a filter of three."""
    one, one_odd, two, two_odd = _sums(m)
    return [
        m[0] + one + two,
        f.fma(two_odd, 2.0, one_odd),
        f.fma(two, 4.0, one),
        f.fma(two_odd, 8.0, one_odd) + m[5],
    ]


def outputs_of_five(f: Function, m: Line) -> Line:
    """A' m: two outputs of a filter of five."""
    one, one_odd, two, two_odd = _sums(m)
    return [m[0] + one + two, f.fma(two_odd, 2.0, one_odd) + m[5]]


def spread_of_three(f: Function, y: Line) -> Line:
    """A y, of four elements."""
    even, odd = y[0] + y[2], y[1] + y[3]
    even_two, odd_two = f.fma(y[2], 4.0, y[0]), f.fma(y[3], 8.0, y[1] + y[1])
    return [y[0], even + odd, even - odd, even_two + odd_two, even_two - odd_two, y[3]]


def spread_of_five(f: Function, y: Line) -> Line:
    """A y, of two elements."""
    return [y[0], y[0] + y[1], y[0] - y[1], f.fma(y[1], 2.0, y[0]), f.fma(y[1], -2.0, y[0]), y[1]]


def filters_of_three(f: Function, g: Line) -> Line:
    """G g, of three taps."""
    one, two = (g[0] + g[2]) * (-1 / 6), f.fma(g[2], 4.0, g[0]) * (1 / 24)
    return [
        g[0] * 0.25,
        f.fma(g[1], -1 / 6, one),
        f.fma(g[1], 1 / 6, one),
        f.fma(g[1], 1 / 12, two),
        f.fma(g[1], -1 / 12, two),
        g[2],
    ]


def filters_of_five(f: Function, g: Line) -> Line:
    """G g, of five taps."""
    even, odd = (g[0] + g[2] + g[4]) * (-1 / 6), g[1] + g[3]
    even_two = f.fma(g[4], 16 / 24, f.fma(g[2], 4 / 24, g[0] * (1 / 24)))
    odd_two = f.fma(g[3], 8 / 24, g[1] * (2 / 24))
    return [
        g[0] * 0.25,
        f.fma(odd, -1 / 6, even),
        f.fma(odd, 1 / 6, even),
        even_two + odd_two,
        even_two - odd_two,
        g[4],
    ]


def taps_of_three(f: Function, u: Line) -> Line:
    """G' u: three taps."""
    one, one_odd, two, two_odd = _sums(u)
    return [
        f.fma(u[0], 0.25, f.fma(one, -1 / 6, two * (1 / 24))),
        f.fma(one_odd, -1 / 6, two_odd * (1 / 12)),
        f.fma(one, -1 / 6, f.fma(two, 1 / 6, u[5])),
    ]


def taps_of_five(f: Function, u: Line) -> Line:
    """G' u: five taps."""
    one, one_odd, two, two_odd = _sums(u)
    one, one_odd = one * (-1 / 6), one_odd * (-1 / 6)
    return [
        f.fma(u[0], 0.25, f.fma(two, 1 / 24, one)),
        f.fma(two_odd, 2 / 24, one_odd),
        f.fma(two, 4 / 24, one),
        f.fma(two_odd, 8 / 24, one_odd),
        f.fma(two, 16 / 24, one) + u[5],
    ]


class Transforms(NamedTuple):
    """Those for one size of filters."""

    taps: int
    outputs: Callable
    spread: Callable
    filters: Callable
    back: Callable

    @property
    def step(self) -> int:
        """Outputs of a tile along one dimension."""
        return POINTS + 1 - self.taps


TRANSFORMS = {
    3: Transforms(3, outputs_of_three, spread_of_three, filters_of_three, taps_of_three),
    5: Transforms(5, outputs_of_five, spread_of_five, filters_of_five, taps_of_five),
}
