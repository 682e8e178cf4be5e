"""Nests of containers."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest

import rushlight as torch
from rushlight.utils import pytree

Point = namedtuple("Point", "x y")
NEST = {
    "a": [1, (2, 3)],
    "b": OrderedDict(c=Point(4, None)),
    "d": deque([5], maxlen=3),
    "e": defaultdict(list, f=6),
    "g": (),
}


def test_flatten_and_back():
    leaves, spec = pytree.tree_flatten(NEST)
    assert leaves == [1, 2, 3, 4, None, 5, 6]
    back = pytree.tree_unflatten(leaves, spec)
    assert back == NEST
    assert type(back["b"]["c"]) is Point
    assert back["d"].maxlen == 3
    assert back["e"].default_factory is list
    assert spec == pytree.tree_structure(NEST)
    assert spec != pytree.tree_structure([1])
    assert spec.num_leaves == 7
    assert pytree.tree_structure(3).is_leaf()
    assert repr(pytree.tree_structure({"a": [1, (2,)]})) == "dict(['a'], [list(*, tuple(*))])"
    with pytest.raises(ValueError, match="7 leaves, but 1"):
        pytree.tree_unflatten([1], spec)


def test_map():
    assert pytree.tree_map(lambda x, y: x + y, [1, (2,)], [10, (20,)]) == [11, (22,)]
    assert pytree.tree_map_only(int, str, [1, "a"]) == ["1", "a"]
    assert pytree.tree_all(lambda x: x, [1, [True]])
    assert not pytree.tree_any(lambda x: x, [0, []])
    assert pytree.tree_leaves([1, Point(2, 3)], is_leaf=lambda x: isinstance(x, Point)) == [1, Point(2, 3)]
    with pytest.raises(ValueError, match="does not fit"):
        pytree.tree_map(lambda x, y: x, [1, 2], [1])


def test_prefixes():
    spec = pytree.tree_structure(({"a": 1, "b": [2, 3]}, 4))
    assert pytree.broadcast_prefix(0, spec) == [0] * 4
    assert pytree.broadcast_prefix(({"b": None, "a": 1}, 0), spec) == [1, None, None, 0]
    with pytest.raises(ValueError, match="keys"):
        pytree.broadcast_prefix(({"c": 1, "a": 1}, 0), spec)


def test_results_of_operators_are_nests():
    leaves, spec = pytree.tree_flatten(torch.tensor([3.0, 1.0]).sort())
    assert len(leaves) == 2
    assert pytree.tree_unflatten(leaves, spec).indices.tolist() == [1, 0]


def test_a_class_of_ones_own():
    class Box:
        def __init__(self, content):
            self.content = content

    pytree.register_pytree_node(Box, lambda b: ([b.content], None), lambda c, _: Box(c[0]))
    assert pytree.tree_map(lambda x: x * 2, [Box(3)])[0].content == 6
    with pytest.raises(ValueError, match="already"):
        pytree.register_pytree_node(Box, None, None)
