"""Subclasses of Tensor: their class survives operators, and `__torch_function__` sees each of them."""

from __future__ import annotations

import copy
import pickle

import pytest

import rushlight as rl
from rushlight.overrides import TorchFunctionMode


class Marked(rl.Tensor):
    pass


class Logged(rl.Tensor):
    seen: list[str] = []  # noqa: RUF012

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.seen.append(func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.fixture
def marked():
    return rl.tensor([[1.0, 2.0], [3.0, 4.0]]).as_subclass(Marked)


def test_operators_keep_the_class(marked):
    results = [
        marked + 1,
        1 - marked,
        rl.ones(2, 2) * marked,
        marked @ marked,
        marked.sum(),
        marked[0],
        marked.t(),
        rl.cat([marked, marked]),
    ]
    assert {type(r) for r in results} == {Marked}
    assert type(marked.detach()) is Marked
    assert type(marked.max(0)[0]) is Marked
    assert results[0].tolist() == [[2, 3], [4, 5]]


def test_constructor_and_copies(marked):
    assert type(Marked([1.0, 2.0])) is Marked
    assert Marked(2, 3).shape == (2, 3)
    assert type(copy.deepcopy(marked)) is Marked
    assert type(pickle.loads(pickle.dumps(marked))) is Marked
    assert repr(Marked([1.0])) == "Marked([1.])"


def test_gradient_through_a_subclass():
    x = rl.ones(3, requires_grad=True)
    (x.as_subclass(Marked) * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_torch_function_sees_what_is_called():
    Logged.seen.clear()
    x = rl.ones(2).as_subclass(Logged)
    rl.add(x, 1, alpha=2).exp().sum(dim=0)
    assert Logged.seen == ["add", "exp", "sum"]


def test_torch_function_may_answer_itself():
    class Answering(rl.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return (func.__name__, types, len(args), kwargs)

    x = rl.ones(2).as_subclass(Answering)
    assert rl.add(rl.ones(2), x, alpha=3) == ("add", (Answering,), 2, {"alpha": 3})


def test_subclass_of_a_subclass_answers_first(marked):
    class Inner(Marked):
        pass

    assert type(marked + rl.ones(2, 2).as_subclass(Inner)) is Inner


def test_mode_sees_plain_tensors():
    class Names(TorchFunctionMode):
        def __init__(self):
            self.names = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    with Names() as mode:
        (rl.ones(2) * 3).sum()
    rl.ones(2) * 3
    assert mode.names == ["mul", "sum"]


def test_parameter_of_a_subclass_counts_as_one(marked):
    parameter = rl.nn.Parameter(marked)
    assert isinstance(parameter, rl.nn.Parameter)
    assert type(parameter) is Marked
    assert parameter.requires_grad


def test_as_subclass_wants_a_subclass():
    with pytest.raises(RuntimeError, match="subclass of Tensor"):
        rl.ones(2).as_subclass(int)


def test_classes_that_are_no_tensors_answer_through_the_helpers():
    from rushlight import overrides

    class Duck:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return "duck" if func is rl.add else NotImplemented

    assert overrides.has_torch_function((1, Duck()))
    assert not overrides.has_torch_function_variadic(1, rl.ones(1))
    assert overrides.has_torch_function_unary(Duck())
    assert overrides.is_tensor_like(Duck())
    assert overrides.is_tensor_like(rl.ones(1))
    assert not overrides.is_tensor_like(3)
    assert overrides.handle_torch_function(rl.add, (Duck(),), 1) == "duck"
    with pytest.raises(TypeError, match="no implementation"):
        overrides.handle_torch_function(rl.mul, (Duck(),), 1)
    assert overrides.get_default_nowrap_functions() == set()


def test_function_of_unrelated_classes_is_refused(marked):
    class Other(rl.Tensor):
        pass

    with pytest.raises(TypeError, match="no implementation"):
        marked + rl.ones(2, 2).as_subclass(Other)


def test_make_subclass(marked):
    made = Marked._make_subclass(Marked, rl.ones(2), True)
    assert type(made) is Marked
    assert made.requires_grad
