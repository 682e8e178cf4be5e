"""Names from before `linalg`: some that still work, and some that only tell what took their place."""

from __future__ import annotations

from ... import lang
from ..declare import composite
from .norms import matrix_norm
from .powers import vander as powers


@composite(method=False)
def vander(x, N=None, increasing=False):
    """The powers of each element of a vector as columns, from the highest down unless `increasing`."""
    if x.ndim != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, but its shape is {list(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError(f"vander: N must be non-negative, but got {count}")
    found = lang.pick(powers(x, N=max(count, 2)), (slice(None), slice(0, count)))
    return lang.copy(found) if increasing else lang.flip(found, [1])


@composite(method=False)
def frobenius_norm(input, dim=(), keepdim=False):
    """The root of the sum of squares: `linalg.norm(input)`, or of the matrices in two dimensions."""
    dim = [dim] if isinstance(dim, int) else list(dim)
    squares = abs(input) * abs(input)
    return lang.sqrt(lang.sum(squares, tuple(d % input.ndim for d in dim) or None, keepdim))


@composite(method=False)
def nuclear_norm(input, dim=None, keepdim=False):
    """The sum of singular values: `linalg.matrix_norm(input, "nuc")`."""
    return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


def removed(name, instead):
    """Declares a function that PyTorch has taken away, to say what to use."""

    def body(*_, **__):
        raise RuntimeError(f"{name} was deprecated long ago and has been removed; use {instead}")

    body.__name__, body.__doc__ = name, f"Removed: use {instead}."
    composite(body, method=name != "matrix_rank")


removed("solve", "linalg.solve(A, B), with the arguments the other way round")
removed("lstsq", "linalg.lstsq(A, B).solution, with the arguments the other way round")
removed("eig", "linalg.eig(A), which returns complex tensors")
removed("symeig", "linalg.eigh(A), or linalg.eigvalsh(A) for eigenvalues alone")
removed("matrix_rank", "linalg.matrix_rank(A)")
