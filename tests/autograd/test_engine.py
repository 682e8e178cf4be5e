"""The backward pass: order, accumulation, roots, hooks, second derivatives, depth."""

# short functions are there to be transformed
# ruff: noqa: E731

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import Function


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_a_chain_of_a_hundred_thousand_operations():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0


def test_gradients_accumulate_over_paths_and_over_calls():
    x = leaf(2.0)
    y = x * x + x * x * x + x
    y.backward(retain_graph=True)
    assert x.grad.item() == 2 * 2 + 3 * 4 + 1
    y.backward()
    assert x.grad.item() == 2 * (2 * 2 + 3 * 4 + 1)


def test_a_gradient_that_goes_two_ways_is_not_shared_between_leaves():
    a, b = leaf(1.0, 1.0), leaf(1.0, 1.0)
    (a + b).backward(torch.ones(2, dtype=torch.float64))
    a.grad.zero_()
    assert b.grad.tolist() == [1.0, 1.0]


def test_the_gradient_given_to_backward_is_not_kept():
    a = leaf(1.0, 1.0)
    given = torch.ones(2, dtype=torch.float64)
    (a + 0).backward(given)
    a.grad.mul_(5)
    assert given.tolist() == [1.0, 1.0]


def test_several_roots():
    x = leaf(3.0)
    torch.autograd.backward(
        [x * x, x * 2], [torch.tensor([1.0], dtype=torch.float64), torch.tensor([10.0], dtype=torch.float64)]
    )
    assert x.grad.item() == 6 + 20


def test_grad_of_inner_tensors_touches_no_leaf():
    x = leaf(3.0)
    y = x * x
    z = (y * y).sum()
    gy, gx = torch.autograd.grad(z, [y, x])
    assert (gy.item(), gx.item()) == (18.0, 108.0)
    assert x.grad is None


def test_unused_inputs():
    x, y = leaf(1.0), leaf(1.0)
    with pytest.raises(RuntimeError, match=r"allow_unused"):
        torch.autograd.grad((x * 2).sum(), [x, y])
    assert torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)[1] is None
    assert torch.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True)[1].item() == 0


def test_third_derivative():
    x = leaf(0.7)
    g = (x.tanh() * x).sum()
    for _ in range(3):
        (g,) = torch.autograd.grad(g.sum(), x, create_graph=True)
    h = 1e-3
    f = lambda v: np.tanh(v) * v
    numeric = (f(0.7 + 2 * h) - 2 * f(0.7 + h) + 2 * f(0.7 - h) - f(0.7 - 2 * h)) / (2 * h**3)
    assert g.item() == pytest.approx(numeric, rel=1e-4)


def test_second_backward_without_retain_graph_says_what_to_do():
    x = leaf(1.0)
    y = x * x
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"retain_graph=True"):
        y.sum().backward()


def test_non_scalar_backward_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"only for scalar outputs.*sum"):
        (leaf(1.0, 2.0) * 2).backward()


def test_backward_without_anything_to_differentiate():
    with pytest.raises(RuntimeError, match=r"does not require grad"):
        torch.ones(1).sum().backward()


def test_hooks_change_gradients_in_order_and_can_be_removed():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    handle = y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert y.grad.tolist() == [11.0, 11.0]
    assert x.grad.tolist() == [22.0, 22.0]
    handle.remove()
    z = leaf(1.0)
    with z.register_hook(lambda g: g * 3):
        (z * 1).backward()
    (z * 1).backward()
    assert z.grad.item() == 4.0


def test_hooks_on_nodes_and_after_accumulation():
    x = leaf(1.0)
    y = x * 2
    seen = []
    y.grad_fn.register_hook(lambda into, out: seen.append((into[0].item(), out[0].item())))
    y.grad_fn.register_prehook(lambda out: (out[0] * 5,))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    y.backward()
    assert seen == [(10.0, 5.0), 10.0]


def test_graph_of_nodes_can_be_walked():
    x = leaf(1.0)
    y = (x * 2).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    ((inner, number),) = y.grad_fn.next_functions
    assert (inner.name(), number) == ("MulBackward0", 0)
    accumulate = inner.next_functions[0][0]
    assert accumulate.name() == "AccumulateGrad"
    assert accumulate.variable is x
    assert inner.next_functions[1] == (None, 0)


class Scale(Function):
    """Multiplies by a constant; saves its output, too."""

    @staticmethod
    def forward(ctx, x, factor):
        y = x * factor
        ctx.save_for_backward(x, y)
        ctx.factor = factor
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        np.testing.assert_allclose((x * ctx.factor).detach().numpy(), y.detach().numpy())
        return g * ctx.factor, None


def test_function_with_saved_input_and_output():
    x = leaf(1.0, 2.0)
    y = Scale.apply(x, 3.0)
    assert y.grad_fn.name() == "ScaleBackward"
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


class Cube(Function):
    @staticmethod
    def forward(x):
        return x * x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


def test_function_with_setup_context_differentiates_twice():
    x = leaf(2.0)
    (g,) = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    assert g.item() == 12.0
    g.backward()
    assert x.grad.item() == 12.0


class Two(Function):
    @staticmethod
    def forward(ctx, x):
        count = (x > 0).sum()
        ctx.mark_non_differentiable(count)
        return x * 2, x * 3, count

    @staticmethod
    def backward(ctx, a, b, c):
        return a * 2 + b * 3


def test_function_with_several_outputs_gets_zeros_for_those_without_gradient():
    x = leaf(1.0, -1.0)
    double, _, count = Two.apply(x)
    assert count.item() == 1
    assert not count.requires_grad
    double.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_function_with_the_wrong_number_of_gradients():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients.*expected 2, got 1"):
        Wrong.apply(leaf(1.0), leaf(2.0)).backward()


def test_a_hook_that_changes_the_shape_is_refused():
    y = leaf(1.0, 2.0) * 2
    y.register_hook(lambda g: g[:1])
    with pytest.raises(RuntimeError, match="changed the size"):
        y.exp().sum().backward()


def test_errors_in_backward_name_the_operator():
    class Broken(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("not today")

    y = Broken.apply(leaf(1.0))
    with pytest.raises(ValueError, match="not today") as caught:
        y.backward()
    assert "BrokenBackward" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))


def test_modes_nest_and_work_as_decorators():
    x = leaf(1.0)

    @torch.no_grad()
    def quiet():
        return x * 2

    @torch.no_grad
    def bare():
        return x * 2

    assert not quiet().requires_grad
    assert not bare().requires_grad
    with torch.no_grad():
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    with torch.inference_mode():
        assert not (x * 2).requires_grad


def test_a_generator_in_no_grad_does_not_leak_the_mode():
    @torch.no_grad()
    def steps():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    for inside in steps():
        assert not inside
        assert torch.is_grad_enabled()


def test_a_gradient_that_is_differentiated_computes_what_is_asked_for_alone():
    x = torch.rand(4, 3, dtype=torch.float64, requires_grad=True)
    layer = torch.nn.Linear(3, 3, dtype=torch.float64)
    seen = []
    layer.weight.register_hook(lambda g: seen.append(g))
    y = torch.tanh(layer(x)) * x
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert not seen  # the weight's gradient was not asked for
    g.pow(2).sum().backward()
    assert len(seen) == 1
    expected = layer.weight.grad.clone()
    step = 1e-6
    with torch.no_grad():
        layer.weight[1, 2] += step

    def penalty():
        z = x.detach().requires_grad_()
        return torch.autograd.grad((torch.tanh(layer(z)) * z).sum(), z)[0].pow(2).sum()

    high = penalty()
    with torch.no_grad():
        layer.weight[1, 2] -= 2 * step
    assert torch.allclose((high - penalty()) / (2 * step), expected[1, 2], rtol=1e-5)


def test_gradients_of_inner_tensors_and_of_leaves_at_once():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    h = x * 2
    a, b = h.sin().chunk(2)
    y = (a.sum() * b.sum()) + h.sum()
    gh, gx = torch.autograd.grad(y, (h, x), create_graph=True)
    assert torch.allclose(gh * 2, gx)
    (again,) = torch.autograd.grad(gx.sum(), h)
    assert again.shape == (3,)


def test_what_nobody_asked_for_is_not_computed():
    """The gradient of pictures alone does not pay for that of the filters; the graph stays whole."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 6, 6, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    y = torch.nn.functional.conv2d(x, weight)
    g = torch.ones_like(y)
    of_x, of_weight, _ = y.grad_fn.apply_some([g._a], False, [True, False, False])
    assert of_x.shape == x.shape
    assert of_weight is None
    alone = [torch.autograd.grad(y, [t], g, retain_graph=True)[0] for t in (x, weight)]
    again = torch.autograd.grad(y, [x], g, create_graph=True)[0]
    assert torch.equal(again, alone[0])
    assert torch.autograd.grad(again.sum(), [weight], retain_graph=True)[0].shape == weight.shape
    y.backward(g)
    assert torch.equal(alone[0], x.grad)
    assert torch.equal(alone[1], weight.grad)


def test_gradients_that_others_look_at_are_added_to_in_place():
    w, u = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    (w * 2).sum().backward()
    seen, whole = w.grad.data, w.grad
    (w * 2).sum().backward()
    assert w.grad is whole
    assert seen.tolist() == w.grad.tolist() == [4, 4, 4]
    y = (seen * u).sum()  # saves what is about to be added to
    (w * 2).sum().backward()
    y.backward()
    assert u.grad.tolist() == [4, 4, 4]
    assert seen.tolist() == w.grad.tolist() == [6, 6, 6]
