"""Products of matrices: values, gradients of two orders, layouts, edge sizes and messages."""

from __future__ import annotations

import random

import numpy as np
import pytest

import rushlight
from rushlight.ops import OPERATORS

linear = OPERATORS["nn.functional.linear"].call
bilinear = OPERATORS["nn.functional.bilinear"].call
SEED = 20260


def strided(generator, draw, shape, dtype="float64"):
    """Random values in a random layout: dense, transposed, every second, or backwards in memory order."""
    kind = draw.randrange(4)
    if kind == 1 and len(shape) > 1:
        return values(generator, (*shape[:-2], shape[-1], shape[-2]), dtype).swapaxes(-1, -2)
    if kind == 2 and shape:
        return values(generator, (*shape[:-1], 2 * shape[-1]), dtype)[..., ::2]
    if kind == 3 and len(shape) > 1:
        return values(generator, (2 * shape[0], *shape[1:]), dtype)[::2]
    return values(generator, shape, dtype)


def values(generator, shape, dtype="float64"):
    x = generator.normal(size=shape)
    if "complex" in dtype:
        x = x + 1j * generator.normal(size=shape)
    return x.astype(dtype)


def matmul_shapes(draw):
    """Two shapes that multiply, with any mixture of batches, ones, zeros and vectors."""
    k, m, n = (draw.choice([0, 1, 2, 3, 5]) for _ in range(3))
    batch = [draw.choice([1, 2, 3]) for _ in range(draw.randrange(3))]
    left = [1 if draw.random() < 0.3 else b for b in batch][draw.randrange(len(batch) + 1) :]
    right = [1 if draw.random() < 0.3 else b for b in batch][draw.randrange(len(batch) + 1) :]
    a = (k,) if draw.random() < 0.2 else (*left, m, k)
    b = (k,) if draw.random() < 0.2 else (*right, k, n)
    return a, b


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_matmul_of_any_shapes_and_layouts_with_gradients_of_two_orders(dtype):
    pytest.importorskip("torch")
    from support.against_torch import same

    draw, generator = random.Random(SEED), np.random.default_rng(SEED)
    for _ in range(60):
        a, b = matmul_shapes(draw)
        x, y = strided(generator, draw, a, dtype), strided(generator, draw, b, dtype)
        same(lambda torch, x, y: torch.matmul(x, y), x, y, order=2)


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3), (2, 0, 3), (0, 3)])
@pytest.mark.parametrize("with_bias", [True, False])
def test_linear_gives_products_sums_and_gradients_of_two_orders(shape, with_bias):
    torch = pytest.importorskip("torch")
    from support.against_torch import same

    generator = np.random.default_rng(1)
    arrays = [values(generator, shape), values(generator, (5, 3))] + [values(generator, (5,))] * with_bias
    same(
        lambda f, *ts: torch.nn.functional.linear(*ts) if f is torch else linear(*ts),
        *arrays,
        order=2,
    )


def test_linear_by_hand():
    x = rushlight.tensor([[1.0, 2.0]])
    weight = rushlight.tensor([[3.0, 4.0], [5.0, 6.0], [0.0, 1.0]], requires_grad=True)
    bias = rushlight.tensor([10.0, 20.0, 30.0], requires_grad=True)
    y = linear(x, weight, bias)
    assert y.tolist() == [[21.0, 37.0, 32.0]]
    assert y.grad_fn.name == "AddmmBackward0" or "AddmmBackward0" in repr(y.grad_fn)
    y.sum().backward()
    assert weight.grad.tolist() == [[1.0, 2.0]] * 3
    assert bias.grad.tolist() == [1.0, 1.0, 1.0]


def test_bilinear_is_a_product_from_both_sides():
    generator = np.random.default_rng(2)
    x, y, w, b = (values(generator, s) for s in ((4, 3), (4, 2), (5, 3, 2), (5,)))
    found = bilinear(*(rushlight.from_numpy(a) for a in (x, y, w, b)))
    np.testing.assert_allclose(found.numpy(), np.einsum("ni,oij,nj->no", x, w, y) + b)


FAMILY = {
    "addmm": ((4, 5), (4, 3), (3, 5)),
    "addmv": ((4,), (4, 3), (3,)),
    "addr": ((4, 3), (4,), (3,)),
    "baddbmm": ((2, 4, 5), (2, 4, 3), (2, 3, 5)),
    "addbmm": ((4, 5), (2, 4, 3), (2, 3, 5)),
}


@pytest.mark.parametrize("name", FAMILY)
def test_added_products_scale_both_parts_and_edit_in_place(name):
    pytest.importorskip("torch")
    from support.against_torch import same

    generator = np.random.default_rng(3)
    arrays = [values(generator, s) for s in FAMILY[name]]
    same(lambda torch, *ts: getattr(torch, name)(*ts, beta=0.5, alpha=-2), *arrays, order=2)
    same(lambda torch, x, *ts: getattr(x.clone(), name + "_")(*ts, beta=2), *arrays)


@pytest.mark.parametrize("name", FAMILY)
def test_beta_zero_ignores_what_was_there(name):
    arrays = [rushlight.ones(s) for s in FAMILY[name]]
    arrays[0].fill_(float("nan"))
    assert bool(getattr(rushlight, name)(*arrays, beta=0).isfinite().all())


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_integers_multiply_exactly(dtype):
    a = np.arange(6).reshape(2, 3).astype(dtype)
    found = rushlight.from_numpy(a) @ rushlight.from_numpy(a.T.copy())
    assert found.dtype == getattr(rushlight, dtype)
    np.testing.assert_array_equal(found.numpy(), a @ a.T)


def test_half_precision_is_summed_in_single():
    x = rushlight.full((1, 4096), 0.1, dtype=rushlight.float16)
    exact = 4096 * float(np.float16(0.1)) ** 2
    assert float((x @ x.t()).item()) == pytest.approx(exact, rel=2**-10)


def test_chains_take_the_cheapest_order_and_any_order_is_right():
    generator = np.random.default_rng(4)
    arrays = [values(generator, s) for s in ((3,), (3, 40), (40, 2), (2, 7), (7,))]
    found = rushlight.linalg.multi_dot([rushlight.from_numpy(a) for a in arrays])
    np.testing.assert_allclose(found.numpy(), np.linalg.multi_dot(arrays))
    found = rushlight.chain_matmul(*(rushlight.from_numpy(a) for a in arrays[1:4]))
    np.testing.assert_allclose(found.numpy(), arrays[1] @ arrays[2] @ arrays[3])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.zeros(2, 3) @ t.zeros(4, 3), ("(2x3 and 4x3)", "y.mT")),
        (lambda t: t.zeros(2, 3, 4) @ t.zeros(3, 4, 5), ("batch dimensions", "[2]", "[3]")),
        (lambda t: t.zeros(2, 3) @ t.zeros(3, 2, dtype=t.float64), ("float32", "float64", "x.to(y.dtype)")),
        (lambda t: t.tensor(2.0) @ t.zeros(3), ("at least 1D", "use *")),
        (lambda t: t.mm(t.zeros(2, 3, 4), t.zeros(4, 2)), ("'input'", "matrix", "[2, 3, 4]")),
        (lambda t: t.bmm(t.zeros(2, 3, 4), t.zeros(3, 4, 2)), ("same length", "2 and 3")),
        (lambda t: t.addmm(t.zeros(7), t.zeros(2, 3), t.zeros(3, 4)), ("[2, 4]", "[7]")),
        (lambda t: t.dot(t.zeros(3), t.zeros(4)), ("same number of elements",)),
        (lambda t: t.zeros(2, 2, dtype=t.bool) @ t.zeros(2, 2, dtype=t.bool), ("bool", "float()")),
    ],
)
def test_messages_say_what_does_not_fit(call, words):
    with pytest.raises(RuntimeError) as caught:
        call(rushlight)
    assert all(w in str(caught.value) for w in words), str(caught.value)


# ---- einsum


def equations(draw):
    """A random formula with its operand shapes: repeated letters, broadcast ones, ellipses, any output."""
    letters = "abcde"[: draw.randrange(1, 6)]
    sizes = {c: draw.choice([1, 2, 3]) for c in letters}
    batch = [draw.choice([1, 2]) for _ in range(draw.randrange(3))]
    dots = draw.random() < 0.4
    terms, shapes = [], []
    for _ in range(draw.randrange(1, 5)):
        own = [draw.choice(letters) for _ in range(draw.randrange(4))]
        lead = batch[draw.randrange(len(batch) + 1) :] if dots else []
        terms.append(("..." if dots else "") + "".join(own))
        shapes.append((*lead, *(sizes[c] for c in own)))
    used = sorted({c for t in terms for c in t if c != "."})
    draw.shuffle(used)
    output = ("..." if dots else "") + "".join(used[: draw.randrange(len(used) + 1)])
    return ",".join(terms) + ("->" + output if draw.random() < 0.8 else ""), shapes


def test_einsum_of_random_formulas():
    generator, draw = np.random.default_rng(SEED), random.Random(SEED)
    for _ in range(150):
        equation, shapes = equations(draw)
        arrays = [values(generator, s) for s in shapes]
        found = rushlight.einsum(equation, *(rushlight.from_numpy(a) for a in arrays))
        np.testing.assert_allclose(found.numpy(), np.einsum(equation, *arrays), atol=1e-12, err_msg=equation)


def test_einsum_has_gradients_of_two_orders():
    pytest.importorskip("torch")
    from support.against_torch import same

    generator, draw = np.random.default_rng(5), random.Random(5)
    for _ in range(25):
        equation, shapes = equations(draw)
        arrays = [values(generator, s) for s in shapes]
        same(lambda torch, *ts, e=equation: torch.einsum(e, *ts), *arrays, order=2)


def test_einsum_takes_lists_of_numbers():
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    x, y = rushlight.from_numpy(a), rushlight.from_numpy(b)
    np.testing.assert_allclose(rushlight.einsum(x, [0, 1], y, [1, 2], [2, 0]).numpy(), (a @ b).T)
    np.testing.assert_allclose(rushlight.einsum(x, [..., 1], y, [1, 2]).numpy(), a @ b)


@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        ("ij,jk", [(2, 3), (4, 5)], ("subscript j", "3", "4")),
        ("ij", [(2, 3), (2, 3)], ("operands were provided",)),
        ("ijk", [(2, 3)], ("number of subscripts",)),
        ("ij->ik", [(2, 3)], ("subscript k",)),
        ("i.j", [(2, 3)], ("ellipsis",)),
        ("ii", [(2, 3)], ("repeated",)),
    ],
)
def test_einsum_says_what_is_wrong_with_a_formula(equation, shapes, words):
    with pytest.raises(RuntimeError) as caught:
        rushlight.einsum(equation, *(rushlight.zeros(s) for s in shapes))
    assert all(w in str(caught.value) for w in words), str(caught.value)


# ---- distances


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0, float("inf")])
def test_distances_between_all_pairs(p):
    pytest.importorskip("torch")
    from support.against_torch import same

    generator = np.random.default_rng(6)
    x, y = values(generator, (2, 4, 3)), values(generator, (1, 5, 3))
    same(lambda torch, a, b: torch.cdist(a, b, p=p), x, y, order=0 if p == 0 else 1)
    same(lambda torch, a: torch.pdist(a, p), x[0])


def test_many_distances_and_their_slopes_are_those_of_exact_differences():
    x, y = (np.random.default_rng(k).normal(size=(200, 3)).astype(np.float32) for k in (0, 1))
    y[0] = x[0]  # a distance of nothing has no slope
    gaps = x[:, None].astype(np.float64) - y
    exact = np.sqrt((gaps**2).sum(-1))
    a = rushlight.tensor(x, requires_grad=True)
    found = rushlight.cdist(a, rushlight.tensor(y))
    np.testing.assert_allclose(found.detach().numpy(), exact, atol=2e-3)
    far = exact > 0.1
    found[rushlight.tensor(far)].sum().backward()
    slope = (gaps / np.where(far, exact, 1)[..., None] * far[..., None]).sum(1)
    np.testing.assert_allclose(a.grad.numpy(), slope, rtol=1e-3, atol=1e-2)


def test_distance_of_equal_points_has_no_gradient():
    x = rushlight.ones(3, 2, requires_grad=True)
    rushlight.cdist(x, x).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0]] * 3


PAIRS = [
    ("ij,jk->ik", (4, 5), (5, 6)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("bqhd,bkhd->bhqk", (2, 4, 3, 5), (2, 6, 3, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)),
    ("abc,cd->adb", (2, 3, 4), (4, 5)),
    ("ij,j->i", (3, 4), (4,)),
    ("i,i->", (3,), (3,)),
    ("ji,kj", (2, 3), (3, 2)),
    ("ij,jk->ik", (1, 5), (5, 6)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("i,j->ij", (3,), (4,)),
]


@pytest.mark.parametrize(("equation", "first", "second"), PAIRS)
def test_einsum_of_two_operands(equation, first, second):
    a, b = (rushlight.rand(shape, dtype=rushlight.float64) for shape in (first, second))
    expected = np.einsum(equation, a.numpy(), b.numpy())
    for tracked in (False, True):
        result = rushlight.einsum(equation, a.requires_grad_(tracked), b)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result.detach().numpy(), expected)
        assert result.requires_grad is tracked
    b.requires_grad_()
    assert rushlight.autograd.gradcheck(lambda x, y: rushlight.einsum(equation, x, y), (a, b))
