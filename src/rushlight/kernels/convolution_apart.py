"""Plans for convolutions whose taps lie apart: dilated ones, and those whose taps mostly see padding.

Pixels that lie as far from each other as the taps do are an image of their own, for which the filter has no
gaps: Winograd's way is open to these. Where most of what the taps see is padding, each tap is a product of
its weights with the pixels that it does see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..runtime import memory
from . import convolution_winograd as winograd
from . import copying
from .convolution_plans import Geometry, Plan
from .convolution_volumes import Depth

LEAST_CHANNELS = 48  # below, copies cost more than is gained
PRODUCTS_GAIN = 1.5  # fewer multiplications than another way
COPIES_GAIN = 1.2
PART_MULTIPLICATIONS = 1 << 21  # what copying a part costs besides, in the time of multiplications
TAP_PIXELS = 32  # what it costs to bring the weights of a tap together, in pixels that they are for
TAP_MULTIPLICATIONS = 1 << 20  # and what a product of its own costs besides

Planner = Callable[[Geometry], Any]


def plan_of(kind: str, geometry: Geometry, direct: Planner, by_winograd: Planner) -> Any:
    """The plan, or None where taps are taken together, from the image as it is."""
    if geometry.groups > 1 or min(geometry.channels, geometry.outputs) < LEAST_CHANNELS:
        return None
    if prod(geometry.taps) == 1:
        return None
    parts = phases_of(geometry) if {*geometry.stride} == {1} and geometry.dilation != (1, 1) else None
    parts = parts if parts is not None and winograd.applies(parts, kind) else None
    together = geometry.multiplications
    if winograd.applies(geometry, kind):
        together = winograd.multiplications(geometry)
    in_parts = together if parts is None else _in_parts(geometry, parts)
    if _as_products(geometry) * PRODUCTS_GAIN <= min(together, in_parts):
        return Products.of(kind, geometry, direct)
    return Phases(kind, geometry, parts, by_winograd(parts)) if in_parts < together else None


def _in_parts(geometry: Geometry, parts: Geometry) -> int:
    """Multiplications that parts of images need, or could be done in the time that they take besides."""
    return int(COPIES_GAIN * winograd.multiplications(parts)) + PART_MULTIPLICATIONS * prod(geometry.dilation)


def _as_products(geometry: Geometry) -> int:
    """The same for products for each tap."""
    taps, seen = prod(geometry.taps), prod(seen_along(geometry, d) for d in (0, 1))
    pixels = geometry.images * seen + TAP_PIXELS * taps
    return geometry.channels * geometry.outputs * pixels + TAP_MULTIPLICATIONS * taps


# ---- images of pixels that lie apart


def phases_of(geometry: Geometry) -> Geometry:
    """The same without gaps, of as many images for each as there are pixels between taps."""
    given = [_phases_along(geometry, d) for d in (0, 1)]
    sizes, padding, places = (tuple(one[k] for one in given) for k in range(3))
    images = geometry.images * prod(geometry.dilation)
    return geometry._replace(images=images, sizes=sizes, padding=padding, places=places, dilation=(1, 1))


def _phases_along(geometry: Geometry, d: int) -> tuple[int, int, int]:
    """The size, padding and places of a phase: of the rest of the padding, it has pixels."""
    gap, taps = geometry.dilation[d], geometry.taps[d]
    padding, rest = divmod(geometry.padding[d], gap)
    size = max(-(-(geometry.sizes[d] + rest) // gap), -(-geometry.places[d] // gap) + taps - 1 - 2 * padding)
    return size, padding, size + 2 * padding - taps + 1


class Phases:
    """Takes images apart, convolves the parts, and puts the results together."""

    only_finite = False
    groups = 1

    def __init__(self, kind: str, geometry: Geometry, parts: Geometry, inner: Plan) -> None:
        self.kind, self.geometry, self.parts, self.inner = kind, geometry, parts, inner
        self.finishes = inner.finishes

    def run(self, out: Any, x: Any, other: Any, bias: Any, epilogue: tuple = ()) -> None:
        g, p = self.geometry, self.parts
        before = tuple(n % d for n, d in zip(g.padding, g.dilation))
        if self.kind == "weight":
            given = self._apart(x, g.sizes, p.sizes, before), self._apart(other, g.places, p.places, (0, 0))
            self.inner.run(out, *given, None)
        elif self.kind == "input":
            read = self._apart(x, g.places, p.places, (0, 0))
            self._run_parts(out, read, other, bias, g.sizes, p.sizes, before, epilogue)
        else:
            read = self._apart(x, g.sizes, p.sizes, before)
            self._run_parts(out, read, other, bias, g.places, p.places, (0, 0), epilogue)

    def _run_parts(
        self, out: Any, read: Any, weight: Any, bias: Any, whole: Any, part: Any, before: Any, epilogue: tuple
    ) -> None:
        made = memory.empty((len(read), out.shape[1], *part), out.dtype)
        self.inner.run(made, read, weight, bias, *([epilogue] if epilogue else []))
        out = out.reshape(*out.shape[:2], *whole)
        for into, source in self._pairs(out, made, before):
            copying.filled(into, source)

    def _apart(self, x: Any, whole: Any, part: Any, before: Any) -> np.ndarray:
        made = memory.empty((self.parts.images, x.shape[1], *part), x.dtype)
        if any(before) or any(m * d != n for m, d, n in zip(part, self.geometry.dilation, whole)):
            made[...] = 0
        for source, into in self._pairs(x.reshape(*x.shape[:2], *whole), made, before):
            copying.filled(into, source)
        return made

    def _pairs(self, whole: np.ndarray, parts: np.ndarray, before: Any) -> Iterator[tuple]:
        """What of an image belongs to which places of its parts."""
        images, gaps = len(whole), self.geometry.dilation
        along = [
            _places(n, m, gap, b) for n, m, gap, b in zip(whole.shape[2:], parts.shape[2:], gaps, before)
        ]
        for number, ((rows, down), (columns, across)) in enumerate(product(*along)):
            one = parts[number * images : (number + 1) * images]
            yield whole[:, :, rows, columns], one[:, :, down, across]


def _places(size: int, part: int, gap: int, before: int) -> list[tuple[slice, slice]]:
    """For each phase: its places in the whole, and where in its part they are."""
    found = []
    for phase in range(gap):
        late = int(phase < before)
        first = phase - before + gap * late
        found.append((slice(first, None, gap), slice(late, late + len(range(first, size, gap)))))
    return found


# ---- a product for each tap


def seen_along(geometry: Geometry, d: int) -> int:
    """Pixels, none of padding, that all taps along one dimension see."""
    return sum(made.stop - made.start for made, _ in _depth(geometry, d).pairs)


def _depth(geometry: Geometry, d: int) -> Depth:
    g = geometry
    return Depth(*(given[d] for given in (g.sizes, g.taps, g.places, g.stride, g.padding, g.dilation)))


class Products:
    """A convolution of one tap for each that sees something; what these give is added up."""

    finishes = only_finite = False
    groups = 1

    def __init__(self, kind: str, geometry: Geometry, taps: list[tuple]) -> None:
        self.kind, self.geometry, self.taps = kind, geometry, taps

    @classmethod
    def of(cls, kind: str, geometry: Geometry, direct: Planner) -> Products | None:
        """One for each tap, if there is a plan for all of them."""
        found: list[tuple] = []
        rows, columns = (enumerate(_depth(geometry, d).pairs) for d in (0, 1))
        for (i, (down, seen_down)), (j, (across, seen_across)) in product(rows, list(columns)):
            sizes = down.stop - down.start, across.stop - across.start
            if 0 in sizes:
                continue
            one = geometry._replace(sizes=sizes, places=sizes, taps=(1, 1), stride=(1, 1))
            plan = direct(one._replace(padding=(0, 0), dilation=(1, 1)))
            if plan is None:
                return None
            found.append(((i, j), (..., down, across), (..., seen_down, seen_across), plan))
        return cls(kind, geometry, found)

    def run(self, out: Any, x: Any, other: Any, bias: Any) -> None:
        g = self.geometry
        whole = {"forward": (g.sizes, g.places), "input": (g.places, g.sizes), "weight": (g.sizes, g.places)}
        read, made = whole[self.kind]
        x = x.reshape(*x.shape[:2], *read)
        if self.kind == "weight":
            self._add_weights(out.reshape(*out.shape[:2], *g.taps), x, other.reshape(*other.shape[:2], *made))
        else:
            out = out.reshape(*out.shape[:2], *made)
            out[...] = 0 if bias is None else bias[:, None, None]
            self._add_products(out, x, other.reshape(*other.shape[:2], *g.taps))

    def _add_products(self, out: Any, x: Any, weight: Any) -> None:
        for tap, places, seen, plan in self.taps:
            into, source = (out[places], x[seen]) if self.kind == "forward" else (out[seen], x[places])
            made = memory.empty(into.shape, into.dtype)
            plan.run(made, _copy(source), _copy(weight[(..., *tap)]), None)
            into += made

    def _add_weights(self, out: Any, x: Any, g: Any) -> None:
        if len(self.taps) < prod(out.shape[2:]):
            out[...] = 0
        for tap, places, seen, plan in self.taps:
            made = memory.empty(out.shape[:2], out.dtype)
            plan.run(made, _copy(x[seen]), _copy(g[places]), None)
            copying.filled(out[(..., *tap)], made)


def _copy(x: np.ndarray) -> np.ndarray:
    return x if x.flags.c_contiguous else copying.filled(memory.empty(x.shape, x.dtype), x)
