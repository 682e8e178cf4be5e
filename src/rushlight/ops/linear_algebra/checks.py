"""What the functions of linear algebra ask of their arguments, and what they say otherwise."""

from __future__ import annotations

from ...lang.linear_algebra import LinAlgError
from ...tensor.core import Tensor
from ...tensor.dtype import FLOATING


def check_tensor(name, x, what="A"):
    """It must be a tensor of a floating point or complex type of at least 32 bits."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument '{what}' must be Tensor, not {type(x).__name__}")
    if x.dtype.category < FLOATING:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {x.dtype.name} for "
            f"'{what}'; convert it with x.float()"
        )
    if x.dtype.reduced:
        raise RuntimeError(
            f"{name}: Low precision dtypes not supported. Got {x.dtype.name} for '{what}'; convert it with "
            "x.float()"
        )


def check_matrices(name, x, what="A"):
    """It must be a matrix or a batch of matrices."""
    check_tensor(name, x, what)
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {what} must have at least 2 dimensions, but its shape is "
            f"{list(x.shape)}; x[None] makes a row of a vector"
        )


def check_square(name, x, what="A"):
    """It must be a batch of square matrices."""
    check_matrices(name, x, what)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: {what} must be batches of square matrices, but they are {x.shape[-2]} by "
            f"{x.shape[-1]} matrices (shape {list(x.shape)})"
        )


def check_same_type(name, a, b):
    """Both must have one type."""
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"{name}: Expected both arguments to have the same dtype, but they are {a.dtype.name} and "
            f"{b.dtype.name}; convert one with x.to(y.dtype)"
        )


def batch_shape(name, a, b):
    """The common batch dimensions of two batches of matrices."""
    first, second = a.shape[:-2], b.shape[:-2]
    n = max(len(first), len(second))
    first, second = (1,) * (n - len(first)) + tuple(first), (1,) * (n - len(second)) + tuple(second)
    if any(p != q and 1 not in (p, q) for p, q in zip(first, second)):
        raise RuntimeError(
            f"{name}: the batch dimensions of shapes {list(a.shape)} and {list(b.shape)} do not broadcast: "
            "each pair of sizes, from the right, must be equal or one of them 1"
        )
    return tuple(q if p == 1 else p for p, q in zip(first, second))


def check_equations(name, a, b, left=True):
    """The matrices of `a @ x == b` (or `x @ a == b`) must fit each other."""
    check_same_type(name, a, b)
    check_matrices(name, b, "B")
    side = -2 if left else -1
    if a.shape[side] != b.shape[side]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
        )
    batch_shape(name, a, b)


def raise_singular(name, info, why):
    """A LinAlgError that names the first matrix whose `info` is not zero; None if all are."""
    flat = info._a.reshape(-1).tolist()
    for index, code in enumerate(flat):
        if code:
            which = f"(Batch element {index}): " if info.ndim else ""
            raise LinAlgError(f"{name}: {which}{why.format(code)}")
