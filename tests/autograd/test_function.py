"""`autograd.Function`: everything of ctx, mistakes explained, edits in place, double backward."""

# some attributes raise
# ruff: noqa: B018

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import Function
from rushlight.autograd.function import InplaceFunction, once_differentiable


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def function(forward, backward=lambda ctx, g: g, **more):
    """A Function of these methods."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Made", (Function,), {**methods, **{k: staticmethod(v) for k, v in more.items()}}).apply


def test_it_is_never_instantiated():
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        Function()
    assert InplaceFunction is Function


def test_methods_that_are_missing():
    class Empty(Function):
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(leaf(1.0))

    class NoBackward(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="backward or vjp"):
        NoBackward.apply(leaf(1.0)).backward()
    with pytest.raises(NotImplementedError, match="jvp"):
        NoBackward.jvp(None)
    with pytest.raises(NotImplementedError, match="vmap"):
        NoBackward.vmap(None, ())
    with pytest.raises(NotImplementedError, match="setup_context"):
        Function.setup_context(None, (), None)


def test_vjp_is_another_name_of_backward_but_not_beside_it():
    class Vjp(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    x = leaf(1.0)
    Vjp.apply(x).backward()
    assert x.grad.item() == 2.0

    class Both(Vjp):
        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="both"):
        Both.apply(leaf(1.0)).backward()


def test_what_ctx_says_and_keeps():
    seen = {}

    def forward(ctx, x, k, y):
        ctx.save_for_backward(x, None, y)
        ctx.k = k
        seen["early"] = ctx.saved_tensors[0] is x
        return x * k + y

    def backward(ctx, g):
        seen["needs"] = ctx.needs_input_grad
        x, none, _ = ctx.saved_variables
        assert none is None
        assert x.tolist() == [2.0]
        return g * ctx.k, None, None

    x = leaf(2.0)
    y = function(forward, backward)(x, 3.0, torch.ones(1, dtype=torch.float64))
    node = y.grad_fn
    assert node.name() == "MadeBackward"
    assert isinstance(node.saved_tensors, tuple)
    y.backward()
    assert x.grad.item() == 3.0
    assert seen == {"early": True, "needs": (True, False, False)}
    with pytest.raises(RuntimeError, match="second time"):
        node.saved_tensors


def test_gradients_that_do_not_come():
    seen = []

    def two(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, a, b):
        seen.append((a is None, b is None))
        return a * 2

    x = leaf(1.0)
    function(two, backward)(x)[0].backward()
    assert seen == [(False, True)]


@pytest.mark.parametrize(
    ("backward", "error", "says"),
    [
        (lambda ctx, g: (g, g), RuntimeError, r"expected 1, got 2"),
        (lambda ctx, g: 3.0, TypeError, "got float"),
        (lambda ctx, g: torch.ones(5, dtype=torch.float64), RuntimeError, "invalid gradient at index 0"),
    ],
)
def test_wrong_gradients_are_explained(backward, error, says):
    with pytest.raises(error, match=says):
        function(lambda ctx, x: x * 2, backward)(leaf(1.0, 2.0)).sum().backward()


def test_a_gradient_for_what_is_no_tensor():
    apply = function(lambda ctx, x, k: x * k, lambda ctx, g: (g, g))
    with pytest.raises(RuntimeError, match="position 2"):
        apply(leaf(1.0), 2.0).backward()


def test_gradients_are_fitted_to_their_inputs():
    x = leaf(1.0, 2.0)
    function(lambda ctx, x: x * 2, lambda ctx, g: (torch.ones(3, 2, dtype=torch.float64), None, None))(
        x
    ).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    x.grad = None
    function(lambda ctx, x: x * 2, lambda ctx, g: torch.ones(1, dtype=torch.float64))(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    x.grad = None
    function(lambda ctx, x: x * 2, lambda ctx, g: g.float())(x).sum().backward()
    assert x.grad.dtype is torch.float64
    x.grad = None
    (function(lambda ctx, x: x * 2, lambda ctx, g: None)(x) + x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_an_edit_in_place():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(3)
        return x

    scale = function(forward, lambda ctx, g: g * 3)
    x = leaf(1.0, 2.0)
    y = x * 2
    assert scale(y) is y
    assert y.tolist() == [6.0, 12.0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [72.0, 144.0]
    with pytest.raises(RuntimeError, match="leaf"):
        scale(leaf(1.0))


def test_an_input_that_is_returned_is_a_tensor_of_its_own():
    x = leaf(1.0)
    y = function(lambda ctx, x: x, lambda ctx, g: g * 5)(x)
    assert y is not x
    assert y.grad_fn.name() == "MadeBackward"
    y.backward()
    assert x.grad.item() == 5.0
    w = leaf(2.0)
    outside = w * 2
    z = function(lambda ctx, x: outside, lambda ctx, g: g)(x)
    assert z.grad_fn.name() == "MadeBackward"


def test_several_results_and_what_is_no_tensor():
    def forward(ctx, x):
        return [x * 2, "text", (x > 0)]

    x = leaf(1.0)
    doubled, text, positive = function(forward, lambda ctx, g, *_: g * 2)(x)
    assert text == "text"
    assert not positive.requires_grad
    doubled.backward()
    assert x.grad.item() == 2.0


def test_saved_values_outlive_edits():
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * (x + y)

    x = leaf(3.0)
    v = x * 1
    y = function(forward, backward)(v)
    view = v[:]
    v.add_(10)
    y.backward()
    assert x.grad.item() == 12.0
    assert view.item() == 13.0


def test_memory_shared_with_others_cannot_be_protected():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    x = torch.from_numpy(np.ones(2)).requires_grad_()
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0])(x)
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_second_derivatives_also_of_a_leaf_that_was_edited():
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    cube = function(forward, lambda ctx, g: g * 3 * ctx.saved_tensors[0] ** 2)
    x = leaf(2.0)
    y = cube(x)
    with torch.no_grad():
        x.add_(100)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.item() == 12.0
    (h,) = torch.autograd.grad(g, x)
    assert h.item() == 12.0


def test_once_differentiable():
    apply = function(lambda ctx, x: x * 2, once_differentiable(lambda ctx, g: g * 2))
    x = leaf(1.0)
    apply(x).backward(retain_graph=True)
    assert x.grad.item() == 2.0
    (g,) = torch.autograd.grad(apply(x) * x, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.backward()
    two = function(lambda ctx, x, y: x * y, once_differentiable(lambda ctx, g: (g, None)))
    grads = torch.autograd.grad(two(x, leaf(1.0)), x, torch.ones(1, dtype=torch.float64), create_graph=True)
    assert grads[0].item() == 1.0


def test_as_pytorch_does():
    oracle = pytest.importorskip("torch")

    def run(lib, base):
        class Norm(base):
            @staticmethod
            def forward(ctx, x, eps):
                n = (x * x).sum().add(eps).sqrt()
                ctx.save_for_backward(x, n)
                return x / n, n

            @staticmethod
            def backward(ctx, gy, gn):
                x, n = ctx.saved_tensors
                return gy / n - x * (gy * x).sum() / n**3 + gn * x / n, None

        x = lib.tensor([0.3, -1.2, 2.0], dtype=lib.float64, requires_grad=True)
        y, n = Norm.apply(x, 0.5)
        (g,) = lib.autograd.grad((y**3).sum() + n * n, x, create_graph=True)
        (h,) = lib.autograd.grad((g * g).sum(), x)
        return g.tolist() + h.tolist()

    assert run(torch, Function) == pytest.approx(run(oracle, oracle.autograd.Function), rel=1e-12)
