"""A product of matrices added to something: `addmm` and its family."""

from __future__ import annotations

from .. import lang
from ..autograd.node import LeafLink, Node
from ..lang.halves import in_single, is_half
from .alias import alias
from .declare import operator
from .product import check_batches, check_dims, product, type_error


def blend(name, input, result, beta, alpha):
    """`beta * input + alpha * result` in the shape of `result`; with beta zero, `input` is not looked at."""
    if input.dtype != result.dtype:
        raise type_error(name, input, result)
    _check_expands(name, input, result)
    if result.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    return _combined(input, result, beta, alpha)


@in_single
def _combined(input, result, beta, alpha):
    if alpha is not True and alpha != 1:
        result = result * alpha
    if not beta:
        return result
    result += input if beta == 1 else input * beta
    return result


def _added(name, input, a, b, beta, alpha):
    """`beta * input + alpha * (a @ b)`, in one pass where there is a kernel for it."""
    fits = (input.ndim or is_half(input)) and a.dtype == b.dtype == input.dtype
    if fits and type(beta) in REAL and type(alpha) in REAL:
        made = lang.matmul_added(input, a, b, beta, alpha)
        if made is not None:
            return made
    return blend(name, input, product(name, a, b), beta, alpha)


REAL = (int, float)


def _check_expands(name, input, result):
    lead = result.ndim - input.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(input.shape, result.shape[lead:])):
        raise RuntimeError(
            f"The expanded size of the tensor must match the existing size: {name} adds a product of shape "
            f"{list(result.shape)} to 'input' of shape {list(input.shape)}, which does not broadcast to it"
        )


def _scaled(g, factor):
    if factor == 1:
        return g
    return scaled(g, factor.conjugate() if isinstance(factor, complex) else factor)


scaled = in_single(lambda g, factor: g * factor)


@operator(inplace=True, halves=True)
def addmm(input: Array, mat1: Array, mat2: Array, *, beta=1, alpha=1):
    """`beta * input + alpha * (mat1 @ mat2)`"""
    check_dims("addmm", mat1=(mat1, 2), mat2=(mat2, 2))
    return _added("addmm", input, mat1, mat2, beta, alpha)


addmm.gradient(
    input=lambda g, beta: _scaled(g, beta),
    mat1=lambda g, mat2, alpha: _scaled(lang.matmul(g, lang.adjoint(mat2)), alpha),
    mat2=lambda g, mat1, alpha: _scaled(lang.matmul(lang.adjoint(mat1), g), alpha),
)


@operator(inplace=True)
def addmv(input: Array, mat: Array, vec: Array, *, beta=1, alpha=1):
    """`beta * input + alpha * (mat @ vec)`"""
    check_dims("addmv", mat=(mat, 2), vec=(vec, 1))
    return blend("addmv", input, product("addmv", mat, vec), beta, alpha)


addmv.gradient(
    input=lambda g, beta: _scaled(g, beta),
    mat=lambda g, vec, alpha: _scaled(_times(g, lang.conj(vec)), alpha),
    vec=lambda g, mat, alpha: _scaled(lang.matmul(lang.adjoint(mat), g), alpha),
)


def _check_factors(name, input, **factors):
    """Integers are multiplied by integers only."""
    for factor, value in factors.items():
        if input.dtype.kind in "iu" and isinstance(value, float):
            raise RuntimeError(
                f"For integral input tensors, argument {factor} must not be a floating point number, but "
                f"{name} got {factor}={value}"
            )


def _times(column, row):
    """The outer product of two vectors."""
    return lang.reshape(column, (*column.shape, 1)) * row


@operator(inplace=True)
def addr(input: Array, vec1: Array, vec2: Array, *, beta=1, alpha=1):
    """`beta * input + alpha * outer(vec1, vec2)`"""
    check_dims("addr", vec1=(vec1, 1), vec2=(vec2, 1))
    _check_factors("addr", input, beta=beta, alpha=alpha)
    if input.dtype.kind == "b":
        beta, alpha = bool(beta), bool(alpha)
    return blend("addr", input, _times(vec1, vec2), beta, alpha)


addr.gradient(
    input=lambda g, beta: _scaled(g, beta),
    vec1=lambda g, vec2, alpha: _scaled(lang.matmul(g, lang.conj(vec2)), alpha),
    vec2=lambda g, vec1, alpha: _scaled(lang.matmul(lang.conj(vec1), g), alpha),
)


@operator(inplace=True, halves=True)
def baddbmm(input: Array, batch1: Array, batch2: Array, *, beta=1, alpha=1):
    """`beta * input + alpha * (batch1 @ batch2)`, for batches of matrices."""
    check_batches("baddbmm", batch1, batch2)
    return _added("baddbmm", input, batch1, batch2, beta, alpha)


@operator(inplace=True)
def addbmm(input: Array, batch1: Array, batch2: Array, *, beta=1, alpha=1):
    """`beta * input + alpha * (batch1 @ batch2).sum(0)`, for batches of matrices."""
    check_batches("addbmm", batch1, batch2)
    return blend("addbmm", input, lang.sum(product("addbmm", batch1, batch2), 0), beta, alpha)


for _op in (baddbmm, addbmm):
    _op.gradient(
        input=lambda g, beta: _scaled(g, beta),
        batch1=lambda g, batch2, alpha: _scaled(lang.matmul(g, lang.adjoint(batch2)), alpha),
        batch2=lambda g, batch1, alpha: _scaled(lang.matmul(lang.adjoint(batch1), g), alpha),
    )


def _where_plain(builtin):
    """A builtin that adds, for calls without factors."""

    def small(input, a, b, *, beta, alpha):
        return builtin(input, a, b) if beta == 1 and alpha == 1 else None

    return small


for _op, _builtin in (
    (addmm, lang.small_addmm),
    (baddbmm, lang.small_baddbmm),
    (addmv, lang.small_addmv),
):
    _op.operator.small = (_where_plain(_builtin), None)


# ---- layers


def _kind(input, bias):
    """A linear layer is a product with an addition; its result is a view of theirs unless it is a matrix."""
    if bias is not None:
        return "AddmmBackward0" if input.ndim == 2 else "ViewBackward0"
    return {1: "SqueezeBackward4", 2: "MmBackward0"}.get(input.ndim, "UnsafeViewBackward0")


@operator(namespace="nn.functional", node=_kind, halves=True)
def linear(input: Array, weight: Array, bias: Array | None = None):
    """`input @ weight.T + bias`: what a Linear layer computes."""
    if weight.ndim > 2:
        check_dims("linear", weight=(weight, 2))
    if _fit(input, weight, bias):
        return lang.matmul_from(bias, input, weight.T)
    result = product("linear", input, weight.T)
    if bias is None:
        return result
    if result.dtype != bias.dtype:
        raise type_error("linear", input, weight, bias)
    if bias.shape != result.shape[-1:]:
        _check_expands("linear", bias, result)
    result += bias
    return result


class _Transposition(LeafLink):
    """Stands where PyTorch turns the weight of a layer before the product."""

    __slots__ = ()
    label = "TBackward0"

    def __eq__(self, other):
        """It is made anew whenever it is looked at."""
        return type(other) is type(self) and other.edges[0][0] is self.edges[0][0]

    def __hash__(self):
        return hash((self.label, id(self.edges[0][0])))


def _edges_shown(node):
    """Where the gradients of a layer on a matrix go, in PyTorch's order: `addmm(bias, input, weight.T)`."""
    input, weight, *bias = Node.next_functions.fget(node)
    if node.label not in ("AddmmBackward0", "MmBackward0"):
        return (input, weight, *bias)
    edge = node.edges[1]
    turned = (None, 0) if edge is None else (_Transposition(edge), 0)
    return (input, turned) if node.label == "MmBackward0" else (*bias, input, turned)


linear.operator.node_class.next_functions = property(_edges_shown)


def _fit(input, weight, bias):
    """Are these the ordinary arrays of a layer with a bias? What others need is told apart elsewhere."""
    if bias is None or weight.ndim != 2 or input.ndim < 1 or input.shape[-1] != weight.shape[1]:
        return False
    return bias.shape == weight.shape[:1] and input.dtype == weight.dtype == bias.dtype


@linear.gradient
def _(g, input, weight, needs):
    if len(weight.shape) == 1:
        column = lang.reshape(g, (*g.shape, 1))
        return (
            column * lang.conj(weight) if needs[0] else None,
            lang.sum_to(column * lang.conj(input), weight.shape) if needs[1] else None,
            g if needs[2] else None,
        )
    rows = _as_rows(g)
    return (
        lang.matmul(g, lang.conj(weight)) if needs[0] else None,
        lang.matmul(lang.transpose(rows, 0, 1), lang.conj(_as_rows(input))) if needs[1] else None,
        lang.sum(rows, 0) if needs[2] else None,
    )


linear.operator.small = (lang.small_linear, lang.small_linear_back)


def _as_rows(x):
    """All vectors of the last dimension below each other."""
    if len(x.shape) == 2:
        return x
    count = 1
    for n in x.shape[:-1]:
        count *= n
    return lang.reshape(x, (count, x.shape[-1]))


@operator(namespace="nn.functional", out=False, node="ViewBackward0")
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None):
    """For each matrix W of `weight`, `input1 @ W @ input2`, plus `bias`: what a Bilinear layer computes."""
    _check_bilinear(input1, input2, weight)
    out, n1, n2 = weight.shape
    left = lang.matmul(
        lang.reshape(input1, (-1, n1)), lang.reshape(lang.permute(weight, (1, 0, 2)), (n1, out * n2))
    )
    left = lang.reshape(left, (*input1.shape[:-1], out, n2))
    result = lang.sum(left * lang.reshape(input2, (*input2.shape[:-1], 1, n2)), -1)
    return result if bias is None else result + bias


def _check_bilinear(input1, input2, weight):
    if tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: input1 has shape {list(input1.shape)}, "
            f"input2 {list(input2.shape)}"
        )
    if len(weight.shape) != 3 or input1.shape[-1] != weight.shape[1] or input2.shape[-1] != weight.shape[2]:
        raise RuntimeError(
            f"bilinear(): weight must have shape (out, {input1.shape[-1]}, {input2.shape[-1]}) for inputs "
            f"with {input1.shape[-1]} and {input2.shape[-1]} features, but it is {list(weight.shape)}"
        )


alias(bilinear, "bilinear", method=False)
