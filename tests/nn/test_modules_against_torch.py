"""Every module that PyTorch tests, built and called the same way on both sides: the repr, the state from the
same seed, the results and all gradients must agree.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
common_modules = pytest.importorskip("torch.testing._internal.common_modules")

import rushlight

from .carried import array, as_leaves, carry, counterpart, tensors

DB = {info.name.removeprefix("nn."): info for info in common_modules.module_db}
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-9}


def samples(name: str, dtype: Any, training: bool) -> list[Any]:
    info = DB[name]
    torch.manual_seed(3)
    return list(
        info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
    )


def built(name: str, sample: Any, dtype: Any, training: bool) -> tuple[Any, Any]:
    """The module of each side, from the same seed."""
    args, kwargs = sample.constructor_input.args, dict(sample.constructor_input.kwargs)
    sides = []
    for package, cls, convert in (
        (torch, DB[name].module_cls, lambda x: x),
        (rushlight, counterpart(f"nn.{name}"), carry),
    ):
        package.manual_seed(0)
        module = cls(*convert(tuple(args)), **convert(kwargs))
        module.to(dtype if package is torch else carry(dtype))
        sides.append(module.train(training))
    return sides[0], sides[1]


def check_state(theirs: Any, ours: Any) -> None:
    expected, actual = theirs.state_dict(), ours.state_dict()
    assert list(actual) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(array(actual[key]), array(value), err_msg=key)


def check_same(actual: list[Any], expected: list[Any], dtype: Any, what: str) -> None:
    assert len(actual) == len(expected), what
    for i, (a, e) in enumerate(zip(actual, expected)):
        assert (a is None) == (e is None), f"{what} {i}: {a} and {e}"
        if e is not None:
            assert tuple(a.shape) == tuple(e.shape), f"{what} {i}"
            tolerance = TOLERANCE[dtype] * max(1.0, float(np.abs(array(e)).max(initial=0)))
            np.testing.assert_allclose(
                array(a), array(e), rtol=TOLERANCE[dtype], atol=tolerance, err_msg=f"{what} {i}"
            )


def check_call(theirs: Any, ours: Any, sample: Any, dtype: Any) -> None:
    """Forward and backward."""
    given = sample.forward_input
    args, kwargs = as_leaves((tuple(given.args), dict(given.kwargs)), {})
    our_args, our_kwargs = carry((args, kwargs))
    inputs = tensors((args, kwargs), torch.Tensor)
    our_inputs = tensors((our_args, our_kwargs), rushlight.Tensor)
    torch.manual_seed(1)
    rushlight.manual_seed(1)
    expected = theirs(*args, **kwargs)
    actual = ours(*our_args, **our_kwargs)
    expected, actual = tensors(expected, torch.Tensor), tensors(actual, rushlight.Tensor)
    check_same(actual, expected, dtype, "result")
    assert [t.requires_grad for t in actual] == [t.requires_grad for t in expected]
    wanted = [i for i, t in enumerate(expected) if t.requires_grad]
    if not wanted:
        return
    weights = [np.cos(np.arange(expected[i].numel())).reshape(expected[i].shape) for i in wanted]
    weights = [torch.from_numpy(np.asarray(w)).to(dtype) for w in weights]
    torch.autograd.backward([expected[i] for i in wanted], weights)
    rushlight.autograd.backward([actual[i] for i in wanted], carry(weights))
    check_same([t.grad for t in our_inputs], [t.grad for t in inputs], dtype, "input gradient")
    named = dict(theirs.named_parameters())
    assert list(dict(ours.named_parameters())) == list(named)
    check_same(
        [p.grad for p in ours.parameters()],
        [p.grad for p in named.values()],
        dtype,
        f"gradient of {list(named)}",
    )


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", list(DB))
def test_module(name: str, training: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(name, torch.float64, training):
            theirs, ours = built(name, sample, torch.float64, training)
            assert repr(ours) == repr(theirs)
            if not DB[name].is_lazy:
                check_state(theirs, ours)
            check_call(theirs, ours, sample, torch.float64)


@pytest.mark.parametrize("name", [n for n, info in DB.items() if info.module_error_inputs_func])
def test_errors(name: str) -> None:
    """What PyTorch refuses, at construction or in a call, is refused with the same kind of error."""
    info = DB[name]
    for case in info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float64, requires_grad=False, training=True
    ):
        sample, error = case.module_error_input, case.error_type
        made = carry(tuple(sample.constructor_input.args)), carry(dict(sample.constructor_input.kwargs))
        cls = counterpart(f"nn.{name}")
        if case.error_on == common_modules.ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(error):
                cls(*made[0], **made[1])
        else:
            module = cls(*made[0], **made[1])
            called = carry(tuple(sample.forward_input.args)), carry(dict(sample.forward_input.kwargs))
            with pytest.raises(error):
                module(*called[0], **called[1])
