"""Sparse tensors in coordinates: what they hold, and what programs on graphs do with them."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight

PLACES = [[0, 1, 1, 0], [2, 0, 2, 2]]
VALUES = [3.0, 4.0, 5.0, 1.0]
DENSE = [[0.0, 0.0, 4.0], [4.0, 0.0, 5.0]]


def sparse(f=rushlight, **options):
    return f.sparse_coo_tensor(PLACES, f.tensor(VALUES, dtype=f.float64, **options), (2, 3))


SAMES = {
    "product": lambda f, s, d: s @ d,
    "mm": lambda f, s, d: f.mm(s, d),
    "spmm": lambda f, s, d: f.spmm(s, d),
    "sparse.mm": lambda f, s, d: f.sparse.mm(s, d),
    "sparse.mm of dense": lambda f, s, d: f.sparse.mm(s.to_dense(), d),
    "vector": lambda f, s, d: s @ d[:, 0],
    "from the left": lambda f, s, d: d.T @ s.t(),
    "addmm": lambda f, s, d: f.sparse.addmm(d[:2], s, d, beta=0.5, alpha=2),
    "transposed": lambda f, s, d: s.t() @ d[:2],
    "twice": lambda f, s, d: (s * 2).to_dense() + (3 * s / 4).to_dense() - (-s).to_dense(),
    "sum of two": lambda f, s, d: (s + s).to_dense(),
    "with dense": lambda f, s, d: d.T + s,
    "total": lambda f, s, d: f.sparse.sum(s),
    "rows": lambda f, s, d: f.sparse.sum(s, 1).to_dense(),
    "values": lambda f, s, d: s.coalesce().values(),
    "to and fro": lambda f, s, d: s.to_dense().to_sparse().to_dense(),
}


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", SAMES)
def test_results_and_gradients_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    found = []
    for f in (rushlight, torch):
        v = f.tensor(VALUES, dtype=f.float64, requires_grad=True)
        d = (f.arange(6, dtype=f.float64).reshape(3, 2) / 7).requires_grad_()
        result = SAMES[name](f, f.sparse_coo_tensor(f.tensor(PLACES), v, (2, 3)), d)
        (result * (f.arange(result.numel(), dtype=f.float64).reshape(result.shape) + 1)).sum().backward()
        found.append([result.detach().numpy(), v.grad.numpy(), None if d.grad is None else d.grad.numpy()])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(np.float64(ours), np.float64(theirs), rtol=1e-13)


def test_what_it_holds():
    s = sparse()
    assert s.is_sparse
    assert s.layout is rushlight.sparse_coo
    assert isinstance(s, rushlight.Tensor)
    assert (s._nnz(), s.dim(), s.numel(), tuple(s.shape), s.is_coalesced()) == (4, 2, 6, (2, 3), False)
    assert s.to_dense().tolist() == DENSE
    c = s.coalesce()
    assert c.is_coalesced()
    assert c.indices().tolist() == [[0, 1, 1], [2, 0, 2]]
    assert c.values().tolist() == [4.0, 4.0, 5.0]
    assert s.type() == "torch.sparse.DoubleTensor"
    assert s.float().dtype is rushlight.float32
    rows = rushlight.sparse_coo_tensor([[0, 2]], [[1.0, 2.0], [3.0, 4.0]], (3, 2))
    assert rows.to_dense().tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]
    assert (rows.sparse_dim(), rows.dense_dim()) == (1, 1)
    old = rushlight.sparse.FloatTensor(rushlight.tensor(PLACES), rushlight.tensor(VALUES), s.shape)
    assert old.to_dense().tolist() == DENSE
    assert rushlight.sparse_coo_tensor(PLACES, VALUES).shape == (2, 3)


def test_it_is_shown_as_in_pytorch():
    shown = """\
tensor(indices=tensor([[0, 1, 1],
                       [2, 0, 2]]),
       values=tensor([4., 4., 5.]),
       size=(2, 3), nnz=3, layout=torch.sparse_coo)"""
    assert repr(sparse().float().coalesce()) == shown


def test_empty_ones():
    nothing = rushlight.sparse_coo_tensor(rushlight.empty(2, 0, dtype=rushlight.int64), [], (2, 3))
    assert nothing.coalesce()._nnz() == 0
    assert (nothing @ rushlight.ones(3, 2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert rushlight.zeros(2, 3).to_sparse()._nnz() == 0


def test_what_is_wrong_or_missing_is_said():
    with pytest.raises(RuntimeError, match="dim 1, size is 3 but found index 7"):
        rushlight.sparse_coo_tensor([[0], [7]], [1.0], (2, 3))
    with pytest.raises(RuntimeError, match=r"call \.coalesce\(\) first"):
        sparse().indices()
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        sparse() @ rushlight.ones(2, 2, dtype=rushlight.float64)
    with pytest.raises(RuntimeError, match="same dtype"):
        sparse() @ rushlight.ones(3, 2)
    for missing in (lambda: rushlight.softmax(sparse(), 1), lambda: sparse().numpy(), lambda: sparse()[0]):
        with pytest.raises(NotImplementedError, match=r"to_dense\(\)"):
            missing()
    with pytest.raises(RuntimeError, match="is dense"):
        rushlight.ones(2).indices()


STEPS = {
    "SparseAdam": lambda o, p: o.SparseAdam(p, lr=0.1),
    "SGD": lambda o, p: o.SGD(p, 0.1),
    "SGD with momentum": lambda o, p: o.SGD(p, 0.1, momentum=0.9),
    "Adagrad": lambda o, p: o.Adagrad(p, 0.1),
}


def losses(f, step):
    """What two tables learn whose gradients are sparse, and these gradients at the end."""
    generator = f.Generator().manual_seed(2)
    words = f.nn.Embedding(6, 3, padding_idx=2, sparse=True, dtype=f.float64)
    bags = f.nn.EmbeddingBag(6, 3, mode="sum", sparse=True, dtype=f.float64)
    for table in (words, bags):
        table.weight.data.copy_(f.rand(6, 3, generator=generator, dtype=f.float64))
    optimizer, found = step(f.optim, [words.weight, bags.weight]), []
    for _ in range(3):
        loss = words(f.tensor([[1, 2], [2, 5]])).pow(3).sum() + words(f.tensor([1])).sum()
        loss = loss + bags(f.tensor([1, 2, 4, 3]), f.tensor([0, 1])).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    gradients = [table.weight.grad for table in (words, bags)]
    assert all(g.is_sparse for g in gradients)
    return [*found, *(part.tolist() for g in gradients for part in (g._indices(), g.to_dense()))]


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", STEPS)
def test_tables_learn_from_sparse_gradients_as_in_pytorch(name):
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(*(losses(f, STEPS[name]) for f in (rushlight, torch)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_optimizers_that_need_all_elements_refuse_sparse_gradients():
    table = rushlight.nn.Embedding(4, 2, sparse=True)
    table(rushlight.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="Adam does not support sparse gradients"):
        rushlight.optim.Adam(table.parameters()).step()
    with pytest.raises(RuntimeError, match="weight_decay"):
        rushlight.optim.SGD(table.parameters(), 0.1, weight_decay=0.1).step()


def test_what_a_sparse_gradient_cannot_be_is_said():
    table = rushlight.nn.Embedding(4, 2, sparse=True)
    index = rushlight.tensor([1])
    with pytest.raises(NotImplementedError, match="differentiated again"):
        table(index).pow(2).sum().backward(create_graph=True)
    with pytest.raises(NotImplementedError, match="sparse=False"):
        rushlight.func.grad(lambda p: rushlight.func.functional_call(table, p, (index,)).sum())(
            {"weight": table.weight.detach()}
        )
    table.weight.register_hook(print)
    with pytest.raises(NotImplementedError, match="hooks"):
        table(index)


def test_gradients_of_a_table_add_up():
    table = rushlight.nn.Embedding(4, 2, sparse=True)
    for _ in range(2):
        table(rushlight.tensor([1, 1, 3])).sum().backward()
    assert table.weight.grad.to_dense().tolist() == [[0.0, 0.0], [4.0, 4.0], [0.0, 0.0], [2.0, 2.0]]
