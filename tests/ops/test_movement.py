"""Views, joins and rearrangements give PyTorch's values, gradients and second gradients on any layout."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

import rushlight

CALLS = [
    "x.reshape(-1)",
    "x.view(x.shape)",
    "x.flatten(1)",
    "x.unflatten(2, (2, -1))",
    "x.transpose(0, -1)",
    "x.permute(2, 0, 1)",
    "x.movedim(0, 2)",
    "x.movedim((0, 1), (2, 0))",
    "x.swapaxes(0, 1)",
    "x.mT",
    "x.mH",
    "x.unsqueeze(-2)",
    "x[:, :1].squeeze(1)",
    "x[:1].squeeze()",
    "x.unsqueeze(0).expand(2, -1, -1, -1)",
    "x[:, :1].expand_as(x)",
    "lib.broadcast_to(x[:1], x.shape)",
    "lib.broadcast_tensors(x[:1], x[:, :1])[1]",
    "x.diagonal(1, 0, 2)",
    "x.diagonal(-1)",
    "x.select(1, -1)",
    "x.narrow(2, 1, 2)",
    "x.unfold(2, 2, 1)",
    "x.unfold(1, 2, 2)",
    "x.split(2, 2)[1]",
    "x.split([1, 2], 1)[1]",
    "x.chunk(3, 2)[0]",
    "x.tensor_split(3, 2)[2]",
    "x.tensor_split((1, 2), 1)[1]",
    "x.unbind(1)[1]",
    "x.unbind(-1)[0]",
    "x.hsplit(3)[1]",
    "x.vsplit(2)[0]",
    "x.dsplit(2)[1]",
    "lib.cat([x, x[:1] * 2], 0)",
    "lib.cat([x, x.flip(2)], -1)",
    "lib.cat([x, x.new_zeros(0)], 1)",
    "lib.stack([x, x * 2], 1)",
    "lib.stack([x, x * 2], -1)",
    "lib.hstack([x, x])",
    "lib.vstack([x, x])",
    "lib.dstack([x, x[:, :, :1]])",
    "lib.column_stack([x[0, 0], x[0]. T])",
    "lib.block_diag(x[0], x[1, :1])",
    "x.flip(0, 2)",
    "x.fliplr()",
    "x.flipud()",
    "x.roll(1)",
    "x.roll((1, -2), (0, 2))",
    "x.rot90()",
    "x.rot90(-1, (1, 2))",
    "x.rot90(2)",
    "x.tile(2, 1)",
    "x.repeat(2, 1, 1, 3)",
    "x.repeat_interleave(2, 1)",
    "x.repeat_interleave(lib.tensor([0, 2, 1]), 1)",
    "x.repeat_interleave(2)",
    "x.tril()",
    "x.triu(1)",
    "x.tril(-1)",
    "lib.diag(x[0, 0])",
    "lib.diag(x[0], 1)",
    "lib.diag_embed(x, 1, 0, 2)",
    "lib.diagflat(x[0], -1)",
    "lib.meshgrid(x[0, 0], x[0, 1], indexing='xy')[1]",
    "lib.cartesian_prod(x[0, 0], x[0, 1])",
    "lib.combinations(x[0, 0], 2)",
    "lib.atleast_3d(x[0])",
    "x.clone()",
    "x.contiguous()",
    "x.T if x.dim() == 2 else x[0].T",
    "x[0].t()",
    "x[0].H",
    "lib.select_scatter(x, x[0] * 2, 0, 1)",
    "lib.slice_scatter(x, x[:, :, :2] * 2, 2, 1, 3)",
    "lib.diagonal_scatter(x[0], x[0, 0, :3])",
    "x.as_strided((2, 2), (1, 2), 1)",
    "lib.narrow_copy(x, 0, 0, 1)",
    "lib.unfold_copy(x, 2, 3, 1)",
    "lib.select_copy(x, 0, 1)",
    "x.index_select(1, I(2, 0, 2))",
    "x.take(I(0, 5, -1, 5))",
    "x.gather(2, I(0, 3, 3, 1).view(1, 2, 2))",
    "x.take_along_dim(x.detach().argsort(1), 1)",
    "x.scatter(1, I(0, 2, 1).view(1, 3, 1), x[:1, :, :1] * 3)",
    "x.scatter(0, I(1).view(1, 1, 1), 2.5)",
    "x.scatter_add(2, I(0, 0, 2).view(1, 1, 3), x[:1, :1, :3] * 2)",
    "x.index_add(1, I(0, 0, 1), x * 2)",
    "x.index_add(2, I(3), x[:, :, :1], alpha=-2)",
    "x.index_copy(0, I(1), x[:1] * 2)",
    "x.index_fill(2, I(0, 2, 0), 1.5)",
    "x.index_put((I(0, 1), I(1, 1)), x[0, 0] * 2)",
    "x.index_put((I(0, 0),), x[0] * 2, accumulate=True)",
    "x.masked_select(x.detach() > 0)",
    "x.masked_fill(x.detach() > 0, 2)",
    "x.masked_scatter(x.detach() > 0, x.reshape(-1).flip(0))",
    "x.put(I(0, 7), x[0, 0, :2])",
    "x.put(I(0, 0), x[0, 0, :2], accumulate=True)",
    "x.scatter_reduce(1, I(0, 0, 2).view(1, 3, 1), x[:1, :, :1] * 2, 'sum')",
    "x.scatter_reduce(1, I(0, 0, 2).view(1, 3, 1), x[:1, :, :1] * 2, 'mean')",
    "x.scatter_reduce(1, I(0, 0, 2).view(1, 3, 1), x[:1, :, :1] * 2, 'prod', include_self=False)",
    "x.scatter_reduce(1, I(0, 0, 2).view(1, 3, 1), x[:1, :, :1] * 2, 'amax')",
    "x.index_reduce(1, I(0, 0, 1), x * 2, 'amin')",
    "x[x.detach() > 0]",
    "x[..., None, 1]",
    "x[I(1, 0), :, I(2, 2)]",
    "x[:, I(0, 0)][1:]",
    "x[[1, 0]]",
    "x[:, [True, False, True]]",
]


def laid_out(array, seed):
    """The same values with another layout: transposed in memory, with gaps, or plain."""
    kind = seed % 3
    if kind == 1:
        return np.ascontiguousarray(array.T).T
    if kind == 2:
        wide = np.zeros((*array.shape[:-1], array.shape[-1] * 2))
        wide[..., ::2] = array
        return wide[..., ::2]
    return array


def outcome(lib, call, array, order):
    warnings.simplefilter("ignore")
    x = lib.from_numpy(array).requires_grad_()
    weights = np.random.default_rng(5)
    result = eval(call, {"lib": lib, "x": x * 1.0 if order else x, "I": lambda *i: lib.tensor(i)})
    loss = (result**3 * lib.from_numpy(weights.standard_normal(tuple(result.shape)))).sum()
    (g,) = lib.autograd.grad(loss, x, create_graph=True)
    (gg,) = lib.autograd.grad((g * lib.from_numpy(weights.standard_normal(tuple(g.shape)))).sum(), x)
    return result.detach().numpy(), g.detach().numpy(), gg.numpy()


@pytest.mark.parametrize("call", CALLS)
def test_values_and_gradients(call):
    torch = pytest.importorskip("torch")
    for seed in range(3):
        array = laid_out(np.random.default_rng(seed).standard_normal((2, 3, 4)), seed)
        if call.startswith(("x.view", "x.as_strided")):
            array = np.ascontiguousarray(array)
        expected, actual = (
            outcome(torch, call, array, seed),
            outcome(rushlight, call, array.copy(order="K"), seed),
        )
        for name, e, a in zip(("value", "gradient", "second gradient"), expected, actual):
            assert e.shape == a.shape, name
            assert np.allclose(e, a), name


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16", "bfloat16", "complex64"])
def test_values_of_every_type(dtype):
    torch = pytest.importorskip("torch")
    numbers = np.random.default_rng(0).integers(0, 5, (2, 3, 4))
    for call in CALLS:
        if (
            (dtype == "bool" and "* 2" in call)
            or ("detach() >" in call and dtype.startswith("complex"))
            or "argsort" in call
        ):
            continue
        results = []
        for lib in (torch, rushlight):
            x = lib.from_numpy(numbers).to(getattr(lib, dtype))
            try:
                results.append(eval(call, {"lib": lib, "x": x, "I": lambda *i, lib=lib: lib.tensor(i)}))
            except (RuntimeError, NotImplementedError):
                results.append(None)
        e, a = results
        if e is not None:
            assert a is not None, call
            assert str(e.dtype) == str(a.dtype), call
            assert np.allclose(
                e.to(torch.complex128).numpy(), a.to(rushlight.complex128).numpy(), rtol=1e-6
            ), call


def test_views_share_memory_and_copies_do_not():
    x = rushlight.zeros(2, 3, 4)
    for view in (
        x[0],
        x[:, 1:],
        x.mT,
        x.view(6, 4),
        x.diagonal(),
        x.unfold(2, 2, 1),
        x.split(1)[0],
        x.expand(5, 2, 3, 4),
    ):
        assert view._base is x
    for copy in (
        x[[0]],
        x.flip(0),
        x.mT.reshape(-1),
        x.clone(),
        x[x == 0],
        rushlight.cat([x]),
        x.repeat(1, 1, 1),
    ):
        assert copy._base is None
    x.view(-1)[5] = 7
    assert x[0, 1, 1] == 7


def test_metadata_in_place():
    x = rushlight.arange(6.0).reshape(2, 3)
    y = x.view(6)
    assert x.t_().shape == (3, 2)
    assert x[2, 0] == 2
    assert x.unsqueeze_(0).shape == (1, 3, 2)
    assert x.squeeze_().shape == (3, 2)
    y[0] = 9
    assert x[0, 0] == 9


def test_other_memory_in_place():
    z = rushlight.arange(4.0)
    assert z.resize_(2, 3).shape == (2, 3)
    assert z.flatten()[:4].tolist() == [0, 1, 2, 3]
    w = rushlight.empty(0).set_(z)
    w[0, 0] = 5
    assert z[0, 0] == 5


@pytest.mark.parametrize("seed", range(4))
def test_sums_over_repeated_indices(seed):
    """The quick ways of adding rows agree with adding them one by one."""
    draw = random.Random(seed)
    rows, width, count = draw.choice([(5, 1, 40), (7, 3, 30), (50, 4, 10), (3, 2, 0)])
    index = np.random.default_rng(seed).integers(0, rows, count)
    values = np.random.default_rng(seed).standard_normal((count, width))
    expected = np.ones((rows, width))
    for i, v in zip(index, values):
        expected[i] += v
    x, i, v = (
        rushlight.ones(rows, width, dtype=rushlight.float64),
        rushlight.from_numpy(index),
        rushlight.from_numpy(values),
    )
    assert np.allclose(x.index_add(0, i, v).numpy(), expected)
    assert np.allclose(x.mT.index_add(1, i, v.mT).mT.numpy(), expected)
    assert np.allclose(x.index_put((i,), v, accumulate=True).numpy(), expected)
    assert np.allclose(x.scatter_add(0, i[:, None].expand(count, width), v).numpy(), expected)
    assert np.allclose(x.clone().index_add_(0, i, v).numpy(), expected)


EDITS = [
    "index_add(0, I(0, 0, 2), v)",
    "index_add(0, I(0, 0, 2), v, alpha=2)",
    "index_copy(0, I(2, 1, 0), v)",
    "index_fill(1, I(0, 3), 2.5)",
    "index_fill(1, I(-1), 2.5)",
    "scatter(1, I(3, 0, 1).view(3, 1), 7.0)",
    "scatter(0, I(2, 0, 1)[:, None].expand(3, 4), v)",
    "scatter_add(0, I(2, 0, 2)[:, None].expand(3, 4), v)",
    "scatter_add(1, I(2, 0, 2, 2)[None].expand(2, 4), v)",
    "scatter_reduce(1, I(2, 0, 2, 2)[None].expand(2, 4), v, 'amax')",
    "masked_fill(v > 0, 3)",
    "masked_fill(v[0] > 0, 3)",
    "masked_scatter(v > 0, v * 2)",
    "index_put((I(0, 0),), v[:2], accumulate=True)",
    "put(I(0, 5), v[0, :2])",
    "index_reduce(0, I(0, 0, 2), v, 'prod')",
    "tril(-1)",
]


@pytest.mark.parametrize("call", EDITS)
def test_in_place_is_the_same_as_out_of_place(call):
    """Plain tensors, views with gaps, transposed ones, and one in a graph; other views see the edit too."""
    name, arguments = call.split("(", 1)
    v = rushlight.from_numpy(np.random.default_rng(3).standard_normal((3, 4)))
    scope = {"v": v, "I": lambda *i: rushlight.tensor(i)}
    for layout in range(4):
        wide = rushlight.from_numpy(np.random.default_rng(layout).standard_normal((4, 8, 4))).clone()
        graph = layout == 3
        wide = wide.requires_grad_() * 1 if graph else wide
        x = (wide[:3, 0], wide[0, :4, :3].mT, wide[0, :3], wide[1, 2:5])[layout]
        expected = eval(f"x.{name}({arguments}", {"x": x.detach().clone(), **scope})
        before = wide.sum().item() - x.sum().item()
        result = eval(f"x.{name}_({arguments}", {"x": x, **scope})
        assert result is x
        assert np.allclose(x.detach().numpy(), expected.numpy())
        assert abs(wide.sum().item() - before - expected.sum().item()) < 1e-9


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ("x.view(5)", RuntimeError, "invalid for input of size 12"),
        ("x.t().view(12)", RuntimeError, "reshape"),
        ("x[3]", IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        ("x[0, 0, 0]", IndexError, "too many indices"),
        ("x[::-1]", ValueError, "flip"),
        ("x[lib.tensor([7])]", IndexError, "index 7 is out of bounds"),
        ("x[lib.tensor([True])]", IndexError, "shape of the mask"),
        ("x[1.0]", IndexError, "only integers"),
        ("lib.cat([x, x[:2].t()])", RuntimeError, "Sizes of tensors must match except in dimension 0"),
        ("lib.stack([x, x[0]])", RuntimeError, "equal size"),
        ("x.expand(3, 5)", RuntimeError, "expanded size"),
        ("x.permute(0, 0)", RuntimeError, "duplicate"),
        ("x.split([1, 1])", RuntimeError, "sum exactly to 3"),
        ("x.gather(1, lib.tensor([[4]]))", RuntimeError, "index 4 is out of bounds"),
        ("x.expand(2, 3, 4).add_(1)", RuntimeError, "clone"),
        ("x.squeeze(2)", IndexError, "range of"),
        ("x.index_add(0, lib.tensor([0]), x)", RuntimeError, "expected shape"),
    ],
)
def test_refusals_teach(call, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        eval(call, {"lib": rushlight, "x": rushlight.zeros(3, 4)})


def test_sum_to_size_without_anything_to_sum_is_the_tensor():
    x = rushlight.ones(2, 3)
    assert x.sum_to_size(2, 3) is x
    assert x.sum_to_size((1, 3)).tolist() == [[2, 2, 2]]
    assert rushlight.ones(3, dtype=rushlight.int32).sum_to_size(1).dtype is rushlight.int64
    one = rushlight.ones(())
    assert one.sum_to_size(()) is not one
    with pytest.raises(RuntimeError, match="not expandable"):
        x.sum_to_size(2, 2)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "complex64"])
def test_slices_filled_by_indices_from_both_ends(dtype):
    x = (np.arange(210).reshape(5, 6, 7) * 0.7).astype(dtype)
    for dim, index in ((0, [1, -1, 1]), (1, [-6, 5]), (-1, []), (2, [3])):
        expected = x.copy()
        expected[(slice(None),) * (dim % 3) + (np.array(index, np.int64),)] = 3
        made = rushlight.from_numpy(x).index_fill(dim, rushlight.tensor(index, dtype=rushlight.int64), 3)
        np.testing.assert_array_equal(made.numpy(), expected)
    with pytest.raises(IndexError):
        rushlight.from_numpy(x).index_fill(0, rushlight.tensor([5]), 3)
    with pytest.raises(IndexError):
        rushlight.from_numpy(x).index_fill(3, rushlight.tensor([0]), 3)
