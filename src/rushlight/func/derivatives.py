"""Derivatives of functions: `grad`, `vjp`, `jvp`, Jacobians and Hessians, to be nested at will.

Outside of any other transform they use the ordinary graph: an input enters by a node of its own, which
hides where it came from until the derivative is done. Inside of another transform they follow tensors at a
level (see `tape`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ..autograd import engine
from ..autograd.modes import enable_grad, state
from ..autograd.node import Node
from ..tensor.core import Tensor, edge_of, share, wrap
from ..utils.pytree import tree_flatten, tree_map, tree_unflatten
from .dual import Dual, dual, zeros_like
from .levels import Traced, at, depth, make, new_level
from .mapping import vmap
from .tape import follow, pull

Function = Callable[..., Any]


class Entrance(Node):
    """Where an input of a transformed function enters the graph."""

    __slots__ = ("open",)
    label = "AliasBackward0"

    def __init__(self, edge: Any) -> None:
        super().__init__((edge,))
        self.open = True

    def apply(self, grads: list[Any], lifted: bool) -> Any:
        return grads


class _At:
    """A place in the graph, as the engine asks for it."""

    def __init__(self, node: Node) -> None:
        self._node, self._out = node, 0


def enter(x: Tensor) -> Tensor:
    """`x` as an input whose gradient is wanted."""
    t = share(x, x._a)
    t._node, t._rg = Entrance(edge_of(x)), True
    return t


def leads_out(t: Tensor) -> bool:
    """Does the graph of `t` go on to something that anybody else wants gradients for?"""
    if not t._rg:
        return False
    if t._node is None:
        return True
    seen, stack = set(), [t._node]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        if not isinstance(node, Node) or (type(node) is Entrance and node.open):
            return True
        seen.add(node)
        stack += [e[0] for e in node.edges if e is not None]
    return False


def settled(t: Any) -> Any:
    """A result without the part of the graph that nobody needs any more."""
    if isinstance(t, Traced):
        value = settled(t.value)
        if value is t.value:
            return t
        if isinstance(t, Dual):
            return dual(t.level, value, t.tangent)
        new = make(type(t), t.level, value)
        if t.own_graph:
            new._node, new._out, new._rg = t._node, t._out, t._rg
        return new
    if not isinstance(t, Tensor) or not t._rg or (state.grad and leads_out(t)):
        return t
    return share(t, t._a)


def alive(t: Any) -> bool:
    """May gradients of this be wanted by somebody?"""
    while isinstance(t, Traced):
        if t.own_graph and t._rg:
            return True
        t = t.value
    return t._rg


class Pullback:
    """A function that has been run, and what takes cotangents of its results back to its inputs."""

    def __init__(self, func: Function, inputs: Sequence[Tensor]) -> None:
        if depth() == 0:
            self._plain(func, inputs)
        else:
            self._nested(func, inputs)

    def _plain(self, func: Function, inputs: Sequence[Tensor]) -> None:
        self.level = 0
        entered = [enter(x) for x in inputs]
        self.inputs = [_At(t._node) for t in entered]  # type: ignore[arg-type]
        with enable_grad():
            self.result = func(*entered)
        for place in self.inputs:
            place._node.open = False  # type: ignore[attr-defined]

    def _nested(self, func: Function, inputs: Sequence[Tensor]) -> None:
        with new_level() as self.level, enable_grad():
            self.inputs = [follow(x, self.level) for x in inputs]
            self.result = func(*self.inputs)

    def lowered(self, t: Any) -> Any:
        """A result as the caller sees it."""
        if self.level:
            return t.value if at(t, self.level) else t
        return settled(t) if isinstance(t, Tensor) else t

    def __call__(self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradients of the inputs; None where there is no way."""
        if self.level:
            return pull(outputs, cotangents, self.inputs, self.level)
        pairs = [(y, g) for y, g in zip(outputs, cotangents) if y._rg and g is not None]
        if not pairs:
            return [None] * len(self.inputs)
        recorded = state.grad and (any(alive(g) for _, g in pairs) or any(leads_out(y) for y, _ in pairs))
        found = engine.gradients(pairs, self.inputs, keep=True, recorded=recorded)  # type: ignore[arg-type]
        return [settled(g) for g in found]


# ---- arguments


def _differentiable(name: str, t: Any) -> Tensor:
    if not isinstance(t, Tensor):
        raise ValueError(
            f"{name}: expected only Tensors among the inputs to differentiate, got {type(t)}; pass other "
            "values by closure or argnums"
        )
    if not (t.dtype.is_floating_point or t.dtype.is_complex):
        raise RuntimeError(
            f"{name}: only Tensors of floating point and complex dtype can require gradients, got {t.dtype}"
        )
    return t


def pick_arguments(name: str, args: tuple, argnums: int | tuple[int, ...]) -> tuple[Any, Function]:
    """The arguments to differentiate, as a nest, and a function that puts others in their place."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not numbers:
        raise RuntimeError(f"{name}: argnums must name at least one argument")
    for k in numbers:
        if not isinstance(k, int) or not -len(args) <= k < len(args):
            raise RuntimeError(f"{name}: Got argnum={k}, but only {len(args)} positional inputs")
    numbers = tuple(k % len(args) for k in numbers)
    if len(set(numbers)) < len(numbers):
        raise RuntimeError(f"{name}: argnums elements must be unique, got {argnums}")
    chosen = args[numbers[0]] if isinstance(argnums, int) else tuple(args[k] for k in numbers)

    def put(nest: Any) -> list[Any]:
        new = list(args)
        for k, x in zip(numbers, (nest,) if isinstance(argnums, int) else nest):
            new[k] = x
        return new

    return chosen, put


def _with_aux(name: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True, got "
            f"{type(result).__name__}"
        )
    return result


# ---- reverse mode


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `func` and its value."""

    @wraps(func, updated=())
    def derived(*args: Any, **kwargs: Any) -> Any:
        chosen, put = pick_arguments("grad", args, argnums)
        leaves, spec = tree_flatten(chosen)
        inputs = [_differentiable("grad", t) for t in leaves]
        back = Pullback(lambda *new: func(*put(tree_unflatten(new, spec)), **kwargs), inputs)
        output, aux = _with_aux("grad_and_value(f)(*args)", back.result, has_aux)
        _check_scalar(output)
        one = wrap(_ones(output), output.dtype)
        grads = [zeros_like(x) if g is None else g for g, x in zip(back([output], [one]), inputs)]
        value = back.lowered(output)
        if has_aux:
            value = (value, tree_map(back.lowered, aux))
        return tree_unflatten(grads, spec), value

    return derived


def _ones(t: Tensor) -> Any:
    import numpy as np

    return np.ones(t._a.shape, t.dtype.np)


def _check_scalar(output: Any) -> None:
    if not isinstance(output, Tensor):
        raise RuntimeError(
            f"grad: Expected f(*args) to return a tensor, got {type(output).__name__}; with has_aux=True "
            "it returns (output, aux)"
        )
    if output.ndim:
        raise RuntimeError(
            f"grad: Expected f(*args) to return a scalar tensor, got tensor with {output.ndim} dims (shape "
            f"{list(output.shape)}). Reduce it, for "
            "instance with .sum() or .mean(), or use jacrev for all its derivatives"
        )
    if output.dtype.is_complex:
        raise RuntimeError(
            "grad: Expected f(*args) to return a real number; take .real or .abs() of the complex result, "
            "or use vjp"
        )


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """A function that returns the gradient of `func`, which returns one number."""
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func, updated=())
    def derived(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return derived


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> tuple:
    """The value of `func`, and a function from cotangents of its result to those of its arguments; then
    aux, if it has any.
    """
    leaves, spec = tree_flatten(primals)
    inputs = [_differentiable("vjp", t) for t in leaves]
    back = Pullback(lambda *new: func(*tree_unflatten(new, spec)), inputs)
    output, aux = _with_aux("vjp(f, *primals)", back.result, has_aux)
    outputs, out_spec = tree_flatten(output)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"vjp(f, *primals): Expected f to only return tensors, got unsupported type {type(y)}"
            )

    def pullback(*cotangents: Any, **_: Any) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        grads, given_spec = tree_flatten(given)
        if given_spec != out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
                f"the function. cotangents: {given_spec}, primal output: {out_spec}"
            )
        for y, g in zip(outputs, grads):
            if tuple(g.shape) != tuple(y.shape):
                raise RuntimeError(
                    f"vjp: a cotangent has shape {list(g.shape)}, but the output has shape {list(y.shape)}"
                )
        found = [zeros_like(x) if g is None else g for g, x in zip(back(outputs, grads), inputs)]
        result = tree_unflatten(found, spec)
        return result

    value = tree_unflatten([back.lowered(y) for y in outputs], out_spec)
    return (value, pullback, tree_map(back.lowered, aux)) if has_aux else (value, pullback)


def jacrev(
    func: Function,
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Function:
    """A function that returns the Jacobian of `func`, computed row by row (all rows at once, or
    `chunk_size` of them).
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"jacrev: `chunk_size` should be greater than 0. (got {chunk_size})")

    @wraps(func, updated=())
    def derived(*args: Any) -> Any:
        chosen, put = pick_arguments("jacrev", args, argnums)
        leaves, spec = tree_flatten(chosen)
        inputs = [_differentiable("jacrev", t) for t in leaves]
        back = Pullback(lambda *new: func(*put(tree_unflatten(new, spec))), inputs)
        output, aux = _with_aux("jacrev(f)(*args)", back.result, has_aux)
        outputs, out_spec = tree_flatten(output)
        rows = [tree_unflatten(_rows(back, y, inputs, chunk_size), spec) for y in outputs]
        result = tree_unflatten(rows, out_spec)
        return (result, tree_map(back.lowered, aux)) if has_aux else result

    return derived


def _rows(back: Pullback, y: Any, inputs: list[Tensor], chunk_size: int | None) -> list[Tensor]:
    """The derivatives of one output with respect to all inputs."""
    if not isinstance(y, Tensor):
        raise RuntimeError(f"jacrev: Expected all outputs to be Tensors, got {type(y)}")

    def row(cotangent: Tensor) -> tuple[Tensor, ...]:
        return tuple(zeros_like(x) if g is None else g for g, x in zip(back([y], [cotangent]), inputs))

    blocks = vmap(row, chunk_size=chunk_size)(basis(y))
    return [b.reshape((*y.shape, *x.shape)) for b, x in zip(blocks, inputs)]


def basis(t: Tensor) -> Tensor:
    """All unit vectors in the shape of `t`, one after the other."""
    import numpy as np

    count = int(np.prod(t._a.shape, dtype=np.int64))
    return wrap(np.eye(count, dtype=t.dtype.np).reshape((count, *t._a.shape)), t.dtype)


# ---- forward mode


def jvp(
    func: Function, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
) -> tuple:
    """The value of `func` and its derivative along `tangents`; then aux, if it has any."""
    for what, v in (("primals", primals), ("tangents", tangents)):
        if not isinstance(v, tuple):
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected {what} to be a tuple. E.g. it should be valid to "
                f"call f(*primals). Got {type(v)}"
            )
        if not v:
            raise RuntimeError(f"jvp(f, primals, tangents): {what} is empty; give at least one tensor")
    leaves, spec = tree_flatten(primals)
    directions, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure, "
            f"got {spec} and {tangent_spec}"
        )
    with new_level() as level:
        inputs = [_dual_input(x, t, level) for x, t in zip(leaves, directions)]
        result = func(*tree_unflatten(inputs, spec))
        output, aux = _with_aux("jvp(f, primals, tangents)", result, has_aux)
        value, aux = (tree_map(lambda t: t.value if at(t, level) else t, nest) for nest in (output, aux))
        tangent = tree_map(lambda t: _tangent(t, level, strict), output)
    return (value, tangent, aux) if has_aux else (value, tangent)


def _dual_input(x: Any, t: Any, level: int) -> Dual:
    _differentiable("jvp", x)
    if tuple(x.shape) != tuple(t.shape) or x.dtype is not t.dtype:
        raise RuntimeError(
            f"jvp: a primal has shape {list(x.shape)} and dtype {x.dtype}, but its tangent has shape "
            f"{list(t.shape)} and dtype {t.dtype}; they must agree"
        )
    return dual(level, x, t)


def _tangent(t: Any, level: int, strict: bool) -> Tensor:
    if not isinstance(t, Tensor):
        raise RuntimeError(
            f"jvp(f, primals, tangents): Expected f to only return tensors, got unsupported type {type(t)}"
        )
    if at(t, level):
        return t.tangent
    if strict:
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): an output of f is independent of the inputs; this is "
            "not allowed in strict mode"
        )
    return zeros_like(t)


def jacfwd(
    func: Function,
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Function:
    """A function that returns the Jacobian of `func`, computed column by column (all columns at once)."""

    @wraps(func, updated=())
    def derived(*args: Any) -> Any:
        chosen, put = pick_arguments("jacfwd", args, argnums)
        leaves, spec = tree_flatten(chosen)
        inputs = [_differentiable("jacfwd", t) for t in leaves]
        found: dict[str, Any] = {}

        def nested(*new: Any) -> Any:
            return func(*put(tree_unflatten(new, spec)))

        columns = [
            _columns(nested, inputs, k, has_aux, randomness, chunk_size, found) for k in range(len(inputs))
        ]
        blocks = [tree_unflatten([c[j] for c in columns], spec) for j in range(len(columns[0]))]
        result = tree_unflatten(blocks, found["spec"])
        return (result, found["aux"]) if has_aux else result

    return derived


def _columns(
    f: Function,
    inputs: list[Tensor],
    k: int,
    has_aux: bool,
    randomness: str,
    chunk_size: int | None,
    found: dict,
) -> list[Tensor]:
    """The derivatives of all outputs with respect to input number `k`."""
    x = inputs[k]

    def column(direction: Tensor) -> Any:
        _, tangent, *aux = jvp(
            lambda t: f(*inputs[:k], t, *inputs[k + 1 :]), (x,), (direction,), has_aux=has_aux
        )
        found["aux"] = aux[0] if aux else None
        tangents, found["spec"] = tree_flatten(tangent)
        return tuple(tangents)

    blocks = vmap(column, randomness=randomness, chunk_size=chunk_size)(basis(x))
    return [b.movedim(0, -1).reshape((*b.shape[1:], *x.shape)) for b in blocks]


def hessian(func: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """A function that returns all second derivatives of `func`."""
    return jacrev(jacrev(func, argnums), argnums)


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """The value of `func`, and its derivative there: a linear function of tangents, which does not run
    `func` again.
    """
    value, back = vjp(func, *primals)
    zeros = tree_map(lambda t: zeros_like(t) if not isinstance(t, Traced) else t * 0, value)
    _, forward = vjp(lambda cotangents: back(cotangents), zeros)
    return value, lambda *tangents: forward(tangents)[0]


__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp"]
