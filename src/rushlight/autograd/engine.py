"""The backward pass: walks a graph from its roots, youngest node first, without recursion.

On the usual path gradients are bare numpy arrays. When the gradient is itself to be differentiated
(`create_graph`) they are Tensors and the very same rules run on them.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

import numpy as np

from ..lang.memory import copy as copy_of
from ..quiet import SILENT, enter, leave, quiet
from ..tensor.core import QUICK, Tensor, wrap
from ..tensor.dtype import dtype, of_numpy
from ..tensor.storage import is_held
from . import native
from .modes import settings, state
from .node import RELEASED, Node
from .placed import Placed
from .sums import added

Edge = tuple[Any, int]


class Run:
    """One backward pass over a graph."""

    def __init__(self, *, keep: bool, lifted: bool, recorded: bool, wanted: list[Edge] | None = None) -> None:
        self.keep, self.lifted, self.recorded = keep, lifted, recorded
        # leaf or node -> its gradient; node of several outputs -> the list of theirs
        self.pending: dict[Any, Any] = {}
        self.sums: set[Any] = set()  # whose gradient is a sum made here, free to be added to
        self.heap: list[tuple[int, Node]] = []
        self.leaves: list[Tensor] = []
        self.wanted = wanted
        self.found: dict[Edge, Any] = {}
        self.needed: set[Any] | None = None

    def arrive(self, edge: Edge, grad: Any) -> None:
        """A gradient reaches an output of a node, or a leaf."""
        target, output = edge
        if self.needed is not None and target not in self.needed:
            return
        if type(grad) is not np.ndarray and not self.lifted and not _goes_on(grad, target):
            grad = np.asarray(grad)
        several = isinstance(target, Node) and target.outputs > 1
        if target not in self.pending:
            self.pending[target] = [None] * target.outputs if several else grad
            if isinstance(target, Node):
                heappush(self.heap, (-target.sequence, target))
            else:
                self.leaves.append(target)
            if not several:
                return
        if several:
            held = self.pending[target]
            held[output] = grad if held[output] is None else self.sum(held[output], grad, (target, output))
        else:
            self.pending[target] = self.sum(self.pending[target], grad, target)

    def sum(self, held: Any, grad: Any, key: Any) -> Any:
        """The sum of two gradients, in place where the first is a sum already."""
        if self.lifted:
            return held + grad
        if type(held) is Placed:
            held = np.asarray(held)
            self.sums.add(key)
        if type(grad) is Placed:
            if key in self.sums:
                grad.add_to(held)
                return held
            grad = np.asarray(grad)
        if key in self.sums:
            return added(held, grad, held)
        self.sums.add(key)
        return added(held, grad)

    def go(self, roots: list[tuple[Edge, Any]]) -> None:
        if self.wanted is not None:
            self.needed = _leading_to({e[0] for e in self.wanted}, [e[0] for e, _ in roots])
        self.roots = roots
        for edge, grad in roots:
            self.arrive(edge, grad)
        functions = native.passed()
        before = state.unseen
        state.unseen = self.wanted is None and not self.lifted and not settings.check_nan
        try:
            if functions is None or not state.unseen:
                self.walk() if self.wanted is None or settings.check_nan else self.walk_to_goals()
                hooked = self.deposit()
            else:
                self.walk_quickly(functions.advance)
                with _accumulating:
                    hooked = functions.deposit(self.leaves, self.pending, accumulate)
        finally:
            state.unseen = before
        for leaf in hooked:
            self.finish(leaf, self.pending.pop(leaf))

    def walk(self) -> None:
        """Visits the nodes that wait, youngest first."""
        heap = self.heap
        while heap:
            self.visit(heappop(heap)[1])

    def walk_to_goals(self) -> None:
        """The same on the ways to what was asked for; the usual node is done here, with what is usual."""
        heap, pending, needed, lifted = self.heap, self.pending, self.needed or (), self.lifted
        goals = {target for target, _ in self.found}
        while heap:
            node = heappop(heap)[1]
            if node.outputs > 1 or node in goals or node.prehooks or node.hooks:
                self.visit(node)
                continue
            grads = [pending.pop(node)]
            edges = node.edges
            try:
                if node.leases or node.saved is RELEASED:
                    node.check()
                wanted = [e is not None and e[0] in needed for e in edges]
                results = node.apply_some(grads, lifted, wanted)
            except Exception as error:
                _explain(error, node)
                raise
            if not self.keep and node.saved:
                node.release()
            for edge, grad in zip(edges, results):
                if edge is None or grad is None or edge[0] not in needed:
                    continue
                target = edge[0]
                if target in pending or not isinstance(target, Node) or target.outputs > 1:
                    self.arrive(edge, grad)
                else:
                    pending[target] = grad if lifted or type(grad) is np.ndarray else np.asarray(grad)
                    heappush(heap, (-target.sequence, target))

    def walk_quickly(self, advance: Callable[..., Any]) -> None:
        """The same by generated code, which leaves to Python the nodes that have hooks."""
        heap, at = self.heap, [None]
        while heap:
            node = heappop(heap)[1]
            try:
                node = advance(node, heap, self.pending, self.leaves, self.sums, self.arrive, self.keep, at)
            except Exception as error:
                _explain(error, at[0])
                raise
            if node is not None:
                self.visit(node)

    def visit(self, node: Node) -> None:
        """One node: its gradients go on along its edges."""
        grads = self.pending.pop(node)
        if node.outputs == 1:
            grads = [grads]
        try:
            if (node.prehooks or self.wanted is not None) and self.ends_at(node, grads):
                return
            if node.leases or node.saved is RELEASED:
                node.check()
            results = self.applied(node, grads)
            if settings.check_nan:
                refuse_nan(node, results)
            if node.hooks:
                results = self.hooked_node(node, results, grads)
        except Exception as error:
            _explain(error, node)
            raise
        if not self.keep and node.saved:
            node.release()
        for edge, grad in zip(node.edges, results):
            if edge is not None and grad is not None:
                self.arrive(edge, grad)

    def applied(self, node: Node, grads: list[Any]) -> Any:
        """What a node gives along the edges that lead to what was asked for."""
        if self.needed is None or self.lifted:
            return node.apply(grads, self.lifted)
        return node.apply_some(grads, False, [e is not None and e[0] in self.needed for e in node.edges])

    def deposit(self) -> list[Tensor]:
        """Gradients go into the leaves; gives those that have hooks to be run first."""
        hooked, pending = [], self.pending
        with _accumulating:
            for leaf in self.leaves:
                if leaf._hooks or self.wanted is not None:
                    hooked.append(leaf)
                else:
                    grad = pending.pop(leaf)
                    accumulate(leaf, grad)
        return hooked

    def reached(self) -> set[Any]:
        """All nodes and leaves that this pass may come to."""
        if self.needed is not None:
            return self.needed
        found: set[Any] = set()
        stack = [edge[0] for edge, _ in self.roots]
        while stack:
            target = stack.pop()
            if target not in found:
                found.add(target)
                stack += [e[0] for e in getattr(target, "edges", ()) if e is not None]
        return found

    def ends_at(self, node: Node, grads: list[Any]) -> bool:
        """Hooks on the node's outputs see the gradients first; is the way to what was asked for ended
        here?
        """
        if node.prehooks:
            for output, hooks in node.prehooks.items():
                if output is not None:
                    grads[output] = self.hooked(hooks, grads[output])
            for hook in list((node.all_prehooks or {}).values()):
                new = self._call(hook, tuple(map(self.lift, grads)))
                if new is not None:
                    grads[:] = map(self.lower, new if isinstance(new, (tuple, list)) else (new,))
        return self.wanted is not None and self.take(node, grads)

    def take(self, node: Node, grads: list[Any]) -> bool:
        """Keeps what was asked for; is the way ended here?"""
        for output, grad in enumerate(grads):
            if (node, output) in self.found:
                self.found[node, output] = grad
        return not any(e is not None and e[0] in self.needed for e in node.edges)  # type: ignore[operator]

    def finish(self, leaf: Tensor, grad: Any) -> None:
        if leaf._hooks:
            grad = self.hooked(leaf._hooks.before, grad)
        if self.wanted is not None:
            if (leaf, 0) in self.found:
                self.found[leaf, 0] = grad
            return
        if grad is None:
            return
        with _accumulating:
            accumulate(leaf, grad)
        if leaf._hooks:
            for hook in list(leaf._hooks.after.values()):
                hook(leaf)

    # ---- hooks see Tensors

    def hooked(self, hooks: dict[int, Callable[..., Any]], grad: Any) -> Any:
        for hook in list(hooks.values()):
            if grad is None:
                return None
            given = self.lift(grad)
            new = self._call(hook, given)
            if new is not None:
                grad = self.lower(_replacement(new, given, hook))
        return grad

    def hooked_node(self, node: Node, results: Any, grads: list[Any]) -> Any:
        for hook in list(node.hooks.values()):
            given = tuple(map(self.lift, results))
            new = self._call(hook, given, tuple(map(self.lift, grads)))
            if new is not None:
                new = new if isinstance(new, (tuple, list)) else (new,)
                if len(new) != len(given):
                    raise RuntimeError(
                        f"{_named(hook)} has changed the number of gradients: {len(given)} came, "
                        f"{len(new)} were returned"
                    )
                results = [self.lower(_replacement(n, g, hook)) for n, g in zip(new, given)]
        return results

    def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        before = state.grad, state.run
        state.grad, state.run = self.recorded, self
        try:
            return hook(*args)
        finally:
            state.grad, state.run = before

    def lift(self, grad: Any) -> Any:
        return grad if grad is None or isinstance(grad, Tensor) else as_tensor(grad)

    def lower(self, grad: Any) -> Any:
        return grad if grad is None or self.lifted else grad._a


def _goes_on(grad: Any, target: Any) -> bool:
    """Is it a gradient that the node takes as it is?"""
    return type(grad) is Placed and isinstance(target, Node) and target.takes_parts


def as_tensor(array: Any, dt: dtype | None = None) -> Tensor:
    """A Tensor around a gradient that others may hold too: nobody edits it in place unnoticed."""
    array = np.asarray(array)
    return wrap(array, dt or of_numpy(array.dtype))


def _replacement(new: Any, given: Tensor | None, hook: Callable[..., Any]) -> Any:
    """What a hook returned in place of a gradient, which must be of the same kind."""
    if new is None or given is None:
        return new
    if not isinstance(new, Tensor):
        raise TypeError(
            f"{_named(hook)} must return a Tensor or None, but it has returned {type(new).__name__}"
        )
    if new._a.shape != given._a.shape:
        raise RuntimeError(
            f"{_named(hook)} has changed the size of the gradient: shape {list(given._a.shape)} came and "
            f"shape {list(new._a.shape)} was "
            "returned. A gradient has the shape of its tensor: return one of that shape, or None to leave "
            "it as it is"
        )
    if new.dtype is not given.dtype:
        raise RuntimeError(
            f"{_named(hook)} has changed the type of the gradient: {given.dtype} came and {new.dtype} was "
            "returned; "
            f"return new.to({given.dtype})"
        )
    return new


def _named(hook: Callable[..., Any]) -> str:
    return f"the hook '{getattr(hook, '__qualname__', type(hook).__name__)}'"


def refuse_nan(node: Node, results: Any) -> None:
    """In anomaly mode: a gradient that is not a number is an error, at the operation that made it."""
    for k, r in enumerate(results):
        a = getattr(r, "_a", r)
        if type(a) is np.ndarray and a.dtype.kind in "fc" and np.isnan(a).any():
            raise RuntimeError(
                f"Function '{node.label}' returned nan values in its {k}th output, the gradient of its "
                f"input number {k} "
                f"(shape {list(a.shape)}, {int(np.isnan(a).sum())} of them NaN)"
            )


def _explain(error: Exception, node: Node) -> None:
    """Adds to an error inside backward which operation it was, and where it was called if that is known."""
    text = f"This happened in the backward pass of {node.label}"
    if node.where:
        text += f", which was called in the forward pass at:\n{node.where}"
    else:
        text += (
            "; inside `with torch.autograd.detect_anomaly():` it is told where the forward pass called it."
        )
    if hasattr(error, "add_note"):
        error.add_note(text)
    elif error.args and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]}\n{text}", *error.args[1:])


def _leading_to(goals: set, starts: list) -> set:
    """The nodes on a way from `starts` to one of `goals`, those included."""
    found: set[Any] = set()
    nodes = []
    stack = starts[:]
    while stack:
        target = stack.pop()
        if target not in found:
            found.add(target)
            if isinstance(target, Node):
                nodes.append(target)
                stack += [e[0] for e in target.edges if e is not None]
    leading = goals & found
    nodes.sort(key=_sequence)  # the oldest first: a node is younger than those it leads to
    for node in nodes:
        for e in node.edges:
            if e is not None and e[0] in leading:
                leading.add(node)
                break
    return leading


_sequence = attrgetter("sequence")
copy = copy_of.on_arrays  # type: ignore[attr-defined]


def accumulate(leaf: Tensor, grad: Any) -> None:
    """Adds to `leaf.grad`. Several threads may do so at once, so hold `_accumulating`."""
    old = leaf._grad
    if isinstance(grad, Tensor):
        leaf._grad = grad if old is None else old + grad
    elif old is None:
        alone = (
            sys.getrefcount(grad) <= _SOLE and type(grad.base) is not np.ndarray and grad.flags.c_contiguous
        )
        new = wrap(grad if alone else copy(grad), leaf.dtype)
        leaf._grad = new
    elif old._s is None and old._node is None and not is_held(old):
        added(old._a, grad, old._a)
    elif type(old) is Tensor and old._s is not None and old._node is None and 0 not in old._a.strides:
        old._s.about_to_change("backward")  # which may give it other memory
        added(old._a, grad, old._a)
    else:
        with_grad, state.grad = state.grad, False
        try:
            old.add_(as_tensor(grad))
        finally:
            state.grad = with_grad


_accumulating = threading.RLock()


def current() -> Run:
    """The pass whose hook is being called in this thread."""
    return state.run


def _calibrate() -> int:
    """How many references an array has that only came through `go` and `accumulate`."""
    seen = []

    def accumulate(leaf: Any, grad: Any) -> None:
        seen.append(sys.getrefcount(grad))

    def go() -> None:
        pending = {0: np.empty(1)}
        grad = pending.pop(0)
        accumulate(None, grad)

    go()
    return seen[0]


_SOLE = _calibrate()


def backward(
    roots: list[tuple[Tensor, Any]], *, keep: bool, recorded: bool, inputs: list[Tensor] | None = None
) -> None:
    """Runs backward from `roots` (tensor and gradient) into the `grad` of the leaves, or of `inputs` only."""
    if inputs is not None:
        for t, g in zip(inputs, gradients(roots, inputs, keep=keep, recorded=recorded)):
            if g is not None:
                with _accumulating:
                    accumulate(t, g if recorded else g._a)
        return
    _start(Run(keep=keep, lifted=recorded, recorded=recorded), roots)


_ones: dict[
    Any, np.ndarray
] = {}  # the gradients of numbers with respect to themselves; nobody writes to them


def _one(shape: tuple, dtype: np.dtype) -> np.ndarray:
    one = _ones.get((shape, dtype.char))
    if one is None:
        one = _ones[shape, dtype.char] = np.ones(shape, dtype)
    return one


def backward_scalar(root: Tensor, keep: bool) -> None:
    """The usual case: from one value, into the leaves."""
    run = Run(keep=keep, lifted=False, recorded=False)
    edge = (root if root._node is None else root._node, root._out)
    before, token = state.grad, None
    try:
        state.grad = False
        token = enter(SILENT)
        run.go([(edge, _one(root._a.shape, root._a.dtype))])
    finally:
        state.grad = before  # first: a signal may arrive with every call
        if token is not None:
            leave(token)


def gradients(
    roots: list[tuple[Tensor, Any]], inputs: list[Tensor], *, keep: bool, recorded: bool
) -> list[Tensor | None]:
    """The gradients of `roots` with respect to `inputs`, as Tensors; None where there is no way."""
    wanted = [(t if t._node is None else t._node, t._out) for t in inputs]
    lifted = recorded or any(type(t) not in QUICK or type(g) not in QUICK for t, g in roots)
    run = Run(keep=keep, lifted=lifted, recorded=recorded, wanted=wanted)
    run.found = dict.fromkeys(wanted)
    _start(run, roots)
    return [run.lift(run.found[e]) for e in wanted]


def _start(run: Run, roots: list[tuple[Tensor, Any]]) -> None:
    edges = [((t if t._node is None else t._node, t._out), g if run.lifted else g._a) for t, g in roots]
    before, state.grad = state.grad, run.recorded
    try:
        with quiet:
            run.go(edges)
    finally:
        state.grad = before
