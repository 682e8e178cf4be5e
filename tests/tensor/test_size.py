"""`Size` is a tuple in every respect, and stays a Size where PyTorch's does."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from rushlight.tensor.size import Size

EXPRESSIONS = [
    "Size()",
    "Size([2, 3])",
    "Size(n for n in (1, 2))",
    "Size([True])",
    "Size([-1])",
    "Size([np.int64(3)])",
    "size[0]",
    "size[np.int64(-1)]",
    "size[:1]",
    "size[::-1]",
    "size[5:]",
    "size + (1,)",
    "size + size",
    "(1,) + size",
    "size + (np.int32(7),)",
    "size * 2",
    "2 * size",
    "size * -1",
    "size * True",
    "size * np.int64(2)",
    "np.int64(2) * size",
    "size + np.array([1, 2])",
    "size * np.array([1, 2])",
    "np.array([1, 2]) * size",
    "sum([size, size], Size())",
    "(*size, 1)",
    "size == (2, 3)",
    "size < (3,)",
    "size.numel()",
    "Size().numel()",
    "Size([0, 5]).numel()",
    "size.count(2)",
    "size.index(3)",
    "hash(size) == hash((2, 3))",
    "str(size)",
    "f'{size}'",
    "size.__reduce__()[1]",
]
ERRORS = [
    "Size(5)",
    "Size(None)",
    "Size([1.5])",
    "Size('12')",
    "Size([None])",
    "Size([np.float32(3)])",
    "Size((1, 2), (3,))",
    "size + [1]",
    "[1] + size",
    "size + 1",
    "size + ('a',)",
    "size * 1.5",
    "size * size",
    "size[5]",
    "size[[0]]",
    "size.name",
    "setattr(size, 'name', 1)",
]


def value_of(expression, cls):
    return eval(expression, {"Size": cls, "size": cls([2, 3]), "np": np})


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_gives_what_pytorch_gives(expression):
    torch = pytest.importorskip("torch")
    ours, theirs = value_of(expression, Size), value_of(expression, torch.Size)
    assert repr(ours) == repr(theirs)
    assert type(ours).__name__ == type(theirs).__name__


@pytest.mark.parametrize("expression", ERRORS)
def test_fails_where_pytorch_fails(expression):
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as theirs:
        value_of(expression, torch.Size)
    with pytest.raises(theirs.type):
        value_of(expression, Size)


def test_prints_as_a_list_of_lengths():
    assert repr(Size([2, 3])) == str(Size((2, 3))) == "torch.Size([2, 3])"
    assert repr(Size()) == "torch.Size([])"


def test_numel_is_the_product():
    assert Size([2, 3, 4]).numel() == 24
    assert Size().numel() == 1
    assert Size([2, 0]).numel() == 0


@pytest.mark.parametrize("expression", ["size[:1]", "size + (4,)", "(4,) + size", "size * 2", "2 * size"])
def test_stays_a_size(expression):
    assert type(value_of(expression, Size)) is Size


def test_holds_plain_ints():
    size = Size([np.int64(2), True]) + (np.int8(3),)
    assert size == (2, 1, 3)
    assert {type(n) for n in size} == {int}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol):
    copied = pickle.loads(pickle.dumps(Size([2, 3]), protocol))
    assert type(copied) is Size
    assert copied == (2, 3)


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_copies(copying):
    assert type(copying(Size([2, 3]))) is Size
    assert copying(Size([2, 3])) == (2, 3)


def test_an_error_names_the_item():
    with pytest.raises(TypeError, match=r"item 1 is 2\.5, a float"):
        Size([2, 2.5])
