"""Calls that are learnt after some: the same results, memory and graphs as those of the first calls."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

import rushlight as torch
from rushlight.runtime import settings

F = torch.nn.functional
pytestmark = pytest.mark.filterwarnings("ignore:.*degrees of freedom")
CALLS = 30  # more than it takes to learn


def of(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) * 3
    if dtype is torch.bool:
        return torch.from_numpy(values > 0.3)
    x = torch.from_numpy(values).to(dtype)
    if dtype.is_floating_point and x.numel() > 3:
        x.view(-1)[1], x.view(-1)[2] = -0.0, 0.0
    return x


LAYOUTS = {
    "plain": lambda x: x,
    "transposed": lambda x: x.transpose(0, -1),
    "gaps": lambda x: x[..., ::2],
    "some": lambda x: x[1:],
    "repeated": lambda x: x.unsqueeze(0).expand(2, *x.shape)[0],
}
VIEWS = {
    "t": lambda x: x.t() if x.ndim < 3 else x.mT,
    "transpose": lambda x: x.transpose(0, -1),
    "permute": lambda x: x.permute(*range(x.ndim)[::-1]),
    "reshape": lambda x: x.reshape(-1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(1),
    "expand": lambda x: x.unsqueeze(0).expand(3, *x.shape),
    "unbind": lambda x: x.unbind(0),
    "chunk": lambda x: x.chunk(2, -1),
    "split": lambda x: x.split(2),
    "unfold": lambda x: x.unfold(0, 2, 1),
    "diagonal": lambda x: x.diagonal(),
    "flatten": lambda x: x.flatten(),
    "slices": lambda x: x[-3:, ::2],
    "slices and numbers": lambda x: x[:2, 1],
    "from the end": lambda x: x[..., -1:],
    "with a new dimension": lambda x: x[:, None, 1:],
    "a number": lambda x: x[-1],
    "all": lambda x: x[:],
}
MOVES = {
    "flip": lambda x: x.flip(0),
    "flip_last": lambda x: x.flip(-1),
    "roll": lambda x: x.roll(1, 0),
    "repeat": lambda x: x.repeat(2, *[1] * (x.ndim - 1)),
    "tile": lambda x: x.tile(2),
    "tril": lambda x: x.tril(),
    "triu": lambda x: x.triu(1),
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.contiguous(),
    "diag_embed": lambda x: torch.diag_embed(x),
    "diag": lambda x: torch.diag(x[0]),
    "pad": lambda x: F.pad(x, (1, 2)),
    "pad_value": lambda x: F.pad(x, (1, 1, 2, 0), "constant", 5),
    "pad_reflect": lambda x: F.pad(x, (1, 1), "reflect"),
    "cat": lambda x: torch.cat([x, x * 2]),
    "cat1": lambda x: torch.cat((x, x, x), 1),
    "stack": lambda x: torch.stack([x, x], -1),
    "rot90": lambda x: torch.rot90(x),
}
REDUCTIONS = {
    "sum": lambda x: x.sum(),
    "sum0": lambda x: x.sum(0),
    "sum1": lambda x: x.sum(-1, keepdim=True),
    "mean": lambda x: x.mean(),
    "mean0": lambda x: x.mean(0),
    "mean1": lambda x: x.mean(-1),
    "amax": lambda x: x.amax(0),
    "max": lambda x: x.max(),
    "min": lambda x: x.min(),
    "prod": lambda x: x.prod(1),
    "any": lambda x: x.any(),
    "all": lambda x: x.all(1),
    "softmax": lambda x: x.softmax(-1),
    "log_softmax": lambda x: F.log_softmax(x, 0),
    "logsumexp": lambda x: x.logsumexp(1),
    "cumsum": lambda x: x.cumsum(0),
    "cumsum1": lambda x: x.cumsum(-1),
    "cumprod": lambda x: x.cumprod(1),
    "var": lambda x: x.var(),
    "var0": lambda x: x.var(0, keepdim=True),
    "std1": lambda x: x.std(1),
    "norm": lambda x: x.norm(),
    "norm1": lambda x: x.norm(1, -1),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "rms_norm": lambda x: F.rms_norm(x, x.shape[-1:]),
    "group_norm": lambda x: F.group_norm(x, 1),
}
SHAPES = [(4, 6), (6, 3), (1, 9), (5, 4, 2), (18, 70)]


def tensors(result):
    return result if isinstance(result, tuple) else (result,)


def same(a, b):
    for x, y in zip(tensors(a), tensors(b), strict=True):
        assert x.dtype is y.dtype
        assert x.shape == y.shape
        assert x.stride() == y.stride()
        assert x.detach().numpy().tobytes() == y.detach().numpy().tobytes()


def first_call(f, *args):
    """What the same calls give before anything is learnt."""
    settings.set_kernel_mode(settings.kernel_mode)
    return f(*args)


def is_defined(f, x):
    try:
        f(x)
    except (RuntimeError, IndexError, NotImplementedError):
        return False
    return True


@pytest.mark.parametrize("name", [*VIEWS, *MOVES, *REDUCTIONS])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool], ids=str)
def test_learnt_calls_give_the_same_bits(name, dtype):
    f = {**VIEWS, **MOVES, **REDUCTIONS}[name]
    for shape in SHAPES:
        for layout in LAYOUTS.values():
            x = layout(of(shape, dtype))
            if not is_defined(f, x):
                continue
            for _ in range(CALLS):
                f(x)
            other = layout(of(shape, dtype, seed=1))
            learnt = f(other)
            same(learnt, first_call(f, other))


@pytest.mark.parametrize("name", VIEWS)
def test_learnt_views_share_memory(name):
    f = VIEWS[name]
    for shape in SHAPES[:2]:
        x = of(shape, torch.float32)
        for _ in range(CALLS):
            f(x)
        x = x.clone()
        view = tensors(f(x))[0]
        assert view._is_view()
        assert view._base is x
        version = x._version
        view.fill_(7.0)
        assert (x == 7).any()
        assert x._version > version
        x.zero_()
        assert not view.any()


@pytest.mark.parametrize("name", [*VIEWS, *MOVES, *REDUCTIONS])
def test_learnt_calls_are_recorded(name):
    f = {**VIEWS, **MOVES, **REDUCTIONS}[name]
    if name in ("any", "all"):
        return
    x = of((4, 6), torch.float64).requires_grad_()
    grads, names = [], []
    for _ in range(CALLS):
        y = f(x)
        total = sum((t.pow(2) * torch.arange(t.numel()).reshape(t.shape)).sum() for t in tensors(y))
        grads.append(torch.autograd.grad(total, x)[0])
        names.append(tensors(y)[0].grad_fn and tensors(y)[0].grad_fn.name())
    for g in grads[1:]:
        same(g, grads[0])
    assert len(set(names)) == 1
    with torch.no_grad():
        for _ in range(CALLS):
            y = f(x)
    assert not tensors(y)[0].requires_grad or tensors(y)[0] is x


def test_gradients_protect_what_learnt_calls_saved():
    w = torch.ones(4, 6, dtype=torch.float64, requires_grad=True)
    for _ in range(CALLS):
        h = w * 2
        y = h.softmax(1)
        h.zero_()
        (y.sum(0) * torch.arange(6.0, dtype=torch.float64)).sum().backward()
    expected = w.grad / CALLS
    w.grad = None
    y = (w * 2).softmax(1)
    (y.sum(0) * torch.arange(6.0, dtype=torch.float64)).sum().backward()
    assert torch.allclose(w.grad, expected)


def test_subclasses_and_transforms_are_asked_first():
    class Noted(torch.Tensor):
        seen = 0

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            Noted.seen += 1
            return super().__torch_function__(func, types, args, kwargs or {})

    x = torch.rand(3, 4)
    for _ in range(CALLS):
        x.sum(1), x.flip(0), x.t()
    y = x.as_subclass(Noted)
    before = Noted.seen
    assert type(y.sum(1)) is Noted
    assert type(y.flip(0)) is Noted
    assert type(y.t()) is Noted
    assert Noted.seen > before
    rows = torch.vmap(lambda row: row.flip(0).sum(0))(x)
    assert torch.allclose(rows, x.sum(1))
    assert torch.func.grad(lambda v: v.softmax(0).max())(x[0]).shape == (4,)


def test_slices_are_told_apart():
    x = torch.arange(24.0).view(4, 6)
    slices = [slice(a, b, c) for a in (None, 0, 1, -2) for b in (None, 0, 3, -1) for c in (None, 1, 2)]
    expected = {}
    for turn in range(3 * CALLS):
        for i, rows in enumerate(slices):
            for k, index in enumerate(((rows,), (rows, 1), (slice(1, 2), rows), (..., rows), (None, rows))):
                found = x[index]
                shown = (found.tolist(), found.shape, found.stride(), found.storage_offset())
                assert expected.setdefault((i, k), shown) == shown, (turn, index)
                if not turn:
                    assert found.tolist() == np.asarray(x.tolist())[index].tolist()


def test_an_operator_that_learns_no_more_remembers():
    x = torch.rand(300, 4)
    for start in range(280):
        for _ in range(CALLS + 2):
            rows = x[start : start + 3]
        assert rows.tolist() == x.tolist()[start : start + 3]
    for _ in range(CALLS):
        assert x[0].tolist() == x.tolist()[0]


def test_wrong_arguments_stay_wrong():
    x = torch.rand(3, 4)
    for _ in range(CALLS):
        x.sum(1)
    with pytest.raises(IndexError):
        x.sum(2)
    with pytest.raises(IndexError):
        x[0].sum(1)
    with pytest.raises(RuntimeError):
        x.reshape(5, 5)


def test_out_and_options_are_not_those_of_learnt_calls():
    x = torch.rand(3, 4)
    for _ in range(CALLS):
        x.sum(1)
    out = torch.empty(3)
    assert torch.sum(x, 1, out=out) is out
    assert torch.equal(out, x.sum(1))
    assert x.sum(1, dtype=torch.float64).dtype is torch.float64
    assert x.sum(axis=1, keepdims=True).shape == (3, 1)
    assert x.sum(True).shape == (3,)
    assert x.sum((0, 1)).shape == ()


def test_without_kernels_nothing_is_learnt():
    before = settings.set_kernel_mode("off")
    try:
        x = torch.rand(3, 4)
        results = [x.sum(1) for _ in range(CALLS)]
        same(results[0], results[-1])
    finally:
        settings.set_kernel_mode(before)


def test_what_was_learnt_holds_no_tensor():
    """A table lives as long as the process; what it saw is to go."""
    x = torch.rand(30, 40)
    for _ in range(40):
        x.t(), x[3:5], x.sum(0), x.softmax(1), torch.cat([x, x]), x.flip(0)
    seen = weakref.ref(x), weakref.ref(x._a)
    del x
    gc.collect()
    assert [thing() for thing in seen] == [None, None]


def test_a_fill_value_as_large_as_a_place():
    x = torch.arange(12.0).reshape(3, 4)
    for _ in range(40):
        found = torch.nn.functional.pad(x, (1, 1), value=2.0**41)
    assert found[:, 0].tolist() == found[:, -1].tolist() == [2.0**41] * 3
    assert torch.equal(found[:, 1:-1], x)


def test_memory_that_is_gone_through_backwards():
    """Places before the first element are none that nothing comes from, whatever is in memory meanwhile."""
    x = torch.empty(0)
    for k in range(CALLS):
        x._a = np.full(30, k // (CALLS - 1), np.float32)[::-1]
        x._a[...] *= np.arange(1, 31)
        np.testing.assert_array_equal(x.roll(1, 0)._a, np.roll(x._a, 1))


FACTORIES = {
    "zeros": lambda: torch.zeros(3, 4),
    "ones": lambda: torch.ones((2,), dtype=torch.int64),
    "full": lambda: torch.full((2, 3), 7.5),
    "full_bool": lambda: torch.full((2,), True),
    "eye": lambda: torch.eye(3),
    "arange": lambda: torch.arange(7),
    "arange_float": lambda: torch.arange(0, 1, 0.25, dtype=torch.float64),
    "linspace": lambda: torch.linspace(-1, 1, 9),
    "zeros_like": lambda: torch.zeros_like(torch.rand(3, 2, requires_grad=True)),
    "ones_like": lambda: torch.ones_like(torch.rand(3, 2).t()),
}


@pytest.mark.parametrize("name", FACTORIES)
def test_learnt_constants_are_new_each_time(name):
    make = FACTORIES[name]
    expected = first_call(make)
    for _ in range(CALLS):
        made = make()
        same(made, expected)
        assert made._a.flags.writeable
        assert not made.requires_grad
        made.fill_(1) if made.dtype is not torch.bool else made.logical_not_()


def test_learnt_constants_follow_the_defaults_and_the_values_of_tensors():
    for _ in range(CALLS):
        torch.zeros(5), torch.arange(torch.tensor(4)), torch.full((2,), torch.tensor(3.0))
    try:
        torch.set_default_dtype(torch.float64)
        assert torch.zeros(5).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert torch.zeros(5).is_meta
    assert torch.arange(torch.tensor(6)).tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.full((2,), torch.tensor(5.0)).tolist() == [5.0, 5.0]
    assert torch.zeros(5, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError):
        torch.zeros(-1)


def test_a_view_is_learnt_without_reading_what_it_looks_at():
    """Its memory may be larger than what is left."""
    x = torch.zeros(1000, 1000)
    x.t()
    tracemalloc.start()
    try:
        for _ in range(CALLS):
            x.t()
        assert tracemalloc.get_traced_memory()[1] < x.nbytes // 10
    finally:
        tracemalloc.stop()
