"""How far to go along a direction: a step that satisfies the strong Wolfe conditions.

After Nocedal and Wright, Numerical Optimization, section 3.5: the step is first bracketed, then the bracket
is narrowed by cubic interpolation. A step is good when the loss has fallen enough for its length, and the
slope there is small enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

ENOUGH = 1e-4  # of the fall that the slope at the start promises
FLAT = 0.9  # of the slope at the start


class Point(NamedTuple):
    """A step along the direction: its length, the loss there, the gradient and the slope."""

    t: float
    loss: float
    grad: Any
    slope: float


class Search:
    """One search, which counts how often the loss is computed."""

    def __init__(self, evaluate: Callable[[float], Point], start: Point, most: int) -> None:
        self._evaluate, self.start, self.most = evaluate, start, most
        self.evaluations = self.rounds = 0

    def at(self, t: float) -> Point:
        self.evaluations += 1
        return self._evaluate(t)

    def fell_too_little(self, p: Point) -> bool:
        return p.loss > self.start.loss + ENOUGH * p.t * self.start.slope

    def is_flat(self, p: Point) -> bool:
        return abs(p.slope) <= -FLAT * self.start.slope

    def bracket(self, t: float) -> list[Point]:
        """One point that is good, or two with a good one between them; longer and longer steps are tried."""
        before, here = self.start, self.at(t)
        while self.rounds < self.most:
            if self.fell_too_little(here) or (self.rounds > 1 and here.loss >= before.loss):
                return [before, here]
            if self.is_flat(here):
                return [here]
            if here.slope >= 0:
                return [before, here]
            t = minimum_between(before, here, (here.t + 0.01 * (here.t - before.t), here.t * 10))
            before, here = here, self.at(t)
            self.rounds += 1
        return [self.start, here]

    def narrow(self, ends: list[Point], size: float, tolerance: float) -> Point:
        """The best point found between two; the search ends where it is good or they have come close."""
        low, high = sorted(ends, key=lambda p: p.loss)  # stable: of equals, the first is the lower
        stuck = False
        while self.rounds < self.most and abs(high.t - low.t) * size >= tolerance:
            t, stuck = _inside(minimum_between(ends[0], ends[1]), ends, stuck)
            here = self.at(t)
            self.rounds += 1
            place = 0 if ends[0] is low else 1
            if self.fell_too_little(here) or here.loss >= low.loss:
                ends[1 - place] = here
                low, high = sorted(ends, key=lambda p: p.loss)
                continue
            if self.is_flat(here):
                return here
            if here.slope * (high.t - low.t) >= 0:
                ends[1 - place] = high = low
            ends[place] = low = here
        return low


def strong_wolfe(
    evaluate: Callable[[float], Point], t: float, start: Point, size: float, tolerance: float, most: int
) -> tuple[Point, int]:
    """A good point, and how often the loss was computed; `size` is the largest change for a step of one."""
    search = Search(evaluate, start, most)
    ends = search.bracket(t)
    found = ends[0] if len(ends) == 1 else search.narrow(ends, size, tolerance)
    return found, search.evaluations


def _inside(t: float, ends: list[Point], stuck: bool) -> tuple[float, bool]:
    """`t`, kept away from the ends of the bracket when it comes close to one for the second time."""
    first, last = sorted(p.t for p in ends)
    margin = 0.1 * (last - first)
    if min(last - t, t - first) >= margin:
        return t, False
    if not stuck and first < t < last:
        return t, True
    return (last - margin if abs(t - last) < abs(t - first) else first + margin), False


def minimum_between(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points, with their slopes, is lowest; the middle if it has no minimum."""
    if a.t > b.t:
        a, b = b, a
    low, high = bounds or (a.t, b.t)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square**0.5
    divisor = b.slope - a.slope + 2 * d2
    if divisor == 0:  # a straight line
        return high if b.loss < a.loss else low
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor), low), high)
