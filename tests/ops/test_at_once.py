"""Operators in generated code from operands to result: what Python does for the same call, bit for bit."""

import threading

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import native
from rushlight.nn import functional as F
from rushlight.ops.operator import OPERATORS
from rushlight.runtime import available, set_kernel_mode

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")
BINARY = ["add", "sub", "mul", "true_divide", "maximum", "lt", "eq", "pow", "atan2"]
UNARY = ["relu", "exp", "neg", "sqrt", "sigmoid", "tanh", "abs", "log1p", "sign"]
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 5), (40, 60), (5000,), (70, 80), (0, 3)]


@pytest.fixture(autouse=True)
def taught():
    """Every operator here has learnt all that it can of these types."""
    set_kernel_mode("auto")
    for name in (*BINARY, *UNARY):
        for dtype in (rl.float32, rl.float64):
            for size in (3, 5000):
                x = rl.ones(size, dtype=dtype)
                for _ in range(25):
                    arguments = [(x,)] if name in UNARY else [(x, x), (x, 2.0), (x, 0.5)]
                    for given in arguments:
                        OPERATORS[name].lenient(*given)
    return None


def by_python(name, *arguments):
    """The call as it is done where nothing has been learnt."""
    op = OPERATORS[name]
    words = op.at_once.table.words
    before = words[0]
    words[0] = 0
    try:
        return op.lenient(*arguments)
    finally:
        words[0] = before


def lying(x, draw):
    """The same values with some strides."""
    way = draw.integers(0, 5)
    if way == 1 and x.ndim > 1:
        return np.asfortranarray(x)
    if way == 2 and x.ndim:
        return np.repeat(x, 2, -1)[..., ::2]
    if way == 3 and x.ndim:
        return x[..., ::-1]
    return x.copy()


def tensor(x):
    t = rl.empty(0, dtype=rl.float32 if x.dtype == "f4" else rl.float64)
    t._a = x
    return t


def same(found, wanted):
    assert type(found) is rl.Tensor
    assert found.dtype is wanted.dtype
    assert found.shape == wanted.shape
    long = [d for d, n in enumerate(wanted.shape) if n > 1]  # other strides mean nothing
    assert [found.stride(d) for d in long] == [wanted.stride(d) for d in long] or found.numel() < 2
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())


@pytest.mark.parametrize("seed", range(150))
def test_any_operands(seed):
    draw = np.random.default_rng(seed)
    dtype = draw.choice(["f4", "f8"])
    shape = SHAPES[draw.integers(0, len(SHAPES))]
    x = tensor(lying(draw.standard_normal(shape).astype(dtype), draw))
    other = tuple(n if draw.random() < 0.7 else 1 for n in shape)[int(draw.integers(0, len(shape) + 1)) :]
    y = tensor(lying(draw.standard_normal(other).astype(dtype), draw))
    for name in UNARY:
        same(OPERATORS[name].lenient(x), by_python(name, x))
    for name in BINARY:
        for given in ((x, y), (y, x), (x, 2.0), (x, 3), (0.5, x), (x, x)):
            same(OPERATORS[name].lenient(*given), by_python(name, *given))


def test_builtins_do_the_work():
    """The tests above compare generated code with Python, not Python with itself."""
    x = rl.ones(4)
    for name in (*BINARY, *UNARY):
        given = (x,) if name in UNARY else (x, x)
        assert isinstance(OPERATORS[name].at_once.run(*given), rl.Tensor), name


@pytest.mark.parametrize("given", ["types", "shapes", "object", "bool", "complex"])
def test_what_is_unusual_is_left_to_python(given):
    run, x = OPERATORS["add"].at_once.run, rl.ones(4)
    others = {
        "types": rl.ones(4, dtype=rl.float64),
        "shapes": rl.ones(3),
        "object": "x",
        "bool": True,
        "complex": 1j,
    }
    assert run(x, others[given]) is None


def test_errors_are_those_of_python():
    with pytest.raises(RuntimeError, match="must match the size"):
        rl.ones(4) + rl.ones(3)
    with pytest.raises(TypeError):
        rl.ones(4) + "x"
    with pytest.raises(OverflowError):
        rl.ones(4) + 10**400


def test_gradients():
    for start in (None, native.start):
        if start is not None:
            start()
        for n in (4, 6000):
            x, y = (rl.rand(n, requires_grad=True) for _ in range(2))
            for _ in range(30):
                x.grad = y.grad = None
                z = F.relu(rl.sigmoid(x * y + x) - 0.5) * 2
                z.sum().backward()
            s = 1 / (1 + np.exp(-(x * y + x).detach().numpy()))
            slope = 2 * s * (1 - s) * (s > 0.5)
            np.testing.assert_allclose(x.grad.numpy(), slope * (y.detach().numpy() + 1), rtol=1e-4)
            np.testing.assert_allclose(y.grad.numpy(), slope * x.detach().numpy(), rtol=1e-4)
            assert z.grad_fn.name() == "MulBackward0"
            with rl.no_grad():
                assert not (x + y).requires_grad


def test_double_backward():
    x = rl.rand(5, dtype=rl.float64, requires_grad=True)
    (g,) = rl.autograd.grad((x.exp() * x).sum(), x, create_graph=True)
    (h,) = rl.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), ((2 + x) * x.exp()).detach().numpy())


class TestEdits:
    def test_the_memory_is_its_own(self):
        x, y = rl.ones(5), rl.ones(5)
        for _ in range(3):
            place, version = x.data_ptr(), x._version
            assert x.add_(y) is x
            assert x.data_ptr() == place
            assert x._version == version + 1
        assert x.tolist() == [4.0] * 5

    def test_broadcasts(self):
        x = rl.ones(3, 4)
        x += rl.arange(4.0)
        x.mul_(rl.tensor([[1.0], [2.0], [3.0]]))
        assert x[2].tolist() == [3.0, 6.0, 9.0, 12.0]
        with pytest.raises(RuntimeError, match="shape"):
            rl.ones(4).add_(rl.ones(3, 4))

    def test_what_a_graph_has_saved_stays(self):
        w = rl.ones(3, requires_grad=True)
        x = rl.ones(3) * 2
        y = w * x
        x.add_(5.0)
        y.sum().backward()
        assert w.grad.tolist() == [2.0] * 3
        z = w.exp()
        with rl.no_grad():
            z.mul_(0.0)
        assert z.tolist() == [0.0] * 3

    def test_views_see_it(self):
        x = rl.zeros(4)
        view = x[1:3]
        x.add_(1.0)
        view.mul_(5.0)
        assert x.tolist() == [1.0, 5.0, 5.0, 1.0]
        array = x.numpy()
        x.add_(1.0)
        assert array.tolist() == [2.0, 6.0, 6.0, 2.0]

    def test_leaves_and_types_are_refused(self):
        with pytest.raises(RuntimeError, match="leaf"):
            rl.ones(3, requires_grad=True).add_(1.0)
        with pytest.raises(RuntimeError, match="can't be cast"):
            rl.ones(3, dtype=rl.int64).add_(0.5)

    def test_in_the_graph(self):
        x = rl.ones(3, requires_grad=True)
        y = x * 2
        y.add_(1.0)
        y.mul_(3.0)
        y.sum().backward()
        assert x.grad.tolist() == [6.0] * 3

    def test_out(self):
        out, x = rl.zeros(4), rl.ones(4)
        place = out.data_ptr()
        assert rl.add(x, x, out=out) is out
        assert out.data_ptr() == place
        assert out.tolist() == [2.0] * 4
        assert rl.add(x, x, alpha=3, out=out).tolist() == [4.0] * 4


def test_modes_and_subclasses_step_in():
    class Mine(rl.Tensor):
        pass

    x = rl.ones(3)
    mine = x.as_subclass(Mine)
    assert type(mine + x) is Mine
    assert type(mine.add_(x)) is Mine
    assert rl.func.vmap(lambda a: a * 2 + a)(rl.ones(2, 3)).tolist() == [[3.0] * 3] * 2
    assert rl.func.grad(lambda a: (a * a).sum())(rl.ones(3)).tolist() == [2.0] * 3


def test_the_kernel_mode_is_asked_again():
    before = set_kernel_mode("off")
    try:
        x = rl.ones(4)
        assert (x + x).tolist() == [2.0] * 4
        assert OPERATORS["add"].at_once.run(x, x) is None
    finally:
        set_kernel_mode(before)


def test_many_threads():
    wrong = []

    def work(seed):
        draw = np.random.default_rng(seed)
        for _ in range(300):
            x = rl.tensor(draw.standard_normal(int(draw.integers(1, 9000))))
            with rl.set_grad_enabled(seed % 2 == 0):
                y = (x.requires_grad_() * 2 + 1).relu_()
            if y.requires_grad != (seed % 2 == 0) or not np.array_equal(
                y.detach().numpy(), np.maximum(x.detach().numpy() * 2 + 1, 0)
            ):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


STEPS = {
    "where": lambda c, x, y, i: rl.where(c, x, y),
    "where number": lambda c, x, y, i: rl.where(c, x, 0.5),
    "clamp": lambda c, x, y, i: x.clamp(-0.5, 0.5),
    "clamp min": lambda c, x, y, i: x.clamp(min=0.1),
    "clamp max": lambda c, x, y, i: x.clamp(max=1),
    "mixed": lambda c, x, y, i: i * x,
    "mask": lambda c, x, y, i: x * c,
    "compared": lambda c, x, y, i: x > i,
    "float": lambda c, x, y, i: i.float(),
    "double": lambda c, x, y, i: x.to(rl.float64),
    "int": lambda c, x, y, i: x.int(),
    "truth": lambda c, x, y, i: x.bool(),
    "from bool": lambda c, x, y, i: c.long(),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_takes_several_steps_is_learnt(name):
    call, draw = STEPS[name], np.random.default_rng(3)
    for shape in [(7,), (3, 4), (90, 80), ()]:
        values = draw.standard_normal(shape).astype("f4")
        if shape == (7,) and name != "int":
            values[:3] = np.nan, np.inf, -0.0
        x, y = rl.tensor(values), rl.tensor(draw.standard_normal(shape).astype("f4"))
        c, i = y > 0, (y * 10).long()
        before = set_kernel_mode("off")
        wanted = call(c, x, y, i)
        set_kernel_mode(before)
        for _ in range(25):
            same(call(c, x, y, i), wanted)
        z = x.clone().requires_grad_()
        result = call(c, z, y, i)
        assert result.requires_grad == (result.dtype.is_floating_point and name != "float")
        if result.requires_grad:
            result.sum().backward()


def test_types_that_depend_on_the_default_are_asked_each_time():
    i = rl.arange(4)
    for _ in range(30):
        assert (i + 0.5).dtype is rl.float32
        assert i.sqrt().dtype is rl.float32
    rl.set_default_dtype(rl.float64)
    try:
        assert (i + 0.5).dtype is rl.float64
        assert i.sqrt().dtype is rl.float64
    finally:
        rl.set_default_dtype(rl.float32)


@pytest.mark.parametrize("mode", ["auto", "force"])
def test_what_rules_may_give_users_may_not(mode):
    before = set_kernel_mode(mode)
    try:
        x = rl.ones(5)
        for _ in range(30):
            OPERATORS["maximum"].lenient(x, 2.0)
        with pytest.raises(TypeError, match="must be Tensor"):
            rl.maximum(x, 2.0)
    finally:
        set_kernel_mode(before)


TYPES = [rl.bool, rl.uint8, rl.int32, rl.int64, rl.float32, rl.float64]
RANKS = [((3,), ()), ((), (3,)), ((), ()), ((3,), (3,))]


@pytest.mark.parametrize("first", TYPES)
def test_types_that_depend_on_dimensions_are_those_of_the_operands(first):
    """What was learnt of a tensor without dimensions is not for those with some."""
    for second in TYPES:
        for one, other in RANKS:
            x, y = rl.ones(one, dtype=first), rl.full(other, 3, dtype=second)
            wanted = rl.result_type(x, y)
            for _ in range(25):
                found = x * y
                assert found.dtype is wanted, (first, second, one, other)
            assert found.flatten().tolist() == [3] * found.numel() if second is not rl.bool else True


@pytest.mark.parametrize("number", [1, -7, 2**31 - 1, -(2**31), 2**31 + 5, -(2**40)])
def test_whole_numbers_of_32_bits_wrap_round_as_before_they_were_learnt(number):
    x = rl.tensor([0, 1, -1, 2**31 - 1, -(2**31)], dtype=rl.int32)
    for call in (lambda: x + number, lambda: number - x, lambda: x * number, lambda: x > number):
        before = set_kernel_mode("off")
        wanted = call()
        set_kernel_mode(before)
        for _ in range(25):
            same(call(), wanted)
