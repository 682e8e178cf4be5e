"""Regions of a tensor: how an edit through a view enters the graph."""

from __future__ import annotations

from typing import Any

from .. import lang
from .declare import operator


@operator(method=False, out=False, name="_region", node="AsStridedBackward0")
def region(input: Array, geometry: Any):
    """What a view of this geometry sees."""
    return lang.region(input, geometry)


@operator(method=False, out=False, name="_region_put", node="CopySlices")
def region_put(input: Array, value: Array, geometry: Any):
    """`input` with the region replaced by `value`."""
    return lang.region_put(input, value, geometry)


@operator(method=False, out=False, name="_region_add")
def region_add(value: Array, geometry: Any):
    """Zeros with `value` added to the region."""
    return lang.region_add(value, geometry)


region.gradient(input=lambda g, geometry: lang.region_add(g, geometry))
region_add.gradient(value=lambda g, geometry: lang.region(g, geometry))
region_put.gradient(
    input=lambda g, value, geometry: lang.region_put(g, lang.zeros_like(value), geometry),
    value=lambda g, geometry: lang.region(g, geometry),
)


def replaced(base: Any, value: Any, geometry: tuple) -> Any:
    """The place in the graph of `base` after `value` has been written through a view."""
    return region_put(base, value, geometry)


def regained(base: Any, geometry: tuple) -> Any:
    """The place in the graph of a view of `base`."""
    return region(base, geometry)
