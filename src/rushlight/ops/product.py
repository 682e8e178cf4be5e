"""Products of matrices and vectors."""

from __future__ import annotations

from .. import lang
from ..tensor.core import QUICK, wrap
from .alias import alias
from .declare import composite, operator
from .intercept import interceptors
from .rules import wrap_dim


def product(name, a, b):
    """The matrix product of two arrays of one type; an error that says what does not fit otherwise."""
    if a.dtype != b.dtype or a.dtype.kind == "b":
        raise type_error(name, a, b)
    try:
        return lang.matmul(a, b)
    except ValueError:
        raise shape_error(name, a, b) from None


def type_error(name, *operands):
    """What to say about operands of several types, or of a type without products."""
    types = [str(x.dtype) for x in operands]
    if len(set(types)) > 1:
        return RuntimeError(
            f"{name}: expected all arguments to have the same dtype, but got {' and '.join(types)}; "
            "convert one with x.to(y.dtype)"
        )
    return RuntimeError(
        f"{name} is not implemented for {types[0]}; convert the arguments first, for instance with x.float()"
    )


def shape_error(name, a, b):
    """What to say about shapes that have no matrix product."""
    if a.ndim == 0 or b.ndim == 0:
        return RuntimeError(
            f"{name}: both arguments need to be at least 1D, but they are {a.ndim}D and {b.ndim}D; use * "
            "to multiply by a number"
        )
    inner = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[0]
    if inner[0] == inner[1]:
        return RuntimeError(
            f"{name}: the batch dimensions {list(a.shape[:-2])} and {list(b.shape[:-2])} of shapes "
            f"{list(a.shape)} and {list(b.shape)} do not broadcast: each pair of sizes, from the right, "
            "must be equal or one of them 1"
        )
    fits = b.ndim > 1 and b.shape[-1] == inner[0]
    return RuntimeError(
        f"mat1 and mat2 shapes cannot be multiplied ({_size(a)} and {_size(b)}): {name} sums over the last "
        f"dimension of the first, {inner[0]}, and the {'second to last' if b.ndim > 1 else 'only'} one of "
        f"the second, {inner[1]}, which must be equal. "
        + ("Transposing the second (x @ y.mT) would fit." if fits else "Transpose or reshape one of them.")
    )


def _size(x):
    return "x".join(map(str, x.shape))


def check_dims(name, **dims):
    """Each array must have its number of dimensions: `check_dims("mm", input=(x, 2))`."""
    for parameter, (x, n) in dims.items():
        if x.ndim != n:
            kind = {1: "a vector", 2: "a matrix", 3: "a batch of matrices"}[n]
            raise RuntimeError(
                f"{name}: '{parameter}' must be {kind} ({n}D), but it has shape {list(x.shape)} "
                f"({x.ndim}D); matmul takes any dimensions"
            )


# ---- matmul


def _kind(input, other):
    """How PyTorch names the last step of a product of these ranks."""
    ranks = input.ndim, other.ndim
    return RANKS.get(ranks, "UnsafeViewBackward0")


RANKS = {(1, 1): "DotBackward0", (2, 1): "MvBackward0", (1, 2): "SqueezeBackward4", (2, 2): "MmBackward0"}


@operator(node=_kind, halves=True)
def matmul(input: Array, other: Array):
    """The product of the matrices in the last two dimensions; the others are broadcast.

    A vector on the left is a row, on the right a column.
    """
    return product("matmul", input, other)


def grad_left(g, other):
    """The gradient for the left side of a product, not yet summed over broadcast dimensions."""
    if len(other.shape) == 1:
        return _column(g) * lang.conj(other)
    if len(g.shape) < len(other.shape):  # the left side was a vector
        row = lang.matmul(lang.reshape(g, (*g.shape[:-1], 1, g.shape[-1])), lang.adjoint(other))
        return lang.reshape(row, (*row.shape[:-2], row.shape[-1]))
    return lang.matmul(g, lang.adjoint(other))


def grad_right(g, input, other_shape):
    """The gradient for the right side of a product, not yet summed over broadcast dimensions."""
    if len(input.shape) == 1:
        return lang.conj(input) * g if len(other_shape) == 1 else _column(lang.conj(input)) * _row(g)
    if len(other_shape) <= 2:  # one matrix for the whole batch: one product
        rows = (
            lang.reshape(input, (-1, input.shape[-1]))
            if input.shape[-1]
            else lang.reshape(input, (_rows(input), 0))
        )
        columns = lang.reshape(g, (rows.shape[0], *other_shape[1:]))
        return lang.matmul(lang.adjoint(rows), columns)
    return lang.matmul(lang.adjoint(input), g)


def _rows(x):
    count = 1
    for n in x.shape[:-1]:
        count *= n
    return count


def _column(x):
    return lang.reshape(x, (*x.shape, 1))


def _row(x):
    return lang.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


matmul.gradient(input=grad_left, other=grad_right)
alias(matmul, "linalg.matmul")


@operator(method=False, out=False, name="_adjoint", halves=True)
def adjoint(input: Array):
    """The conjugate transpose of each matrix."""
    return lang.adjoint(input)


adjoint.gradient(input=lambda g: lang.adjoint(g))


# ---- products for one combination of dimensions


@operator(halves=True)
def mm(input: Array, mat2: Array):
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        check_dims("mm", input=(input, 2), mat2=(mat2, 2))
    return product("mm", input, mat2)


mm.gradient(
    input=lambda g, mat2: lang.matmul(g, lang.adjoint(mat2)),
    mat2=lambda g, input: lang.matmul(lang.adjoint(input), g),
)
alias(mm, "spmm", "dsmm", method=False)  # names that programs with sparse matrices use


@operator(method=False, differentiable=False, name="_int_mm")
def int_mm(input: Array, mat2: Array):
    """The product of two matrices of int8, summed in int32."""
    check_dims("_int_mm", input=(input, 2), mat2=(mat2, 2))
    if input.dtype != "int8" or mat2.dtype != "int8":
        raise RuntimeError(f"_int_mm: expected two matrices of int8, but got {input.dtype} and {mat2.dtype}")
    if input.shape[1] != mat2.shape[0]:
        raise shape_error("_int_mm", input, mat2)
    return lang.matmul_of_bytes(input, mat2)


@operator(halves=True)
def bmm(input: Array, mat2: Array):
    """The product of each matrix of a batch with its partner in another."""
    check_batches("bmm", input, mat2)
    return product("bmm", input, mat2)


bmm.gradient(
    input=lambda g, mat2: lang.matmul(g, lang.adjoint(mat2)),
    mat2=lambda g, input: lang.matmul(lang.adjoint(input), g),
)


def check_batches(name, batch1, batch2):
    """Two batches of matrices of equal length."""
    check_dims(name, batch1=(batch1, 3), batch2=(batch2, 3))
    if batch1.shape[0] != batch2.shape[0]:
        raise RuntimeError(
            f"{name}: the batches must have the same length, but shapes {list(batch1.shape)} and "
            f"{list(batch2.shape)} have {batch1.shape[0]} and {batch2.shape[0]} matrices; matmul "
            "broadcasts a batch of one"
        )


@operator(halves=True)
def mv(input: Array, vec: Array):
    """The product of a matrix and a vector."""
    check_dims("mv", input=(input, 2), vec=(vec, 1))
    return product("mv", input, vec)


mv.gradient(
    input=lambda g, vec: _column(g) * lang.conj(vec),
    vec=lambda g, input: lang.matmul(lang.adjoint(input), g),
)


@operator(halves=True)
def dot(input: Array, tensor: Array):
    """The sum of the products of the elements of two vectors."""
    _check_vectors("dot", input, tensor)
    return lang.matmul(input, tensor)


@operator(halves=True)
def vdot(input: Array, other: Array):
    """The dot product of two vectors, with the first conjugated."""
    _check_vectors("vdot", input, other)
    return lang.matmul(lang.conj(input), other)


dot.gradient(input=lambda g, tensor: g * lang.conj(tensor), tensor=lambda g, input: g * lang.conj(input))
vdot.gradient(input=lambda g, other: lang.conj(g) * other, other=lambda g, input: g * input)


def _check_vectors(name, a, b):
    check_dims(name, input=(a, 1), tensor=(b, 1))
    if a.dtype != b.dtype or a.dtype.kind == "b":
        raise type_error(name, a, b)
    if a.shape != b.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {list(a.shape)} and src {list(b.shape)} to have "
            f"the same number of elements: {name} multiplies two vectors element by element"
        )


for _op, _small in (
    (matmul, lang.small_matmul),
    (mm, lang.small_mm),
    (bmm, lang.small_bmm),
    (mv, lang.small_mv),
    (dot, lang.small_dot),
):
    _op.operator.small = (_small, None)


@composite
def outer(input, vec2):
    """The products of each element of one vector with each of another."""
    check_dims("outer", input=(input, 1), vec2=(vec2, 1))
    if type(input) in QUICK and not (interceptors or input._rg):
        return wrap(input._a[:, None], input.dtype) * vec2  # nobody sees this view
    return lang.reshape(input, (-1, 1)) * vec2


@composite
def ger(input, vec2):
    """Another name of `outer`."""
    return outer(input, vec2)


@composite(node="ViewBackward0")
def inner(input, other):
    """The sums of products over the last dimensions of both; numbers just multiply."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}; transpose one of them so that the dimensions of "
            f"size {input.shape[-1]} and {other.shape[-1]} are equal"
        )
    return tensordot(input, other, ([-1], [-1]))


# ---- contractions


@composite(method=False, node="ViewBackward0")
def tensordot(a, b, dims=2, out=None):
    """The sum of products over the last `dims` of `a` and the first of `b`, or over two lists of them."""
    left, right = _contracted(a, b, dims)
    if a.dtype is not b.dtype:
        raise type_error("tensordot", a, b)
    for i, j in zip(left, right):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and "
                f"second has size {b.shape[j]} in dim {j}: tensordot of {list(a.shape)} and "
                f"{list(b.shape)} over {left} and {right}"
            )
    a, b = _sum_unmatched(a, left, b, right), _sum_unmatched(b, right, a, left)
    kept_a = [i for i in range(a.ndim) if i not in left]
    kept_b = [j for j in range(b.ndim) if j not in right]
    k = _count(a, left)
    rows = lang.reshape(lang.permute(a, kept_a + left), (_count(a, kept_a), k))
    columns = lang.reshape(lang.permute(b, right + kept_b), (k, _count(b, kept_b)))
    return lang.reshape(
        lang.matmul(rows, columns), [a.shape[i] for i in kept_a] + [b.shape[j] for j in kept_b]
    )


def _contracted(a, b, dims):
    """The lists of dimensions to sum over, counted from the front."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims >= 0 and at most the dimensions of both tensors ({a.ndim} and "
                f"{b.ndim}), but got dims={dims}"
            )
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    left, right = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(left) != len(right):
        raise RuntimeError(
            f"both dimension lists should have same length, but tensordot got {left} and {right}"
        )
    return [wrap_dim(d, a.ndim) for d in left], [wrap_dim(d, b.ndim) for d in right]


def _sum_unmatched(x, own, other, theirs):
    """Where the partner has size one, the sum over the dimension is all that is needed."""
    axes = [i for i, j in zip(own, theirs) if other.shape[j] == 1 and x.shape[i] != 1]
    return lang.cast(lang.sum(x, tuple(axes), True), x.dtype) if axes else x


def _count(x, dims):
    count = 1
    for d in dims:
        count *= x.shape[d]
    return count


@composite(node="UnsafeViewBackward0")
def kron(input, other):
    """The Kronecker product: `other` times each element of `input`, laid out as blocks."""
    n = max(input.ndim, other.ndim)
    a, b = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (input, other))
    spread_a = lang.reshape(input, [m for p in a for m in (p, 1)])
    spread_b = lang.reshape(other, [m for q in b for m in (1, q)])
    return lang.reshape(spread_a * spread_b, [p * q for p, q in zip(a, b)])


@operator
def trace(input: Array):
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(
            f"trace: expected a matrix, but got tensor with dim {input.ndim} and shape {list(input.shape)}"
        )
    return lang.trace(input)


trace.gradient(
    input=lambda g, input_shape: lang.diagonal_place(lang.expand(g, (min(input_shape),)), input_shape)
)


_int_mm = int_mm  # its name in PyTorch
