"""Operations of the user's own: `Function`, with a forward and a backward in Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..tensor.core import Tensor, edge_of, share, wrap
from ..tensor.storage import Lease
from .modes import enable_grad, no_grad, state
from .node import RELEASED, LeafLink, Node
from .recording import Packed, hooks_here, saved_hooks, watchers


class _Saved:
    """A tensor given to `save_for_backward`, with the values it had then."""

    __slots__ = ("array", "dtype", "edge", "lease", "output", "packed", "tensor")

    def __init__(self, t: Tensor, output: int | None) -> None:
        self.array, self.dtype, self.output = t._a, t.dtype, output
        self.lease: Lease | None = t._s.lease() if t._s is not None else None
        self.tensor = t if output is None else None  # an output would keep its own node alive
        self.edge = edge_of(t)
        hooks = hooks_here() if saved_hooks else None
        self.packed = Packed(t, hooks) if hooks is not None else None
        if hooks is not None:
            self.array = self.tensor = self.lease = None  # the hooks have it now

    def __call__(self, node: Node) -> Tensor:
        if self.lease is not None and self.lease.spoiled_by is not None:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: {node.label} saved a tensor "
                "whose memory is shared with something outside (numpy(), from_numpy), and "
                f"{self.lease.spoiled_by} has overwritten it since"
            )
        if self.tensor is not None and self.tensor._a is self.array:
            return self.tensor
        t = wrap(self.array if self.packed is None else self.packed(), self.dtype)
        edge = self.edge if self.output is None else (node, self.output)
        if edge is not None:
            t._rg = True
            t._node, t._out = edge if isinstance(edge[0], Node) else (LeafLink(edge), 0)
        return t


class FunctionCtx(Node):
    """What `forward` leaves for `backward`: the `ctx` of both, and the node in the graph."""

    function: Any = None
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()
    to_save: Any = ()
    saved_for_forward: Any = ()
    dirty: tuple = ()
    non_differentiable: tuple = ()
    metas: Any = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `backward`, which finds them in `ctx.saved_tensors`."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `jvp`."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Says which inputs `forward` has edited in place; they must be returned, too."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether outputs without a gradient show up in `backward` as zeros (the default) or as None."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple:
        """What was given to `save_for_backward`."""
        if self.saved is RELEASED:
            self.check()
        if self.saved is None:  # still inside forward
            return tuple(self.to_save or self.saved_for_forward)
        return tuple(s(self) if isinstance(s, _Saved) else s for s in self.saved)

    saved_variables = saved_tensors

    def apply(self, grads: list[Any], lifted: bool) -> list[Any]:
        given = [self._gradient(g, meta) for g, meta in zip(grads, self.metas)]
        results = self._backward()(self, *given)
        return self._checked(results if isinstance(results, tuple) else (results,), lifted)

    def _backward(self) -> Callable[..., Any]:
        f = self.function
        own, alias = f.backward is not Function.backward, f.vjp is not Function.vjp
        if own and alias:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed: "
                f"{f.__name__} has both"
            )
        return f.vjp if alias else f.backward

    def _gradient(self, g: Any, meta: Any) -> Tensor | None:
        if g is not None:
            return g if isinstance(g, Tensor) else wrap(g, meta[1])
        if not self.materialize_grads or meta is None:
            return None
        return wrap(np.zeros(meta[0], meta[1].np), meta[1])

    def _checked(self, results: tuple, lifted: bool) -> list[Any]:
        wanted = len(self.needs_input_grad)
        if len(results) > wanted and all(r is None for r in results[wanted:]):
            results = results[:wanted]
        if len(results) != wanted:
            raise RuntimeError(
                f"function {self.label} returned an incorrect number of gradients (expected {wanted}, got "
                f"{len(results)})"
            )
        out = []
        for k, (r, position) in enumerate(zip(results, self.positions)):
            if position is None:
                if r is not None:
                    raise RuntimeError(
                        f"function {self.label} returned a gradient different from None at position "
                        f"{k + 1}, but that input is no tensor"
                    )
                continue
            out.append(self._fitting(r, position, k, lifted))
        return out

    def _fitting(self, r: Any, position: int, k: int, lifted: bool) -> Any:
        if r is None or self.edges[position] is None:
            return None
        if not isinstance(r, Tensor):
            raise TypeError(
                f"expected Variable or None (got {type(r).__name__}) from {self.label} for input {k + 1}"
            )
        shape, dt = self.input_metas[position]
        if r._a.shape != shape:
            try:
                np.broadcast_shapes(shape, r._a.shape)
                r = r.sum_to_size(shape) if r._a.size >= int(np.prod(shape)) else r.expand(shape)
            except ValueError:
                raise RuntimeError(
                    f"Function {self.label} returned an invalid gradient at index {k} - got "
                    f"{list(r._a.shape)} but expected shape compatible with {list(shape)}"
                ) from None
        if r.dtype is not dt:
            r = r.to(dt)
        return r if lifted else r._a


class Function:
    """Subclass it with static methods `forward(ctx, ...)` and `backward(ctx, *grads)`, and call
    `apply(...)`.
    """

    _node_class: Any = None
    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so "
            f"call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the result; the first argument is `ctx`, unless `setup_context` is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Saves what backward needs, when `forward` is written without `ctx`."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the inputs, one for each argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Any) -> Any:
        """The results for a whole batch, and which of their dimensions counts the samples."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap static method or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and, if a gradient may be wanted, remembers how to run backward."""
        if any(
            isinstance(a, Tensor) and a._assign is not None for a in args
        ):  # inside of vmap, grad, jvp, ...
            from ..func.custom import apply

            return apply(cls, args)
        ctx = _new_ctx(cls, args)
        separate = cls.setup_context is not Function.setup_context
        with no_grad():
            outputs = cls.forward(*args, **kwargs) if separate else cls.forward(ctx, *args, **kwargs)
            if separate:
                cls.setup_context(ctx, args, outputs)
        return _finish(ctx, args, outputs)


def _new_ctx(cls: Any, args: tuple) -> FunctionCtx:
    if "_node_class" not in vars(cls) or cls._node_class is None:
        name = cls.__name__ + "Backward"
        cls._node_class = type(name, (FunctionCtx,), {"function": cls, "label": name, "_forward_cls": cls})
    tensors = [a for a in args if isinstance(a, Tensor)]
    ctx = cls._node_class([edge_of(t) if state.grad else None for t in tensors])
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a._rg and state.grad for a in args)
    positions = iter(range(len(tensors)))
    ctx.positions = [next(positions) if isinstance(a, Tensor) else None for a in args]
    ctx.input_metas = [(t._a.shape, t.dtype) for t in tensors]
    return ctx


def _finish(ctx: FunctionCtx, args: tuple, outputs: Any) -> Any:
    """Ties the outputs to the node and keeps what was saved."""
    single = not isinstance(outputs, (tuple, list))
    raw = [outputs] if single else list(outputs)
    tracked = any(ctx.needs_input_grad)
    results = [_output(ctx, o, args) if isinstance(o, Tensor) else o for o in raw]
    if tracked:
        ctx.outputs = len(raw)
        ctx.metas = [(o._a.shape, o.dtype) if isinstance(o, Tensor) else None for o in raw]
        blocked = {id(t) for t in ctx.non_differentiable}
        for k, (o, t) in enumerate(zip(raw, results)):
            if isinstance(t, Tensor) and id(o) not in blocked and t.dtype.category >= 2:
                t._node, t._out, t._rg = ctx, k, True
        numbers = {id(o): k for k, o in enumerate(raw)}
        ctx.saved = tuple(_Saved(t, numbers.get(id(t))) if isinstance(t, Tensor) else t for t in ctx.to_save)
        ctx.to_save = ()
        for watch in watchers:
            watch(ctx)
    return results[0] if single else type(outputs)(results) if isinstance(outputs, tuple) else tuple(results)


def _output(ctx: FunctionCtx, t: Tensor, args: tuple) -> Tensor:
    if any(t is d for d in ctx.dirty):
        if t._rg and t._node is None and state.grad:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        return t
    if any(t is a for a in args):  # returned as it came: a tensor of its own, on the same memory
        return share(t, t._a)
    return t if t._node is None and not t._rg else share(t, t._a)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a `backward` that cannot itself be differentiated: its results are cut off the graph."""

    @wraps(backward)
    def call(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            outputs = backward(ctx, *grads)
        if not state.grad or not any(isinstance(g, Tensor) and g._rg for g in grads):
            return outputs
        many = outputs if isinstance(outputs, tuple) else (outputs,)
        cut = tuple(
            _Undifferentiable.apply(o, *[g for g in grads if isinstance(g, Tensor)])
            if isinstance(o, Tensor)
            else o
            for o in many
        )
        return cut if isinstance(outputs, tuple) else cut[0]

    return call


class _Undifferentiable(Function):
    """Raises when somebody differentiates the result of a once differentiable backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *_: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


InplaceFunction = Function
__all__ = ["Function", "FunctionCtx", "InplaceFunction", "enable_grad", "once_differentiable"]
