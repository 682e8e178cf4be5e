"""Derivatives of functions, in the style of `torch.autograd.functional`: `jacobian`, `hessian`, `vjp`,
`jvp`, `hvp`, `vhp`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor.core import Tensor, wrap
from . import api
from .modes import enable_grad

Function = Callable[..., Any]


# ---- arguments and results


def _as_tuple(value: Any, what: str, name: str) -> tuple[bool, tuple]:
    many = isinstance(value, (tuple, list))
    parts = tuple(value) if many else (value,)
    for k, t in enumerate(parts):
        if not isinstance(t, Tensor):
            at = f" at index {k}" if many else ""
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the "
                f"value{at} has type {type(t)}."
            )
    return many, parts


def _fresh(inputs: tuple, create_graph: bool) -> tuple:
    """Inputs that the function's graph begins with; with `create_graph`, joined to where they come from."""
    return tuple(
        t.view_as(t) if create_graph and t._rg else t.detach().clone().requires_grad_() for t in inputs
    )


def _run(func: Function, inputs: Any, name: str, create_graph: bool) -> tuple[bool, tuple, bool, tuple]:
    many_in, given = _as_tuple(inputs, "inputs", name)
    fresh = _fresh(given, create_graph)
    many_out, outputs = _as_tuple(func(*fresh), "outputs of the user-provided function", name)
    return many_in, fresh, many_out, outputs


def _vectors(v: Any, like: tuple, many: bool, what: str, name: str) -> tuple:
    """The vector of a product, one part for each of `like`; a one where there is but one number."""
    if v is None:
        if len(like) != 1 or like[0]._a.size != 1:
            raise RuntimeError(
                f"The vector v can only be None if {what} is a single Tensor with a single element, or "
                f"contains a single real number ({name})"
            )
        return (wrap(np.ones(like[0]._a.shape, like[0]._a.dtype), like[0].dtype),)
    parts = _as_tuple(v, "vector v", name)[1]
    if len(parts) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(parts)}.")
    for k, (p, t) in enumerate(zip(parts, like)):
        if p._a.shape != t._a.shape:
            raise RuntimeError(
                f"Entry {k} in v has invalid size: should be {list(t._a.shape)}, as {what} has, but got "
                f"{list(p._a.shape)}."
            )
    return parts


def _strict(parts: tuple, strict: bool, name: str, what: str) -> None:
    for k, t in enumerate(parts):
        if strict and not t._rg:
            raise RuntimeError(
                f"{what} {k} of the user-provided function is independent of the inputs ({name}). This is "
                "not allowed in strict mode."
            )


def _zeros(t: Tensor) -> Tensor:
    return wrap(np.zeros(t._a.shape, t._a.dtype), t.dtype)


def _filled(found: tuple, like: tuple, strict: bool, name: str) -> tuple:
    for k, g in enumerate(found):
        if g is None and strict:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {k} ({name}). This is "
                "not allowed in strict mode."
            )
    return tuple(_zeros(t) if g is None else g for g, t in zip(found, like))


def _finished(parts: tuple, many: bool, create_graph: bool) -> Any:
    parts = parts if create_graph else tuple(t.detach() if t._rg else t for t in parts)
    return parts if many else parts[0]


def _pull(outputs: tuple, inputs: tuple, cotangents: tuple, create_graph: bool) -> tuple:
    """The gradients of those outputs that have any."""
    live = [(y, g) for y, g in zip(outputs, cotangents) if y._rg]
    if not live:
        return (None,) * len(inputs)
    return api.grad(
        [y for y, _ in live],
        inputs,
        [g for _, g in live],
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
    )


# ---- products


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple:
    """The value of `func`, and the product of `v` with its Jacobian."""
    with enable_grad():
        many, fresh, many_out, outputs = _run(func, inputs, "vjp", create_graph)
        _strict(outputs, strict, "vjp", "Output")
        v = _vectors(v, outputs, many_out, "the output of the user-provided function", "vjp")
        found = _filled(_pull(outputs, fresh, v, create_graph), fresh, strict, "vjp")
    return _finished(outputs, many_out, create_graph), _finished(found, many, create_graph)


def _push(outputs: tuple, inputs: tuple, v: tuple, create_graph: bool, strict: bool, name: str) -> tuple:
    """The product of the Jacobian with `v`: the gradient, as a linear function of its cotangent,
    differentiated again.
    """
    dummies = tuple(_zeros(y).requires_grad_() for y in outputs)
    pulled = _pull(outputs, inputs, dummies, True)
    live = [(g, t) for g, t in zip(pulled, v) if g is not None and g._rg]
    if not live:
        return _filled((None,) * len(outputs), outputs, strict, name)
    found = api.grad(
        [g for g, _ in live],
        dummies,
        [t for _, t in live],
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
    )
    return _filled(found, outputs, strict, name)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple:
    """The value of `func`, and the product of its Jacobian with `v`."""
    with enable_grad():
        many, fresh, many_out, outputs = _run(func, inputs, "jvp", create_graph)
        _strict(outputs, strict, "jvp", "Output")
        v = _vectors(v, fresh, many, "the input", "jvp")
        found = _push(outputs, fresh, v, create_graph, strict, "jvp")
    return _finished(outputs, many_out, create_graph), _finished(found, many_out, create_graph)


def _gradient_of(
    func: Function, inputs: Any, name: str, create_graph: bool, strict: bool
) -> tuple[bool, tuple, tuple, tuple]:
    """The value of a function of one result, and its gradient with a graph of its own."""
    many, fresh, many_out, outputs = _run(func, inputs, name, create_graph)
    _strict(outputs, strict, name, "Output")
    if many_out or outputs[0]._a.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {name} should contain a single element, but it "
            f"has shape {list(outputs[0]._a.shape)}"
        )
    first = _filled(
        _pull(
            outputs, fresh, (wrap(np.ones(outputs[0]._a.shape, outputs[0]._a.dtype), outputs[0].dtype),), True
        ),
        fresh,
        strict,
        name,
    )
    _strict(first, strict, name, "The gradient with respect to input")
    return many, fresh, outputs, first


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple:
    """The value of `func`, and the product of `v` with its Hessian."""
    with enable_grad():
        many, fresh, outputs, first = _gradient_of(func, inputs, "vhp", create_graph, strict)
        v = _vectors(v, fresh, many, "the input", "vhp")
        found = _filled(_pull(first, fresh, v, create_graph), fresh, strict, "vhp")
    return _finished(outputs, False, create_graph), _finished(found, many, create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple:
    """The value of `func`, and the product of its Hessian with `v`."""
    with enable_grad():
        many, fresh, outputs, first = _gradient_of(func, inputs, "hvp", create_graph, strict)
        v = _vectors(v, fresh, many, "the input", "hvp")
        found = _push(first, fresh, v, create_graph, strict, "hvp")
    return _finished(outputs, False, create_graph), _finished(found, many, create_graph)


# ---- whole matrices


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All derivatives of `func`: for each output (and each input) a tensor of the shape of the output
    followed by that of the input.

    `vectorize` computes all rows in one pass (of `vmap`); `strategy="forward-mode"` goes column by column.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode" (got {strategy!r})'
        )
    if strategy == "forward-mode":
        return _forward_jacobian(func, inputs, create_graph, strict, vectorize)
    if vectorize and strict:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
            "together."
        )
    with enable_grad():
        many, fresh, many_out, outputs = _run(func, inputs, "jacobian", create_graph)
        _strict(outputs, strict, "jacobian", "Output")
        rows = tuple(_block_row(y, fresh, create_graph, strict, vectorize) for y in outputs)
    return _shaped(rows, many_out, many, create_graph)


def _shaped(rows: tuple, many_out: bool, many_in: bool, create_graph: bool) -> Any:
    done = tuple(_finished(r, many_in, create_graph) for r in rows)
    return done if many_out else done[0]


def _block_row(y: Tensor, inputs: tuple, create_graph: bool, strict: bool, vectorize: bool) -> tuple:
    """The derivatives of one output with respect to all inputs."""
    from ..func.derivatives import basis
    from ..ops.operator import OPERATORS

    units, shape = basis(y), y._a.shape
    if not y._rg or not y._a.size:
        return tuple(wrap(np.zeros((*shape, *x._a.shape), x._a.dtype), x.dtype) for x in inputs)
    if vectorize:
        found = api.grad(
            y,
            inputs,
            units,
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
            is_grads_batched=True,
        )
        return tuple(
            wrap(np.zeros((*shape, *x._a.shape), x._a.dtype), x.dtype)
            if g is None
            else g.reshape((*shape, *x._a.shape))
            for g, x in zip(found, inputs)
        )
    rows = [
        _filled(_pull((y,), inputs, (u,), create_graph), inputs, strict, "jacobian") for u in units.unbind(0)
    ]
    if create_graph and strict:
        for r in rows:
            _strict(r, True, "jacobian", "The Jacobian with respect to input")
    return tuple(
        OPERATORS["stack"].call(list(c), 0).reshape((*shape, *x._a.shape)) for c, x in zip(zip(*rows), inputs)
    )


def _forward_jacobian(func: Function, inputs: Any, create_graph: bool, strict: bool, vectorize: bool) -> Any:
    if strict:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and the forward-mode strategy are not "
            "supported together"
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for "
            "`vectorize=True`."
        )
    from ..func import jacfwd

    many, given = _as_tuple(inputs, "inputs", "jacobian")
    given = given if create_graph else tuple(t.detach() for t in given)
    found = jacfwd(func, tuple(range(len(given))))(*given)
    many_out = not isinstance(found[0], Tensor)
    return _shaped(tuple(found) if many_out else (tuple(found),), many_out, many, create_graph)


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a function of one number: for each pair of inputs a tensor."""
    many, given = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode"')

    def gradient(*args: Tensor) -> tuple:
        out = func(*args)
        if not isinstance(out, Tensor) or out._a.size != 1:
            shape = f"shape {list(out._a.shape)}" if isinstance(out, Tensor) else f"type {type(out)}"
            raise RuntimeError(
                "The function given to hessian should return a Tensor with a single element, but it "
                f"returned {shape}"
            )
        first = _filled(
            _pull((out.reshape(()),), args, (wrap(np.ones((), out._a.dtype), out.dtype),), True),
            args,
            strict,
            "hessian",
        )
        _strict(first, strict, "hessian", "The gradient with respect to input")
        return first

    if outer_jacobian_strategy == "forward-mode":
        from ..func import jacfwd, jacrev

        if strict or not vectorize:
            return jacobian(gradient, given, create_graph, strict, vectorize, "forward-mode")
        given = given if create_graph else tuple(t.detach() for t in given)
        positions = tuple(range(len(given)))
        found: Any = jacfwd(jacrev(lambda *a: func(*a).reshape(()), positions), positions)(*given)
        return (
            _shaped(tuple(found), True, True, create_graph)
            if many
            else _finished((found[0][0],), False, create_graph)
        )
    found = jacobian(gradient, given, create_graph, strict, vectorize)
    return found if many else found[0][0]


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
