"""The graph as users see it: errors, anomaly mode, saved values, hooks, edges, reentrance, threads."""

# some attributes raise; the line is part of the test
# ruff: noqa: B018, PT031

import threading
import warnings

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import Function, graph


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def notes(error):
    return str(error) + "".join(getattr(error, "__notes__", []))


class Failing(Function):
    """Raises in backward."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        raise LookupError("nothing here")


# ---- errors


@pytest.mark.parametrize(
    ("hook", "error", "says"),
    [
        (
            lambda g: g[:1],
            RuntimeError,
            r"changed the size of the gradient: shape \[2\] came and shape \[1\]",
        ),
        (lambda g: g.float(), RuntimeError, "changed the type"),
        (lambda g: 3.0, TypeError, "must return a Tensor or None"),
    ],
)
def test_a_hook_must_return_a_gradient_of_the_same_kind(hook, error, says):
    x = leaf(1.0, 2.0)
    for t in (x, x * 2):
        handle = t.register_hook(hook)
        with pytest.raises(error, match=says):
            t.exp().sum().backward()
        handle.remove()


def test_a_node_hook_must_return_as_many_gradients():
    y = leaf(1.0) * leaf(2.0)
    y.grad_fn.register_hook(lambda into, out: (into[0],))
    with pytest.raises(RuntimeError, match="changed the number of gradients: 2 came, 1 were returned"):
        y.backward()


def test_an_error_inside_backward_names_the_operation():
    with pytest.raises(LookupError) as caught:
        Failing.apply(leaf(1.0)).exp().sum().backward()
    assert "FailingBackward" in notes(caught.value)


def test_in_anomaly_mode_an_error_names_the_line_of_the_forward_pass():
    with pytest.warns(UserWarning, match="Anomaly Detection"), torch.autograd.detect_anomaly():
        y = Failing.apply(leaf(1.0))  # this line
        with pytest.raises(LookupError) as caught:
            y.exp().sum().backward()
    assert "# this line" in notes(caught.value)
    assert "test_graph.py" in notes(caught.value)
    assert not torch.autograd.is_anomaly_enabled()


def test_anomaly_mode_finds_the_first_nan():
    x = leaf(-1.0, 4.0)
    with torch.autograd.set_detect_anomaly(True):
        y = x.sqrt()  # makes the NaN
        with pytest.raises(RuntimeError, match=r"SqrtBackward0.*nan") as caught:
            (y * 1).sum().backward()
    assert "# makes the NaN" in notes(caught.value)
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        x.sqrt().sum().backward()
    assert not torch.autograd.is_anomaly_check_nan_enabled()


def test_anomaly_mode_refuses_what_is_no_bool():
    with pytest.raises(TypeError):
        torch.autograd.set_detect_anomaly("yes")


def test_complex_scalars_have_no_implicit_gradient():
    z = torch.tensor(1 + 2j, requires_grad=True)
    with pytest.raises(RuntimeError, match="real scalar outputs"):
        (z * z).backward()


def test_arguments_of_backward_and_grad_are_checked():
    x = leaf(1.0)
    y = x * 2
    with pytest.raises(RuntimeError, match="cannot be empty"):
        y.backward(inputs=[])
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(y, torch.ones(1))
    with pytest.raises(TypeError, match="must be Tensors"):
        torch.autograd.grad(y, [3])
    with pytest.raises(TypeError, match="either Tensors or None"):
        torch.autograd.grad(y, x, [1.0])
    with pytest.raises(RuntimeError, match="2 tensors and 1 gradients"):
        torch.autograd.backward([y, y], [torch.ones(1)])
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        y.backward(torch.ones(3, dtype=torch.float64))
    with pytest.raises(ValueError, match="allow_unused"):
        torch.autograd.grad(y, x, allow_unused=False, materialize_grads=True)


def test_backward_into_chosen_inputs_only():
    x, w = leaf(2.0), leaf(3.0)
    y = x * w
    (y * y).backward(inputs=[x, y], retain_graph=True)
    assert x.grad.item() == 36.0
    assert y.grad.item() == 12.0
    assert w.grad is None


# ---- what nodes have saved


def test_saved_values_by_name():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    product = (x * w).grad_fn
    assert product._saved_self is x
    assert product._saved_other is w
    y = x.exp()
    assert y.grad_fn._saved_result.tolist() == y.tolist()
    assert x.cumsum(0).grad_fn._saved_dim == 0
    with pytest.raises(AttributeError, match="_saved_result"):
        y.grad_fn._saved_nothing
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        y.grad_fn.nonsense
    y.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.grad_fn._saved_result


def test_saved_values_of_several_results():
    x = torch.tensor([[2.0, 1.0], [0.0, 3.0]], dtype=torch.float64, requires_grad=True)
    q, r = torch.linalg.qr(x)
    assert torch.equal(q.grad_fn._saved_result0, q)
    assert torch.equal(q.grad_fn._saved_result1, r)
    assert q.grad_fn._saved_result1.grad_fn is r.grad_fn
    with pytest.raises(AttributeError, match="_saved_result2"):
        q.grad_fn._saved_result2
    joined = torch.cat([leaf(1.0), leaf(2.0)]).grad_fn
    assert joined._saved_dim == 0
    with pytest.raises(AttributeError, match="_saved_dim"):
        joined._saved_tensors


def test_only_tensors_can_be_hooked():
    raw = leaf(1.0).cumsum(0).grad_fn._raw_saved_dim
    with pytest.raises(RuntimeError, match="this value is none"):
        raw.register_hooks(lambda t: t, lambda t: t)


def test_hooks_on_one_saved_value():
    x = leaf(2.0)
    y = x.exp()
    raw = y.grad_fn._raw_saved_result
    raw.register_hooks(lambda t: t * 10, lambda t: t / 5)
    assert raw.data.tolist() == (y.detach() * 2).tolist()
    y.backward()
    assert x.grad.item() == pytest.approx(2 * np.exp(2.0))
    with pytest.raises(RuntimeError, match="already been registered"):
        raw.register_hooks(lambda t: t, lambda t: t)


def test_hooks_on_all_that_is_saved_also_by_functions():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            assert y.tolist() == [v * v for v in x.tolist()]
            return g * 2 * x

    packed = []

    def pack(t):
        packed.append(tuple(t.shape))
        return t.tolist()

    x = leaf(3.0, 4.0)
    with graph.saved_tensors_hooks(pack, lambda v: torch.tensor(v, dtype=torch.float64)):
        y = Square.apply(x) * x
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [27.0, 48.0]
    assert packed == [(2,)] * 4
    (h,) = torch.autograd.grad(g.sum(), x)
    assert h.tolist() == [18.0, 24.0]


def test_saved_hooks_belong_to_one_thread_and_can_be_forbidden():
    packed = []
    x = leaf(1.0)
    with graph.saved_tensors_hooks(lambda t: packed.append(1) or t, lambda t: t):
        thread = threading.Thread(target=lambda: x * x)
        thread.start()
        thread.join()
    assert packed == []
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()
    with graph.saved_tensors_hooks(lambda t: t, lambda t: 3):
        y = x * x
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        y.backward()


def test_save_on_cpu_keeps_a_copy():
    x = leaf(2.0)
    with graph.save_on_cpu():
        y = x * x
    y.backward()
    assert x.grad.item() == 4.0


def test_saved_tensors_may_be_edited():
    x = leaf(2.0)
    with graph.allow_mutation_on_saved_tensors():
        a = x * 3
        y = a * a
        a.add_(1)
    y.backward()
    assert x.grad.item() == 36.0
    graph.increment_version(a.detach())


# ---- edges and nodes


def test_gradient_edges_stand_for_tensors():
    x = leaf(2.0)
    middle = x * 3
    edge = graph.get_gradient_edge(middle)
    y = middle * middle
    assert isinstance(edge.node, graph.Node)
    assert edge.output_nr == 0
    at_leaf = graph.get_gradient_edge(x)
    found = torch.autograd.grad(y, [edge, at_leaf], retain_graph=True)
    assert [g.item() for g in found] == [12.0, 36.0]
    (again,) = torch.autograd.grad(edge, x, torch.tensor([2.0], dtype=torch.float64))
    assert again.item() == 6.0
    with pytest.raises(RuntimeError, match="shape is not known"):
        torch.autograd.grad(edge, x)
    with pytest.raises(RuntimeError, match="GradientEdge"):
        torch.autograd.grad(leaf(1.0) * 1, [graph.get_gradient_edge(leaf(1.0) * 2)], materialize_grads=True)
    with pytest.raises(RuntimeError, match="does not require"):
        graph.get_gradient_edge(torch.ones(1))


def test_metadata_and_repr_of_nodes():
    node = (leaf(1.0) * 2).grad_fn
    node.metadata["note"] = "mine"
    assert node.metadata == {"note": "mine"}
    assert "MulBackward0" in repr(node)
    assert "AccumulateGrad" in repr(node.next_functions[0][0])


# ---- hooks on several tensors


def test_a_hook_on_several_gradients_waits_for_all_that_will_come():
    x = leaf(1.0, 2.0)
    a, b, c = x * 2, x * 3, x * 4
    seen = []
    handle = graph.register_multi_grad_hook(
        (a, b, c), lambda grads: seen.append([None if g is None else g.sum().item() for g in grads])
    )
    (a * 5 + b).sum().backward(retain_graph=True)
    assert seen == [[10.0, 2.0, None]]
    (a + b + c).sum().backward(retain_graph=True)
    assert seen[1] == [2.0, 2.0, 2.0]
    torch.autograd.grad(c.sum(), x, retain_graph=True)
    assert seen[2] == [None, None, 2.0]
    handle.remove()
    (a + b).sum().backward()
    assert len(seen) == 3


def test_a_hook_on_any_of_several_gradients_is_called_once_a_pass():
    x = leaf(1.0)
    a, b = x * 2, x * 3
    seen = []
    with graph.register_multi_grad_hook((a, b), seen.append, mode="any"):
        (a + b).backward(retain_graph=True)
        (a + b).backward()
    assert [g.item() for g in seen] == [1.0, 1.0]
    with pytest.raises(ValueError, match="mode"):
        graph.register_multi_grad_hook((x,), seen.append, mode="some")
    with pytest.raises(RuntimeError, match="require"):
        graph.register_multi_grad_hook((torch.ones(1),), seen.append)


# ---- backward within backward


def test_backward_inside_a_hook_and_inside_a_function():
    x, w = leaf(2.0), leaf(5.0)

    class Inner(Function):
        @staticmethod
        def forward(ctx, v):
            ctx.save_for_backward(v)
            return v**3

        @staticmethod
        def backward(ctx, g):
            v = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                (v**3).backward()
            return g * v.grad

    def nested(g):
        with torch.enable_grad():
            (w * w).backward()

    y = Inner.apply(x)
    y.register_hook(nested)
    (y * 2).backward()
    assert x.grad.item() == 24.0
    assert w.grad.item() == 10.0


def test_hooks_run_without_recording_unless_the_gradient_is_differentiated():
    x = leaf(1.0)
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(torch.is_grad_enabled()))
    y.backward(retain_graph=True)
    torch.autograd.grad(y, x, create_graph=True)
    assert seen == [False, True]


def test_gradients_that_are_not_contiguous():
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
    given = torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
    (x.t() * 2).backward(given)
    assert x.grad.tolist() == (given.t() * 2).tolist()
    x.grad = None
    x.expand(4, 2, 3).permute(2, 0, 1).flip(0).sum((0, 1)).backward(torch.ones(2, dtype=torch.float64))
    assert x.grad.tolist() == [[4.0] * 3] * 2


def test_several_threads_go_backward_at_once_into_the_same_leaves():
    w = torch.zeros(1000, dtype=torch.float64, requires_grad=True)
    errors = []

    def work():
        try:
            for _ in range(50):
                (w * 2 + w).sum().backward()
        except Exception as error:  # pragma: no cover
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert w.grad.unique().tolist() == [600.0]


def test_several_threads_walk_one_graph_that_is_kept():
    x = torch.ones(10, dtype=torch.float64, requires_grad=True)
    y = (x.exp() * x.sin()).sum()
    expected = torch.autograd.grad(y, x, retain_graph=True)[0]
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(torch.autograd.grad(y, x, retain_graph=True)[0]))
        for _ in range(4)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 4
    assert all(torch.equal(g, expected) for g in found)


# ---- several gradients at once


def test_batched_gradients():
    x, unused = leaf(1.0, 2.0, 3.0), leaf(1.0)
    y = x**2
    rows, none = torch.autograd.grad(
        y,
        [x, unused],
        torch.eye(3, dtype=torch.float64),
        is_grads_batched=True,
        allow_unused=True,
        retain_graph=True,
    )
    assert rows.tolist() == [[2.0, 0, 0], [0, 4.0, 0], [0, 0, 6.0]]
    assert none is None
    zeros = torch.autograd.grad(
        y,
        [unused],
        torch.eye(3, dtype=torch.float64),
        is_grads_batched=True,
        materialize_grads=True,
        retain_graph=True,
    )
    assert zeros[0].tolist() == [[0.0]] * 3
    (graded,) = torch.autograd.grad(
        y, x, torch.eye(3, dtype=torch.float64), is_grads_batched=True, create_graph=True
    )
    (second,) = torch.autograd.grad(graded.sum(), x)
    assert second.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(RuntimeError, match="needs grad_outputs"):
        torch.autograd.grad(y, x, is_grads_batched=True)


def test_names_of_modules_and_variable():
    import rushlight.autograd as autograd

    assert autograd.function.Function is autograd.Function
    assert autograd.grad_mode.no_grad is torch.no_grad
    assert autograd.anomaly_mode.detect_anomaly is autograd.detect_anomaly
    assert isinstance(torch.ones(1), autograd.Variable)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        autograd.nonsense


def test_warnings_are_not_given_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with torch.autograd.set_detect_anomaly(False):
            leaf(1.0).exp().backward()


# ---- hooks on tensors


def test_hooks_need_a_gradient_to_wait_for():
    plain = torch.ones(1)
    for register in (plain.register_hook, plain.register_post_accumulate_grad_hook):
        with pytest.raises(RuntimeError, match="requires_grad_"):
            register(lambda t: None)
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        plain.retain_grad()
    with pytest.raises(RuntimeError, match="non-leaf"):
        (leaf(1.0) * 2).register_post_accumulate_grad_hook(lambda t: None)


def test_kept_gradients():
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    x.retain_grad()
    y.register_hook(lambda g: g * 5)
    assert y.retains_grad
    assert not x.retains_grad
    (y * 3).backward(retain_graph=True)
    (y * 3).backward()
    assert y.grad.item() == 30.0
    assert x.grad.item() == 60.0


def test_a_hook_that_is_to_come_first():
    from rushlight.autograd.hooks import add_hook

    hooks = {}
    add_hook(hooks, "second")
    add_hook(hooks, "first", first=True)
    assert list(hooks.values()) == ["first", "second"]


def test_prehooks_see_all_outputs_and_may_replace_them():
    x = torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    values, _ = x.sort()
    handle = values.grad_fn.register_prehook(lambda grads: tuple(None if g is None else g * 2 for g in grads))
    values[0].backward(retain_graph=True)
    assert x.grad.tolist() == [0.0, 2.0, 0.0]
    handle.remove()
    x.grad = None
    values[0].backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_hooks_of_nodes_and_leaves_in_a_pass_that_is_recorded():
    x = leaf(3.0)
    x.register_hook(lambda g: g * x)
    y = x * x
    y.grad_fn.register_hook(lambda into, out: (into[0] * 2, into[1] * 2))
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.item() == 36.0
    y.sum().backward(create_graph=True)
    assert x.grad.requires_grad
    torch.autograd.grad(x.grad, x)


def test_gradients_add_up_in_the_users_own_tensor():
    x = leaf(1.0, 2.0)
    mine = torch.zeros(2, dtype=torch.float64)
    view = mine[:]
    x.grad = mine
    (x * 3).sum().backward()
    assert view.tolist() == [3.0, 3.0]


def test_what_only_stands_in_the_graph_is_the_same_each_time():
    """Who walks `next_functions` and keeps what it has seen comes to an end."""
    node = torch.nn.Linear(3, 2)(torch.rand(4, 3)).grad_fn
    turned = node.next_functions[-1][0]
    assert turned == node.next_functions[-1][0]
    assert {turned, node.next_functions[-1][0]} == {turned}
    assert turned != node
