"""Formulas with reductions along axes, which large arrays run as one generated kernel.

    def _softmax(axes, x):
        e = lang.exp(x - lang.amax(x, axes, True))
        return e * lang.reciprocal(lang.sum(e, axes, True))

    softmax = Along(_softmax)
    softmax((1,), array)

A formula takes the axes, arrays of equal rank (those after the first may have length one along any axis) and
then numbers; it keeps every axis that it reduces. It is traced once for each combination of types. Axes that
lie behind each other are joined, and what is left chooses the kind of kernel: `rows` when what is reduced
lies in memory without gaps, `planes` when there is one gap (a channel of NCHW), `strips` or `columns` when it
lies across. Everything else is numpy's: the formula runs as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..runtime import memory, settings
from . import witness
from .halves import is_half, narrowed, widened

if TYPE_CHECKING:  # what a traced formula needs is loaded when the first one is
    from ..kernels.graph import Graph
    from ..kernels.plan import Plan

AXES = object()  # stands for the axes of reductions while a formula is traced
MOST_PLANS = 512
WIDE = 256  # columns from which on reductions alone take a column kernel, whose threads share the rows
FEW_STRIPS = 16
FEW_ROWS = 32  # up to which a strip adds them at once, without the totals that a column kernel has in memory
MOST_DIMENSIONS = 64  # of an array


class View(NamedTuple):
    """How an array is handed to a kernel: with axes joined, then in another order."""

    shape: tuple[int, ...]
    order: tuple[int, ...] | None

    def of(self, x: np.ndarray) -> np.ndarray:
        if x.shape != self.shape:
            x = x.reshape(self.shape)
        return x if self.order is None else x.transpose(self.order)


class Output(NamedTuple):
    """An output: how the kernel sees it, its final shape and its dtype, and where its memory comes from."""

    view: View
    shape: tuple[int, ...]
    dtype: np.dtype
    empty: Callable[..., np.ndarray]


class Launch:
    """A kernel with the views of its inputs and outputs: of arrays and numbers, it gives the results."""

    __slots__ = ("inputs", "kernel", "outputs", "single")

    def __init__(self, kernel: Callable[..., Any], inputs: list[View], outputs: list[Output], single: bool):
        self.kernel, self.inputs, self.outputs, self.single = kernel, inputs, outputs, single

    def __call__(self, arrays: tuple, numbers: tuple) -> Any:
        made, places = [], []
        for view, _, dtype, empty in self.outputs:
            out = empty(view.shape, dtype)
            made.append(out)
            places.append(out if view.order is None else out.transpose(view.order))
        for view, x in zip(self.inputs, arrays):
            places.append(view.of(x))
        self.kernel(*places, *numbers)
        if witness.notes is not None:
            witness.called(self.kernel, (*places, *numbers), *made)
        if self.single:
            return memory.shaped(made[0], self.outputs[0].shape)
        return tuple([memory.shaped(out, output.shape) for out, output in zip(made, self.outputs)])

    def for_one(self) -> Callable[[np.ndarray], np.ndarray]:
        """The same for one array and one result, quicker."""
        kernel, (view,), ((target, shape, dtype, empty),) = self.kernel, self.inputs, self.outputs
        made, order, seen = target.shape, view.order, view.shape
        if order is not None:
            return lambda x: self((x,), ())
        if made == shape:
            return lambda x: kernel(empty(made, dtype), x.reshape(seen))
        shaped = memory.shaped
        return lambda x: shaped(kernel(empty(made, dtype), x.reshape(seen)), shape)


class Along:
    """A formula of axes, arrays and numbers."""

    __slots__ = ("formula", "graphs", "name", "plain", "plans", "quick", "wide")

    def __init__(self, formula: Callable[..., Any], name: str = "", wide: tuple[int, ...] = ()) -> None:
        self.formula, self.name = formula, name or formula.__name__.strip("_")
        self.wide = wide  # results that stay in float32 where the arrays are half precision
        self.plain: Callable[..., Any] | None = None
        self.graphs: dict[Any, Any] = {}
        self.plans: dict[Any, Launch | None] = {}
        self.quick: dict[Any, Callable[..., Any]] = {}
        settings.when_changed.append(self.forget)

    def forget(self) -> None:
        """Looks again for kernels at the next call."""
        for table in (self.graphs, self.plans, self.quick):
            table.clear()

    def __call__(self, axes: tuple[int, ...], *arguments: Any) -> Any:
        """The formula's result by whatever way is the quickest; on Tensors, as it stands."""
        if type(arguments[0]) is not np.ndarray:
            return self.formula(axes, *arguments)
        made = self.by_kernel(axes, *arguments)
        if made is not None:
            return made
        if self.plain is None:
            from .arrays import on_arrays

            self.plain = on_arrays(self.formula)
        if is_half(arguments[0]):
            return self._in_single(axes, *arguments)
        return self.plain(axes, *arguments)

    def _in_single(self, axes: tuple[int, ...], *arguments: Any) -> Any:
        result = self.plain(axes, *map(widened, arguments))  # type: ignore[misc]
        dtype = arguments[0].dtype
        if type(result) is not tuple:
            return narrowed(result, dtype)
        return tuple([r if k in self.wide else narrowed(r, dtype) for k, r in enumerate(result)])

    def by_kernel(self, axes: tuple[int, ...], *arguments: Any) -> Any:
        """The formula's result by a kernel, or None where numpy is to do the work."""
        first = arguments[0]
        if (first.size < settings.formulas_from and not is_half(first)) or not first.size:
            return None
        if len(arguments) == 1 and first.flags.c_contiguous:
            quick = self.quick.get((axes, first.shape, first.dtype.char))
            if quick is not None and witness.notes is None:
                return quick(first)
        arrays = tuple([a for a in arguments if type(a) is np.ndarray])
        if not arrays:  # numpy makes numbers of arrays without axes
            return None
        return self._planned(axes, arrays, arguments[len(arrays) :])

    def _planned(self, axes: tuple[int, ...], arrays: tuple, numbers: tuple) -> Any:
        if not _in_rows(arrays):
            from .memory import row_major

            arrays = tuple([row_major(a) if 0 in a.strides else a for a in arrays])  # gradients of sums
        if not _in_rows(arrays):
            return self._reordered(axes, arrays, numbers)
        key = (axes, *[(a.dtype.char, a.shape) for a in arrays])
        try:
            plan = self.plans[key]
        except KeyError:
            if len(self.plans) > MOST_PLANS:
                self.plans.clear()
                self.quick.clear()
            plan = self.plans[key] = self._plan(axes, arrays, numbers)
            if plan is not None and len(arrays) == 1 and plan.single and not numbers:
                self.quick[axes, arrays[0].shape, arrays[0].dtype.char] = plan.for_one()
        return None if plan is None else plan(arrays, numbers)

    def _reordered(self, axes: tuple[int, ...], arrays: tuple, numbers: tuple) -> Any:
        """For arrays with gaps, or whose axes lie in memory in another order."""
        order = memory_order(arrays[0])
        from .memory import row_major

        turned = [a.transpose(order) for a in arrays]
        turned = tuple(a if a.flags.c_contiguous else row_major(a) for a in turned)
        if any(a.ndim != arrays[0].ndim for a in turned):
            return None
        result = self.by_kernel(tuple(sorted(order.index(a) for a in axes)), *turned, *numbers)
        if result is None:
            return None
        back = np.argsort(order)
        several = result if type(result) is tuple else (result,)
        several = tuple(_back(r.transpose(back), arrays[0]) for r in several)
        return several if type(result) is tuple else several[0]

    def _plan(self, axes: tuple[int, ...], arrays: tuple, numbers: tuple) -> Launch | None:
        arranged = arrange([a.shape for a in arrays], axes)
        graph = self._graph(arrays, len(numbers)) if arranged else None
        if graph is None:
            return None
        from ..kernels.plan import Plan

        kind, order, lengths, reduced, ones = arranged  # type: ignore[misc]
        plan = Plan(graph)
        if not plan.full_outputs and kind == "strips" and _tall(plan, lengths, order):
            kind = "columns"
        kernel = _kernel(kind, graph, self.name)
        if kernel is None:
            return None
        inputs = [View(tuple(1 if one else n for n, one in zip(lengths, alone)), order) for alone in ones]
        outputs = []
        for node in graph.outputs:
            row = plan.per_row[id(node)]
            view = View(tuple(1 if row and r else n for n, r in zip(lengths, reduced)), order)
            shape = tuple(1 if row and d in axes else n for d, n in enumerate(arrays[0].shape))
            dtype = np.dtype(node.dtype)
            large = prod(shape) * dtype.itemsize >= memory.FROM_BYTES
            outputs.append(Output(view, shape, dtype, memory.empty if large else np.empty))
        return Launch(kernel, inputs, outputs, self.graphs[_types(arrays, len(numbers))][1])

    def _graph(self, arrays: tuple, numbers: int) -> Graph | None:
        key = _types(arrays, numbers)
        if key not in self.graphs:
            self.graphs[key] = self._trace(arrays, numbers)
        return self.graphs[key][0]

    def _trace(self, arrays: tuple, numbers: int) -> tuple[Graph | None, bool]:
        """The graph for such arguments, and whether there is one result (not several)."""
        from ..kernels.graph import Graph, Unsupported, scalar_node
        from .symbol import Symbol, Untraceable, cast, computed_in, operand

        stored = arrays[0].dtype.name
        own = computed_in(stored)
        symbols = [operand(k, a.dtype.name) for k, a in enumerate(arrays)]
        symbols += [Symbol(scalar_node(k, own)) for k in range(numbers)]
        try:
            traced = self.formula(AXES, *symbols)
            several = traced if type(traced) is tuple else (traced,)
            if own != stored:
                several = [s if k in self.wide else cast(s, stored) for k, s in enumerate(several)]
            return Graph([s.node for s in several]), type(traced) is not tuple
        except (Untraceable, Unsupported, TypeError, AttributeError, ValueError, KeyError) as reason:
            settings.log(2, f"{self.name}: numpy, because of {reason}")
            return None, True


def _in_rows(arrays: tuple) -> bool:
    return all(a.flags.c_contiguous for a in arrays)


def _back(result: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Whole results are laid out as `x` is, what is reduced in the usual order."""
    return result if result.size == x.size else np.ascontiguousarray(result)


def _types(arrays: tuple, numbers: int) -> tuple:
    return (*[a.dtype.num for a in arrays], numbers)


def _kernel(kind: str, graph: Graph, name: str) -> Callable[..., Any] | None:
    from .. import kernels
    from ..kernels import Unavailable, Unsupported
    from ..kernels.kernel import get

    if settings.kernel_mode == "off" or not kernels.available() or not kernels.supports(graph.outputs):
        return None
    try:
        return get(kind, graph, name)
    except (Unavailable, Unsupported) as reason:
        settings.log(2, f"{name}: numpy, because of {reason}")
        return None


def _tall(plan: Plan, lengths: tuple[int, ...], order: tuple[int, ...] | None) -> bool:
    """Are these single reductions, better shared by rows than by strips?"""
    shape = lengths if order is None else [lengths[k] for k in order]
    strips = prod(shape[:-2]) * (-(-shape[-1] // 64))
    return plan.passes == 1 and (shape[-1] >= WIDE or strips < FEW_STRIPS) and shape[-2] > FEW_ROWS


def memory_order(x: np.ndarray) -> tuple[int, ...]:
    """The axes from the one with the largest steps in memory on."""
    return tuple(sorted(range(x.ndim), key=lambda d: (-abs(x.strides[d]) if x.shape[d] > 1 else 0, d)))


def is_dense(x: np.ndarray) -> bool:
    """Do the elements fill their memory, in whatever order?"""
    return x.flags.c_contiguous or x.transpose(memory_order(x)).flags.c_contiguous


def arrange(shapes: list[tuple[int, ...]], axes: tuple[int, ...]) -> tuple | None:
    """The kind of kernel, the order of the joined axes, their lengths, which are reduced, and for each array
    along which of them it has length one. None where no kind fits.
    """
    joined: list[list] = []  # of length, reduced, alone
    for d, n in enumerate(shapes[0]):
        alone = tuple(s[d] != n for s in shapes)
        if any(s[d] != 1 for s, one in zip(shapes, alone) if one):
            return None
        if n == 1:
            continue
        if joined and joined[-1][1:] == [d in axes, alone]:
            joined[-1][0] *= n
        else:
            joined.append([n, d in axes, alone])
    reduced = tuple(r for _, r, _ in joined)
    places = [k for k, r in enumerate(reduced) if r]
    kind = _kind(reduced, len(places))
    if not kind:
        return None
    last = len(joined) - 1
    order = tuple(k for k in range(last) if k not in places) + tuple(
        k for k in range(last + 1) if k in places or k == last
    )
    lengths = tuple(n for n, _, _ in joined)
    ones = [tuple(alone[k] for _, _, alone in joined) for k in range(len(shapes))]
    return kind, None if order == tuple(range(last + 1)) else order, lengths, reduced, ones


def _kind(reduced: tuple[bool, ...], count: int) -> str:
    if not count:
        return ""
    if reduced[-1]:
        return {1: "rows", 2: "planes"}.get(count, "")
    return "strips" if count == 1 else ""


# ---- single reductions


def _fold(name: str) -> Along:
    from .dispatch import PRIMITIVES

    return Along(lambda axes, x: PRIMITIVES[name](x, axes, True), name)


def _average(axes: Any, x: Any) -> Any:
    from .dispatch import PRIMITIVES

    return PRIMITIVES["sum"](x, axes, True) / PRIMITIVES["count"](x, axes)


def _whole_sum(axes: Any, x: Any) -> Any:
    from .dispatch import PRIMITIVES

    return PRIMITIVES["sum"](PRIMITIVES["cast"](x, "int64"), axes, True)


FOLDS = {name: _fold(name) for name in ("sum", "prod", "amax", "amin")}
FOLDS["mean"] = Along(_average, "mean")
FOLDS["whole_sum"] = Along(_whole_sum, "whole_sum")
FOLDED = "fdileE"  # types of elements
WHOLE = "?bBhi"  # those whose sums are of 64 bits


def folded(name: str, x: np.ndarray, axis: Any, keepdims: bool) -> Any:
    """The reduction `name` of a large array by a kernel, or None where numpy is to do the work."""
    if x.dtype.char not in (WHOLE if name == "whole_sum" else FOLDED) or not is_dense(x):
        return None
    axes = axis if type(axis) is tuple else (axis,) if axis is not None else _all[x.ndim]
    if axes and min(axes) < 0:
        axes = tuple([a % x.ndim for a in axes])
    result = FOLDS[name].by_kernel(axes, x)
    if result is None or keepdims:
        return result
    if len(axes) == x.ndim:
        return result.reshape(())[()]
    return result.reshape([n for d, n in enumerate(x.shape) if d not in axes])


_all = [tuple(range(rank)) for rank in range(MOST_DIMENSIONS + 1)]


__all__ = ["AXES", "FOLDS", "Along", "folded"]
