"""Large tensors edited in place: written over where nobody needs the old values, kept for those who do."""

from __future__ import annotations

import pytest

import rushlight as torch

COUNT = 50_000
EDITS = {
    "add_": lambda x, y: x.add_(y),
    "add_number": lambda x, y: x.add_(1.5),
    "sub_row": lambda x, y: x.sub_(y[:1]),
    "mul_": lambda x, y: x.mul_(y),
    "div_": lambda x, y: x.div_(3),
    "pow_": lambda x, y: x.pow_(2),
    "relu_": lambda x, y: x.relu_(),
    "exp_": lambda x, y: x.exp_(),
    "itself": lambda x, y: x.mul_(x),
    "reversed": lambda x, y: x.add_(x.flip(0)),
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_gives_what_ten_numbers_give_and_keeps_its_memory(edit):
    x, y = torch.rand(COUNT, 1), torch.rand(COUNT, 1)
    y[0] = 0.25
    few = edit(x[:10].clone() if edit is not EDITS["reversed"] else x.clone(), y[:10].clone())[:10]
    place = x.data_ptr()
    edit(x, y)
    assert x.data_ptr() == place
    torch.testing.assert_close(x[:10], few[:10], rtol=1e-6, atol=0)


def test_what_a_graph_has_saved_stays():
    w, x = torch.rand(COUNT, requires_grad=True), torch.rand(COUNT)
    loss = (w * x).sum()
    before = x.clone()
    x.add_(1)
    loss.backward()
    assert torch.equal(w.grad, before)


def test_a_parameter_is_written_over_without_a_graph():
    w = torch.rand(COUNT, requires_grad=True)
    before = w.detach().clone()
    with pytest.raises(RuntimeError, match="leaf"):
        w.add_(1)
    with torch.no_grad():
        w -= 0.5 * torch.ones(COUNT)
    assert torch.equal(w.detach(), before - 0.5)


def test_views_and_shared_memory_see_an_edit():
    base = torch.zeros(COUNT)
    view, array = base.view(-1, 2)[:, 1], base.numpy()
    base.add_(2)
    view.mul_(3)
    assert array[::2].tolist() == [2] * (COUNT // 2)
    assert array[1::2].tolist() == [6] * (COUNT // 2)


def test_memory_that_overlaps_is_read_before_it_is_written():
    x = torch.arange(COUNT + 1.0)
    expected = x[1:] + x[:-1]
    x[1:].add_(x[:-1])
    assert torch.equal(x[1:], expected)


def test_a_result_that_does_not_fit_is_refused_and_changes_nothing():
    x = torch.rand(100, 100)
    before = x.clone()
    with pytest.raises(RuntimeError, match="shape"):
        x.add_(torch.rand(2, 100, 100))
    with pytest.raises(RuntimeError, match="single memory location"):
        x[:1].expand(100, 100).add_(1)
    assert torch.equal(x, before)


def test_small_views_are_written_to_in_their_memory():
    for _ in range(40):  # by Python, and by generated code
        x = torch.arange(12.0).view(3, 4)
        row = x[1]
        row += 2
        row.mul_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
        x[:, 0] -= 1
        assert x.tolist() == [[-1, 1, 2, 3], [5, 14, 24, 36], [7, 9, 10, 11]]
        x[1:] += x[:-1]  # reads what it writes to
        assert x[1:].tolist() == [[4, 15, 26, 39], [12, 23, 34, 47]]
        with pytest.raises(RuntimeError, match="must match"):
            row.add_(torch.ones(3))
        assert row.tolist() == [4, 15, 26, 39]


def test_graphs_keep_what_small_views_overwrite():
    for _ in range(40):
        w, x = torch.ones(4, requires_grad=True), torch.arange(4.0)
        view, held = x[:], x.detach()
        y = (w * view).sum() + (w * held).sum()
        held.add_(1)
        view.mul_(3)
        assert x.tolist() == view.tolist() == held.tolist() == [3, 6, 9, 12]
        y.backward()
        assert w.grad.tolist() == [0, 2, 4, 6]
        version = x._version
        view.sub_(1)
        view[::2].sub_(torch.ones(2, dtype=torch.float64))  # in types that the general way converts
        assert x._version == version + 2


def test_small_edits_are_recorded_where_gradients_are_wanted():
    for _ in range(40):
        w, x = torch.ones(3, requires_grad=True), torch.zeros(2, 3)
        x[1].add_(w)
        x[0] += 1
        (x * x).sum().backward()
        assert w.grad.tolist() == [2, 2, 2]
        with pytest.raises(RuntimeError, match="leaf"):
            w[1:].add_(1)
