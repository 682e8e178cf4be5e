"""`gradcheck`: the gradients of a function held against differences of its values.

Complex numbers count as pairs of real ones, on both sides; so one comparison serves for all types.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..tensor.core import Tensor, wrap
from ..tensor.dtype import dtype
from ..warned import warn
from . import api
from .modes import enable_grad, no_grad

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient is not what it should be."""


@dataclass
class Options:
    """How exact the comparison is, and what is looked at."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    check_batched_grad: bool
    check_forward_ad: bool
    check_backward_ad: bool
    fast_mode: bool


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Is the gradient of `func` at `inputs` right? Compared with central differences, to `atol` and `rtol`.

    Use float64: in float32 the differences have hardly a digit. `fast_mode` compares along one random
    direction only.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    options = Options(
        eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad,
        check_forward_ad, check_backward_ad, fast_mode
    )  # fmt: skip
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        _check(func, inputs, options)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Are the gradients of the gradient of `func` right, with respect to `inputs` and to `grad_outputs`
    (random ones by default)?
    """
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    if grad_outputs is None:
        outputs = _differentiable_outputs(func(*inputs))
        grad_outputs = tuple(_random_like(y, gen_non_contig_grad_outputs) for y in outputs)
    elif isinstance(grad_outputs, Tensor):
        grad_outputs = (grad_outputs,)
    count = len(grad_outputs)

    def gradient(*args: Any) -> tuple:
        own, grads = args[:-count], args[-count:]
        if any(t._assign is not None for t in _leaves(args)):
            return _nested_gradient(func, own, grads, inputs)
        with enable_grad():
            outputs = _differentiable_outputs(func(*own))
            wanted = [x for x in own if isinstance(x, Tensor) and x._rg]
            found = api.grad(outputs, wanted, grads, create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient, (*inputs, *grad_outputs), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode,
    )  # fmt: skip


def _nested_gradient(func: Function, own: tuple, grads: tuple, inputs: tuple) -> tuple:
    """The gradient of `func` in forward mode, for which it has to be a transform itself."""
    from ..func import vjp

    places = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x._rg]

    def outputs(*wanted: Tensor) -> tuple:
        table = dict(zip(places, wanted))
        return tuple(_differentiable_outputs(func(*[table.get(k, x) for k, x in enumerate(own)])))

    return vjp(outputs, *[own[k] for k in places])[1](grads)


def _random_like(y: Tensor, scattered: bool) -> Tensor:
    """A random gradient that itself requires one."""
    from .. import random as draws
    from ..tensor.generator import default_generator

    shape = (*y._a.shape, 2) if scattered else y._a.shape
    real = "float64" if y._a.dtype.itemsize >= (16 if y.dtype.is_complex else 8) else "float32"
    a = draws.uniform(default_generator, shape, real).astype(y._a.dtype) * 2 - 1
    if y.dtype.is_complex:
        a = a + 1j * (draws.uniform(default_generator, shape, real) * 2 - 1).astype(y._a.dtype)
    t = wrap(np.asarray(a).copy(), y.dtype)
    return (t[..., 0] if scattered else t).detach().requires_grad_()


# ---- the check


def _check(func: Function, inputs: tuple, options: Options) -> None:
    wanted = _checked_inputs(inputs)
    outputs = _differentiable_outputs(func(*inputs))
    if not outputs:
        return _check_constant(func, inputs, wanted, options)
    for y in outputs:
        if y.is_sparse:
            raise ValueError(
                "Sparse output is not supported at gradcheck yet. Please call to_dense() on the output of "
                "fn for gradcheck."
            )
    if options.fast_mode:
        _compare_fast(func, inputs, wanted, options)
    else:
        _compare_slow(func, inputs, wanted, options)
    if options.check_backward_ad:
        _check_zero_in_zero_out(func, inputs, wanted)
        if options.check_undefined_grad:
            _check_undefined(func, inputs, wanted)
        if options.check_batched_grad:
            _check_batched(func, inputs, wanted, options)
    return None


def _leaves(inputs: Sequence[Any]) -> Iterator[Tensor]:
    for x in inputs:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from _leaves(x)


def _checked_inputs(inputs: tuple) -> list[Tensor]:
    """The inputs that gradients are wanted for."""
    wanted = [x for x in _leaves(inputs) if x._rg]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )
    for k, x in enumerate(wanted):
        if x.dtype.itemsize < (16 if x.dtype.is_complex else 8):
            warn(
                f"Input #{k} requires gradient and is not a double precision floating point or complex "
                f"({x.dtype}). This check will likely fail "
                "if all the inputs are not of double precision floating point or complex.",
                UserWarning,
            )
        if any(s == 0 and n > 1 for s, n in zip(x._a.strides, x._a.shape)):
            raise RuntimeError(
                f"The {k}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the "
                "numerical gradients correctly. You should call .contiguous on the input before passing it "
                "to gradcheck."
            )
        x.retain_grad()
    return wanted


def _differentiable_outputs(result: Any) -> list[Tensor]:
    outputs = [result] if isinstance(result, Tensor) else list(result)
    return [y for y in outputs if isinstance(y, Tensor) and y._rg]


def _check_constant(func: Function, inputs: tuple, wanted: list[Tensor], options: Options) -> None:
    """A function whose results require no gradient must not change with its inputs."""
    result = func(*inputs)
    outputs = [result] if isinstance(result, Tensor) else list(result)
    for i, x in enumerate(wanted):
        for k in range(len(outputs)):
            values = numerical(lambda k=k: _as_list(func(*inputs))[k], x, options.eps)
            if values is not None and np.abs(values).max(initial=0) > options.atol:
                raise GradcheckError(
                    f"Numerical gradient for function expected to be zero: output {k} requires no "
                    f"gradient, but it changes with input {i}"
                )


def _as_list(result: Any) -> list[Any]:
    return [result] if isinstance(result, Tensor) else list(result)


# ---- everything as real numbers


def real(a: np.ndarray) -> np.ndarray:
    """The numbers in row-major order; complex ones as two real ones each."""
    flat = np.ascontiguousarray(a).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def of_real(values: np.ndarray, like: Tensor) -> Tensor:
    """The opposite of `real`, as a tensor."""
    a = like._a
    flat = np.ascontiguousarray(values.astype(a.real.dtype))
    return wrap((flat.view(a.dtype) if a.dtype.kind == "c" else flat).reshape(a.shape), like.dtype)


def _perturbed(x: Tensor, k: int, by: float) -> Any:
    """Adds to the `k`-th real number of `x`, whatever its layout."""
    a, imaginary = x._a, False
    if a.dtype.kind == "c":
        k, imaginary = k // 2, bool(k % 2)
    place = np.unravel_index(k, a.shape) if a.ndim else ()
    a[place] += by * 1j if imaginary else by


def numerical(f: Function, x: Tensor, eps: float) -> np.ndarray | None:
    """The derivative of one output of `f` with respect to `x`, by central differences: a column for each
    real number of `x`.
    """
    columns = []
    with no_grad():
        for k in range(real(x._a).size):
            old = x._a.copy()
            values = []
            for by in (eps, -eps):
                _perturbed(x, k, by)
                values.append(real(f()._a).astype(np.float64, copy=True))
                x._a[...] = old
            columns.append((values[0] - values[1]) / (2 * eps))
    return np.stack(columns, 1) if columns else None


def analytical(y: Tensor, wanted: list[Tensor], options: Options, number: int) -> list[np.ndarray]:
    """The same from backward, a row for each real number of `y`."""
    count = real(y._a).size
    rows: list[list[np.ndarray]] = [[] for _ in wanted]
    for k in range(count):
        unit = np.zeros(count)
        unit[k] = 1
        g = of_real(unit, y)
        first = _gradients(y, wanted, g, options)
        second = _gradients(y, wanted, g, options)
        for i, (a, b) in enumerate(zip(first, second)):
            if np.abs(a - b).max(initial=0) > options.nondet_tol:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    "multiple times gives different values, "
                    "although analytical gradient matches numerical gradient. The tolerance for "
                    f"nondeterminism was {options.nondet_tol}; output "
                    f"{number}, input {i}"
                )
            rows[i].append(a)
    return [np.stack(r) if r else np.zeros((0, real(x._a).size)) for r, x in zip(rows, wanted)]


def _gradients(y: Tensor, wanted: list[Tensor], g: Tensor, options: Options) -> list[np.ndarray]:
    found = api.grad(y, wanted, g, retain_graph=True, allow_unused=True)
    for i, (grad, x) in enumerate(zip(found, wanted)):
        if grad is None:
            continue
        if grad._a.shape != x._a.shape:
            raise GradcheckError(
                f"Analytical gradient has incorrect size: shape {list(grad._a.shape)} for input {i} of "
                f"shape {list(x._a.shape)}"
            )
        if options.check_grad_dtypes and grad.dtype is not x.dtype:
            raise GradcheckError(
                f"Gradient has dtype mismatch: {grad.dtype} for input {i}, which is {x.dtype}"
            )
    return [
        np.zeros(real(x._a).size) if t is None else real(t._a).astype(np.float64)
        for t, x in zip(found, wanted)
    ]


def forward(
    func: Function, inputs: tuple, wanted: list[Tensor], x: Tensor, direction: np.ndarray, number: int
) -> np.ndarray:
    """The derivative of output `number` along a direction in `x`, in forward mode."""
    from . import forward_ad

    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x.detach(), of_real(direction, x))
        outputs = _as_list(func(*_exchanged(inputs, x, dual)))
        y = outputs[number]
        tangent = forward_ad.unpack_dual(y).tangent
        return (
            np.zeros(real(forward_ad.unpack_dual(y).primal._a).size)
            if tangent is None
            else real(tangent._a).astype(np.float64)
        )


def _exchanged(inputs: Any, old: Tensor, new: Tensor) -> Any:
    return type(inputs)(
        new if x is old else _exchanged(x, old, new) if isinstance(x, (list, tuple)) else x for x in inputs
    )


# ---- comparisons


def _compare_slow(func: Function, inputs: tuple, wanted: list[Tensor], options: Options) -> None:
    results = _as_list(func(*inputs))
    for number, y in enumerate(results):
        if not (isinstance(y, Tensor) and y._rg):
            continue
        back = analytical(y, wanted, options, number) if options.check_backward_ad else []
        for i, x in enumerate(wanted):
            expected = numerical(lambda number=number: _as_list(func(*inputs))[number], x, options.eps)
            if expected is None:
                continue
            if back:
                _agree(back[i], expected, options, number, i, "")
            if options.check_forward_ad:
                units = np.eye(real(x._a).size)
                columns = [forward(func, inputs, wanted, x, u, number) for u in units]
                _agree(np.stack(columns, 1), expected, options, number, i, " in forward mode")


def _agree(
    found: np.ndarray, expected: np.ndarray, options: Options, output: int, input: int, where: str
) -> None:
    if np.allclose(found, expected, rtol=options.rtol, atol=options.atol, equal_nan=True):
        return
    gap = np.abs(found - expected)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(gap), np.inf, gap)), gap.shape)
    raise GradcheckError(
        f"Jacobian mismatch for output {output} with respect to input "
        f"{input}{where},\nnumerical:{expected}\nanalytical:{found}\n"
        f"The largest difference is {gap[worst]:.3g}, at row {worst[0]} (of the output) and column "
        f"{worst[1]} (of the input): "
        f"{expected[worst]:.6g} by differences of eps={options.eps}, {found[worst]:.6g} by the gradient. "
        "Gradients must agree within "
        f"atol={options.atol} and rtol={options.rtol}. Is the function smooth there, computed in float64, "
        "and the same at each call?"
    )


def _compare_fast(func: Function, inputs: tuple, wanted: list[Tensor], options: Options) -> None:
    """One random direction of each input against one of each output."""
    rng = np.random.default_rng(0)
    results = _as_list(func(*inputs))
    for number, y in enumerate(results):
        if not (isinstance(y, Tensor) and y._rg) or not y._a.size:
            continue
        v = _unit(rng, real(y._a).size)
        back = _gradients(y, wanted, of_real(v, y), options) if options.check_backward_ad else []
        for i, x in enumerate(wanted):
            if not x._a.size:
                continue
            u = _unit(rng, real(x._a).size)
            expected = _along(lambda number=number: _as_list(func(*inputs))[number], x, u, options.eps)
            if back:
                _agree_fast(back[i] @ u, v @ expected, options, number, i, "")
            if options.check_forward_ad:
                _agree_fast(
                    v @ forward(func, inputs, wanted, x, u, number),
                    v @ expected,
                    options,
                    number,
                    i,
                    " in forward mode",
                )


def _unit(rng: Any, count: int) -> np.ndarray:
    u = rng.random(count) + 0.1
    return u / np.linalg.norm(u)


def _along(f: Function, x: Tensor, u: np.ndarray, eps: float) -> np.ndarray:
    old, step = x._a.copy(), of_real(u, x)._a
    values = []
    with no_grad():
        for by in (eps, -eps):
            x._a[...] = old + by * step
            values.append(real(f()._a).astype(np.float64, copy=True))
            x._a[...] = old
    return (values[0] - values[1]) / (2 * eps)


def _agree_fast(found: float, expected: float, options: Options, output: int, input: int, where: str) -> None:
    if np.isclose(found, expected, rtol=options.rtol, atol=options.atol, equal_nan=True):
        return
    raise GradcheckError(
        f"Jacobian mismatch for output {output} with respect to input "
        f"{input}{where},\nnumerical:{expected}\nanalytical:{found}\n"
        "The above quantities relating the numerical and analytical jacobians are computed in fast mode, "
        "along one random direction; "
        "fast_mode=False shows the whole of both"
    )


def _check_zero_in_zero_out(func: Function, inputs: tuple, wanted: list[Tensor]) -> None:
    """A zero gradient of the outputs must give zero gradients of the inputs."""
    outputs = _differentiable_outputs(func(*inputs))
    zeros = [of_real(np.zeros(real(y._a).size), y) for y in outputs]
    for i, g in enumerate(api.grad(outputs, wanted, zeros, allow_unused=True)):
        if g is not None and np.any(g._a != 0):
            raise GradcheckError(
                f"backward not multiplied by grad_output: with a gradient of zeros, that of input {i} is "
                "not zero"
            )


def _check_undefined(func: Function, inputs: tuple, wanted: list[Tensor]) -> None:
    """Backward must cope with outputs that no gradient comes for."""
    outputs = _differentiable_outputs(func(*inputs))
    if len(outputs) < 2:
        return
    for k, y in enumerate(outputs):
        try:
            api.grad(y, wanted, of_real(np.zeros(real(y._a).size), y), retain_graph=True, allow_unused=True)
        except Exception as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: with a gradient for output "
                f"{k} alone it raised {error!r}. Please look "
                "at ctx.set_materialize_grads, and at what backward does with None"
            ) from error


def _check_batched(func: Function, inputs: tuple, wanted: list[Tensor], options: Options) -> None:
    """Several gradients at once must be those one by one."""
    for number, y in enumerate(_differentiable_outputs(func(*inputs))):
        rng = np.random.default_rng(1)
        several = [of_real(rng.standard_normal(real(y._a).size), y) for _ in range(2)]
        together = api.grad(
            y, wanted, _stack(several, y.dtype), retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for b, g in enumerate(several):
            for i, (one, all_) in enumerate(
                zip(api.grad(y, wanted, g, retain_graph=True, allow_unused=True), together)
            ):
                if one is not None and not np.allclose(
                    one._a, all_._a[b], rtol=options.rtol, atol=options.atol
                ):
                    raise GradcheckError(
                        f"gradcheck failed while testing batched gradient computation: output {number}, "
                        f"input {i}"
                    )


def _stack(tensors: list[Tensor], dt: dtype) -> Tensor:
    return wrap(np.stack([t._a for t in tensors]), dt)


class _CallableModule(ModuleType):
    """`torch.autograd.gradcheck` is a function and, to those who import it, a module."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
