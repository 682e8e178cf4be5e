"""What the samplers refuse, with the kind of error PyTorch raises and what was expected beside what came."""

import numpy as np
import pytest

import rushlight.random as R

REFUSED = [
    (lambda g: R.uniform(g, (2, -3)), RuntimeError, r"negative dimension: \(2, -3\)"),
    (lambda g: R.normal(g, -3), RuntimeError, "negative dimension: -3"),
    (lambda g: g.raw32(-1), ValueError, "negative"),
    (lambda g: R.uniform(g, 3, low=1, high=0), RuntimeError, "from=1 > to=0"),
    (lambda g: R.uniform(g, 3, "float16", 0, 1e6), RuntimeError, "to is out of bounds for float16"),
    (lambda g: R.uniform(g, 3, "float32", -3e38, 3e38), RuntimeError, "to-from"),
    (lambda g: R.uniform(g, 3, "int32"), NotImplementedError, "int32"),
    (lambda g: R.normal(g, 3, std=-1), RuntimeError, "std >= 0.0, but found std -1"),
    (lambda g: R.normal(g, 3, "int64"), NotImplementedError, "int64"),
    (lambda g: R.normal_tensor(g, np.zeros(2), np.array([1, -1]), (2,)), RuntimeError, "std >= 0.0"),
    (lambda g: R.exponential(g, 3, lambd=0), RuntimeError, "lambda > 0.0, but found lambda=0"),
    (lambda g: R.exponential(g, 3, "int32"), RuntimeError, "dtype must be a floating point"),
    (lambda g: R.cauchy(g, 3, sigma=0), RuntimeError, "sigma > 0.0"),
    (lambda g: R.log_normal(g, 3, std=0), RuntimeError, "std > 0.0"),
    (lambda g: R.geometric(g, 3, p=1.0), RuntimeError, r"p to be in \(0, 1\), but got p=1.0"),
    (lambda g: R.geometric(g, 3, "bool", p=0.5), NotImplementedError, "bool"),
    (lambda g: R.bernoulli(g, 1.5, 3), RuntimeError, r"p to be in \[0, 1\], but got p=1.5"),
    (lambda g: R.bernoulli(g, np.array([0.5, np.nan]), (2,)), RuntimeError, "p_in >= 0"),
    (lambda g: R.bernoulli(g, np.array([1, 0]), (2,)), NotImplementedError, "floating point"),
    (lambda g: R.randint(g, 3, "int64", 5, 5), RuntimeError, "from=5 >= to=5"),
    (lambda g: R.randint(g, 3, "uint8", 0, 257), RuntimeError, "to - 1 is out of bounds for uint8"),
    (lambda g: R.randint(g, 3, "int8", -129, 5), RuntimeError, "from is out of bounds for int8"),
    (lambda g: R.randint(g, 3, "int32", -(2**63)), NotImplementedError, "full 64-bit range"),
    (lambda g: R.randint(g, 3, "float16", 0, 10**6), RuntimeError, "out of bounds for float16"),
    (lambda g: R.random_full(g, 3, "uint32"), NotImplementedError, "uint32"),
    (lambda g: R.randperm(g, -1), RuntimeError, "negative dimension -1"),
    (lambda g: R.randperm(g, 2050, "float16"), RuntimeError, "greater than 2049"),
    (lambda g: R.randperm(g, 129, "int8"), RuntimeError, "greater than 128"),
    (lambda g: R.randperm(g, 3, "bool"), NotImplementedError, "bool"),
    (lambda g: R.multinomial(g, np.ones(3, np.float32), 4), RuntimeError, "asked for 4 of 3"),
    (lambda g: R.multinomial(g, np.ones(3, np.float32), 0), RuntimeError, "n_sample <= 0"),
    (lambda g: R.multinomial(g, np.zeros(3, np.float32), 1), RuntimeError, "sum of probabilities <= 0"),
    (lambda g: R.multinomial(g, np.array([-1.0, 2.0]), 1), RuntimeError, "`inf`, `nan` or element < 0"),
    (lambda g: R.multinomial(g, np.ones((2, 2, 2)), 1), RuntimeError, "1 or 2 dim"),
    (lambda g: R.poisson(g, np.array([-1.0])), RuntimeError, "non-negative"),
    (lambda g: R.poisson(g, np.array([np.inf])), RuntimeError, "below 2"),
    (lambda g: R.binomial(g, np.array([np.nan]), np.array([0.5])), RuntimeError, "finite"),
    (lambda g: R.binomial(g, np.ones(2), np.ones(2), "float16"), NotImplementedError, "float16"),
    (lambda g: R.standard_gamma(g, np.array([-1.0])), RuntimeError, "not below zero"),
]


@pytest.mark.parametrize(("draw", "error", "text"), REFUSED)
def test_refused_before_anything_is_drawn(draw, error, text):
    generator = R.Generator().manual_seed(0)
    before = generator.get_state()
    with pytest.raises(error, match=text):
        draw(generator)
    np.testing.assert_array_equal(generator.get_state(), before)


def test_edges():
    """Degenerate parameters have the one value they allow."""
    g = R.Generator().manual_seed(0)
    assert R.uniform(g, 4, low=2, high=2).tolist() == [2] * 4
    assert R.normal(g, 20, mean=3, std=0).tolist() == [3] * 20
    assert R.bernoulli(g, 0.0, 50).sum() == 0
    assert R.bernoulli(g, 1.0, 50).sum() == 50
    assert R.randperm(g, 0).shape == (0,)
    assert R.randperm(g, 1).tolist() == [0]
    assert R.poisson(g, np.zeros(3)).tolist() == [0] * 3
    assert R.binomial(g, np.array([5.0, 0.0, 7.0]), np.array([0.0, 0.5, 1.0])).tolist() == [0, 0, 7]
    assert np.isnan(R.binomial(g, np.array([5.0]), np.array([np.nan]))).all()
    for shape in ((), (0,), (2, 0), (2, 3)):
        assert (
            R.uniform(g, shape).shape
            == R.normal(g, shape).shape
            == R.randint(g, shape, high=3).shape
            == shape
        )
