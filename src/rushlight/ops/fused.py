"""Element-wise functions as generated kernels: traced once for each combination of types, compiled, and kept.

Large arrays always take the kernel. Small ones take it only where numpy would need several passes and where
the kernel gives the very same bits (no exp, no tanh): so results depend on sizes and types alone, never on
what ran before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lang
from ..lang.arrays import on_arrays
from ..lang.halves import in_single, is_half
from ..lang.single import destination
from ..runtime import memory, settings
from ..tensor.dtype import DTYPES, dtype
from .at_once import AtOnce

Kernel = Callable[..., Any]
_empty = np.empty
CALLS_BEFORE_KERNEL = 20  # a small operation that is repeated less often is not worth loading one
MOST_VARIANTS = 8  # of one operator with different options (`alpha=0.3`); beyond that, numpy
EXACT = frozenset(
    [
        "input",
        "scalar",
        "cast",
        "add",
        "sub",
        "mul",
        "div",
        "neg",
        "abs",
        "sqrt",
        "minimum",
        "maximum",
        "fmin",
        "fmax",
        "floor",
        "ceil",
        "trunc",
        "round",
        "sign",
        "square",
        "where",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "bitwise_not",
        "isnan",
        "isinf",
        "isfinite",
        "signbit",
        "copysign",
    ]
)


class Fusible:
    """A function of arrays and numbers, element by element, that may run as one kernel.

    `small` and `large` map a key, which stands for the types of the arguments, to the kernel; to None where
    numpy is to do the work; or to the number of calls so far. `at_once` learns what was found. `constants`
    are the numbers that become part of a kernel instead of being given to it, as the 2 of `a ** 2` does.
    """

    __slots__ = ("at_once", "constants", "function", "large", "name", "rounds", "small")

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        constants: frozenset = frozenset(),
        rounds: bool = False,
        at_once: AtOnce | None = None,
    ) -> None:
        self.function, self.name, self.constants, self.at_once = function, name, constants, at_once
        self.rounds = rounds  # are numbers beside half precision rounded to it first?
        self.small: dict[Any, Any] = {}
        self.large: dict[Any, Any] = {}
        settings.when_changed.append(self.forget)

    def forget(self) -> None:
        """Looks again for kernels at the next call."""
        for table in (self.small, self.large):
            table.clear()

    def find(self, table: dict, key: Any, calls: int, arguments: tuple, result: str | None) -> Kernel | None:
        """The kernel for arguments like these, when there is one and its time has come."""
        small, in_half = table is self.small, any(map(is_half, arguments))
        if small and 0 < calls < CALLS_BEFORE_KERNEL:
            table[key] = calls + 1
            return None
        node = self.trace(arguments, result)
        # numpy converts each element of half precision by a call: kernels from the first element on
        same_bits = node is not None and exact(node) and not in_half
        loop = numpy_loop(node) if small and node is not None and not same_bits else None
        if small and not calls and (same_bits or loop is not None):
            table[key] = 1
            return None
        numbers = [a for a in arguments if type(a) is not np.ndarray]
        constant = next((a for a in numbers if a is not arguments[0] and a in self.constants), None)
        kernel = None if node is None or loop is not None else compiled(node, self.name)
        table[key] = kernel
        if kernel is not None and same_bits and small and constant is None and not _saves_passes(node):
            table[key] = None  # numpy is as quick, where this is not done at once
        elif kernel is not None and constant is not None:
            table[key] = _without_constant(kernel)
        made = _result_of(key, result)
        # what holds for any number would be done for those that have a kernel of their own too
        general = bool(self.constants and numbers) and constant is None
        learns = self.at_once is not None and (kernel is not None or loop is not None) and not general
        if learns and (isinstance(made, dtype) or not numbers):
            self.at_once.learn(arguments, made, kernel, small, loop, constant)
        return table[key]

    def large_result(self, *arguments: Any) -> np.ndarray | None:
        """The result for large arrays (and numbers behind them), or None if there is no kernel for it."""
        kernel = self.for_large(*arguments)
        return None if kernel is None else launch(kernel, arguments[0].dtype, *arguments)

    def apply(self, *arrays: Any) -> Any:
        """What the function makes of arrays or of what stands for them: in one pass where they are large."""
        large = all(type(a) is np.ndarray for a in arrays) and arrays[0].size >= settings.kernels_from
        made = self.large_result(*arrays) if large else None
        return self.function(*arrays) if made is None else made

    def for_large(self, *arguments: Any) -> Kernel | None:
        """The kernel for such large arrays and numbers: `kernel(out, *arrays, *numbers)`."""
        fixed = self.constants
        key = tuple(
            [a.dtype.num if type(a) is np.ndarray else str(a) if a in fixed else None for a in arguments]
        )
        kernel = self.large.get(key, 0)
        if type(kernel) is int:
            kernel = self.find(self.large, key, kernel, arguments, None)
        return kernel

    def trace(self, arguments: tuple, result: str | None, options: dict | None = None) -> Any:
        """The graph of the function on such arguments, or None where it cannot be traced."""
        return traced(self.function, self.name, arguments, result, options, self.constants, self.rounds)


def traced(
    function: Callable[..., Any],
    name: str,
    arguments: tuple,
    result: str | None = None,
    options: dict | None = None,
    constants: frozenset = frozenset(),
    rounds: bool = False,
) -> Any:
    """The graph of a function on arguments like these, or None where it cannot be traced."""
    from ..kernels import scalar_node
    from ..lang.symbol import Symbol, Untraceable, computed_in, operand

    first = next((a.dtype.name for a in arguments if type(a) is np.ndarray), "float32")
    own = computed_in(first)
    symbols, arrays, numbers = [], 0, 0
    for place, a in enumerate(arguments):
        if type(a) is np.ndarray:
            symbols.append(operand(arrays, a.dtype.name))
            arrays += 1
        elif place and a in constants:
            symbols.append(a)
        else:
            number = Symbol(scalar_node(numbers, own))
            symbols.append(lang.cast(lang.cast(number, first), own) if rounds else number)
            numbers += 1
    try:
        found = function(*symbols, **(options or {}))
    except (Untraceable, TypeError, AttributeError, ValueError, KeyError) as reason:
        settings.log(2, f"{name}: numpy, because of {reason}")
        return None
    return lang.cast(found, result or first).node if isinstance(found, Symbol) else None


def _result_of(key: Any, result: str | None) -> Any:
    """The type of the result by the key of the operands'; what is no type where they are bare arrays."""
    return DTYPES[result] if result else key[0] if type(key) is tuple else key


def _without_constant(kernel: Kernel) -> Kernel:
    """A kernel that has its number built in, called as if it had not."""
    return lambda out, array, number: kernel(out, array)


def compiled(node: Any, name: str) -> Kernel | None:
    """The kernel of a graph, or None: not supported, or no compiler here."""
    from .. import kernels

    if settings.kernel_mode == "off" or not kernels.available() or not kernels.supports(node):
        return None
    try:
        return kernels.elementwise(node, name=name)
    except kernels.Unavailable:  # the compiler did not start
        return None


def fused(op: Any, result_type: Any, arrays: tuple, options: tuple) -> np.ndarray | None:
    """The result of an operator with options by a kernel, or None where numpy is to do the work."""
    key = (op.path, tuple([a.dtype.num if type(a) is np.ndarray else None for a in arrays]), options)
    try:
        kernel = _with_options[key]
    except KeyError:
        kernel = _with_options[key] = _make(op, result_type, arrays, options)
    except TypeError:  # an option that cannot be a key
        return None
    return None if kernel is None else launch(kernel, result_type.np, *arrays)


_with_options: dict[Any, Kernel | None] = {}
_variants: dict[str, int] = {}


def _make(op: Any, result_type: Any, arrays: tuple, options: tuple) -> Kernel | None:
    _variants[op.path] = _variants.get(op.path, 0) + 1
    if _variants[op.path] > MOST_VARIANTS:
        return None
    s = op.signature
    fusible = Fusible(op.body, op.name, rounds=op.rounds_numbers)
    node = fusible.trace(arrays, result_type.name, dict(zip(s.names[op.count :], options)))
    return None if node is None else compiled(node, op.name)


def launch(kernel: Kernel, dtype: np.dtype, *arguments: Any) -> np.ndarray | None:
    """Runs a kernel into new memory; None where the shapes do not broadcast."""
    first = arguments[0]
    if type(first) is np.ndarray and first.nbytes < memory.FROM_BYTES and first.flags.c_contiguous:
        shape = first.shape
        for a in arguments:
            if type(a) is not np.ndarray or a.shape != shape:
                break
        else:
            return kernel(_empty(shape, dtype), *arguments)
    arrays = [a for a in arguments if type(a) is np.ndarray]
    out = destination(arrays, dtype)
    if out is None:
        return None
    if len(arrays) == len(arguments):
        return kernel(out, *arguments)
    return kernel(out, *arrays, *[a for a in arguments if type(a) is not np.ndarray])


def nodes_of(node: Any) -> list[Any]:
    """All nodes of a graph."""
    from ..kernels import Node

    seen: dict[int, Any] = {}
    stack = [node]
    while stack:
        n = stack.pop()
        if id(n) not in seen:
            seen[id(n)] = n
            stack.extend(a for a in n.args if isinstance(a, Node))
    return list(seen.values())


def exact(node: Any) -> bool:
    """Does the kernel of a graph give the very bits that numpy does?"""
    return all(n.op in EXACT for n in nodes_of(node))


def _saves_passes(node: Any) -> bool:
    """Does numpy need more than one call on arrays for this?"""
    from ..kernels import Node

    work = [n for n in nodes_of(node) if n.op not in ("input", "scalar")]
    return len(work) > 1 or any(not isinstance(a, Node) or a.op == "scalar" for n in work for a in n.args)


def numpy_loop(node: Any) -> tuple[int, int] | None:
    """numpy's own loop for a graph that is one function of its; None for others."""
    from ..kernels.quick import loop_of

    primitive = lang.PRIMITIVES.get(node.op)
    operands = all(getattr(a, "op", "") == "input" and a.args == (k,) for k, a in enumerate(node.args))
    if primitive is None or not operands or any(a.dtype != node.dtype for a in node.args):
        return None
    char = np.dtype(node.dtype).char
    return loop_of(primitive.on_arrays, f"{char * len(node.args)}->{char}")  # type: ignore[attr-defined]


def only_primitive(function: Callable[..., Any], count: int) -> Callable[..., Any] | None:
    """The numpy function of a body that is just one primitive of its arguments, as that of `add` is, for all
    types.
    """
    names = {_primitive_of(function, count, dtype) for dtype in ("float32", "int64", "complex64")}
    name = names.pop()
    return None if names or name is None else lang.PRIMITIVES[name].on_arrays


def _primitive_of(function: Callable[..., Any], count: int, dtype: str) -> str | None:
    from ..kernels import input_node
    from ..lang.symbol import Symbol

    symbols = [Symbol(input_node(i, dtype)) for i in range(count)]
    try:
        node = function(*symbols).node
    except Exception:  # whatever such a body does, it is not one primitive
        return None
    alone = node.op in lang.PRIMITIVES and node.args == tuple(s.node for s in symbols)
    return node.op if alone else None


def _rule_with_options(rule: Callable[..., Any], plain: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same for a rule some of whose arguments are options: a kernel for each combination of these."""
    kernels: dict[Any, Kernel | None] = {}
    settings.when_changed.append(kernels.clear)

    def run(g: np.ndarray, saved: tuple) -> Any:
        small = g.size < settings.kernels_from
        arrays = [v for v in saved if type(v) is np.ndarray]
        options = tuple([_option(v) for v in saved])
        key = (small, g.dtype.num, options, *[a.dtype.num for a in arrays])
        if key not in kernels:
            few = len(kernels) < MOST_VARIANTS and Ellipsis not in options
            kernels[key] = _compiled_rule(rule, name, g, saved, small) if few else None
        kernel = kernels[key]
        result = None if kernel is None else launch(kernel, g.dtype, g, *arrays)
        return plain(g, *saved) if result is None else result

    return run


def _option(value: Any) -> Any:
    """What stands for an argument in the key of a kernel; Ellipsis for what cannot be baked into one."""
    if type(value) is np.ndarray:
        return None
    return (type(value), value) if type(value) in (str, int, float, bool) else Ellipsis


def _compiled_rule(
    rule: Callable[..., Any], name: str, g: np.ndarray, saved: tuple, small: bool
) -> Kernel | None:
    """The kernel of a rule with its options built in; for small arrays, where numpy's steps are not exact."""
    arrays = [v for v in saved if type(v) is np.ndarray]
    parts = [np.ndarray if type(v) is np.ndarray else v for v in saved]

    def of_arrays(g: Any, *symbols: Any) -> Any:
        left = iter(symbols)
        return rule(g, *[next(left) if part is np.ndarray else part for part in parts])

    node = traced(of_arrays, name, (g, *arrays))
    return None if node is None or (small and exact(node)) else compiled(node, name)


def rule_runner(
    rule: Callable[..., Any], name: str, at_once: AtOnce | None = None
) -> Callable[[np.ndarray, tuple], Any]:
    """A gradient rule of an element-wise operator: as a kernel where that pays."""
    fusible = Fusible(rule, name, at_once=at_once)
    small, large, find = fusible.small, fusible.large, fusible.find
    plain = in_single(on_arrays(rule))
    with_options = _rule_with_options(rule, plain, name)
    ndarray, empty_like = np.ndarray, np.empty_like

    def run(g: np.ndarray, saved: tuple) -> Any:
        key, size = g.dtype.num, g.size
        for v in saved:
            if type(v) is not ndarray:
                return with_options(g, saved)
            key = key * 1024 + v.dtype.num
            size += v.size
        table = large if size >= settings.kernels_from else small
        kernel = table.get(key, 0)
        if type(kernel) is int:
            kernel = find(table, key, kernel, (g, *saved), None)
        if kernel is None:
            return plain(g, *saved)
        if table is small:
            try:
                return kernel(empty_like(g), g, *saved)
            except ValueError:  # the shapes do not fit that of g
                return plain(g, *saved)
        result = launch(kernel, g.dtype, g, *saved)
        return plain(g, *saved) if result is None else result

    return run
