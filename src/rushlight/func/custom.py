"""`autograd.Function` inside of function transforms: its `vmap` and `jvp` where it has them."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd.function import Function, _new_ctx
from ..autograd.modes import no_grad, state
from ..tensor.core import Tensor
from .batch import Batched, batched, wrapped
from .dual import Dual, dual, push
from .levels import Traced, at, below, sample
from .randomness import _running
from .tape import Followed, output


class VmapInfo(NamedTuple):
    """What a `vmap` static method is told."""

    batch_size: int
    randomness: str


def apply(cls: Any, args: tuple) -> Any:
    """`cls.apply(*args)` where tensors of transforms are among the arguments."""
    top = max((a for a in args if isinstance(a, Traced)), key=lambda t: t.level)
    step = {Batched: _mapped, Dual: _pushed, Followed: _followed}[type(top)]
    return step(cls, args, top.level)


# ---- vmap


def _mapped(cls: Any, args: tuple, level: int) -> Any:
    size = next(a.value.shape[0] for a in args if at(a, level))
    if cls.vmap is Function.vmap:
        return _one_by_one(cls, args, level, size)
    randomness = _running.mappings[-1].randomness if _running.mappings else "error"
    in_dims = tuple(0 if at(a, level) else None for a in args)
    result = cls.vmap(VmapInfo(size, randomness), in_dims, *below(args, level))
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"Expected the vmap staticmethod of {cls.__name__} to return (outputs, out_dims), got "
            f"{type(result).__name__}"
        )
    outputs, dims = result
    if isinstance(outputs, Tensor):
        return _wrapped(outputs, dims[0] if isinstance(dims, tuple) else dims, level)
    dims = dims if isinstance(dims, (tuple, list)) else (dims,) * len(outputs)
    return type(outputs)(_wrapped(t, d, level) for t, d in zip(outputs, dims))


def _wrapped(t: Any, d: int | None, level: int) -> Any:
    return t if d is None or not isinstance(t, Tensor) else batched(level, t.movedim(d, 0))


def _one_by_one(cls: Any, args: tuple, level: int, size: int) -> Any:
    """Without a vmap rule, and with generate_vmap_rule, sample by sample."""
    from .batching import stacked

    results = [cls.apply(*[sample(a, b, level) for a in args]) for b in range(size)]
    return wrapped(stacked(cls, results), level)


# ---- reverse mode


def _context(cls: Any, args: tuple, lower: list[Any], result: Any) -> Any:
    """A ctx that has been set up for these arguments and results."""
    ctx = _new_ctx(cls, args)
    with no_grad():
        cls.setup_context(ctx, tuple(lower), result)
    return ctx


def _forward(cls: Any, args: tuple, lower: list[Any]) -> tuple[Any, Any]:
    """The result on the levels below, and the ctx."""
    if cls.setup_context is not Function.setup_context:
        result = cls.apply(*lower)
        return result, _context(cls, args, lower, result)
    if any(isinstance(a, Traced) or (isinstance(a, Tensor) and a._rg and state.grad) for a in lower):
        raise RuntimeError(
            "In order to use an autograd.Function with nested function transforms (vmap, grad, jvp, "
            "jacrev, ...), it must override the "
            f"setup_context staticmethod: move what the forward of {cls.__name__} does with ctx there"
        )
    ctx = _new_ctx(cls, args)
    with no_grad():
        return cls.forward(ctx, *lower), ctx


def _followed(cls: Any, args: tuple, level: int) -> Any:
    lower = below(args, level)
    if not state.grad or not any(at(a, level) and a._rg for a in args):
        return cls.apply(*lower)
    result, ctx = _forward(cls, args, lower)
    ctx.edges = [
        e if at(a, level) else None for e, a in zip(ctx.edges, (a for a in args if isinstance(a, Tensor)))
    ]
    parts = result if isinstance(result, (tuple, list)) else (result,)
    ctx.outputs = len(parts)
    ctx.metas = [(tuple(t.shape), t.dtype) if isinstance(t, Tensor) else None for t in parts]
    ctx.saved, ctx.to_save = tuple(ctx.to_save), ()
    blocked = {id(t) for t in ctx.non_differentiable}
    done = [t if id(t) in blocked else output(t, ctx, k, level) for k, t in enumerate(parts)]
    return type(result)(done) if isinstance(result, (tuple, list)) else done[0]


# ---- forward mode


def _pushed(cls: Any, args: tuple, level: int) -> Any:
    if cls.jvp is Function.jvp:
        duals = [a for a in args if at(a, level)]
        table = {id(d): k for k, d in enumerate(duals)}
        return push(
            lambda *inputs: cls.apply(*[inputs[table[id(a)]] if id(a) in table else a for a in args]),
            duals,
            level,
        )
    lower = below(args, level)
    result, ctx = _forward(cls, args, lower)
    tangents = cls.jvp(ctx, *[a.tangent if at(a, level) else None for a in args])
    if isinstance(result, Tensor):
        tangents = tangents[0] if isinstance(tangents, tuple) else tangents
        return result if tangents is None else dual(level, result, tangents)
    return type(result)(t if d is None else dual(level, t, d) for t, d in zip(result, tangents))
