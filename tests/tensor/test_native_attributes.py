"""Attributes in generated code: the same answers, types and errors as from the Python functions."""

import pickle

import pytest

import rushlight as rl
from rushlight.kernels import attributes
from rushlight.runtime import available, set_kernel_mode

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
ASKED = {
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "dim": lambda x: x.dim(),
    "numel": lambda x: x.numel(),
    "size": lambda x: x.size(),
    "first": lambda x: x.size(0),
    "last": lambda x: x.size(-1),
    "by name": lambda x: x.size(dim=0),
    "far": lambda x: x.size(7),
    "huge": lambda x: x.size(1 << 70),
    "text": lambda x: x.size("a"),
    "too many": lambda x: x.size(1, 2),
    "item": lambda x: x.item(),
    "item of": lambda x: x.item(0),
    "float": float,
    "int": int,
    "bool": bool,
    "lies": lambda x: x.is_contiguous(),
    "lies as": lambda x: x.is_contiguous(memory_format=rl.channels_last),
    "number": lambda x: x.is_contiguous(3),
}


class Mine(rl.Tensor):
    pass


def tensors():
    yield from (rl.rand(2, 3), rl.rand(2, 3).T, rl.rand(0, 4), rl.rand(1), rl.rand(1, 4, 5, 6))
    yield from (rl.tensor(v) for v in (3.5, -2, True, False, 0.0, float("nan"), 1 + 2j, 0j))
    for dtype in (rl.float64, rl.float16, rl.bfloat16, rl.int32, rl.int8, rl.uint8):
        yield rl.tensor(7, dtype=dtype)
    yield from (rl.nn.Parameter(rl.rand(3)), rl.rand(2, 2).as_subclass(Mine), rl.rand(2, device="meta"))
    yield from (
        rl.rand(1, requires_grad=True),
        rl.rand(4)[1],
        rl.tensor([[5]]),
        rl.rand(3)[None].expand(4, 3),
    )


def answer(ask, x):
    try:
        found = ask(x)
    except Exception as error:
        return type(error), str(error)
    return type(found), found if found == found else "nan"


@pytest.mark.parametrize("name", ASKED)
def test_the_same_answers(name):
    given = list(tensors())
    attributes.remove()
    wanted = [answer(ASKED[name], x) for x in given]
    attributes.install()
    assert type(rl.Tensor.__dict__["size"]).__name__ == "method_descriptor"
    found = [answer(ASKED[name], x) for x in given]
    assert found == wanted


def test_transforms_see_their_own_shapes():
    attributes.install()
    seen = []
    rl.func.vmap(lambda x: (seen.append((x.shape, x.dim(), x.size(0))), x * 2)[1])(rl.ones(5, 3))
    assert seen == [((3,), 1, 3)]


def test_what_programs_do_with_methods():
    attributes.install()
    x = rl.rand(2, 3)
    assert rl.Tensor.size(x) == (2, 3)
    assert list(map(rl.Tensor.dim, [x])) == [2]
    assert pickle.loads(pickle.dumps(rl.Tensor.numel))(x) == 6
    assert rl.Tensor.item.__name__ == "item"
    assert "number" in rl.Tensor.item.__doc__
    with pytest.raises(AttributeError):
        x.shape = (3, 2)
    with pytest.raises(TypeError):
        rl.Tensor.dim(3)


def test_the_mode_brings_python_back():
    attributes.install()
    before = set_kernel_mode("off")
    try:
        assert type(rl.Tensor.__dict__["size"]).__name__ == "function"
        assert rl.rand(2, 3).shape == (2, 3)
    finally:
        set_kernel_mode(before)
    assert type(rl.Tensor.__dict__["size"]).__name__ == "method_descriptor"


def test_what_somebody_else_put_there_stays(monkeypatch):
    attributes.remove()
    monkeypatch.setattr(rl.Tensor, "numel", lambda self: "mine")
    attributes.install()
    assert rl.rand(3).numel() == "mine"


@pytest.mark.parametrize("look", [lambda x: x.detach(), lambda x: x.data])
@pytest.mark.parametrize("native", [False, True])
def test_tensors_outside_of_the_graph_share_memory(look, native):
    attributes.install() if native else attributes.remove()
    w = rl.ones(3, requires_grad=True)
    for x in (w, w * 2, (w * 2)[1:], rl.nn.Parameter(rl.ones(3)), rl.arange(3)):
        seen = look(x)
        assert type(seen) is rl.Tensor
        assert (seen.requires_grad, seen.grad_fn, seen._base) == (False, None, None)
        assert seen.dtype is x.dtype
        assert seen.data_ptr() == x.data_ptr()
    y = w * 2
    product = (y * y).sum()  # saves y
    for _ in range(100):
        look(y)
    look(y).zero_()
    assert y.tolist() == [0, 0, 0]
    product.backward()
    assert w.grad.tolist() == [8, 8, 8]
    attributes.install()


def test_data_can_be_put_in_place():
    attributes.install()
    x = rl.ones(3, requires_grad=True)
    x.data = rl.arange(2.0)
    assert x.tolist() == [0, 1]
    assert x.requires_grad
    for wrong in (3, None):
        with pytest.raises(TypeError, match="has to be a tensor"):
            x.data = wrong
    with pytest.raises(TypeError, match="has to be a tensor"):
        del x.data
