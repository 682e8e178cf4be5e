"""Regions of a tensor: how an edit through a view enters the graph.

An edit only makes nodes. They know the geometry of the view in its base, and save no values.
"""

from __future__ import annotations

from typing import Any

from .. import lang
from ..autograd.node import Node
from ..tensor.core import Tensor, edge_of
from .declare import operator


@operator(method=False, out=False, exact=True, name="_region")
def region(input: Array, geometry):
    """What a view of this geometry sees."""
    return lang.region(input, geometry)


@operator(method=False, out=False, exact=True, name="_region_clear")
def region_clear(input: Array, geometry):
    """`input` with zeros in the region."""
    return lang.region_clear(input, geometry)


@operator(method=False, out=False, exact=True, name="_region_add")
def region_add(value: Array, geometry):
    """Zeros with `value` added to the region."""
    return lang.region_add(value, geometry)


region.gradient(input=lambda g, geometry: lang.region_add(g, geometry))
region_clear.gradient(input=lambda g, geometry: lang.region_clear(g, geometry))
region_add.gradient(value=lambda g, geometry: lang.region(g, geometry))


class RegionNode(Node):
    """A node that needs only a geometry for its backward step."""

    __slots__ = ("geometry",)

    def __init__(self, edges: Any, geometry: Any) -> None:
        super().__init__(edges)
        self.geometry = geometry


class CopySlices(RegionNode):
    """A base after an edit of one of its views: the gradient of the region is that of what was written."""

    __slots__ = ()
    label = "CopySlices"

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        (g,), (base, value) = grads, self.edges
        return (
            None if base is None else lang.region_clear(g, self.geometry),
            None if value is None else lang.region(g, self.geometry),
        )


class AsStridedBackward0(RegionNode):
    """A view of an edited base."""

    __slots__ = ()
    label = "AsStridedBackward0"

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        return (lang.region_add(grads[0], self.geometry),)


def replaced(base: Tensor, value: Tensor, geometry: Any) -> Node:
    """The node of `base` after `value` has been written through a view."""
    return CopySlices((edge_of(base), edge_of(value)), geometry)


def regained(base: Tensor, geometry: Any) -> Node:
    """The node of a view of an edited `base`."""
    return AsStridedBackward0((edge_of(base),), geometry)
