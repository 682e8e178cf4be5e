"""The step of every optimiser whose update of an element looks at nothing but that element.

A subclass is one formula (see `formula`) and a few words on what it needs: `Numbers`, a NamedTuple of the
numbers in the formula; `switches`, the options that decide which formula it is; `numbers()`, the numbers from
the options and the count of steps; `memory()`, the states and what they are filled with at a parameter's
first step; `counters()`, those states that are single numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from operator import itemgetter
from sys import getrefcount
from types import SimpleNamespace
from typing import Any

from ..autograd.modes import enable_grad, no_grad
from ..tensor.core import QUICK, Tensor
from ..tensor.create import scalar_tensor
from ..tensor.dtype import DTYPES, dtype, get_default_dtype
from ..tensor.factories import full_like
from ..tensor.inplace import writable
from ..tensor.storage import ALONE, settle
from .formula import Variant
from .native import functions
from .optimizer import Optimizer

MOST_COMBINATIONS = 64  # of option values that are remembered with their formula
# what states that were saved before an option existed may lack
OPTIONS = {
    "amsgrad": False, "capturable": False, "centered": False, "decoupled_weight_decay": False,
    "differentiable": False, "foreach": None, "fused": None, "maximize": False, "momentum": 0,
    "nesterov": False,
}  # fmt: skip


class Elementwise(Optimizer):
    """An optimiser that is one formula for each element."""

    Numbers: Any
    formula: Callable[..., None]
    switches: tuple[str, ...]
    counts = True  # does it keep the count of a parameter's steps?
    takes_sparse = False  # is a step with a sparse gradient that with the dense one?
    per_parameter = False  # do the numbers depend on other counters than that?

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._variants: dict[tuple, Variant] = {}  # by switches
        cls._by_options: dict[tuple, Variant] = {}  # by the values of the options
        first, *others = cls.switches
        cls._options_of = itemgetter(first, *others) if others else staticmethod(lambda g: (g[first],))

    def numbers(self, group: dict[str, Any], t: float, number: Callable[[Any], Any], state: dict) -> Any:
        """The numbers of the formula; `number` makes one of an option that may be a Tensor."""
        raise NotImplementedError

    def memory(self, group: dict[str, Any]) -> dict[str, Any]:
        """The names of the states, and what they are filled with at first."""
        return {}

    def counters(self, group: dict[str, Any]) -> dict[str, float]:
        """The states that are single numbers, and their first values."""
        return {"step": 0.0} if self.counts else {}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Changes the parameters by one step; `closure` computes the loss again, and that is returned."""
        loss = None if closure is None else evaluated(closure)
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        """The hot path: arrays go from the tensors to the kernel with nothing made on the way."""
        variant = self._variant(group)
        if variant.kernels and not self.per_parameter and not group.get("differentiable"):
            done = self._step_at_once(group["params"], group, variant)
            if done == len(group["params"]):
                return
        else:
            done = 0
        names, kernels, counts, states = variant.states, variant.kernels, self.counts, self.state
        general, again = group.get("differentiable"), self.per_parameter
        known: Any = None
        state: Any = None
        t = 1.0
        for p in group["params"][done:] if done else group["params"]:
            g = p._grad
            if g is None:
                continue
            if general or type(p) not in QUICK or type(g) not in QUICK:
                self._step_on_tensors(group, variant, p)
                continue
            if counts:
                state = states[p]
                if len(state) <= len(names):  # the first step, or the first with an option that needs more
                    self._begin(p, group, state)
                count = state["step"]._a
                t = count.item() + 1.0
                count[()] = t
            elif names:
                state = states[p]
                t = 1.0 if state.get(names[0]) is not None else self._begin(p, group, state)
            if t != known or again:
                numbers = self.numbers(group, t, as_number, state)
                chosen, known = variant.chosen(numbers), t
            if p._s is not None:
                settle(p)
            if p._s is None and getrefcount(p._a) <= ALONE:  # as in `writable`
                a = p._a
                own = p.__dict__
                own["_edits"] = own.get("_edits", 0) + 1
            else:
                a = writable(p, "step")
            kernel = kernels.get(p.dtype)
            if kernel is not None and g.dtype is p.dtype:
                if names:
                    memory = [ready(state[name]) for name in names]
                    kernel(a, *memory, a, g._a, *memory, *chosen)
                else:
                    kernel(a, a, g._a, *chosen)
            else:
                grad = g._a if g.dtype is p.dtype else g._a.astype(p.dtype.np)  # p.data was given another
                arrays = [a, grad, *[ready(state[name]) for name in names]]
                variant.update(arrays, numbers, p.dtype)
                chosen = variant.chosen(numbers)

    def _step_at_once(self, params: list[Tensor], group: dict[str, Any], variant: Variant) -> int:
        """The step of all parameters in one go, if they are ready for it; gives how many are done with."""
        native = functions()
        kernel = variant.kernels.get(params[0].dtype) if params else None
        if native is None or kernel is None:
            return 0
        names, counter = variant.states, "step" if self.counts else None
        t = native.ready(params, self.state, names, counter, params[0].dtype)
        if t is None:
            return 0
        chosen = tuple(variant.chosen(self.numbers(group, t, as_number, {})))
        return native.update(params, self.state, names, counter, t, kernel, chosen)

    def _step_on_tensors(self, group: dict[str, Any], variant: Variant, p: Tensor) -> None:
        """The same with operators: where the step is differentiated, and for tensors of other kinds."""
        names, differentiable = variant.states, group.get("differentiable")
        state = self.state[p] if self.counts or names else {}
        t = 1.0
        with nullcontext() if differentiable else no_grad():
            if self.counts:
                if len(state) <= len(names):
                    self._begin(p, group, state)
                t = state["step"]._a.item() + 1.0
                state["step"]._a[()] = t
            elif names and state.get(names[0]) is None:
                t = self._begin(p, group, state)
            numbers = self.numbers(group, t, _itself if differentiable else as_number, state)
            grad = self._dense(p.grad, group) if p.grad.is_sparse else p.grad
            variant.on_tensors([p, grad, *[state[name] for name in names]], numbers)

    def _dense(self, grad: Tensor, group: dict[str, Any]) -> Tensor:
        """A sparse gradient with its zeros, for those whose step is the same with them."""
        name = type(self).__name__
        if not self.takes_sparse:
            raise RuntimeError(
                f"{name} does not support sparse gradients, please consider SparseAdam instead"
            )
        if group["weight_decay"] != 0:
            raise RuntimeError(f"{name}: weight_decay option is not compatible with sparse gradients")
        return grad.to_dense()  # type: ignore[attr-defined]

    def _begin(self, p: Tensor, group: dict[str, Any], state: dict[str, Any]) -> float:
        """A parameter's first step: the states that it does not have are made."""
        scalars = _scalars(group)
        for name, value in self.counters(group).items():
            if name not in state:
                state[name] = scalar_tensor(value, dtype=scalars)
        for name, value in self.memory(group).items():
            if state.get(name) is None:
                value = complex(value, value) if p.dtype.is_complex and value else value
                state[name] = full_like(p, value, requires_grad=False)
        return 0.0

    def _variant(self, group: dict[str, Any]) -> Variant:
        """The formula as the options of a group want it."""
        values = self._options_of(group)
        variant = self._by_options.get(values)
        if variant is None:
            switches = tuple(map(bool, values))
            variant = self._variants.get(switches)
            if variant is None:
                has = SimpleNamespace(**dict(zip(self.switches, switches)))
                name = type(self).__name__.lower()
                variant = Variant(self.formula, self.Numbers, has, tuple(self.memory(group)), name)
                self._variants[switches] = variant
            if len(self._by_options) < MOST_COMBINATIONS and not any(isinstance(v, Tensor) for v in values):
                self._by_options[values] = variant
        return variant

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in OPTIONS.items():
                if name in self.defaults:
                    group.setdefault(name, default)
            scalars = _scalars(group)
            for p in group["params"]:
                kept = self.state.get(p) or {}
                for name in self.counters(group):
                    if name in kept and not isinstance(kept[name], Tensor):  # by an old version
                        kept[name] = scalar_tensor(kept[name], dtype=scalars)


def ready(t: Tensor) -> Any:
    """The array of a state, to be written to: whoever else holds it keeps the values that are there."""
    if t._s is None and getrefcount(t._a) <= ALONE:
        return t._a
    return writable(t, "step")


def evaluated(closure: Callable[[], Any]) -> Any:
    """The loss, recorded so that the closure can call backward()."""
    with enable_grad():
        return closure()


def as_number(x: Any) -> float:
    return x if type(x) is float or not isinstance(x, Tensor) else x.item()


def _itself(x: Any) -> Any:
    return x


def _scalars(group: dict[str, Any]) -> dtype:
    return DTYPES["float32"] if group.get("fused") else counter_dtype()


def counter_dtype() -> dtype:
    """The dtype of counters: float32, unless the default is float64."""
    return DTYPES["float64"] if get_default_dtype() is DTYPES["float64"] else DTYPES["float32"]
