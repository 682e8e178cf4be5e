"""What holds for every optimiser: groups, hooks, closures, states, and graphs that a step leaves alone."""

import copy
import pickle

import numpy as np
import pytest

import rushlight as torch
from rushlight.runtime import settings
from support.training import difference, numbers, parameters, train

ELEMENTWISE = [
    "SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "Adagrad", "ASGD", "RMSprop", "Rprop",
]  # fmt: skip
OPTIONS = {
    "SGD": {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True},
    "Adam": {"amsgrad": True, "weight_decay": 0.1, "maximize": True},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "ASGD": {"t0": 3},
}


def made(name, dtype="float64", **kwargs):
    params = parameters(torch, dtype)
    return getattr(torch.optim, name)(params, **{**OPTIONS.get(name, {}), **kwargs}), params


# ---- one formula, run in three ways


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numpy_and_kernels_give_the_same_bits(name, dtype):
    before = settings.set_kernel_mode("force")
    try:
        by_kernel, p = made(name, dtype)
        train(torch, by_kernel, p)
        variant = by_kernel._variant(by_kernel.param_groups[0])
        if not variant.kernels:
            pytest.skip("no kernels here")
        settings.set_kernel_mode("off")
        kernels, variant.kernels = variant.kernels, {}
        variant._calls = dict.fromkeys(kernels)  # None: numpy for good
        by_numpy, q = made(name, dtype)
        train(torch, by_numpy, q)
        assert not variant.kernels
        variant.kernels = kernels
    finally:
        settings.set_kernel_mode(before)
    for a, b in zip(p, q):
        assert numbers(a).tobytes() == numbers(b).tobytes()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_operators_give_the_same_numbers(name):
    ours, p = made(name)
    by_operators, q = made(name)
    for group in by_operators.param_groups:
        group["differentiable"] = True
    with torch.no_grad():
        train(torch, by_operators, q)
    train(torch, ours, p)
    assert difference(p, q) < 1e-15


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_layout_of_memory(name):
    def run(arrange):
        draws = np.random.default_rng(0)
        p = torch.nn.Parameter(arrange(torch.tensor(draws.standard_normal((4, 6)))))
        optimizer = getattr(torch.optim, name)([p])
        for _ in range(25):
            p.grad = arrange(torch.tensor(draws.standard_normal((4, 6))))
            optimizer.step()
        return p

    expected = run(lambda t: t)
    assert difference([run(lambda t: t.t().contiguous().t())], [expected]) == 0
    assert difference([run(lambda t: torch.zeros(8, 12, dtype=t.dtype)[::2, ::2].copy_(t))], [expected]) == 0
    empty = torch.nn.Parameter(torch.zeros(0, 3))
    empty.grad = torch.zeros(0, 3)
    getattr(torch.optim, name)([empty]).step()


@pytest.mark.parametrize("kwargs", [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9}])
def test_a_differentiable_step_by_finite_differences(kwargs):
    def loss_after(start, rate):
        leaf = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        rate = torch.tensor(rate, dtype=torch.float64, requires_grad=True)
        p = leaf.clone()
        optimizer = torch.optim.SGD([p], **{**kwargs, "lr": rate}, differentiable=True)
        for _ in range(3):
            (p.grad,) = torch.autograd.grad((p**3).sum(), p, create_graph=True)
            optimizer.step()
        return (p * p).sum(), leaf, rate

    loss, leaf, rate = loss_after([0.3, -0.8, 0.5], 0.1)
    loss.backward()
    h = 1e-6
    up, down = (loss_after([0.3, -0.8, 0.5], 0.1 + s)[0].item() for s in (h, -h))
    assert rate.grad.item() == pytest.approx((up - down) / (2 * h), rel=1e-6)
    up, down = (loss_after([0.3 + s, -0.8, 0.5], 0.1)[0].item() for s in (h, -h))
    assert leaf.grad[0].item() == pytest.approx((up - down) / (2 * h), rel=1e-6)


# ---- graphs and views


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Adafactor"])
def test_a_step_between_two_backward_passes_of_one_graph(name):
    w = torch.tensor([[0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    optimizer = getattr(torch.optim, name)([w], lr=0.1)
    for _ in range(30):  # until it runs on kernels
        loss = ((w * x).tanh() * w).sum()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        expected = w.grad.tolist()
        before = w.tolist()
        optimizer.step()
        assert w.tolist() != before or name == "Rprop"  # which waits when a sign has changed
        w.grad = None
        loss.backward()
        assert w.grad.tolist() == expected


def test_views_and_arrays_of_a_parameter_see_its_steps():
    p = torch.nn.Parameter(torch.ones(4))
    view, array = p.detach()[1:3], p.detach().numpy()
    optimizer = torch.optim.SGD([p], lr=0.5)
    version = p._version
    for _ in range(30):
        p.grad = torch.ones(4)
        optimizer.step()
    assert view.tolist() == [-14.0, -14.0]
    assert array.tolist() == [-14.0] * 4
    assert p._version == version + 30


def test_a_gradient_that_is_the_parameter_itself():
    p = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([p], lr=0.25)
    for k in range(25):
        p.grad = p.detach()
        optimizer.step()
        assert p.tolist() == [0.75 ** (k + 1), 2 * 0.75 ** (k + 1)] or k > 10


def test_memory_stays_where_it_is_when_nobody_else_needs_it():
    layer = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([layer])
    place = layer.data_ptr()
    for _ in range(25):
        optimizer.zero_grad()
        (layer * layer).sum().backward()
        optimizer.step()
    assert layer.data_ptr() == place


# ---- groups


def test_groups_have_options_of_their_own():
    a, b, c = (torch.nn.Parameter(torch.ones(2)) for _ in range(3))
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.1)
    optimizer.add_param_group({"params": [c], "momentum": 0.5})
    for p in (a, b, c):
        p.grad = torch.ones(2)
    optimizer.step()
    optimizer.step()
    assert a.tolist() == pytest.approx([0.8, 0.8])
    assert b.tolist() == [-1.0, -1.0]
    assert c.tolist() == pytest.approx([0.75, 0.75])
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 1.0, 0.1]
    assert optimizer.state_dict()["param_groups"][2]["params"] == [2]


def test_options_may_be_changed_at_any_time():
    p = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([p], lr=1.0)
    p.grad = torch.ones(2)
    for k in range(60):
        optimizer.param_groups[0]["lr"] = 0.5 if k % 2 else 1.0
        optimizer.param_groups[0]["weight_decay"] = 0.001 * k if k > 50 else 0
        optimizer.step()
        if k == 49:
            assert p.tolist() == [-37.5, -37.5]
    assert p[0].item() > -45.0


def test_an_option_that_needs_another_state_may_come_later():
    optimizer, params = made("RMSprop", momentum=0, centered=False)
    train(torch, optimizer, params, steps=2)
    optimizer.param_groups[0].update(momentum=0.9, centered=True)
    train(torch, optimizer, params, steps=25)
    assert set(optimizer.state[params[0]]) == {"step", "square_avg", "momentum_buffer", "grad_avg"}
    assert optimizer.state[params[0]]["step"].item() == 27


def test_names_of_parameters():
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="with/without names"):
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([], ValueError, "empty parameter list"),
        ([1.0], TypeError, "can only optimize Tensors"),
        ([{"params": {torch.ones(1)}}], TypeError, "give a list"),
        ([torch.ones(1, requires_grad=True) * 2], ValueError, "non-leaf Tensor.*MulBackward0"),
        (torch.ones(1), TypeError, "into a list"),
    ],
)
def test_what_cannot_be_optimized(params, error, message):
    with pytest.raises(error, match=message):
        torch.optim.SGD(params, lr=0.1)


def test_options_out_of_range():
    p = [torch.nn.Parameter(torch.ones(1))]
    for kwargs, message in [
        ({"lr": -1.0}, "learning rate: -1.0; expected"),
        ({"lr": float("nan")}, "learning rate: nan"),
        ({"momentum": -0.1}, "momentum value: -0.1"),
        ({"nesterov": True}, "Nesterov.*momentum=0"),
    ]:
        with pytest.raises(ValueError, match=message):
            torch.optim.SGD(p, **{"lr": 0.1, **kwargs})
    p[0].grad = torch.ones(1)
    with pytest.raises(RuntimeError, match="does not support dense gradients"):
        torch.optim.SparseAdam(p).step()


def test_the_base_class_asks_for_a_step():
    with pytest.raises(NotImplementedError, match="define step"):
        torch.optim.Optimizer([torch.nn.Parameter(torch.ones(1))], {}).step()


# ---- gradients, closures, hooks


def test_zero_grad():
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([p], lr=0.1)
    p.grad = torch.ones(2)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor", "LBFGS"])
def test_a_closure_is_recorded_and_its_loss_returned(name):
    p = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = getattr(torch.optim, name)([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.item() < 2.0


def test_hooks_of_one_and_of_all():
    from rushlight.optim.optimizer import (
        register_optimizer_step_post_hook,
        register_optimizer_step_pre_hook,
    )

    seen = []
    p = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([p], lr=0.1)
    handles = [
        register_optimizer_step_pre_hook(lambda o, a, k: seen.append("all before")),
        register_optimizer_step_post_hook(lambda o, a, k: seen.append("all after")),
        optimizer.register_step_pre_hook(lambda o, a, k: seen.append((o is a[0], k))),
        optimizer.register_step_post_hook(lambda o, a, k: seen.append("after")),
    ]
    optimizer.step()
    assert seen == ["all before", (True, {}), "after", "all after"]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert len(seen) == 4
    optimizer.register_step_pre_hook(lambda o, a, k: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_hooks_around_states():
    p = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([p], lr=0.1)
    seen = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("before"))
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "more": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, s: seen.append("load") or s)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    state = optimizer.state_dict()
    assert state["more"] == 1
    optimizer.load_state_dict(state)
    assert seen == ["before", "load", "loaded"]


def test_an_optimizer_of_the_users_own():
    class Signs(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["count"] = self.state[p].get("count", 0) + 1
                    p.add_(p.grad.sign(), alpha=-group["lr"])

    p = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    optimizer, seen = Signs([p], 0.5), []
    optimizer.register_step_post_hook(lambda o, a, k: seen.append(1))
    p.grad = torch.tensor([3.0, -4.0])
    optimizer.step()
    assert p.tolist() == [0.5, -0.5]
    assert seen == [1]
    assert optimizer.state_dict()["state"] == {0: {"count": 1}}


# ---- states


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Adafactor"])
@pytest.mark.parametrize("way", ["load", "pickle", "deepcopy"])
def test_training_goes_on_where_it_was_left(name, way):
    whole, p = made(name)
    train(torch, whole, p, steps=5, seed=1)
    train(torch, whole, p, steps=5, seed=2)
    first, q = made(name)
    train(torch, first, q, steps=5, seed=1)
    if way == "load":
        second, r = made(name)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        with torch.no_grad():
            for a, b in zip(r, q):
                a.copy_(b)
    else:
        second = pickle.loads(pickle.dumps(first)) if way == "pickle" else copy.deepcopy(first)
        r = second.param_groups[0]["params"]
    train(torch, second, r, steps=5, seed=2)
    # a loaded state has the parameters' dtype, single numbers too, as in PyTorch
    assert difference(p, r) < (1e-7 if name in ("ASGD", "NAdam") else 1e-15)
    assert repr(whole) == repr(second)


def test_states_of_other_groups_are_refused():
    two, _ = made("SGD")
    one = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])
    with pytest.raises(ValueError, match=r"doesn't match the size.*4 parameters there and 1 here"):
        one.load_state_dict(two.state_dict())
    one.add_param_group({"params": [torch.nn.Parameter(torch.ones(1))]})
    with pytest.raises(ValueError, match="different number of parameter groups: 1"):
        one.load_state_dict(two.state_dict())


def test_an_old_state_with_plain_counts():
    optimizer, params = made("Adam")
    train(torch, optimizer, params, steps=3)
    state = copy.deepcopy(optimizer.state_dict())
    for kept in state["state"].values():
        kept["step"] = int(kept["step"].item())
    for group in state["param_groups"]:
        del group["maximize"], group["fused"]
    optimizer.load_state_dict(state)
    assert optimizer.state[params[0]]["step"].dtype is torch.float32
    train(torch, optimizer, params, steps=1)
    assert optimizer.state[params[0]]["step"].item() == 4.0


def test_parameters_and_state_swapped_for_a_while():
    optimizer, params = made("SGD")
    train(torch, optimizer, params, steps=2)
    saved = copy.deepcopy(optimizer.state_dict())
    other = {str(k): p.detach().clone().requires_grad_() for k, p in enumerate(params)}
    before = [numbers(p) for p in params]
    with torch.optim.swap_in_optimizer_params_and_state(optimizer, other, saved):
        train(torch, optimizer, list(other.values()), steps=2, seed=5)
    assert all((numbers(p) == b).all() for p, b in zip(params, before))
    assert optimizer.param_groups[0]["params"][0] is params[0]
    assert difference(params, other.values()) > 0
    with (
        pytest.raises(RuntimeError, match="must be a list of 1 groups"),
        torch.optim.swap_in_optimizer_params_and_state(optimizer, other, {"state": {}, "param_groups": []}),
    ):
        pass
