"""`torch.func`: derivatives, nested in any order, against PyTorch's and against formulas."""

# tables have a line for each case; short functions are there to be transformed; and count calls
# ruff: noqa: E501, E731, RUF012

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import Function
from rushlight.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    stack_module_state,
    vjp,
    vmap,
)

F64 = {"dtype": torch.float64}


def randn(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape))


def energy(x):
    return (x**3).sum() + (x.sin() * x.flip(0)).sum()


def close(a, b, **tolerance):
    np.testing.assert_allclose(
        a.detach().numpy(), b.detach().numpy(), **{"rtol": 1e-9, "atol": 1e-12, **tolerance}
    )


# ---- grad and its arguments


def test_grad_of_a_nest_of_arguments():
    Pair = namedtuple("Pair", "left right")

    def f(params, k, scale=1.0):
        return (params["a"] * params["b"][0]).sum() * scale + params["c"].left * k

    params = OrderedDict(a=randn(3), b=[randn(3)], c=Pair(torch.tensor(2.0, **F64), torch.tensor(1.0, **F64)))
    found = grad(f)(params, 5.0, scale=2.0)
    assert list(found) == ["a", "b", "c"]
    assert type(found["c"]) is Pair
    close(found["a"], params["b"][0] * 2)
    assert found["c"].left.item() == 5.0
    assert found["c"].right.item() == 0.0


def test_argnums_value_and_aux():
    x, y = randn(3), randn(3, seed=1)
    f = lambda x, y: ((x * y * y).sum(), {"sum": x + y})
    (gx, gy), (value, aux) = grad_and_value(f, argnums=(0, -1), has_aux=True)(x, y)
    close(gx, y * y)
    close(gy, 2 * x * y)
    assert value.item() == pytest.approx((x * y * y).sum().item())
    assert not aux["sum"].requires_grad
    assert not value.requires_grad
    assert not gx.requires_grad
    gradient, aux = grad(f, has_aux=True)(x, y)
    close(gradient, gx)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: grad(lambda x: x)(x), "scalar tensor"),
        (lambda x: grad(lambda x: 3.0)(x), "return a tensor"),
        (lambda x: grad(energy, argnums=2)(x), "argnum=2"),
        (lambda x: grad(lambda x, y: x.sum(), argnums=(0, 0))(x, x), "unique"),
        (lambda x: grad(lambda x: x.sum(), argnums=())(x), "at least one"),
        (lambda x: grad(lambda x: x.sum())(x.long()), "floating point"),
        (lambda x: grad(lambda x: x.sum() * 1j)(x), "real number"),
        (lambda x: grad(lambda x: x.sum(), has_aux=True)(x), "tuple"),
        (lambda x: vjp(lambda x: 3, x), "only return tensors"),
        (lambda x: vjp(lambda x: (x, x), x)[1](x), "structure"),
        (lambda x: vjp(lambda x: x, x)[1](x[:1]), "shape"),
        (lambda x: jvp(energy, x, x), "tuple"),
        (lambda x: jvp(energy, (), ()), "empty"),
        (lambda x: jvp(energy, (x,), (x, x)), "structure"),
        (lambda x: jvp(energy, (x,), (x[:1],)), "must agree"),
        (lambda x: jvp(lambda x: 3, (x,), (x,)), "only return tensors"),
        (lambda x: jvp(lambda y: x, (x,), (x,), strict=True), "independent"),
        (lambda x: jacrev(lambda x: 3)(x), "Tensors"),
    ],
)  # fmt: skip
def test_mistakes_are_explained(call, says):
    with pytest.raises(RuntimeError, match=says):
        call(randn(3))


def test_what_is_no_tensor_cannot_be_differentiated():
    with pytest.raises(ValueError, match="only Tensors"):
        grad(lambda x: x)(3.0)
    with pytest.raises(ValueError, match="chunk_size"):
        jacrev(energy, chunk_size=0)


def test_an_argument_that_is_not_used_has_a_zero_gradient():
    x, y = randn(3), randn(2)
    assert grad(lambda x, y: x.sum(), argnums=1)(x, y).tolist() == [0.0, 0.0]
    assert jacrev(lambda x, y: x * 2, argnums=1)(x, y).tolist() == [[0.0, 0.0]] * 3
    assert grad(lambda x: torch.ones((), **F64))(x).tolist() == [0.0] * 3
    assert jvp(lambda v: x * 1, (y,), (y,))[1].tolist() == [0.0] * 3


# ---- together with the ordinary graph


def test_results_join_the_graph_outside():
    x = randn(3).requires_grad_()
    w = randn(3, seed=1).requires_grad_()
    gradient = grad(lambda x: (x**2 * w).sum())(x)
    gw, gx = torch.autograd.grad(gradient.sum(), [w, x])
    close(gw, 2 * x)
    close(gx, 2 * w)
    value, back = vjp(lambda x: x**2 * w, x)
    (again,) = torch.autograd.grad(value.sum(), w, retain_graph=True)
    close(again, x**2)
    close(torch.autograd.grad(back(w)[0].sum(), x)[0], 2 * w * w)


def test_no_grad_outside_does_not_matter_and_inside_it_does():
    x = randn(3).requires_grad_()
    with torch.no_grad():
        gradient = grad(lambda x: (x**2).sum())(x)
    assert not gradient.requires_grad
    close(gradient, 2 * x)

    def half(x):
        with torch.no_grad():
            c = x * 2
        return (x * c).sum()

    close(grad(half)(x.detach()), 2 * x)
    close(vmap(grad(half))(x.detach().unsqueeze(0))[0], 2 * x)


def test_edits_in_place_inside_of_a_function():
    def f(x):
        y = x * 2
        y[0] = y[1] * 3
        y.mul_(x)
        return y.sum()

    x = randn(3)
    expected = grad(lambda x: (torch.stack([x[1] * 6, x[1] * 2, x[2] * 2]) * x).sum())(x)
    close(grad(f)(x), expected)

    def g(x):
        y = x * 2
        z = y * y
        y.add_(1)
        return (z * y).sum()

    expected = grad(lambda x: (4 * x * x * (2 * x + 1)).sum())(x)
    close(grad(g)(x), expected)
    close(vmap(grad(g))(torch.stack([x, x]))[1], expected)
    close(jvp(g, (x,), (torch.ones(3, **F64),))[1], expected.sum())


def test_edits_in_place_that_cannot_be_followed_are_refused():
    x = randn(2, 3)

    def into_a_view(x):
        y = x * 2
        y[0:1].mul_(2)
        return y.sum()

    with pytest.raises(NotImplementedError, match="view"):
        vmap(grad(into_a_view))(x)
    with pytest.raises(NotImplementedError, match="input"):
        vmap(grad(lambda x: x.mul_(2).sum()))(x.clone())
    with pytest.raises(RuntimeError, match="does not follow"):
        vmap(lambda x: torch.zeros(3, **F64).add_(x))(x)
    with pytest.raises(RuntimeError, match="does not follow"):
        jvp(lambda x: torch.zeros(2, 3, **F64).copy_(x), (x,), (x,))
    with pytest.raises(NotImplementedError, match="stack"):
        vmap(grad(lambda x: (x * 1).__setitem__(0, 3.0)))(x)


def test_forward_mode_follows_edits_through_views():
    def f(x):
        y = x * x
        row = y[0]
        row.mul_(3)
        y.t()[0].add_(x[:, 1])
        return y

    x, t = randn(2, 2), randn(2, 2, seed=1)
    g = lambda x: (
        torch.stack([x[0] * x[0] * 3, x[1] * x[1]]) + torch.stack([x[:, 1], torch.zeros(2, **F64)], 1)
    )
    for a, b in zip(jvp(f, (x,), (t,)), jvp(g, (x,), (t,))):
        close(a, b)


# ---- forward mode


def test_jvp_and_linearize_and_aux():
    x, t = randn(3), randn(3, seed=1)
    value, tangent, aux = jvp(lambda x: (x.exp(), x * 2), (x,), (t,), has_aux=True)
    close(value, x.exp())
    close(tangent, x.exp() * t)
    close(aux, x * 2)
    value, push = linearize(lambda x, y: (x * y, x.sum()), x, t)
    a, b = push(t, x)
    close(a, t * t + x * x)
    close(b, t.sum())


def test_forward_ad_module():
    import rushlight.autograd.forward_ad as fwAD

    x, t = randn(3), randn(3, seed=1)
    with fwAD.dual_level():
        y = fwAD.make_dual(x, t).exp()
        primal, tangent = fwAD.unpack_dual(y)
        assert fwAD.unpack_dual(x).tangent is None
        with pytest.raises(RuntimeError, match="already open"):
            fwAD.enter_dual_level()
        with pytest.raises(RuntimeError, match="different size"):
            fwAD.make_dual(x, t[:1])
        with pytest.raises(RuntimeError, match="one type"):
            fwAD.make_dual(x, t.float())
        with pytest.raises(ValueError, match="floating point"):
            fwAD.make_dual(x.long(), t.long())
        with pytest.raises(TypeError, match="Tensor"):
            fwAD.make_dual(x, 1.0)
        assert f"{y.sum():.3f}" == f"{x.exp().sum().item():.3f}"
        assert "Dual" in repr(y)
        assert y.sum().item() == pytest.approx(float(y.sum()))
    close(primal, x.exp())
    close(tangent, x.exp() * t)
    assert fwAD.unpack_dual(x).tangent is None
    with pytest.raises(RuntimeError, match="outside"):
        fwAD.make_dual(x, t)
    with pytest.raises(RuntimeError, match="not entered"):
        fwAD.exit_dual_level()


def test_tangents_can_be_differentiated_backward():
    x = randn(3).requires_grad_()
    _, tangent = jvp(lambda x: x**3, (x,), (torch.ones(3, **F64),))
    (g,) = torch.autograd.grad(tangent.sum(), x)
    close(g, 6 * x)


def test_complex_derivatives_forward():
    z = torch.tensor([1 + 2j, 0.5 - 1j])
    t = torch.tensor([1j, 2 - 1j])
    _, tangent = jvp(lambda z: z * z.exp(), (z,), (t,))
    close(tangent, (z + 1) * z.exp() * t, rtol=1e-5)
    _, size = jvp(lambda z: z.abs(), (z,), (t,))
    close(size, (z.conj() * t).real / z.abs(), rtol=1e-5)


# ---- nests

NESTS = {
    "grad grad": lambda F, f: F.grad(lambda x: F.grad(f)(x).pow(2).sum()),
    "jacfwd jacrev": lambda F, f: F.jacfwd(F.jacrev(f)),
    "jacrev jacfwd": lambda F, f: F.jacrev(F.jacfwd(f)),
    "jacfwd jacfwd": lambda F, f: F.jacfwd(F.jacfwd(f)),
    "jacrev jacrev": lambda F, f: F.jacrev(F.jacrev(f)),
    "hessian": lambda F, f: F.hessian(f),
    "third": lambda F, f: F.jacfwd(F.jacfwd(F.grad(f))),
    "jvp of grad": lambda F, f: lambda x: F.jvp(F.grad(f), (x,), (x * 2,))[1],
    "grad of jvp": lambda F, f: F.grad(lambda x: F.jvp(f, (x,), (x * 2,))[1]),
    "jvp of jvp": lambda F, f: lambda x: F.jvp(lambda y: F.jvp(f, (y,), (x,))[1], (x,), (x * x,))[1],
    "vjp of vjp": lambda F, f: lambda x: F.vjp(lambda y: F.vjp(f, y)[1](y.sum())[0], x)[1](x)[0],
    "vmap hessian": lambda F, f: lambda x: F.vmap(F.hessian(f))(x.reshape(2, -1)),
    "vmap grad in one argument": lambda F, f: (
        lambda x: F.vmap(F.grad(lambda v, w: f(v * w)), in_dims=(None, 0))(x, x.expand(3, -1))
    ),
    "grad vmap grad": lambda F, f: F.grad(lambda x: F.vmap(F.grad(f))(x.reshape(2, -1)).pow(2).sum()),
    "vmap vmap grad": lambda F, f: lambda x: F.vmap(F.vmap(F.grad(f)))(x.reshape(2, 1, -1)),
    "vmap jvp": lambda F, f: lambda x: F.vmap(lambda t: F.jvp(f, (x,), (t,))[1])(x.expand(3, -1)),
    "jvp vmap": lambda F, f: lambda x: F.jvp(F.vmap(f), (x.reshape(2, -1),), (x.reshape(2, -1),))[1],
    "jacrev vmap": lambda F, f: lambda x: F.jacrev(F.vmap(f))(x.reshape(2, -1)),
    "jacfwd vmap grad": lambda F, f: lambda x: F.jacfwd(F.vmap(F.grad(f)))(x.reshape(2, -1)),
    "vmap jacfwd jacrev": lambda F, f: lambda x: F.vmap(F.jacfwd(F.jacrev(f)))(x.reshape(2, -1)),
}


def mix(lib):
    """A function of many families: products, reductions, selection, views, softmax, where."""

    def f(x):
        a = x.unsqueeze(-1) * x.sin()
        b = (a @ x.exp()) / (1 + (x * x).sum())
        c = lib.softmax(a, dim=-1).amax(0) + a.cumsum(0)[-1] + lib.where(x > 0, x, x * 0.1)
        d = lib.cat([b, c]).reshape(2, -1).t().flatten()
        return (
            (d * d[lib.tensor([1, 0, 1, 0])].sum()).logsumexp(0)
            + a.diagonal().pow(3).sum()
            + lib.stack([x, b], 1).std()
        )

    return f


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
@pytest.mark.parametrize("name", NESTS)
def test_nests_agree_with_pytorch(name):
    oracle = pytest.importorskip("torch")
    x = np.random.default_rng(3).standard_normal(4)
    f, g = mix(torch), mix(oracle)
    expected = NESTS[name](oracle.func, g)(oracle.tensor(x))
    found = NESTS[name](torch.func, f)(torch.tensor(x))
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    "name", ["grad grad", "jacfwd jacrev", "jacfwd jacfwd", "hessian", "jvp of grad", "grad of jvp"]
)
def test_nests_agree_with_each_other_without_pytorch(name):
    x = randn(4)
    f = lambda x: (x**4).sum()
    h = torch.diag(12 * x**2)
    expected = {
        "grad grad": 2 * h @ (4 * x**3),
        "jvp of grad": h @ (2 * x),
        "grad of jvp": h @ (2 * x) + 8 * x**3,
    }.get(name, h)
    close(NESTS[name](torch.func, f)(x), expected)


def test_gradients_for_each_sample():
    w, b = randn(3, 2), randn(3)
    xs, ts = randn(5, 2, seed=1), randn(5, 3, seed=2)

    def loss(params, x, t):
        w, b = params
        return ((torch.tanh(x @ w.t() + b) - t) ** 2).sum()

    together = vmap(grad(loss), in_dims=(None, 0, 0))((w, b), xs, ts)
    for k in range(5):
        one = grad(loss)((w, b), xs[k], ts[k])
        close(together[0][k], one[0])
        close(together[1][k], one[1])


def test_chunks_of_a_jacobian():
    x = randn(5)
    f = lambda x: (x.sin() * x.sum(), x[:2])
    whole, parts = jacrev(f)(x), jacrev(f, chunk_size=2)(x)
    for a, b in zip(whole, parts):
        close(a, b)
    close(jacfwd(f, chunk_size=3)(x)[0], whole[0])
    jac, aux = jacrev(lambda x: (x * 2, x + 1), has_aux=True)(x)
    close(aux, x + 1)
    jac2, aux2 = jacfwd(lambda x: (x * 2, x + 1), has_aux=True)(x)
    close(jac, jac2)
    close(aux2, x + 1)
    both = jacrev(lambda x, y: x * y, argnums=(0, 1))(x, x * 2)
    forward = jacfwd(lambda x, y: x * y, argnums=(0, 1))(x, x * 2)
    close(both[1], forward[1])
    nested = hessian(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(x, x * 2)
    close(nested[0][1], torch.diag(4 * x))


# ---- Functions of the user's own


class Cube(Function):
    """With everything that a Function may have."""

    calls = []

    @staticmethod
    def forward(x):
        return x**3, x.detach() * 0

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, g, _):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x

    @staticmethod
    def jvp(ctx, t):
        Cube.calls.append("jvp")
        (x,) = ctx.saved_tensors
        return 3 * x * x * t, None

    @staticmethod
    def vmap(info, in_dims, x):
        Cube.calls.append(("vmap", info.batch_size, in_dims, info.randomness))
        return Cube.apply(x.movedim(in_dims[0], 0)), (0, 0)


def cube(x):
    return Cube.apply(x)[0]


def test_function_with_its_own_rules():
    x = randn(3)
    Cube.calls.clear()
    _, tangent = jvp(cube, (x,), (torch.ones(3, **F64),))
    close(tangent, 3 * x * x)
    close(vmap(cube, in_dims=0)(x), x**3)
    assert Cube.calls == ["jvp", ("vmap", 3, (0,), "error")]
    close(vmap(grad(cube))(x), 3 * x * x)
    close(vmap(grad(grad(cube)))(x), 6 * x)
    close(grad(lambda x: vmap(cube)(x).sum())(x), 3 * x * x)
    close(jacfwd(grad(lambda x: cube(x).sum()))(x), torch.diag(6 * x))


class Twice(Function):
    """Written in the older style, with ctx in forward."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x * factor

    @staticmethod
    def backward(ctx, g):
        return g * 2 * ctx.saved_tensors[0] * ctx.factor, None


def test_function_in_the_older_style():
    x = randn(3)
    f = lambda x: Twice.apply(x, 3.0)
    close(grad(lambda x: f(x).sum())(x), 6 * x)
    close(vmap(f)(x), 3 * x * x)
    close(jvp(f, (x,), (x,))[1], 6 * x * x)
    with pytest.raises(RuntimeError, match="setup_context"):
        vmap(grad(f))(x)


def test_a_vmap_method_must_return_pairs():
    class Wrong(Cube):
        @staticmethod
        def vmap(info, in_dims, x):
            return x

    with pytest.raises(RuntimeError, match="outputs, out_dims"):
        vmap(lambda x: Wrong.apply(x)[0])(randn(3))


# ---- what is refused inside of transforms


def test_ordinary_backward_is_refused_inside():
    x = randn(3)
    with pytest.raises(RuntimeError, match=r"requires_grad_\(\) was called inside"):
        vmap(lambda x: x.requires_grad_())(x)
    with pytest.raises(RuntimeError, match="backward"):
        vmap(grad(lambda x: (x * x).backward()))(x)
    with pytest.raises(RuntimeError, match="pickled"):
        vmap(lambda x: __import__("pickle").dumps(x))(x)
    y = x.clone().requires_grad_()
    z = (y * y).sum()
    with pytest.raises(RuntimeError, match="inside a function transform"):
        vmap(lambda g: torch.autograd.backward(z, g))(torch.ones(2, **F64))


def test_detach_inside_of_transforms():
    x = randn(3)
    close(grad(lambda x: (x * x.detach()).sum())(x), x)
    close(vmap(grad(lambda x: x * x.detach()))(x), x)
    close(vmap(grad(lambda x: x * x.data))(x), x)
    close(jvp(lambda x: x * x.detach(), (x,), (torch.ones(3, **F64),))[1], x)


# ---- modules


class Affine:
    """What functional_call needs of a module."""

    training = True

    def __init__(self, w, b):
        self._parameters = {"w": w, "b": b}
        self._buffers = {"calls": torch.zeros(())}
        self._modules = {}

    def named_parameters(self):
        return self._parameters.items()

    def named_buffers(self):
        return self._buffers.items()

    def __call__(self, x, scale=1.0):
        self._buffers["calls"] = self._buffers["calls"] + 1
        return (x @ self._parameters["w"] + self._parameters["b"]) * scale


class Outer(Affine):
    def __init__(self, inner):
        self._parameters, self._buffers, self._modules = (
            {"tied": inner._parameters["w"]},
            {},
            {"inner": inner, "none": None},
        )

    def __call__(self, x):
        return self._modules["inner"](x) + self._parameters["tied"].sum()


def test_functional_call_swaps_and_restores():
    w, b = randn(2, 3).requires_grad_(), randn(3)
    module = Affine(w, b)
    x = randn(2)
    new = {"w": torch.ones(2, 3, **F64), "calls": torch.ones(())}
    close(functional_call(module, new, (x,), {"scale": 2.0}), (x.sum() + b) * 2)
    assert module._parameters["w"] is w
    assert module._buffers["calls"].item() == 0
    assert new["calls"].item() == 2
    close(functional_call(module, [{"w": new["w"]}, {"b": b * 0}], x), x.sum().expand(3))
    with pytest.raises(KeyError, match="no parameter or buffer"):
        functional_call(module, {"other": w}, x)
    with pytest.raises(RuntimeError, match="Missing key"):
        functional_call(module, {"w": w}, x, strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(module, [{"w": w}, {"w": w}], x)
    with pytest.raises(ValueError, match="dict"):
        functional_call(module, 3, x)


def test_functional_call_keeps_tied_parameters_tied():
    inner = Affine(randn(2, 3), randn(3))
    outer, x, zeros = Outer(inner), randn(2), torch.zeros(2, 3, **F64)
    close(functional_call(outer, {"inner.w": zeros}, x), inner._parameters["b"])
    loose = functional_call(outer, {"inner.w": zeros}, x, tie_weights=False)
    close(loose, inner._parameters["b"] + outer._parameters["tied"].sum())
    with pytest.raises(ValueError, match="tied"):
        functional_call(outer, {"inner.w": zeros, "tied": zeros + 1}, x)


def test_an_ensemble_of_modules():
    models = [Affine(randn(2, 3, seed=k).requires_grad_(), randn(3, seed=k)) for k in range(3)]
    params, buffers = stack_module_state(models)
    assert params["w"].shape == (3, 2, 3)
    assert params["w"].requires_grad
    assert not params["b"].requires_grad
    x = randn(2)
    together = vmap(lambda p, b: functional_call(models[0], (p, b), x))(params, buffers)
    for k, m in enumerate(models):
        close(together[k], m(x))
    with pytest.raises(RuntimeError, match="at least one"):
        stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        stack_module_state([models[0], Outer(models[0])])
    models[0].training = False
    with pytest.raises(RuntimeError, match="training"):
        stack_module_state(models)


@pytest.mark.parametrize("values", [(1.5, -2.0, 3.0), (1.5, 0.0, 3.0), (0.0, 0.0, 3.0)])
def test_products_with_zeros_inside_of_a_batch(values):
    x = torch.tensor([values, (2.0, 3.0, -1.0)], **F64)
    a, b, c = x.unbind(1)
    expected = torch.stack([b * c, a * c, a * b], 1)
    close(vmap(grad(torch.prod))(x), expected)
    close(vmap(lambda v: jvp(torch.prod, (v,), (torch.ones(3, **F64),))[1])(x), expected.sum(1))
    close(vmap(hessian(torch.prod))(x)[:, 0, 1], c)


# ---- half precision, bodies without rules, values, subclasses


@pytest.mark.parametrize("dt", [torch.bfloat16, torch.float16])
def test_half_precision_inside_of_nests(dt):
    x = randn(2, 4).to(dt)
    f = lambda x: (x.sin() * x.softmax(0)).sum() + x.logsumexp(0)
    found = vmap(grad(f))(x)
    assert found.dtype is dt
    np.testing.assert_allclose(found.float().numpy(), vmap(grad(f))(x.double()).numpy(), atol=3e-2)
    assert jvp(f, (x[0],), (x[1],))[1].dtype is dt


def test_operators_that_are_differentiated_through_their_body():
    x = randn(3, 4)
    f = lambda x: (
        torch.einsum("i,i->", x, x)
        + x.diff().sum()
        + torch.nn.functional.bilinear(x, x, torch.ones(1, 4, 4, **F64)).sum()
    )
    close(vmap(grad(f))(x), torch.stack([grad(f)(row) for row in x]))
    close(vmap(lambda r: jvp(f, (r,), (r,))[1])(x), torch.stack([jvp(f, (r,), (r,))[1] for r in x]))


def test_lists_and_several_results_inside_of_nests():
    x = randn(2, 4)

    def f(x):
        values, _ = torch.cat([x, x * x]).sort()
        top = torch.stack([values, values.exp()]).max(0)
        low, high = x.aminmax()
        return top.values.sum() + top.indices.sum() * 0 + low * high + x.unbind(0)[1]

    close(vmap(grad(f))(x), torch.stack([grad(f)(row) for row in x]))
    close(jvp(f, (x[0],), (x[1],))[1], (grad(f)(x[0]) * x[1]).sum())
    q = lambda m: torch.linalg.qr(m).R.abs().sum() + torch.linalg.slogdet(m)[1]
    m = randn(2, 3, 3)
    close(vmap(grad(q))(m), torch.stack([grad(q)(one) for one in m]))


def test_values_can_be_read_where_there_are_any():
    seen = {}

    def f(x):
        y = x * x
        seen.update(
            item=y[0].item(), list=y.tolist(), array=y.detach().numpy().tolist(), float=float(y[0]), int=int(y[0]), bool=bool(y[0] > 0),
            complex=complex(y[0]), copied=np.asarray(y.detach()).tolist(), shown=repr(y), text=f"{y[0]:.1f}", picked=[10, 20][(y[0] * 0).long()],
            followed=y.requires_grad,
        )  # fmt: skip
        return y.sum() if y.sum() > 0 else -y.sum()

    jvp(f, (torch.tensor([2.0, 3.0]),), (torch.ones(2),))
    assert seen["item"] == seen["float"] == 4.0
    assert seen["int"] == 4
    assert seen["bool"]
    assert seen["complex"] == 4 + 0j
    assert seen["list"] == seen["array"] == seen["copied"] == [4.0, 9.0]
    assert seen["text"] == "4.0"
    assert seen["picked"] == 10
    assert "Dual(level=1" in seen["shown"]
    assert not seen["followed"]


def test_copies_inside():
    import copy

    close(
        jvp(lambda x: copy.deepcopy(x) * 2, (randn(2),), (torch.ones(2, **F64),))[1],
        torch.full((2,), 2.0, **F64),
    )
    close(
        jvp(lambda x: (x * 1).copy_(3.0) + x, (randn(2),), (torch.ones(2, **F64),))[1], torch.ones(2, **F64)
    )
    with pytest.raises(RuntimeError, match="has shape"):
        jvp(lambda x: (x * 1).add_(torch.ones(3, 2, **F64)), (randn(2),), (randn(2),))


def test_a_parameter_and_a_subclass_of_the_users_take_part():
    class Named(torch.Tensor):
        pass

    w = torch.nn.Parameter(randn(3))
    x = randn(2, 3)
    close(vmap(lambda x: x * w)(x), x * w)
    named = randn(3).as_subclass(Named)
    close(vmap(lambda x: (x * named).sum())(x), (x * named).sum(1))


def test_modes_see_operators_before_transforms_do():
    from rushlight.ops.intercept import interceptors

    seen = []

    def mode(op, call, values):
        seen.append(op.name)
        return (True, values[0]) if op.name == "neg" else (False, None)

    interceptors.append(mode)
    try:
        x = randn(2)
        assert torch.equal(vmap(lambda x: -x)(x), x)
        vmap(torch.exp)(x)
    finally:
        interceptors.remove(mode)
    assert "exp" in seen


def test_gradients_that_leave_a_batch_alone():
    w = randn(3).requires_grad_()
    x = randn(2, 3)
    found = vmap(lambda v: vjp(lambda u: u * w, v)[1](v)[0])(x)
    (g,) = torch.autograd.grad(found.sum(), w)
    close(g, x.sum(0))
    _, back = vjp(lambda u: u * 2, x[0])
    rows = vmap(lambda v: back(v)[0])(torch.eye(3, **F64))
    assert not rows.requires_grad
    assert torch.equal(rows, 2 * torch.eye(3, **F64))
    twice = grad(lambda w: vmap(lambda v: vjp(lambda u: u * w, v)[1](v)[0])(x).sum())(w.detach())
    close(twice, x.sum(0))


def test_slopes_that_do_not_change_inside_of_a_batch():
    x = torch.tensor([1.0, -2.0, 3.0], **F64).requires_grad_()
    jacobian = jacrev(lambda x: x.relu() * 2 + x.abs())(x)
    close(jacobian, torch.diag(torch.tensor([3.0, -1.0, 3.0], **F64)))
    close(
        vmap(jacrev(torch.relu))(x.detach().reshape(3, 1)),
        torch.tensor([1.0, 0.0, 1.0], **F64).reshape(3, 1, 1),
    )
    close(hessian(lambda x: x.relu().sum())(x.detach()), torch.zeros(3, 3, **F64))
