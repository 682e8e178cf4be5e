"""`vmap`: every family of operators on a batch gives what it gives sample by sample."""

# tables have a line for each case
# ruff: noqa: E501

import numpy as np
import pytest

import rushlight as torch
from rushlight.func import vmap
from rushlight.func.hidden import DataRead

F = torch.nn.functional
F64 = {"dtype": torch.float64}


def randn(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape))


def tensors(result):
    return [result] if isinstance(result, torch.Tensor) else [t for part in result for t in tensors(part)]


def same(f, *args, in_dims=0, rtol=1e-10):
    """A mapped function agrees with a loop."""
    dims = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
    size = next(a.shape[d] for a, d in zip(args, dims) if d is not None)
    loop = [
        tensors(f(*[a if d is None else a.select(d, k) for a, d in zip(args, dims)])) for k in range(size)
    ]
    found = tensors(vmap(f, in_dims=in_dims)(*args))
    assert len(found) == len(loop[0])
    for k, t in enumerate(found):
        expected = np.stack([one[k].detach().numpy() for one in loop])
        assert t.detach().numpy().dtype == expected.dtype
        np.testing.assert_allclose(t.detach().numpy(), expected, rtol=rtol, atol=1e-12)


X = randn(3, 4, 5)
INDEX = torch.tensor([[0, 2, 1], [3, 1, 0], [1, 1, 2]])

ONE = {
    "arithmetic": lambda x: (x + 1) * x - x / 2 + 3 ** x.abs(),
    "with a number of one sample": lambda x: x * x.sum() + x.mean(0),
    "sum": lambda x: (x.sum(), x.sum(0), x.sum(-1, keepdim=True), x.sum((0, 1)), x.sum(dim=None, keepdim=True)),
    "reductions": lambda x: (x.mean(), x.amax(0), x.amin(), x.prod(1), x.logsumexp(0), x.std(), x.var(1), x.norm(), x.any(), x.all(0)),
    "max and min": lambda x: (x.max(), x.min(), *x.max(0), *x.min(1, keepdim=True), x.argmax(), x.argmin(0), x.argmax(keepdim=True)),
    "median and mode": lambda x: (x.median(), *x.median(0), *x.mode(-1), *x.kthvalue(2, 0)),
    "counts": lambda x: (x.count_nonzero(), (x > 0).sum(0), *torch.aminmax(x)),
    "scans": lambda x: (x.cumsum(0), x.cumprod(-1), *x.cummax(0), x.logcumsumexp(1), x.diff(dim=0)),
    "sorting": lambda x: (*x.sort(0), x.argsort(-1), *x.topk(2, 1)),
    "softmax": lambda x: (x.softmax(0), x.log_softmax(-1), x[0].softmax(0)),
    "shapes": lambda x: (x.reshape(2, 10), x.reshape(-1), x.view(5, 4), x.flatten(), x.unflatten(0, (2, 2)), x.ravel()),
    "moves": lambda x: (x.t(), x.T, x.mT, x.permute(1, 0), x.permute(-1, -2), x.transpose(0, -1), x.movedim(0, 1), x.swapdims(0, 1)),
    "ones": lambda x: (x.unsqueeze(0), x.unsqueeze(-1), x.unsqueeze(1).squeeze(), x[:1].squeeze(0), x[:, :1].squeeze(-1), x.squeeze(0)),
    "expand": lambda x: (x.expand(2, 4, 5), x[:1].expand(3, -1), x.sum().expand(2, 2), x.broadcast_to((2, 4, 5)), x.repeat(2, 1, 1)),
    "pieces": lambda x: (*x.unbind(0), *x.chunk(2, 1), *x.split([1, 3]), *x.tensor_split(2), x.narrow(0, 1, 2), x.select(1, 2)),
    "brackets": lambda x: (x[0], x[1:3, ::2], x[..., -1], x[:, None], x[[0, 2]], x[:, torch.tensor([1, 0, 1])], x[INDEX[0], INDEX[1]]),
    "apart in brackets": lambda x: x.unsqueeze(1)[INDEX[0], :, INDEX[1]],
    "turned": lambda x: (x.flip(0), x.flip((0, 1)), x.roll(1), x.roll(1, 0), x.roll((1, 2), (0, 1)), x.rot90(), x.fliplr()),
    "diagonals": lambda x: (x.diagonal(), x.diagonal(1, 0, 1), x[0].diag_embed(), x.tril(), x.triu(1), x.trace(), torch.diag(x[0])),
    "windows": lambda x: (x.unfold(0, 2, 1), x.unfold(-1, 3, 2), x.sum().unfold(0, 1, 1)),
    "joined": lambda x: (torch.cat([x, x[:1]]), torch.stack([x, x], -1), torch.cat([x, torch.ones(4, 1, **F64)], 1)),
    "products": lambda x: (x @ x.t(), x.mm(x.t()), x.mv(x[0]), x[0].dot(x[1]), x[0] @ x.t(), x @ x[0]),
    "sums of products": lambda x: (torch.addmm(x, x, torch.ones(5, 5, **F64), beta=2, alpha=3), torch.addmv(x[:, 0], x, x[0]), torch.outer(x[0], x[1])),
    "einsum": lambda x: (torch.einsum("ij,kj->ik", x, x), torch.einsum("ij->j", x), torch.einsum("i,i", x[0], x[1])),
    "linear": lambda x: (F.linear(x, torch.ones(2, 5, **F64), torch.ones(2, **F64)), F.linear(x[0], x)),
    "decompositions": lambda x: (torch.linalg.inv(x[:, :4]), torch.linalg.det(x[:, :4]), torch.linalg.svdvals(x), torch.linalg.solve(x[:, :4], x[:, 0])),
    "masks": lambda x: (x.masked_fill(x > 0, 0.0), torch.where(x > 0, x, -x), x.clamp(-1, 1), x.masked_fill(torch.eye(4, 5) > 0, 1.0)),
    "complex": lambda x: (torch.complex(x, x).abs(), torch.polar(x.abs(), x).real, torch.view_as_real(torch.complex(x, x))),
    "fourier": lambda x: (torch.fft.fft(x), torch.fft.rfft(x, dim=0), torch.fft.fft2(x)),
    "types": lambda x: (x.float(), x.to(torch.int32), x > 0, x.float() + x.sum(), x.type_as(x.int()), x.long() // 2),
    "made like it": lambda x: (torch.zeros_like(x) + 1, torch.ones_like(x), torch.full_like(x, 2.0), x.new_zeros(2) + x[0, 0]),
    "copies": lambda x: (x.clone(), x.contiguous(), x.t().contiguous(), x.detach()),
    "padding": lambda x: (F.pad(x, (1, 2)), F.pad(x[None], (1, 1), mode="replicate"), F.pad(x[None], (1, 1), mode="circular")),
    "without a rule": lambda x: (x.histc(4, -3, 3), torch.cdist(x, x), x.renorm(2, 0, 1.0)),
    "numbers of a sample": lambda x: tuple(f(x[0, 0]) for f in (torch.sum, torch.exp, lambda v: v.cumsum(0), lambda v: v.softmax(0), lambda v: v.sort()[0])),
    "of ready indices": lambda x: (x.gather(0, INDEX), x.index_select(1, INDEX[0]), x[:3].take_along_dim(INDEX, 1), x.scatter(0, INDEX, x[:3, :3])),
    "added at indices": lambda x: (x.index_add(0, INDEX[0], x[:3]), x.scatter_add(1, INDEX, x[:3, :3]), x.index_put((INDEX[0],), x[0, 0])),
    "attributes": lambda x: x * x.shape[0] + x.ndim + x.numel() + len(x) + x.dim() + x.size(1) + x.stride(0) * 0 + x.stride()[1] * x.is_contiguous(),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE)
def test_one_batch(name):
    same(ONE[name], X)


TWO = {
    "broadcasting": lambda x, y: (x + y, x.unsqueeze(0) * y, x[0] - y[:, :1]),
    "products": lambda x, y: (x @ y.t(), x[0] @ y.t(), x @ y[0], torch.dot(x[0], y[0]), torch.vdot(x[0], y[0]), torch.outer(x[0], y[0])),
    "stacks": lambda x, y: (x.unsqueeze(0).bmm(y.t().unsqueeze(0)), x.expand(2, 4, 5) @ y.t(), torch.baddbmm(x[None] @ x.t(), x[None], y.t()[None])),
    "joined": lambda x, y: (torch.cat([x, y], 1), torch.stack([x, y]), torch.hstack([x, y])),
    "where": lambda x, y: torch.where(x > y, x, y[0]),
    "set": lambda x, y: (x.index_put((torch.tensor([0, 1]),), y[:2]), x.index_copy(0, torch.tensor([1, 0]), y[:2])),
    "solve": lambda x, y: torch.linalg.solve(x[:, :4] + 3 * torch.eye(4, **F64), y),
}  # fmt: skip


@pytest.mark.parametrize("dims", [(0, 0), (0, None), (None, 0)])
@pytest.mark.parametrize("name", TWO)
def test_two_batches_or_one(name, dims):
    x, y = randn(3, 4, 5), randn(3, 4, 5, seed=1)
    same(TWO[name], *(t if d is not None else t[0] for t, d in zip((x, y), dims)), in_dims=dims)


INDEXED = {
    "brackets": lambda x, i: (x[i], x[:, i], x[i, i], x[i[:2], 1:], x[i[0]], x[..., i]),
    "apart": lambda x, i: x.unsqueeze(1)[i, :, i],
    "from the end": lambda x, i: x[-1 - i],
    "gather": lambda x, i: (x.gather(0, i[None]), x.gather(1, i[:, None])),
    "index_select": lambda x, i: (x.index_select(0, i), x.index_select(1, i)),
    "scatter": lambda x, i: (torch.zeros_like(x).scatter(1, i[:, None], 1.0), x.scatter_add(0, i[None], x[:1, :3])),
    "embedding": lambda x, i: F.embedding(i, x),
    "one_hot": lambda x, i: F.one_hot(i, 5) * x[0],
}  # fmt: skip


@pytest.mark.parametrize("dims", [(0, 0), (None, 0)])
@pytest.mark.parametrize("name", INDEXED)
def test_indices_of_each_sample(name, dims):
    x = randn(3, 4, 5) if dims[0] == 0 else randn(4, 5)
    same(INDEXED[name], x, INDEX, in_dims=dims)


def test_gradients_through_indices_of_each_sample():
    from rushlight.func import grad

    x = randn(3, 4, 5)
    same(grad(lambda x, i: (x[i] ** 2).sum() + x.index_select(1, i).pow(3).sum()), x, INDEX, in_dims=(0, 0))
    same(lambda x, i: grad(lambda w: (w[i] * x).sum())(randn(4, 5)), x[:, :3], INDEX, in_dims=(0, 0))


# ---- in_dims and out_dims


def test_dimensions_go_in_and_out_where_they_are_told():
    x, y = randn(4, 3), randn(2, 3, 5)
    out = vmap(lambda a, b: (a.sum() * b, a), in_dims=(1, -2), out_dims=(1, -1))(x, y)
    np.testing.assert_allclose(out[0].numpy(), (x.sum(0)[None, :, None] * y).numpy())
    assert out[0].shape == (2, 3, 5)
    assert torch.equal(out[1], x)
    nest = vmap(lambda d, k: d["a"] * d["b"][0] * k, in_dims=({"a": 0, "b": [None]}, None))(
        {"a": x, "b": [y[0, 0, 0]]}, 2.0
    )
    np.testing.assert_allclose(nest.numpy(), (x * y[0, 0, 0] * 2).numpy())
    constant = vmap(lambda a: (a, torch.ones(2)), out_dims=(0, None))(x)
    assert constant[1].shape == (2,)
    assert vmap(lambda a: torch.ones(2))(x).shape == (4, 2)
    assert vmap(lambda a: {"k": a}, out_dims=0)(x)["k"].shape == (4, 3)
    assert vmap(lambda a: a, out_dims=(1,))(x).shape == (3, 4)


def test_nested_maps():
    x, y = randn(2, 3), randn(4, 3)
    table = vmap(lambda a: vmap(lambda b: (a * b).sum())(y))(x)
    np.testing.assert_allclose(table.numpy(), (x @ y.t()).numpy())
    both = vmap(vmap(lambda a, b: a - b, in_dims=(None, 0)), in_dims=(0, None))(x, y)
    assert both.shape == (2, 4, 3)


def test_chunks():
    x = randn(7, 3)
    whole = vmap(lambda a: (a * 2, a.sum()))(x)
    for size in (1, 3, 7, 100):
        parts = vmap(lambda a: (a * 2, a.sum()), chunk_size=size)(x)
        assert all(torch.equal(p, w) for p, w in zip(parts, whole))
    assert vmap(lambda a: a, in_dims=1, out_dims=1, chunk_size=2)(x).shape == (7, 3)
    assert vmap(lambda a: (a, torch.ones(2)), out_dims=(0, None), chunk_size=2)(x)[1].shape == (2,)


def test_a_batch_of_nobody():
    assert vmap(lambda x: x.sum(-1) * 2)(torch.ones(0, 3)).shape == (0,)
    with pytest.raises(RuntimeError, match="batch of size 0"):
        vmap(lambda x: x.histc(3))(torch.ones(0, 3))


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: vmap(lambda x: x, in_dims="a")(x), ValueError, "in_dims"),
        (lambda x: vmap(lambda x: x, in_dims=(0, 0))(x), ValueError, "structure"),
        (lambda x: vmap(lambda: x)(), ValueError, "no inputs"),
        (lambda x: vmap(lambda x: x, in_dims=None)(x), ValueError, "expected `in_dims`"),
        (lambda x: vmap(lambda x: x, in_dims=(None,))(x), ValueError, "None for all"),
        (lambda x: vmap(lambda x: x, in_dims=2)(x), ValueError, "dimensionality 2"),
        (lambda x: vmap(lambda x: x, in_dims=(0.5,))(x), ValueError, "integer dimension"),
        (lambda x: vmap(lambda x, y: x)(x, 3), ValueError, "non-Tensor"),
        (lambda x: vmap(lambda x, y: x)(x, x.t()), ValueError, "same size"),
        (lambda x: vmap(lambda x: 3)(x), ValueError, "must only return Tensors"),
        (lambda x: vmap(lambda x: x, out_dims=5)(x), ValueError, "out of range"),
        (lambda x: vmap(lambda x: x, out_dims="a")(x), ValueError, "out_dims"),
        (lambda x: vmap(lambda x: (x, x), out_dims=(0, 0, 0))(x), ValueError, "structure"),
        (lambda x: vmap(lambda x: x, out_dims=None)(x), ValueError, "BatchedTensor"),
        (lambda x: vmap(lambda x: x, chunk_size=0), ValueError, "chunk_size"),
        (lambda x: vmap(lambda x: x, randomness="often"), RuntimeError, "randomness"),
        (lambda x: vmap(lambda x: x[0, 0].t() if x.ndim > 1 else x.reshape(1, 1, 3).t())(x), RuntimeError, "2 dimensions"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(call, error, says):
    with pytest.raises(error, match=says):
        call(randn(2, 3))


# ---- what depends on values


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x * x.sum().item(),
        lambda x: x * float(x[0]),
        lambda x: x * int(x[0]),
        lambda x: complex(x[0]),
        lambda x: x[: x[0].long()],
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
        lambda x: x.nonzero(),
        lambda x: x.unique(),
        lambda x: x[x > 0],
        lambda x: x.masked_select(x > 0),
        lambda x: 1.0 in x,
        lambda x: range(x[0].long()),
    ],
)  # fmt: skip
def test_what_depends_on_the_values_of_a_sample_is_refused(f):
    with pytest.raises((DataRead, RuntimeError), match="vmap"):
        vmap(f)(randn(3, 4))


def test_checks_see_the_whole_batch():
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        vmap(lambda x, i: x.gather(0, i))(randn(2, 3), torch.tensor([[0], [5]]))
    with pytest.raises(torch.linalg.LinAlgError, match="singular"):
        vmap(torch.linalg.inv)(torch.zeros(2, 3, 3))


# ---- edits in place


def test_edits_in_place_reach_views_and_only_the_batch():
    def f(x, y):
        z = x * 1
        z[0] = y[0]
        z[1:].mul_(2)
        z.add_(1)
        z[..., -1] = 7.0
        z[torch.tensor([1])] = y[1]
        z.copy_(z + y.sum())
        return z

    same(f, randn(3, 4), randn(3, 4, seed=1), in_dims=(0, 0))
    same(f, randn(3, 4), randn(4, seed=1), in_dims=(0, None))
    with pytest.raises(RuntimeError, match="does not follow"):
        vmap(lambda x, y: y.add_(x), in_dims=(0, None))(randn(3, 4), randn(4))
    x = randn(3, 4)
    vmap(lambda x: x.zero_())(x)
    assert not x.any()


# ---- random numbers


def test_random_numbers():
    x = torch.zeros(3)
    with pytest.raises(RuntimeError, match="randomness"):
        vmap(lambda x: x + torch.rand(2))(x)
    torch.manual_seed(0)
    same_for_all = vmap(lambda x: x + torch.rand(2), randomness="same")(x)
    torch.manual_seed(0)
    assert torch.equal(same_for_all, torch.rand(2).expand(3, 2))
    each = vmap(lambda x: x + torch.randn(2), randomness="different")(x)
    assert len(each.unique()) == 6
    p = torch.full((3, 50), 0.5)
    drawn = vmap(torch.bernoulli, randomness="different")(p)
    assert not torch.equal(drawn[0], drawn[1])
    drawn = vmap(torch.bernoulli, randomness="same")(p)
    assert torch.equal(drawn[0], drawn[1])
    with pytest.raises(RuntimeError, match="randomness"):
        vmap(torch.bernoulli)(p)
    filled = vmap(lambda x: torch.rand_like(x), randomness="different")(p)
    assert not torch.equal(filled[0], filled[1])
    filled = vmap(lambda x: (x * 1).uniform_(), randomness="different")(p)
    assert not torch.equal(filled[0], filled[1])
    filled = vmap(lambda x: (x * 1).normal_(), randomness="same")(p)
    assert torch.equal(filled[0], filled[1])


def test_batches_show_what_they_are():
    seen = []
    vmap(lambda x: seen.append((repr(x), f"{x}", x.requires_grad)) or x)(randn(2, 3).requires_grad_())
    assert "Batched(level=1, size=2, shape=[3]" in seen[0][0]
    assert seen[0][2]


def test_convolution_on_a_batch_of_batches():
    x, w = randn(2, 3, 1, 6, 6), randn(2, 1, 3, 3)
    same(lambda x: F.conv2d(x, w), x)
    same(lambda w: F.conv2d(x[0], w), randn(3, 2, 1, 3, 3))


def test_dropout_draws_as_it_is_told():
    x = torch.ones(3, 50)
    drops = [
        F.dropout,
        lambda v: F.alpha_dropout(v, training=True),
        F.gumbel_softmax,
        lambda v: torch.normal(v, 1.0),
    ]
    for f in drops:
        with pytest.raises(RuntimeError, match="randomness"):
            vmap(f)(x)
        one = vmap(f, randomness="same")(x)
        assert torch.equal(one[0], one[2])
        each = vmap(f, randomness="different")(x)
        assert not torch.equal(each[0], each[2])
    assert torch.equal(vmap(lambda v: F.dropout(v, training=False))(x), x)
    for randomness in ("error", "different"):
        with pytest.raises(RuntimeError, match="vmap"):
            vmap(lambda v: v * torch.bernoulli(torch.full((50,), 0.5)), randomness=randomness)(x)


def test_empty_pieces_and_layouts():
    same(lambda x: torch.cat([torch.zeros(0, **F64), x[0]]), X)
    same(lambda x: x.to(torch.float32, memory_format=torch.contiguous_format), X)
    same(lambda x: F.normalize(x) + F.cosine_similarity(x, x.flip(0)).sum(), X)
