"""How an operator is declared: once, and everything else follows from it.

    @elementwise(inplace=True)
    def mul(input, other):
        "The product of each pair of elements."
        return input * other

    mul.gradient(input=lambda g, other: g * lang.conj(other), other=lambda g, input: g * lang.conj(input))

A body is written in `lang` and computes on arrays. A gradient rule is a function of the incoming gradient `g`
and of whatever else it names: parameters of the operator, or `result` (`results` when there are several).
Just what it names is saved. An operator without rules is differentiated through its body, which then runs on
Tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .. import lang
from ..autograd.modes import state
from ..autograd.node import LeafLink, Node
from ..autograd.recording import after_record, saved_hooks, unpacked, watchers
from ..lang.halves import in_single, is_half
from ..tensor.core import QUICK, Tensor, edge_of, wrap
from ..tensor.dtype import FLOATING, dtype, of_numpy
from .signature import Signature


class Registry(dict):
    """The declared operators by path. A path that is not there yet makes the modules of `ops` load that wait
    for use.
    """

    def __missing__(self, path: str) -> Operator:
        from . import load_all

        if load_all() and path in self:
            return self[path]
        raise KeyError(path)


OPERATORS: dict[str, Operator] = Registry()
SHAPE_OF = -3  # among the sources of a rule, SHAPE_OF - i stands for the shape of parameter i
DTYPE_OF = -1000  # and DTYPE_OF - i for its dtype


class Operator:
    """A declared operator: its body, its signature and its gradient rules."""

    family = "general"
    call: Callable[..., Any]  # the public function
    lenient: Callable[..., Any]  # the same for rules and Python's operators: numbers may stand for tensors
    # functions on arrays as the body and the gradient are, by kernels for small ones; they may answer None
    small: tuple[Callable[..., Any], Callable[..., Any]] | None = None
    slow: Callable[..., Any]  # what that does when its quick path does not apply: (values, out, renamed)

    def __init__(
        self, body: Callable[..., Any], *, namespace: str = "", all_arrays: bool = False, **options: Any
    ) -> None:
        self.body = body
        self.name = options.get("name") or body.__name__
        self.namespace = namespace
        self.signature = Signature(body, all_arrays, options.get("varargs", False))
        self.rules: dict[int, tuple[Callable[..., Any], tuple[int, ...]]] = {}
        self.joint: tuple[Callable[..., Any], tuple[int, ...]] | None = None
        self.differentiable = options.get("differentiable", True)
        self.returns: Any = options.get("returns")
        node = options.get("node") or _camel(self.name) + "Backward0"
        self.node_name = node if type(node) is str else _camel(self.name) + "Backward0"
        # a node whose name depends on the arguments: a function of those that it names, like a rule's
        self.naming = (node, self._sources(node, 0)) if type(node) is not str else None
        self.accepts_out = options.get("out", True)
        self.fresh = options.get("fresh", False)  # gives new arrays, of which no argument knows
        self.exact = options.get(
            "exact", False
        )  # moves elements only, so half precision need not become float32
        # do shapes and options settle what is done? "moves": elements only go elsewhere (see `tensor.learnt`)
        self.learns: Any = options.get("learns", False)
        self.rules_at_once: dict[int, Any] = {}
        # do the body and the rules take half precision as it is? "body": rules see it in float32
        self.halves = options.get("halves", False)
        self.at_once_with: Callable[..., Any] | None = None  # the step back of a node and of the one before
        # may gradients of outputs be missing, or `autograd.placed`, where the step back is on arrays?
        self.takes_parts = options.get("takes_parts", False)
        self._node_class: Any = None
        self._named: dict[str, Any] = {}
        OPERATORS[self.path] = self

    @property
    def path(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name

    def gradient(self, joint: Callable[..., Any] | None = None, **rules: Callable[..., Any]) -> Any:
        """Declares the gradient: one rule for each parameter, or (as a decorator) one function for all of
        them.
        """
        if joint is not None:
            self.joint = (joint, self._sources(joint))
            return joint
        for parameter, rule in rules.items():
            self.rules[self.signature.names.index(parameter)] = (rule, self._sources(rule))
        return None

    def _sources(self, rule: Callable[..., Any], first: int = 1) -> tuple[int, ...]:
        """Which values a rule wants, by number: parameters, -1 for `result(s)`, -2 for `needs`, below for
        `x_shape` and `x_dtype`. They begin at the rule's parameter `first`.
        """
        special = {"result": -1, "results": -1, "needs": -2}
        code = rule.__code__
        wanted = code.co_varnames[first : code.co_argcount]
        for i, n in enumerate(self.signature.names):
            special[n + "_shape"] = SHAPE_OF - i  # the shape alone: keeps no memory alive
            special[n + "_dtype"] = DTYPE_OF - i
        unknown = [n for n in wanted if n not in special and n not in self.signature.names]
        if unknown:
            raise TypeError(
                f"the gradient of {self.path} asks for {unknown}, which are no parameters of {self.signature}"
            )
        return tuple(special[n] if n in special else self.signature.names.index(n) for n in wanted)

    @property
    def has_rules(self) -> bool:
        return bool(self.rules) or self.joint is not None

    @property
    def node_class(self) -> Any:
        if self._node_class is None:
            body = {"op": self, "label": self.node_name, "takes_parts": self.takes_parts, "__slots__": ()}
            self._node_class = type(self.node_name, (OperatorNode,), body)
        return self._node_class

    def class_for(self, *values: Any) -> Any:
        """The class of a node whose name depends on what `naming` asks for."""
        name = self.naming[0](*values)  # type: ignore[index]
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = renamed_class(self.node_class, name)
        return found

    def refuse_gradient(self, index: int) -> None:
        """Says that there is no rule for a parameter that wants a gradient."""
        name = self.signature.names[index]
        raise NotImplementedError(
            f"the derivative of {self.path} with respect to '{name}' is not implemented; "
            f"pass {name}.detach() if no gradient is needed there"
        )

    def run(self, values: Any) -> Any:
        """The body on a value for each parameter."""
        s = self.signature
        if not s.wants_keywords:
            return self.body(*values)
        return self.body(
            *values[: s.positional], **dict(zip(s.names[s.positional :], values[s.positional :]))
        )


@lru_cache(maxsize=1024)
def renamed_class(base: Any, name: str) -> Any:
    """A class of nodes like `base`, shown by another name."""
    return base if base.label == name else type(name, (base,), {"label": name, "__slots__": ()})


class OperatorNode(Node):
    """A recorded call of a declared operator. `saved` has, for each rule that will run, the values it asked
    for.
    """

    __slots__ = ("shapes",)
    op: Operator
    packed = False  # are the saved values in the care of a saved-tensors hook?
    counts: list[int] | None = None  # how many edges belong to each array parameter, when some are lists

    def apply_general(self, grads: list[Any], lifted: bool, wanted: Sequence[bool] | None = None) -> Any:
        """`apply` in general; `wanted` says along which edges anybody wants a gradient."""
        op = self.op
        if wanted is None:
            wanted = [e is not None for e in self.edges]
        g = grads[0] if self.outputs == 1 else self._complete(grads, lifted)
        fit = in_single if is_half(g) and op.family == "elementwise" else _as_it_is
        if op.joint is not None:
            values = self._values(self.saved[0], op.joint[1], lifted)
            if -2 in op.joint[1] and not all(wanted):
                at = op.joint[1].index(-2)
                values = [*values[:at], tuple(wanted), *values[at + 1 :]]
            return self._finish(fit(op.joint[0])(g, *values), lifted)
        results: list[Any] = []
        position = 0
        for k, index in enumerate(op.signature.arrays):
            count = self.counts[k] if self.counts else 1
            if True not in wanted[position : position + count]:
                results += [None] * count
            else:
                rule, sources = op.rules[index]
                gradient = fit(rule)(g, *self._values(self.saved[k], sources, lifted))
                results += gradient if index in op.signature.lists else (gradient,)
            position += count
        return self._finish(results, lifted)

    apply = apply_general  # `calls` writes a quicker one for each operator

    def apply_some(self, grads: list[Any], lifted: bool, wanted: Sequence[bool]) -> Any:
        """`apply` for some of the edges."""
        if lifted:
            return self.apply_general(grads, True, wanted)
        return self._for_edges(wanted).apply(grads, False)

    def _for_edges(self, wanted: Sequence[bool]) -> OperatorNode:
        """A copy without what the rules of other edges saved: these are passed over then."""
        spare = [e is not None and not w for e, w in zip(self.edges, wanted)]
        if not any(spare) or self.counts or self.packed or "apply" in self.__dict__:
            return self
        saved, joint = self.saved, self.op.joint
        if joint is None:
            saved = [None if out else s for s, out in zip(saved, spare)]
        elif -2 in joint[1]:
            values = zip(saved[0], joint[1])
            saved = [tuple([tuple(wanted) if source == -2 else value for value, source in values])]
        narrow = object.__new__(type(self))
        narrow.__dict__.update(self.__dict__)
        narrow.edges = tuple([None if out else e for e, out in zip(self.edges, spare)])
        narrow.saved, narrow.leases, narrow.sequence = saved, self.leases, self.sequence
        narrow.outputs, narrow.shapes = self.outputs, self.shapes
        return narrow

    def _finish(self, results: Any, lifted: bool) -> list[Any]:
        out = []
        for i, (r, edge) in enumerate(zip(results, self.edges)):
            if r is None or edge is None:
                out.append(None)
                continue
            if self.shapes[i] is not None and r.shape != self.shapes[i]:
                r = lang.sum_to(r, self.shapes[i])
            out.append(r if lifted or type(r) is np.ndarray else np.asarray(r))
        return out

    def _complete(self, grads: list[Any], lifted: bool) -> tuple:
        """Zeros where no gradient came for one of several outputs, unless the rule takes it so."""
        if (self.takes_parts and not lifted) or all(g is not None for g in grads):
            return tuple(grads)
        metas = self.metadata["outputs"]
        return tuple(_zeros(*meta, lifted) if g is None else g for g, meta in zip(grads, metas))

    def _values(self, saved: tuple, sources: tuple[int, ...], lifted: bool) -> Any:
        if self.packed:
            saved = unpacked(saved)
        if not lifted:
            return saved
        return [self._lift(v, s) for v, s in zip(saved, sources)]

    def _lift(self, value: Any, source: int) -> Any:
        """A saved array as a Tensor in its place in the graph, so that the rule can be differentiated."""
        if source == -1:
            if isinstance(value, tuple):
                return tuple(self._connect(v, (self, k)) for k, v in enumerate(value))
            return self._connect(value, (self, 0))
        arrays = self.op.signature.arrays
        if source < 0 or source not in arrays:
            return value
        k = arrays.index(source)
        start = sum(self.counts[:k]) if self.counts else k
        if source in self.op.signature.lists:
            return [self._connect(v, self.edges[start + i]) for i, v in enumerate(value)]
        return self._connect(value, self.edges[start])

    def _connect(self, value: Any, edge: Any) -> Any:
        if type(value) is not np.ndarray:
            return value
        t = wrap(value, of_numpy(value.dtype))
        if edge is not None and (t.dtype.is_floating_point or t.dtype.is_complex):
            t._rg = True
            if isinstance(edge[0], Node):
                t._node, t._out = edge
            else:
                t._node = LeafLink(edge)
        return t


def _as_it_is(rule: Callable[..., Any]) -> Callable[..., Any]:
    return rule


def new_node(kind: Any, array: np.ndarray, saved: Any, held: int, *inputs: Any) -> OperatorNode:
    """The node of a call on `inputs` that gave `array`; the bits of `held` say which of them it has saved.

    `autograd.native` has this and `recorded` as generated code.
    """
    edges = [edge_of(x) if type(x) in QUICK else None for x in inputs]
    node = kind(edges)
    node.saved = saved
    node.shapes = [
        None if e is None or x._a.shape == array.shape else x._a.shape for e, x in zip(edges, inputs)
    ]
    saved_of = (x for k, x in enumerate(inputs) if held >> k & 1 and type(x) in QUICK)
    node.leases = [x._s.lease() for x in saved_of if x._s is not None] or None
    return node


def recorded(kind: Any, array: np.ndarray, saved: Any, held: int, dt: dtype, *inputs: Any) -> Tensor:
    """The Tensor of such a call, with its node."""
    t = wrap(array, dt)
    t._node, t._rg = new_node(kind, array, saved, held, *inputs), True
    return t


def _zeros(shape: tuple, dt: Any, lifted: bool) -> Any:
    """The gradient of an output that nobody used; None for one that is no tensor."""
    if dt is None:
        return None
    zeros = np.zeros(shape, dt.np)
    return wrap(zeros, dt) if lifted else zeros


def record(op: Operator, values: Any, arrays: Any, result: Any, outputs: Any) -> None:
    """Makes the node of a call and ties its outputs to it.

    `values` are the arguments as given (Tensors), `arrays` what the body saw, `result` what it returned and
    `outputs` the Tensors made of that.
    """
    signature = op.signature
    arrays_at, lists = signature.arrays, signature.lists
    many = type(outputs) is not Tensor
    kind = op._node_class or op.node_class
    if op.naming is not None:
        kind = op.class_for(*[_pick(k, arrays, result, ()) for k in op.naming[1]])
    given, seen = _flat(values, arrays_at, lists), _flat(arrays, arrays_at, lists)
    edges = [edge_of(t) if type(t) in QUICK or isinstance(t, Tensor) else None for t in given]
    node = kind(edges, len(outputs) if many else 1)
    node.counts = [len(values[i]) if i in lists else 1 for i in arrays_at] if lists else None
    node.shapes = [a.shape if type(a) is np.ndarray else None for a in seen]
    save(node, op, values, arrays, result, outputs)
    for k, t in enumerate(outputs if many else (outputs,)):
        if t is not None and t.dtype.category >= FLOATING:
            t._node, t._out, t._rg = node, k, True
    if many:
        node.metadata["outputs"] = [  # whole numbers have no gradient, not even zeros
            ((), None) if t is None or t.dtype.category < FLOATING else (t._a.shape, t.dtype) for t in outputs
        ]
    if watchers or saved_hooks:
        after_record(node)


def _flat(values: Any, arrays_at: tuple[int, ...], lists: Any) -> list[Any]:
    """The values of array parameters, those of lists one after another."""
    if not lists:
        return [values[i] for i in arrays_at]
    flat: list[Any] = []
    for i in arrays_at:
        flat.extend(values[i]) if i in lists else flat.append(values[i])
    return flat


def save(node: OperatorNode, op: Operator, values: Any, arrays: Any, result: Any, outputs: Any) -> None:
    """Keeps what the rules of this call will need, and protects it from edits in place."""
    signature = op.signature
    if op.joint is not None:
        flags = tuple([e is not None for e in node.edges])
        wanted = op.joint[1]
        saved = [_picked(wanted, arrays, result, flags)]
    else:
        saved, position, wanted = [], 0, ()
        for k, i in enumerate(signature.arrays):
            count = node.counts[k] if node.counts else 1
            flags = tuple([e is not None for e in node.edges[position : position + count]])
            position += count
            if not any(flags):
                saved.append(None)
                continue
            if i not in op.rules:
                op.refuse_gradient(i)
            sources = op.rules[i][1]
            wanted += sources
            saved.append(_picked(sources, arrays, result, flags))
    node.saved = saved
    holders = _holders(wanted, signature, values, outputs)
    node.leases = [t._s.lease() for t in holders if t._s is not None] or None


def saved_for(op: Operator, index: int, arrays: Any, result: Any) -> tuple:
    """What the rule of a parameter asks for."""
    return _picked(op.rules[index][1], arrays, result, (True,))


def _picked(sources: tuple[int, ...], arrays: Any, result: Any, flags: tuple) -> tuple:
    return tuple([arrays[s] if s >= 0 else _pick(s, arrays, result, flags) for s in sources])


def _holders(sources: tuple[int, ...], signature: Signature, values: Any, outputs: Any) -> list[Tensor]:
    """The Tensors whose arrays are among what is saved."""
    found = [values[i] for i in signature.arrays if i in sources]
    if -1 in sources:
        found.append(outputs)
    if signature.lists or type(outputs) is not Tensor:
        found = [t for group in found for t in (group if isinstance(group, (list, tuple)) else (group,))]
    return [t for t in found if type(t) in QUICK or isinstance(t, Tensor)]


def _pick(source: int, arrays: Any, result: Any, flags: tuple) -> Any:
    if source <= DTYPE_OF:
        value = arrays[DTYPE_OF - source]
        return [a.dtype for a in value] if isinstance(value, list) else value.dtype
    if source <= SHAPE_OF:
        value = arrays[SHAPE_OF - source]
        return [a.shape for a in value] if isinstance(value, list) else value.shape
    return result if source == -1 else flags if source == -2 else arrays[source]


def recording(values: Any, signature: Signature) -> bool:
    """Does this call take part in gradients?"""
    if not state.grad:
        return False
    for i in signature.arrays:
        v = values[i]
        if i in signature.lists:
            if any(isinstance(t, Tensor) and t._rg for t in v):
                return True
        elif isinstance(v, Tensor) and v._rg:
            return True
    return False


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)
