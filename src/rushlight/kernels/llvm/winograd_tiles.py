"""Winograd's transforms, on vectors of channels, made from the points at which polynomials are multiplied.

At 0, 1, -1, 2, -2 and infinity a tile of 6x6 inputs gives 4x4 outputs of a 3x3 filter; with 1/2 and -1/2 one
of 8x8 gives 4x4 of a 5x5 filter, with 64 multiplications for each pair of channels instead of 400. `inputs`
is B, `filters` G and `spread` A of the usual formula A'[(G g G') * (B' d B)]A; each method is one dimension,
and `both` applies it to rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import repeat
from math import prod
from typing import Any, NamedTuple

from ...runtime.ir import Function, Value

Line = list[Value]
Matrix = list[list[Fraction]]


class Kind(NamedTuple):
    """A convolution with square filters, or the gradient of its input if that is another one."""

    taps: int
    stride: int = 1
    transposed: bool = False


def both(f: Function, transform: Callable, square: list[Line]) -> list[Line]:
    """The transform of the columns, then of the rows."""
    columns = [transform(f, list(column)) for column in zip(*square)]
    return [transform(f, list(row)) for row in zip(*columns)]


class Tiles:
    """How many numbers a tile has along one dimension."""

    taps: int
    points: int
    reads: int  # inputs of a tile
    reach: int  # inputs from one tile to the next
    step: int  # outputs of a tile
    filter_points: int  # different ones: those after the last have the same filter

    @property
    def square(self) -> int:
        return self.points**2

    @property
    def filter_square(self) -> int:
        return self.filter_points**2

    @property
    def spaced(self) -> int:
        """Vectors from tile to tile: an odd number, to meet in no cache set."""
        return self.square | 1


class Transforms(Tiles):
    """Those for filters of `taps` by `taps`, at 0, these numbers and their negatives, and infinity."""

    def __init__(self, taps: int, *pairs: Fraction | int, infinity: bool = True) -> None:
        self.finite = [Fraction(0), *(Fraction(sign * p) for p in pairs for sign in (1, -1))]
        self.infinity = infinity
        self.taps, self.points = taps, len(self.finite) + infinity
        self.reads = self.filter_points = self.points
        self.reach = self.step = self.points + 1 - taps

    def inputs(self, f: Function, d: Line) -> Line:
        """B' d: from a line of the inputs."""
        return _at_points(f, self._inputs, d)

    def filters(self, f: Function, g: Line) -> Line:
        """G g: from a line of taps."""
        return _at_points(f, self._filters, g)

    def spread(self, f: Function, y: Line) -> Line:
        """A y: from a line of the gradients of outputs."""
        return _at_points(f, self._outputs, y)

    def outputs(self, f: Function, m: Line) -> Line:
        """A' m: a line of outputs."""
        return _from_points(f, self._outputs, m)

    def back(self, f: Function, u: Line) -> Line:
        """G' u: a line of the gradients of taps."""
        return _from_points(f, self._filters, u)

    @cached_property
    def _outputs(self) -> Matrix:
        return self._powers(self.step)

    @cached_property
    def _filters(self) -> Matrix:
        rows = self._powers(self.taps)
        apart = [prod(p - q for q in self.finite if q != p) for p in self.finite]
        return [[value / by for value in row] for row, by in zip(rows, [*apart, Fraction(1)])]

    @cached_property
    def _inputs(self) -> Matrix:
        """Polynomials that are zero at all points but one."""
        others = [[q for q in self.finite if q != p] for p in self.finite]
        made = [[*_with_zeros_at(zeros), *[Fraction(0)] * self.infinity] for zeros in others]
        return made + [_with_zeros_at(self.finite)] * self.infinity

    def _powers(self, count: int) -> Matrix:
        at_infinity = [Fraction(0)] * (count - 1) + [Fraction(1)]
        return [[p**k for k in range(count)] for p in self.finite] + [at_infinity] * self.infinity


def _with_zeros_at(zeros: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the polynomial, that of the highest power last."""
    made = [Fraction(1)]
    for zero in zeros:
        made = [low - zero * high for low, high in zip([Fraction(0), *made], [*made, Fraction(0)])]
    return made


def _at_points(f: Function, rows: Matrix, line: Line) -> Line:
    """Polynomials at all points: those at p and -p share what even and what odd powers give."""
    made, pairs = [_sum(f, rows[0], line)], (len(rows) - 1) // 2
    for row in rows[1 : 1 + 2 * pairs : 2]:
        even, odd = _normal(row[::2]), _normal(row[1::2])
        middle, difference = _sum(f, even[1], line[::2]), _sum(f, odd[1], line[1::2])
        if even[0] != 1:
            middle = middle * float(even[0])
        made += [_plus(f, middle, odd[0], difference), _plus(f, middle, -odd[0], difference)]
    return made + [_sum(f, row, line) for row in rows[1 + 2 * pairs :]]


def _from_points(f: Function, rows: Matrix, line: Line) -> Line:
    """The transpose: sums of the values at p and -p stand for even powers, their differences for odd ones."""
    end = 1 + (len(rows) - 1) // 2 * 2
    pairs = list(zip(line[1:end:2], line[2:end:2]))
    joined = [[a + b for a, b in pairs], [a - b for a, b in pairs]]
    factors = zip(rows[0], zip(*rows[1:end:2]), zip(*rows[end:]) if rows[end:] else repeat(()))
    return [
        _sum(f, [zero, *of_pairs, *last], [line[0], *joined[power % 2], *line[end:]])
        for power, (zero, of_pairs, last) in enumerate(factors)
    ]


def _normal(factors: Sequence[Fraction]) -> tuple[Fraction, list[Fraction]]:
    """A common factor, and the factors without it."""
    by = next(value for value in reversed(factors) if value)
    return by, [value / by for value in factors]


def _sum(f: Function, factors: Sequence[Fraction], values: Sequence[Value]) -> Value:
    terms = sorted(((by, x) for by, x in zip(factors, values) if by), key=lambda term: term[0] != 1)
    (by, first), *rest = terms
    total = first if by == 1 else first * float(by)
    for by, value in rest:
        total = _plus(f, total, by, value)
    return total


def _plus(f: Function, total: Value, by: Fraction, value: Value) -> Value:
    """`total + by * value`."""
    if abs(by) != 1:
        return f.fma(value, float(by), total)
    return total + value if by == 1 else total - value


class Halved(Tiles):
    """Those for filters of three taps with stride two: the outer taps see each second input, and so are a
    filter of two taps; the middle one sees the others, and is multiplied with them as it is.

    With 81 multiplications, where the direct way has 144, a tile of 9x9 inputs gives 4x4 outputs.
    """

    taps, points, reads, reach, step, filter_points = 3, 9, 9, 8, 4, 6

    def __init__(self) -> None:
        self.outer = Transforms(2, 1, 2, infinity=False)

    def inputs(self, f: Function, d: Line) -> Line:
        return self.outer.inputs(f, d[::2]) + d[1::2]

    def filters(self, f: Function, g: Line) -> Line:
        return [*self.outer.filters(f, g[::2]), g[1]]

    def outputs(self, f: Function, m: Line) -> Line:
        return [a + b for a, b in zip(self.outer.outputs(f, m[:5]), m[5:])]

    def spread(self, f: Function, y: Line) -> Line:
        return self.outer.spread(f, y) + y

    def back(self, f: Function, u: Line) -> Line:
        """From what was added up for each filter: the points of the middle tap are one sum."""
        first, last = self.outer.back(f, u[:5])
        return [first, u[5], last]


class Doubled(Halved):
    """Those for the gradient of such a filter's inputs, padded by one: of 5x5 gradients come 8x8."""

    reads, reach, step = 5, 4, 8

    def inputs(self, f: Function, d: Line) -> Line:
        return self.outer.inputs(f, d) + d[:4]

    def outputs(self, f: Function, m: Line) -> Line:
        return [value for both in zip(m[5:], self.outer.outputs(f, m[:5])) for value in both]


TRANSFORMS: dict[Kind, Any] = {
    Kind(3): Transforms(3, 1, 2),
    Kind(5): Transforms(5, 1, 2, Fraction(1, 2)),
    Kind(3, 2): Halved(),
    Kind(3, 2, True): Doubled(),
}
