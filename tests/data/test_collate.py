"""Batches have PyTorch's values, types of numbers and types of containers."""

import collections
from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest

import rushlight
from rushlight.utils.data import default_collate, default_convert
from rushlight.utils.data._utils.collate import collate, collate_tensor_fn, default_collate_fn_map

Point = collections.namedtuple("Point", "x y")


class Lines(collections.UserList):
    pass


class Entries(collections.UserDict):
    pass


class Frozen(collections.abc.Mapping):
    """Cannot be made from a dict."""

    def __init__(self, *, only):
        self.only = only

    def __getitem__(self, key):
        return {"only": self.only}[key]

    def __iter__(self):
        return iter(["only"])

    def __len__(self):
        return 1


def ordered(**entries):
    return collections.OrderedDict(entries)


def counted(start):
    return collections.defaultdict(list, {"a": start})


BATCHES = {
    "tensors": lambda t: [t.arange(3), t.arange(3) + 1],
    "numbers as tensors": lambda t: [t.tensor(1.5), t.tensor(2.5)],
    "turned": lambda t: [t.arange(6).reshape(2, 3).t(), t.ones(3, 2, dtype=t.int64)],
    "mixed dtypes": lambda t: [t.ones(2), t.ones(2, dtype=t.float64)],
    "half": lambda t: [t.ones(2, dtype=t.bfloat16)] * 2,
    "arrays": lambda t: [np.arange(3.0), np.ones(3)],
    "arrays float32": lambda t: [np.float32([1, 2]), np.float32([3, 4])],
    "arrays 0-d": lambda t: [np.array(1), np.array(2)],
    "arrays of two dtypes": lambda t: [np.arange(2), np.ones(2)],
    "read-only arrays": lambda t: [np.broadcast_to(np.float32(3), (2, 2)).copy()] * 2,
    "bool arrays": lambda t: [np.array([True, False])] * 2,
    "float64": lambda t: [np.float64(1), np.float64(2)],
    "float32": lambda t: [np.float32(1), np.float32(2)],
    "int16": lambda t: [np.int16(1), np.int16(2)],
    "bool_": lambda t: [np.bool_(True), np.bool_(False)],
    "ints": lambda t: [1, 2, 3],
    "floats": lambda t: [0.1, 0.2],
    "bools": lambda t: [True, False],
    "text": lambda t: ["a", "b"],
    "bytes": lambda t: [b"a", b"b"],
    "numpy text": lambda t: [np.str_("a"), np.str_("b")],
    "tuples": lambda t: [(1, 2.0), (3, 4.0)],
    "lists": lambda t: [[1, "x"], [3, "y"]],
    "ranges": lambda t: [range(2), range(1, 3)],
    "deques": lambda t: [collections.deque([1, 2]), collections.deque([3, 4])],
    "user lists": lambda t: [Lines([1, 2]), Lines([3, 4])],
    "dicts": lambda t: [{"a": 1, "b": np.ones(2)}, {"a": 2, "b": np.ones(2), "c": 0}],
    "ordered": lambda t: [ordered(b=1, a=2.0), ordered(a=3.0, b=4)],
    "default dicts": lambda t: [counted(1), counted(2)],
    "user dicts": lambda t: [Entries(a=1), Entries(a=2)],
    "proxies": lambda t: [MappingProxyType({"a": 1}), MappingProxyType({"a": 2})],
    "frozen": lambda t: [Frozen(only=1), Frozen(only=2)],
    "named tuples": lambda t: [Point(1, t.ones(2)), Point(2, t.ones(2))],
    "nested": lambda t: [{"p": Point(1, [2, (3, "z")])}, {"p": Point(4, [5, (6, "w")])}],
}
SINGLE = {
    **{f"first of {name}": lambda t, make=make: make(t)[0] for name, make in BATCHES.items()},
    "none": lambda t: None,
    "list of arrays": lambda t: [np.ones(2), {"a": np.zeros(1)}],
    "array of text": lambda t: np.array(["a", "b"]),
    "array of objects": lambda t: np.array([None, 1], dtype=object),
}


def described(x):
    """Types, dtypes and values, with no difference between the two libraries' tensors."""
    if hasattr(x, "requires_grad"):
        return "tensor", str(x.dtype), x.float().tolist(), x.is_contiguous()
    if isinstance(x, np.ndarray):
        return "array", str(x.dtype), x.tolist()
    if isinstance(x, collections.abc.Mapping):
        return type(x), {k: described(v) for k, v in x.items()}
    if isinstance(x, collections.abc.Sequence) and not isinstance(x, (str, bytes)):
        return type(x), [described(v) for v in x]
    return type(x), x


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    import torch.utils.data as theirs

    make = BATCHES[name]
    assert described(default_collate(make(rushlight))) == described(theirs.default_collate(make(torch)))


@pytest.mark.parametrize("name", SINGLE)
def test_conversions_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    import torch.utils.data as theirs

    make = SINGLE[name]
    assert described(default_convert(make(rushlight))) == described(theirs.default_convert(make(torch)))


def test_what_comes_out_without_pytorch_to_compare_with():
    batch = default_collate([{"x": np.float32([1, 2]), "y": 3}, {"x": np.float32([4, 5]), "y": 6}])
    assert described(batch) == (
        dict,
        {
            "x": ("tensor", "torch.float32", [[1, 2], [4, 5]], True),
            "y": ("tensor", "torch.int64", [3, 6], True),
        },
    )


def test_batches_are_copies():
    array = np.zeros(3)
    default_collate([array]).add_(1)
    assert array.sum() == 0
    sample = {"a": [1, 2]}
    default_collate([sample, sample])
    assert sample == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("batch", "error", "text"),
    [
        ([None, None], TypeError, "found <class 'NoneType'>.*collate_fn"),
        ([SimpleNamespace()], TypeError, "SimpleNamespace"),
        ([np.array(["a"])], TypeError, "array of <U1"),
        ([[1, 2], [1]], RuntimeError, "of equal size: sample 0 has 2 entries, sample 1 has 1"),
        ([rushlight.ones(2), rushlight.ones(3)], RuntimeError, r"equal size.*\[2\].*\[3\]"),
        ([{"a": 1}, {"b": 1}], KeyError, r"key 'a', but sample 1 has only \['b'\]"),
    ],
)
def test_errors_say_what_is_wrong(batch, error, text):
    with pytest.raises(error, match=text):
        default_collate(batch)


def test_functions_by_type():
    longest = {rushlight.Tensor: lambda batch, *, collate_fn_map: max(len(t) for t in batch)}
    assert collate([{"a": rushlight.ones(2)}, {"a": rushlight.ones(5)}], collate_fn_map=longest) == {"a": 5}


def test_functions_by_type_for_all(monkeypatch):
    """An entry of `default_collate_fn_map` counts for datasets of tensors too, which are quicker without."""
    from rushlight.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(rushlight.arange(4)), batch_size=2)
    assert next(iter(loader))[0].tolist() == [0, 1]
    doubled = lambda batch, *, collate_fn_map: 2 * collate_tensor_fn(batch)  # noqa: E731
    monkeypatch.setitem(default_collate_fn_map, rushlight.Tensor, doubled)
    assert next(iter(loader))[0].tolist() == [0, 2]
    assert default_collate([np.ones(1)]).tolist() == [[2]]
