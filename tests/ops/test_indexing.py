"""`x[...]` and `x[...] = y` mean what they mean in PyTorch: shapes, values, views, gradients and refusals."""

from __future__ import annotations

import operator
import random
import warnings

import numpy as np
import pytest

import rushlight

INTEGERS = ("int64", "int32")


def random_item(n, draw, broadcast):
    """One item of an index for a dimension of size n, as a function that makes it for a framework."""
    kind = draw.choice(
        [
            "int",
            "slice",
            "slice",
            "list",
            "range",
            "tensor",
            "tensor2",
            "mask",
            "numpy",
            "scalar_tensor",
            "numpy_int",
            "bad",
        ]
    )
    low = -n - (draw.random() < 0.05)
    numbers = [draw.randrange(low, n + (draw.random() < 0.05) or 1) for _ in range(broadcast)]
    if kind == "int":
        return lambda lib: numbers[0]
    if kind == "numpy_int":
        return lambda lib: np.int64(numbers[0])
    if kind == "slice":
        ends = [draw.choice([None, draw.randrange(-n - 2, n + 3)]) for _ in range(2)]
        step = draw.choice([None, None, 1, 2, 3])
        return lambda lib: slice(*ends, step)
    if kind == "list":
        return lambda lib: list(numbers)
    if kind == "range":
        first = draw.randrange(-1, max(n - broadcast, 0) + 1)
        return lambda lib: range(first, first + broadcast)
    dtype = draw.choice(INTEGERS)
    if kind == "tensor":
        return lambda lib: lib.tensor(numbers, dtype=getattr(lib, dtype))
    if kind == "tensor2":
        return lambda lib: lib.tensor([numbers, numbers[::-1]], dtype=getattr(lib, dtype))
    if kind == "scalar_tensor":
        return lambda lib: lib.tensor(numbers[0])
    if kind == "numpy":
        return lambda lib: np.array(numbers)
    if kind == "mask":
        mask = [draw.random() < 0.5 for _ in range(n)]
        return lambda lib: lib.tensor(mask)
    bad = draw.choice([1.5, "a", slice(None, None, -1), 99]) if draw.random() < 0.15 else slice(None)
    return lambda lib: bad


def random_index(shape, draw):
    broadcast = draw.choice([1, 2, 3])
    items = [random_item(n, draw, draw.choice([1, broadcast])) for n in shape]
    items = items[: draw.randrange(0, len(items) + 1)]
    if draw.random() < 0.1:
        items.append(random_item(2, draw, 1))
    for extra in (None, Ellipsis, True, False):
        if draw.random() < 0.12:
            items.insert(draw.randrange(len(items) + 1), lambda lib, e=extra: e)
    if shape and draw.random() < 0.1:
        mask = np.random.default_rng(draw.randrange(99)).random(shape) < 0.5
        items = [lambda lib: lib.tensor(mask)]
    if len(items) == 1 and draw.random() < 0.5:
        return items[0]
    return lambda lib: tuple(item(lib) for item in items)


def attempt(f, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args), None
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            return None, error


@pytest.mark.parametrize("block", range(10))
def test_reading_and_writing_agree_with_torch(block):
    torch = pytest.importorskip("torch")
    for seed in range(block * 100, block * 100 + 100):
        draw = random.Random(seed)
        shape = draw.choice([(), (3,), (2, 3), (3, 1, 2), (2, 3, 4), (0, 3), (2, 2, 3, 2)])
        index = random_index(shape, draw)
        data = np.random.default_rng(seed).standard_normal(shape)
        results = []
        for lib in (torch, rushlight):
            x = lib.tensor(data, dtype=lib.float64, requires_grad=True)
            result, error = attempt(operator.getitem, x, index(lib))
            outcome = {"error": error}
            if error is None:
                weight = lib.tensor(
                    np.cos(np.arange(result.numel(), dtype=float)).reshape(tuple(result.shape))
                )
                (g,) = lib.autograd.grad((result * result * weight).sum(), x, create_graph=True)
                (gg,) = lib.autograd.grad((g * g).sum(), x)
                outcome |= {
                    "value": result.detach().numpy(),
                    "view": result._base is not None,
                    "grad": g.detach().numpy(),
                    "second": gg.numpy(),
                }
            results.append(outcome)
        compare(*results, f"reading, seed {seed}, shape {shape}, index {index(torch)}")
        results = [written(lib, data, index, draw.getstate()) for lib in (torch, rushlight)]
        compare(*results, f"writing, seed {seed}, shape {shape}, index {index(torch)}")


def written(lib, data, index, state):
    """What a tensor holds after a random assignment, and the gradients of its old and new values."""
    draw = random.Random()
    draw.setstate(state)
    kind = draw.choice(["number", "scalar", "fit", "row", "bad"])
    leaf = lib.tensor(data, dtype=lib.float64, requires_grad=True)
    x = leaf * 1.0
    part, error = attempt(operator.getitem, leaf.detach(), index(lib))
    shape = () if error else tuple(part.shape)
    if kind == "bad" and (
        error or part.numel() == 0
    ):  # two errors at once, or nothing to assign to: which comes first is open
        return {"error": None}
    shape = {"fit": shape, "row": (1, *shape[1:]), "bad": (7, *shape)}.get(kind, ())
    value = lib.tensor(np.random.default_rng(1).standard_normal(shape), dtype=lib.float64, requires_grad=True)
    _, error = attempt(operator.setitem, x, index(lib), 1.5 if kind == "number" else value)
    if error is not None:
        return {"error": error}
    weight = lib.tensor(np.cos(np.arange(data.size, dtype=float)).reshape(data.shape))
    grads = lib.autograd.grad((x * x * weight).sum(), [leaf, value], allow_unused=True)
    outcome = {
        "error": None,
        "value": x.detach().numpy(),
        "grad": None if grads[0] is None else grads[0].numpy(),
    }
    plain = leaf.detach().clone()
    with lib.no_grad():
        plain[index(lib)] = 1.5 if kind == "number" else value
    assert repeats(lib, index, part) or np.array_equal(plain.numpy(), x.detach().numpy())
    if not repeats(lib, index, part):
        outcome["grad of value"] = None if grads[1] is None else grads[1].numpy()
    return outcome


def repeats(lib, index, part):
    """Does the index name an element twice? Then it is open which value stays."""
    i = index(lib)
    return any(
        not isinstance(k, (slice, int, np.integer, type(None), type(...)))
        for k in (i if isinstance(i, tuple) else (i,))
    )


def compare(expected, actual, label):
    e, a = expected.pop("error"), actual.pop("error")
    if e is None and isinstance(a, IndexError) and ("False" in label or not expected["value"].size):
        return  # where nothing is selected PyTorch does not look at the rest of the index
    assert type(e) is type(a), f"{label}: {e!r} / {a!r}"
    assert expected.keys() == actual.keys(), label
    for key, value in expected.items():
        if isinstance(value, np.ndarray):
            other = np.zeros_like(value) if actual[key] is None else actual[key]
            assert value.shape == other.shape, f"{label}: {key}"
            assert np.allclose(value, other), f"{label}: {key}"
        else:
            assert (value is None and not np.any(actual[key])) or value == actual[key], f"{label}: {key}"


def test_scatter_into_a_single_number():
    assert rushlight.tensor(2.0).scatter_(0, rushlight.tensor(0), 5.0).item() == 5
    assert rushlight.tensor(2.0).scatter_(0, rushlight.tensor([0]), 5.0).item() == 5


def test_values_for_a_mask_may_have_leading_dimensions_of_one():
    x, mask = rushlight.zeros(4), rushlight.tensor([True, False, True, True])
    x[mask] = rushlight.tensor([[1.0, 2.0, 3.0]])
    assert x.tolist() == [1, 0, 2, 3]
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[mask] = rushlight.tensor([[1.0, 2.0]])


def test_tensors_of_one_number_are_numbers_in_an_index():
    x, i = rushlight.arange(24.0).view(2, 3, 4), rushlight.tensor(1)
    assert x[i, 0].tolist() == x[1, 0].tolist()
    assert x[i].data_ptr() == x[1].data_ptr()  # views, all of them
    x[i, [0, 2], :2] = 7
    assert x[1].tolist() == [[7, 7, 14, 15], [16, 17, 18, 19], [7, 7, 22, 23]]
    with pytest.raises(IndexError, match="out of bounds for dimension 0"):
        x[rushlight.tensor(2)]


def test_infinities_are_assigned_to_floating_types_alone():
    x = rushlight.zeros(3)
    x[x == 0] = -float("inf")
    x[1] = float("nan")
    assert x[0] == x[2] == -float("inf")
    assert x[1].isnan()
    with pytest.raises(RuntimeError, match="without overflow"):
        rushlight.zeros(3, dtype=rushlight.int64)[0] = float("inf")


def test_a_graph_keeps_the_indices_that_it_was_recorded_with():
    for shared in (False, True):
        x, i = rushlight.zeros(5, 4, requires_grad=True), rushlight.tensor([1, 3])
        seen = i[:] if shared else i
        y = x[i, 2:].sum() + x[[0, 4], 1].sum()
        seen[0] = 4
        y.backward()
        expected = [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]]
        assert x.grad.tolist() == expected
