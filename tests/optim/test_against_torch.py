"""Every optimiser gives PyTorch's numbers, states, printout and errors, with all options of its database."""

import pytest

import rushlight
from support.training import (
    SHAPES,
    STEPS,
    converted,
    descend,
    difference,
    give_gradients,
    numbers,
    parameters,
    train,
)

torch = pytest.importorskip("torch")
database = pytest.importorskip("torch.testing._internal.common_optimizers")

MATRICES = ((3, 4), (6, 2), (4, 4))


def options():
    for info in database.optim_db:
        name = info.optim_cls.__name__
        for k, given in enumerate(info.optim_inputs_func(device="cpu")):
            if name != "SparseAdam":
                yield pytest.param(name, given.kwargs, id=f"{name}-{k}-{given.desc.replace(' ', '_')}")


def made(lib, name, kwargs, dtype="float64"):
    params = parameters(lib, dtype, MATRICES if name == "Muon" else SHAPES)
    if name in ("Adafactor", "Muon", "LBFGS"):
        kwargs = {k: v for k, v in kwargs.items() if k != "foreach"} if name != "Adafactor" else kwargs
    return getattr(lib.optim, name)(params, **converted(dict(kwargs), lib)), params


def advance(lib, name, optimizer, params, steps=STEPS, seed=1):
    if name == "LBFGS":
        descend(lib, optimizer, params, steps=3)
    else:
        train(lib, optimizer, params, steps, seed)


def states_differ(ours, theirs):
    """The largest difference of two state dicts whose layouts must be the same."""
    assert str(ours["param_groups"]).replace("rushlight", "torch") == str(theirs["param_groups"])
    assert list(ours["state"]) == list(theirs["state"])
    worst = 0.0
    for number, state in ours["state"].items():
        other = theirs["state"][number]
        assert list(state) == list(other)
        for key, value in state.items():
            if isinstance(other[key], torch.Tensor):
                assert str(value.dtype).split(".")[-1] == str(other[key].dtype).split(".")[-1], key
                assert tuple(value.shape) == tuple(other[key].shape), key
                worst = max(worst, difference([value], [other[key]]))
    return worst


@pytest.mark.parametrize(("name", "kwargs"), list(options()))
def test_twenty_steps_in_double_precision(name, kwargs):
    ours, p = made(rushlight, name, kwargs)
    theirs, q = made(torch, name, kwargs)
    advance(rushlight, name, ours, p)
    advance(torch, name, theirs, q)
    tolerance = 2e-3 if name == "Muon" else 1e-12  # Muon computes in bfloat16
    assert difference(p, q) < tolerance
    assert repr(ours).replace("rushlight", "torch") == repr(theirs)
    if name != "LBFGS":  # its states are numbers or tensors, as it happens
        assert states_differ(ours.state_dict(), theirs.state_dict()) < tolerance * 1e2


@pytest.mark.parametrize(("name", "kwargs"), list(options()))
def test_a_state_goes_over_to_pytorch_and_back(name, kwargs):
    ours, p = made(rushlight, name, kwargs)
    theirs, q = made(torch, name, kwargs)
    advance(rushlight, name, ours, p, 7)
    theirs.load_state_dict(converted(ours.state_dict(), torch))
    with torch.no_grad():
        for a, b in zip(p, q):
            b.copy_(converted(a, torch))
    advance(torch, name, theirs, q, 7, seed=2)
    ours.load_state_dict(converted(theirs.state_dict(), rushlight))
    with rushlight.no_grad():
        for a, b in zip(p, q):
            a.copy_(converted(b, rushlight))
    advance(rushlight, name, ours, p, 6, seed=3)
    reference, r = made(torch, name, kwargs)
    for steps, seed in ((7, 1), (7, 2), (6, 3)):
        advance(torch, name, reference, r, steps, seed)
    assert difference(p, r) < (2e-3 if name == "Muon" else 1e-10)


@pytest.mark.parametrize("dtype", ["float32", "complex128", "bfloat16"])
@pytest.mark.parametrize(
    "name",
    ["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "Adagrad", "ASGD", "RMSprop", "Rprop"],
)
def test_other_dtypes(name, dtype):
    ours, p = made(rushlight, name, {}, dtype)
    theirs, q = made(torch, name, {}, dtype)
    train(rushlight, ours, p)
    train(torch, theirs, q)
    assert difference(p, q) < {"float32": 2e-6, "complex128": 1e-12, "bfloat16": 0.1}[dtype]
    states_differ(ours.state_dict(), theirs.state_dict())


def errors():
    for info in database.optim_db:
        for k, given in enumerate(info.optim_error_inputs_func("cpu", torch.float64)):
            yield pytest.param(info.optim_cls.__name__, given, id=f"{info.optim_cls.__name__}-{k}")


def params_of_error(given):
    if given is None:
        return parameters(rushlight, shapes=((1, 1),))
    if isinstance(given, torch.Tensor):
        return moved(given, {})
    cache = {}
    return [moved(p, cache) for p in given]


def moved(p, cache):
    if isinstance(p, dict):
        inner = p["params"]
        inner = moved(inner, cache) if isinstance(inner, torch.Tensor) else [moved(q, cache) for q in inner]
        return {**converted({k: v for k, v in p.items() if k != "params"}, rushlight), "params": inner}
    if isinstance(p, tuple):
        return (p[0], moved(p[1], cache))
    if p.is_sparse:
        pytest.skip("there are no sparse tensors")
    return cache.setdefault(id(p), rushlight.nn.Parameter(converted(p, rushlight)))


@pytest.mark.parametrize(("name", "given"), list(errors()))
def test_what_pytorch_refuses_is_refused(name, given):
    kwargs = converted(dict(given.optimizer_error_input.kwargs), rushlight)
    params = params_of_error(given.optimizer_error_input.params)

    def use():
        optimizer = getattr(rushlight.optim, name)(params, **kwargs)
        if given.error_on is database.OptimizerErrorEnum.STEP_ERROR:
            for p in params:
                p.grad = rushlight.rand_like(p)
            optimizer.step()

    if issubclass(given.error_type, Warning):
        with pytest.warns(given.error_type, match=given.error_regex):
            use()
    else:
        with pytest.raises(given.error_type, match=given.error_regex):
            use()


def test_every_public_name_is_there():
    for module in ("", "lr_scheduler", "swa_utils"):
        theirs = getattr(torch.optim, module) if module else torch.optim
        ours = getattr(rushlight.optim, module) if module else rushlight.optim
        assert [name for name in theirs.__all__ if not hasattr(ours, name)] == []


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "RAdam", "NAdam", "ASGD", "Rprop", "Adagrad"])
def test_a_differentiable_step_has_pytorch_gradients(name):
    def run(lib):
        leaf = lib.tensor([0.3, -0.8, 1.2], dtype=lib.float64, requires_grad=True)
        p = leaf.clone()
        optimizer = getattr(lib.optim, name)([p], lr=0.1, differentiable=True)
        for k in range(8):
            p.grad = lib.tensor([1.0, -2.0 + k, 0.5], dtype=lib.float64) * (leaf if name != "Rprop" else 1)
            optimizer.step()
        (p * p).sum().backward()
        return [p, leaf.grad]

    # PyTorch corrects the bias in single precision here
    assert difference(run(rushlight), run(torch)) < (5e-5 if name in ("Adam", "NAdam") else 1e-11)


def test_the_line_search_of_lbfgs():
    def run(lib):
        params = parameters(lib, shapes=((4,), (2, 2)))
        optimizer = lib.optim.LBFGS(params, line_search_fn="strong_wolfe", max_iter=3, history_size=2)
        losses = descend(lib, optimizer, params, steps=4)
        return losses, params, optimizer.state_dict()["state"][0]["func_evals"]

    ours, theirs = run(rushlight), run(torch)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-9)
    assert difference(ours[1], theirs[1]) < 1e-6
    assert ours[2] == theirs[2]


def test_gradients_that_are_missing_now_and_then():
    def run(lib):
        import numpy as np

        params = parameters(lib)
        optimizer = lib.optim.Adam(params, lr=0.01)
        draws = np.random.default_rng(3)
        for k in range(9):
            give_gradients(lib, params, draws)
            params[k % 4].grad = None
            optimizer.step()
        return params

    ours, theirs = run(rushlight), run(torch)
    assert difference(ours, theirs) < 1e-13
    assert numbers(ours[0]).shape == (3, 4)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sparse_adam_at_the_elements_that_it_is_given():
    from rushlight.optim.sparse_adam import sparse_adam

    p = torch.nn.Parameter(torch.arange(12, dtype=torch.float64).reshape(4, 3) / 7)
    arrays = [p.detach().numpy().copy(), *(0 * p.detach().numpy() for _ in range(2))]
    optimizer = torch.optim.SparseAdam([p], lr=0.1)
    for t, rows in enumerate(([0, 2], [2, 3], [1, 2]), 1):
        values = torch.rand(2, 3, dtype=torch.float64)
        p.grad = torch.sparse_coo_tensor([rows], values, (4, 3))
        optimizer.step()
        sparse_adam(arrays, (rows,), values.numpy(), t, optimizer.param_groups[0])
    assert abs(arrays[0] - p.detach().numpy()).max() < 1e-14
