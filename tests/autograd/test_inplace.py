"""An edit in place never spoils a gradient: the graph keeps the values that it was recorded with."""

import numpy as np
import pytest

import rushlight as torch


def leaf(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def numeric(f, x, step=1e-6):
    """The gradient of a scalar function of an array, by central differences."""
    x = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (f(up) - f(down)) / (2 * step)
    return gradient


def test_an_edit_of_a_saved_intermediate_keeps_the_old_value_for_the_graph():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    z = (y * y).sum()
    y.add_(10)
    z.backward()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]
    assert y.tolist() == [11.0, 12.0, 13.0]


def test_an_edit_of_a_saved_result_keeps_the_old_value():
    x = leaf(0.5, -0.5)
    y = x.exp()
    z = y * 1
    y.zero_()
    z.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([0.5, -0.5]))


def test_an_edit_through_a_view_moves_all_views_together():
    x = leaf(1.0, 2.0, 3.0, 4.0)
    y = x * 1
    first, pairs = y[:2], y.view(2, 2)
    z = (y * y).sum() + (first * first).sum()
    first.mul_(100)
    assert y.tolist() == [100.0, 200.0, 3.0, 4.0]
    assert pairs.tolist() == [[100.0, 200.0], [3.0, 4.0]]
    z.backward()
    assert x.grad.tolist() == [4.0, 8.0, 6.0, 8.0]


def test_the_edit_itself_is_differentiated_through_the_view():
    def f(values, lib):
        x = lib(values)
        y = x * 3
        y[1:].mul_(y[:-1].clone()) if hasattr(y, "mul_") else y[1:].__imul__(y[:-1].copy())
        return (y * y).sum()

    start = [0.3, -1.2, 0.7]
    x = leaf(*start)
    f(x, lambda v: v).backward()
    np.testing.assert_allclose(x.grad.numpy(), numeric(lambda v: f(v, np.array), start), rtol=1e-6)


def test_an_optimiser_step_between_two_backward_passes_of_one_graph():
    w, x = leaf(0.5, -1.0), torch.tensor([2.0, 3.0], dtype=torch.float64)
    hidden = (w * x).tanh()
    loss = (hidden * w).sum()

    def f(v):
        return float((np.tanh(v * x.numpy()) * v).sum())

    expected = numeric(f, [0.5, -1.0])
    loss.backward(retain_graph=True)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6)
    with torch.no_grad():
        w -= 0.1 * w.grad
    w.grad = None
    loss.backward()
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6)  # of the function at the old values


def test_the_same_holds_for_edits_through_data_and_detach():
    for edit in (lambda w: w.data.mul_(7), lambda w: w.detach().mul_(7)):
        w = leaf(1.0, 2.0)
        loss = (w * w * w).sum()
        edit(w)
        loss.backward()
        assert w.grad.tolist() == [3.0, 12.0]
        assert w.tolist() == [7.0, 14.0]


def test_memory_that_numpy_sees_cannot_move_so_backward_refuses():
    array = np.array([1.0, 2.0, 3.0])
    shared = torch.from_numpy(array)
    w = leaf(1.0, 1.0, 1.0)
    loss = (w * shared).sum()
    shared.add_(1)
    assert array.tolist() == [2.0, 3.0, 4.0]
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*add_"):
        loss.backward()


def test_numpy_of_a_saved_tensor_leaves_the_graph_its_own_copy():
    x = leaf(1.0, 2.0)
    y = x * 1
    z = (y * y).sum()
    array = y.detach().numpy()
    array[:] = 0
    assert y.tolist() == [0.0, 0.0]
    z.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_once_a_graph_is_gone_edits_stay_in_the_same_memory():
    w = leaf(1.0, 2.0)
    view = w.detach()
    before = view.data_ptr()
    loss = (w * w).sum()
    loss.backward()
    with torch.no_grad():
        w.sub_(w.grad)
    assert w.data_ptr() == before
    assert view.tolist() == [-1.0, -2.0]


def test_a_leaf_edited_in_place_is_refused_with_a_remedy():
    w = leaf(1.0)
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad.*clone"):
        w.add_(1)
    with pytest.raises(RuntimeError, match=r"view of a leaf"):
        w[0:1].add_(1)
    with torch.no_grad():
        w.add_(1)
    assert w.item() == 2.0


def test_views_follow_their_base_in_the_graph():
    x = leaf(1.0, 2.0, 3.0)
    y = x * 1
    view = y[1:]
    y.mul_(x.detach() + 1)  # an edit of the base reaches the view
    view.sum().backward()
    assert x.grad.tolist() == [0.0, 3.0, 4.0]


def test_the_version_counts_edits():
    x = torch.zeros(3)
    assert x._version == 0
    x.add_(1)
    view = x[:1]
    view.add_(1)
    assert x._version == view._version >= 2


def test_memory_of_no_elements_can_be_shared_and_edited():
    x = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    y = x.expand(0, 3)
    kept = y * y
    assert y.detach().numpy().shape == (0, 3)
    kept.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 0.0]]
