"""What element-wise operators refuse, round and keep; known by arithmetic alone."""

from __future__ import annotations

import math

import pytest

import rushlight as torch
from rushlight.ops import OPERATORS, load_all

load_all()
F = {path.rpartition(".")[2]: op.call for path, op in OPERATORS.items() if path.startswith("nn.functional.")}


def test_integer_division_by_zero_is_an_error():
    x = torch.tensor([4, -4])
    for divide in (
        lambda: x // 0,
        lambda: x % 0,
        lambda: torch.fmod(x, 0),
        lambda: torch.div(x, 0, rounding_mode="trunc"),
    ):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide()
    assert (x / 0).tolist() == [math.inf, -math.inf]


def test_floor_and_trunc_part_below_zero():
    x = torch.tensor([-7, 7])
    assert torch.div(x, 2, rounding_mode="floor").tolist() == [-4, 3]
    assert torch.div(x, 2, rounding_mode="trunc").tolist() == [-3, 3]
    assert (x % 3).tolist() == [2, 1]
    assert torch.fmod(x, 3).tolist() == [-1, 1]
    with pytest.raises(RuntimeError, match="rounding_mode"):
        torch.div(x, 2, rounding_mode="up")


def test_powers_of_integers():
    base = torch.tensor([2, 1, -1, 0])
    assert torch.pow(base, torch.tensor([-2, -2, -3, 0])).tolist() == [0, 1, -1, 1]
    with pytest.raises(RuntimeError, match="negative integer powers"):
        base**-2


def test_shifts_beyond_the_width():
    x = torch.tensor([1, -5])
    assert (x << 70).tolist() == [0, 0]
    assert (x >> 70).tolist() == [0, -1]


@pytest.mark.parametrize(
    "refused", [lambda a, b: a - b, lambda a, b: -a, lambda a, b: a // b, lambda a, b: torch.abs(a)]
)
def test_arithmetic_on_truth_values_is_refused(refused):
    yes = torch.tensor([True, False])
    with pytest.raises(RuntimeError):
        refused(yes, yes)


def test_truth_values_add_to_truth():
    yes = torch.tensor([True, False])
    assert (yes + yes).tolist() == [True, False]
    assert (yes * yes).dtype is torch.bool
    assert (yes + 1).tolist() == [2, 1]


@pytest.mark.parametrize("name", ["lt", "maximum", "clamp_min", "floor", "atan2", "remainder"])
def test_complex_numbers_have_no_order(name):
    z = torch.tensor([1j])
    arguments = (z,) if name == "floor" else (z, z)
    with pytest.raises(RuntimeError):
        getattr(torch, name)(*arguments)


def test_numbers_wrap_into_narrow_integers():
    x = torch.tensor([1], dtype=torch.uint8)
    assert (x + 300).tolist() == [45]
    assert (x == 257).item()


def test_alpha():
    x = torch.tensor([1.0])
    assert torch.add(x, x, alpha=2).tolist() == [3.0]
    assert torch.rsub(x, 5, alpha=2).tolist() == [3.0]
    with pytest.raises(RuntimeError, match="alpha must not be a floating point"):
        torch.add(torch.tensor([1]), torch.tensor([1]), alpha=1.5)


def test_ties_share_a_gradient():
    x, y = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([1.0, 1.0], requires_grad=True)
    torch.maximum(x, y).sum().backward()
    assert x.grad.tolist() == [0.5, 1.0]
    assert y.grad.tolist() == [0.5, 0.0]


def test_clamp_keeps_the_gradient_at_its_limits():
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    x.clamp(-1, 1).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0]
    with pytest.raises(RuntimeError, match="At least one"):
        x.clamp()


def test_zero_keeps_its_sign():
    zero = torch.tensor([-0.0])
    for keeps in (torch.relu, torch.abs, torch.floor, torch.sin, lambda x: torch.remainder(x, 2.0)):
        assert math.copysign(1, keeps(zero).item()) == (1 if keeps is torch.abs else -1)


def test_where_takes_numbers_and_promotes():
    condition = torch.tensor([True, False])
    assert torch.where(condition, 1, 2.5).tolist() == [1.0, 2.5]
    assert torch.where(condition, torch.tensor([1.0, 2.0], dtype=torch.float64), 0).dtype is torch.float64
    assert torch.tensor([1.0, 2.0]).where(condition, torch.tensor(0.0)).tolist() == [1.0, 0.0]
    with pytest.raises(RuntimeError, match="boolean"):
        torch.where(torch.tensor([1, 0]), 1, 2)


def test_the_parts_of_complex_numbers_are_views():
    z = torch.tensor([1 + 2j, 3 + 4j])
    z.real.mul_(10)
    z.imag = torch.tensor([0.0, 1.0])
    assert z.tolist() == [10 + 0j, 30 + 1j]
    pairs = torch.view_as_real(z)
    pairs[0, 0] = 7.0
    assert z[0].item() == 7
    assert torch.view_as_complex(pairs).tolist() == z.tolist()
    with pytest.raises(RuntimeError, match="non-complex"):
        torch.imag(torch.ones(2))


def test_names_in_the_graph():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    named = {
        "PowBackward0": x**2,
        "ClampBackward1": x.clamp(0, 1),
        "DivBackward0": x / 2,
        "RsubBackward1": torch.rsub(x, 1),
        "Log1PBackward0": x.log1p(),
        "EluBackward0": F["selu"](x),
        "HardtanhBackward0": F["relu6"](x),
        "GluBackward0": F["glu"](x),
        "SubBackward0": F["tanhshrink"](x),
        "SpecialI0EBackward0": torch.special.i0e(x),
        "WhereBackward0": torch.where(x > 1, x, 0.0),
    }
    assert {name: t.grad_fn.name() for name, t in named.items()} == {name: name for name in named}


def test_activations_in_place():
    x = torch.tensor([-1.0, 1.0])
    assert F["relu"](x, inplace=True) is x
    assert x.tolist() == [0.0, 1.0]
    y = torch.tensor([-1.0, 9.0])
    assert F["relu6"](y, True) is y
    assert y.tolist() == [0.0, 6.0]
    with pytest.raises(ValueError, match="min_val"):
        F["hardtanh"](x, 1.0, -1.0)


def test_aliases_are_the_same_function():
    for alias, name in (
        ("arcsin", "asin"),
        ("multiply", "mul"),
        ("greater", "gt"),
        ("fix", "trunc"),
        ("clip", "clamp"),
    ):
        assert getattr(torch, alias) is getattr(torch, name)
        assert getattr(torch.Tensor, alias + "_") is getattr(torch.Tensor, name + "_")


def test_rounding_to_decimals():
    x = torch.tensor([1.2345, -1250.0], dtype=torch.float64)
    assert torch.round(x, decimals=2).tolist() == [1.23, -1250.0]
    assert torch.round(x, decimals=-2).tolist() == [0.0, -1200.0]


def test_close_and_equal():
    x = torch.tensor([1.0, math.nan, math.inf])
    assert torch.isclose(x, x).tolist() == [True, False, True]
    assert torch.allclose(x, x, equal_nan=True)
    assert not torch.equal(x, x)
    assert torch.equal(x[::2], torch.tensor([1.0, math.inf]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("exponent", [2, 3, 1, -1, 0.5, -0.5, -2, 2.0])
def test_powers_that_need_no_logarithm_are_the_same_at_any_size(dtype, exponent):
    """`a ** 2` is a product, for ten elements as for many, before and after a kernel is there for it."""
    if not dtype.is_floating_point and exponent not in (1, 2, 3):
        return
    base = torch.arange(1, 10_001).to(dtype)
    whole = base**exponent
    exact = base.double().numpy() ** exponent
    assert (abs(whole.double().numpy() / exact - 1) < 1e-6).all()
    for _ in range(25):
        assert torch.equal(base[:10] ** exponent, whole[:10])


@pytest.mark.parametrize("exponent", [2, 0.5, -0.5, -1])
def test_powers_do_not_depend_on_those_before(exponent):
    """What is learnt of any exponent is not for those that need no logarithm."""
    base = torch.arange(1, 10_001).double()
    whole = base**exponent
    for _ in range(60):
        base[:10] ** 2.7
        assert torch.equal(base[:10] ** exponent, whole[:10])
