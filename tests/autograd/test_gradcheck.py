"""gradcheck and gradgradcheck: right gradients pass, wrong ones are explained."""

# short functions are there to be transformed
# ruff: noqa: E731

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import Function, gradcheck, gradgradcheck
from rushlight.autograd.gradcheck import GradcheckError


def randn(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape)).requires_grad_()


def wrong(backward, forward=lambda x: x * 2):
    """A function whose backward is `backward(g)`."""

    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return forward(x)

        @staticmethod
        def backward(ctx, *g):
            return backward(*g)

    return Wrong.apply


RIGHT = {
    "products": (lambda a, b: (torch.tanh(a @ b), a.sum(0)), (randn(2, 3), randn(3, 2))),
    "a view": (lambda x: x.t()[1:] * 2, (randn(2, 3),)),
    "edits in place": (lambda x: (x * 1).mul_(x).add_(1), (randn(3),)),
    "a constant beside": (lambda x, k: x * k, (randn(3), 2.0)),
    "a list": (lambda xs: xs[0] * xs[1], ([randn(2), randn(2)],)),
    "not used": (lambda x, y: x * 2, (randn(2), randn(2))),
    "a number": (lambda x: x * x, (randn(),)),
    "nothing": (lambda x: x * 2, (randn(0),)),
}


@pytest.mark.parametrize("name", [n for n in RIGHT if n != "nothing"])
def test_right_gradients(name):
    f, inputs = RIGHT[name]
    assert gradcheck(f, inputs)
    assert gradcheck(f, inputs, fast_mode=True)
    assert gradcheck(f, inputs, check_batched_grad=True, check_grad_dtypes=True)
    if name != "a list":
        assert gradgradcheck(f, inputs)
        assert gradcheck(f, inputs, check_forward_ad=True)
        assert gradcheck(f, inputs, check_forward_ad=True, check_backward_ad=False, fast_mode=True)


def test_an_empty_input():
    f, inputs = RIGHT["nothing"]
    assert gradcheck(f, inputs)
    assert gradcheck(f, inputs, fast_mode=True)


def test_complex_inputs():
    z = torch.tensor([1 + 2j, -0.5 + 1j], dtype=torch.complex128, requires_grad=True)
    x = randn(2)
    assert gradcheck(lambda z, x: (z.exp() * x, z.abs()), (z, x), check_forward_ad=True)
    assert gradgradcheck(lambda z: z * z.conj() * z, (z,))
    assert gradcheck(lambda z: z * z.real, (z,), fast_mode=True)


def test_a_wrong_gradient_is_shown():
    f = wrong(lambda g: g * 3)
    with pytest.raises(
        GradcheckError, match=r"Jacobian mismatch for output 0 with respect to input 0"
    ) as caught:
        gradcheck(f, (randn(2),))
    assert "2 by differences" in str(caught.value)
    assert "3 by the gradient" in str(caught.value)
    with pytest.raises(GradcheckError, match="fast mode"):
        gradcheck(f, (randn(2),), fast_mode=True)
    assert gradcheck(f, (randn(2),), raise_exception=False) is False


def test_a_wrong_second_gradient_is_found():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x.detach()

    x = randn(2)
    assert gradcheck(Square.apply, (x,))
    with pytest.raises(GradcheckError):
        gradgradcheck(Square.apply, (x,))
    assert gradgradcheck(Square.apply, (x,), raise_exception=False) is False


def test_a_backward_that_is_not_the_same_each_time():
    scale = iter(range(1, 1000))
    f = wrong(lambda g: g * 2 + next(scale) * 1e-9)
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(f, (randn(2),))
    assert gradcheck(wrong(lambda g: g * (2 + next(scale) * 1e-12)), (randn(2),), nondet_tol=1e-6)


def test_a_backward_that_forgets_its_argument():
    with pytest.raises(GradcheckError, match="not multiplied by grad_output"):
        gradcheck(wrong(lambda g: torch.full((), 2.0, dtype=torch.float64)), (randn(),))


def test_a_backward_that_cannot_do_without_a_gradient():
    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    with pytest.raises(TypeError):
        gradcheck(Two.apply, (randn(2),))
    both = lambda x: (lambda ab: (ab[0] + 0 * ab[1], ab[1] + 0 * ab[0]))(Two.apply(x))
    assert gradcheck(both, (randn(2),))


def test_a_function_that_hides_its_dependence():
    with pytest.raises(GradcheckError, match="expected to be zero"):
        gradcheck(lambda x: x.detach() * 2, (randn(2),))
    assert gradcheck(lambda x: torch.ones(2, dtype=torch.float64), (randn(2),))


def test_inputs_are_checked():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, (torch.ones(2, dtype=torch.float64),))
    with pytest.raises(RuntimeError, match="stride 0"):
        gradcheck(lambda x: x * 2, (torch.ones(1, dtype=torch.float64).expand(3).requires_grad_(),))
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda x: x * 2, (torch.ones(2, requires_grad=True),), atol=1e-1, eps=1e-2)
    with pytest.raises(AssertionError, match="at least one"):
        gradcheck(lambda x: x, (randn(2),), check_backward_ad=False)


def test_inputs_are_left_as_they_were():
    x = randn(3)
    before = x.tolist()
    gradcheck(lambda x: x.exp(), x)
    assert x.tolist() == before
    assert x.grad is None


def test_gradgradcheck_with_gradients_of_ones_own():
    x = randn(2, 2)
    g = randn(2, 2, seed=1)
    assert gradgradcheck(lambda x: x.exp(), (x,), g)
    assert gradgradcheck(lambda x: x.exp(), (x,), (g,), gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: x.exp(), x, gen_non_contig_grad_outputs=True, check_fwd_over_rev=True)


def test_the_module_is_callable_too():
    import rushlight.autograd.gradcheck as module

    assert module(lambda x: x * 2, (randn(2),))


def test_as_pytorch_judges():
    oracle = pytest.importorskip("torch")
    f = {
        "right": lambda t: t.sin() * t,
        "wrong": None,
    }["right"]
    values = np.random.default_rng(0).standard_normal(3)
    assert oracle.autograd.gradcheck(f, oracle.tensor(values, requires_grad=True)) is True
    assert gradcheck(f, torch.tensor(values, requires_grad=True)) is True
