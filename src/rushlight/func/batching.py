"""How operators run on whole batches: one rule for each family; whatever is in none runs sample by sample.

A rule is f(op, values, level, size) and returns the physical result, whose first dimension counts the
samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.operator import OPERATORS
from ..ops.pointwise import common_type
from ..tensor.core import Tensor
from .batch import RULES, full, physical
from .hidden import refuse
from .levels import at, call, sample, tensors_in

Rule = Callable[[Any, Any, int, int], Any]


def rule_of(op: Any) -> Rule:
    """How this operator runs on a batch."""
    found = RULES.get(op.path)
    if found is None:
        if op.family == "elementwise":
            found = elementwise
        elif not op.has_rules and op.differentiable:
            found = by_body
        else:
            found = one_by_one
        RULES[op.path] = found
    return found


def family(*names: str) -> Callable[[Rule], Rule]:
    """Enters a rule for operators by their paths."""

    def enter(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return enter


def positions(op: Any, *names: str) -> list[int]:
    return [i for i, n in enumerate(op.signature.names) if n in names]


def map_arrays(op: Any, values: Any, f: Callable[[Any], Any]) -> list[Any]:
    """The values with `f` of each tensor argument."""
    return [
        type(v)(map(f, v)) if type(v) in (list, tuple) and i in op.signature.lists else f(v)
        for i, v in enumerate(values)
    ]


# ---- any operator


def one_by_one(op: Any, values: Any, level: int, size: int) -> Any:
    """Sample by sample, the results stacked: right for every operator, and slow."""
    if size == 0:
        raise RuntimeError(
            f"vmap: {op.path} has no rule for whole batches, and a batch of size 0 has no sample to run it on"
        )
    return stacked(op, [run_sample(op, values, b, level) for b in range(size)])


def run_sample(op: Any, values: Any, number: int, level: int) -> Any:
    return call(op, map_arrays(op, values, lambda t: sample(t, number, level)))


def stacked(op: Any, results: list[Any]) -> Any:
    first = results[0]
    if isinstance(first, Tensor):
        if any(tuple(r.shape) != tuple(first.shape) for r in results):
            refuse(f"{op.path}, whose result has another size for each sample,")
        return OPERATORS["_stack"].call(results, 0)
    if isinstance(first, (tuple, list)):
        parts = [stacked(op, list(column)) for column in zip(*results)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return first


def by_body(op: Any, values: Any, level: int, size: int) -> Any:
    """An operator that is written with others runs its body, and those are batched."""
    result = op.run(values)
    if isinstance(result, Tensor):
        return full(result, level, size)
    parts = [full(r, level, size) for r in result]
    return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)


@family("_nonzero", "unique", "unique_consecutive", "bincount", "_histogram")
def by_values(op: Any, values: Any, level: int, size: int) -> Any:
    return refuse(f"{op.path}, whose result has a size that depends on the values,")


@family("_as_strided")
def by_address(op: Any, values: Any, level: int, size: int) -> Any:
    raise NotImplementedError(
        "vmap: as_strided looks at memory by address, which a sample of a batch does not have; use reshape, "
        "permute, unfold or narrow"
    )


# ---- element by element


def elementwise(op: Any, values: Any, level: int, size: int) -> Any:
    """Broadcasting lines dimensions up from the right, so the batch only has to be the leftmost of all."""
    operands = list(values[: op.count])
    types = {t.dtype for t in operands if isinstance(t, Tensor)}
    common = (
        common_type(op, operands) if len(types) > 1 else None
    )  # as the types of one sample's operands promote
    ndim = max(t.ndim for t in operands if isinstance(t, Tensor))
    operands = [physical(t, level, ndim) for t in operands]
    if common is not None:
        operands = [t.to(common) if isinstance(t, Tensor) else t for t in operands]
    return call(op, [*operands, *values[op.count :]])


@family("_choose", "_masked_fill", "complex", "polar", "_from_pairs", "_isin")
def aligned(op: Any, values: Any, level: int, size: int) -> Any:
    """Operators that broadcast, too."""
    ndim = max(t.ndim for t in tensors_in(values))
    return call(op, map_arrays(op, values, lambda t: physical(t, level, ndim)))


@family(
    "_cast", "_copied", "_fill", "_zeros_like", "_ones_like", "_full_like", "clone", "_laid_out", "frexp",
    "_real_part", "_imag_part", "view_as_real", "view_as_complex", "_as_pairs",
    "_adjoint", "_inverse", "_solve_matrix", "_solve_triangle", "_lu_factor", "_det", "_cofactors",
    "_slogdet", "_cholesky_factor", "_qr_factor", "_svd_factor", "_eigh_factor", "_eig_factor",
    "_matrix_exp", "_r_factor", "_ldl_factor", "_ldl_solve", "_singular_info", "_singular_values", "tril",
    "triu", "_euclidean", "_permutation_matrix", "_rrelu_with_noise",
)  # fmt: skip
def leading(op: Any, values: Any, level: int, size: int) -> Any:
    """Operators that take any number of leading dimensions."""
    if op.path in ("clone", "_laid_out"):
        return OPERATORS["clone"].call(values[0].value)
    return call(op, map_arrays(op, values, lambda t: full(t, level, size)))


# ---- dimensions given by number


DIMS = ("dim", "dims", "dim0", "dim1", "dim2", "axis", "axis0", "axis1", "dimension")


def moved(d: Any, ndim: int) -> Any:
    """A dimension of a sample as one of the batch."""
    if isinstance(d, (tuple, list)):
        return tuple(moved(x, ndim) for x in d)
    return d if d is None or d is ... or d < 0 else d + 1


@family(
    "_max_along", "_min_along", "cumsum", "cumprod", "_recurrence", "_shift", "cummax", "cummin",
    "logcumsumexp", "_pieces", "unbind", "unfold", "softmax", "log_softmax", "special.softmax",
    "special.log_softmax", "sort", "argsort", "topk", "flip", "transpose", "swapaxes", "swapdims",
    "_gather_along", "_scatter_along", "_scatter_add_along", "_scatter_fold_along", "mode", "kthvalue",
    "_median_along", "_nanmedian_along", "nn.functional.glu", "_fourier", "_fourier_real", "_fourier_half",
    "_weigh_bins", "diag_embed", "diagonal", "_spread_along", "_diagonal_place", "_unfold_add", "_cat",
    "_stack",
)  # fmt: skip
def along(op: Any, values: Any, level: int, size: int) -> Any:
    """Operators along dimensions; a shape that is given gets the batch in front."""
    if op.path == "_cat":
        values = [[t for t in values[0] if tuple(t.shape) != (0,)] or values[0], values[1]]
    first = next(tensors_in(values))
    lone = first.ndim == 0 and op.path not in ("_stack", "diag_embed")
    if lone and op.path == "unfold":
        return one_by_one(op, values, level, size)
    new = map_arrays(op, values, lambda t: full(t, level, size))
    if lone:  # a single number counts as a vector of one
        new = map_arrays(
            op, new, lambda t: t.reshape((size, 1)) if isinstance(t, Tensor) and t.ndim == 1 else t
        )
    for i in positions(op, *DIMS):
        new[i] = -1 if lone else moved(new[i], first.ndim)
    for i in positions(op, "shape"):
        new[i] = (size, *new[i])
    result = call(op, new)
    return _each(result, lambda r: r.reshape((size,)) if r.ndim == 2 else r) if lone else result


def _each(result: Any, f: Callable[[Any], Any]) -> Any:
    if isinstance(result, Tensor):
        return f(result)
    parts = [_each(r, f) for r in result]
    return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)


@family(
    "amax", "amin", "aminmax", "argmax", "argmin", "sum", "nansum", "mean", "nanmean", "prod", "logsumexp",
    "special.logsumexp", "count_nonzero", "all", "any", "linalg.vector_norm", "_var", "_std",
)  # fmt: skip
def reduced(op: Any, values: Any, level: int, size: int) -> Any:
    """Reductions: without `dim` they reduce all dimensions of a sample."""
    x = values[0].value
    new = [x, *values[1:]]
    (place,) = positions(op, "dim")
    dim, keep = new[place], positions(op, "keepdim")
    if x.ndim > 1 and dim is not None and dim != () and dim != []:
        new[place] = moved(dim, x.ndim - 1)
        return call(op, new)
    new[0], new[place] = x.reshape((size, x.numel() // size if size else 1)), 1
    for k in keep:
        new[k] = False
    result = call(op, new)
    shape = (size, *(1,) * (x.ndim - 1)) if keep and values[keep[0]] else (size,)
    return _each(result, lambda r: r.reshape(shape))


@family("_max", "_min", "_median", "_nanmedian")
def reduced_whole(op: Any, values: Any, level: int, size: int) -> Any:
    x = values[0].value
    return OPERATORS[f"{op.path}_along"].call(x.reshape((size, x.numel() // size if size else 1)), 1)[0]


@family("roll")
def roll(op: Any, values: Any, level: int, size: int) -> Any:
    x, shifts, dims = values[0].value, values[1], values[2]
    if dims is None or dims == ():
        return op.call(x.reshape((size, -1)), shifts, 1).reshape(x.shape)
    return op.call(x, shifts, moved(dims, x.ndim - 1))


# ---- other shapes


@family("reshape", "_view", "_flatten")
def reshaped(op: Any, values: Any, level: int, size: int) -> Any:
    x, shape = values[0].value, values[1]
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return OPERATORS["reshape"].call(x, (size, *shape))


@family("permute")
def permuted(op: Any, values: Any, level: int, size: int) -> Any:
    x, dims = values[0].value, values[1]
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    return op.call(x, (0, *(d % (x.ndim - 1) + 1 for d in dims)))


@family("t")
def matrix_transposed(op: Any, values: Any, level: int, size: int) -> Any:
    x = values[0].value
    if x.ndim > 3:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.ndim - 1}D")
    return OPERATORS["transpose"].call(x, 1, 2) if x.ndim == 3 else x


@family("squeeze", "unsqueeze")
def squeezed(op: Any, values: Any, level: int, size: int) -> Any:
    x, dim = values[0].value, values[1]
    if dim is None:
        dim = tuple(k for k in range(x.ndim - 1) if x.shape[k + 1] == 1)
    elif op.path == "squeeze" and x.ndim == 1:
        dim = ()
    return op.call(x, moved(dim, x.ndim - 1))


@family("expand")
def expanded(op: Any, values: Any, level: int, size: int) -> Any:
    shape = values[1]
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return op.call(physical(values[0], level, len(shape)), (size, *shape))


@family("sum_to")
def summed_to(op: Any, values: Any, level: int, size: int) -> Any:
    x, shape = values[0].value, tuple(values[1])
    lead = x.ndim - 1 - len(shape)
    return op.call(x.sum(tuple(range(1, lead + 1))) if lead else x, (size, *shape))


@family("_zeros_of")
def zeros_of(op: Any, values: Any, level: int, size: int) -> Any:
    return op.call(values[0].value, (size, *values[1]))


@family("_fill_tensor")
def filled(op: Any, values: Any, level: int, size: int) -> Any:
    x, value = values
    shape = (size, *x.shape)
    return physical(value, level, x.ndim).to(x.dtype).expand(shape).clone()


# ---- selecting


@family("_pick")
def picked(op: Any, values: Any, level: int, size: int) -> Any:
    return op.call(values[0].value, (slice(None), *values[1]))


@family("_place")
def placed(op: Any, values: Any, level: int, size: int) -> Any:
    return op.call(values[0].value, (size, *values[1]), (slice(None), *values[2]))


def _neighbours(indices: Any) -> bool:
    """Do the index tensors stand side by side, so that numpy leaves their dimensions where they are?"""
    places = [k for k, i in enumerate(indices) if not isinstance(i, slice)]
    return places == list(range(places[0], places[-1] + 1)) if places else True


@family("_select_index")
def selected(op: Any, values: Any, level: int, size: int) -> Any:
    x, indices = values
    if not _neighbours(indices):
        return one_by_one(op, values, level, size)
    return op.call(x.value, (slice(None), *indices))


@family("_index_set")
def index_set(op: Any, values: Any, level: int, size: int) -> Any:
    x, value, indices = values[:3]
    x = full(x, level, size)
    if not _neighbours(indices):
        return one_by_one(op, values, level, size)
    if at(value, level):
        part = OPERATORS["_select_index"].call(x, (slice(None), *indices))
        value = physical(value, level, part.ndim - 1)
    return op.call(x, value, (slice(None), *indices), *values[3:])


@family("_take_rows", "_spread_rows")
def rows(op: Any, values: Any, level: int, size: int) -> Any:
    """Slices that a vector names: with a vector for each sample, all samples are laid one after the other."""
    index = values[-1]
    dim = values[-2]
    if not at(index, level):
        return op.call(values[0].value, *((size, *s) for s in values[1:-2]), dim + 1, index)
    x = full(values[0], level, size).movedim(dim + 1, 1)
    shape = (
        None
        if op.path == "_take_rows"
        else [values[1][dim], *(n for k, n in enumerate(values[1]) if k != dim)]
    )
    count = x.shape[1] if shape is None else shape[0]
    index = index.value + offsets(size, count)
    flat = (x.flatten(0, 1),) if shape is None else (x.flatten(0, 1), (size * count, *shape[1:]))
    result = op.call(*flat, 0, index.reshape((-1,)))
    return result.reshape((size, -1 if shape is None else count, *x.shape[2:])).movedim(1, dim + 1)


def offsets(size: int, count: int) -> Tensor:
    """Where the rows of each sample begin when all samples are laid one after the other."""
    from ..tensor.sequences import arange

    return arange(0, size * count, count).reshape((size, 1)) if count else arange(size).reshape((size, 1)) * 0


@family("_pad_constant", "_pad_continued")
def padded(op: Any, values: Any, level: int, size: int) -> Any:
    return op.call(values[0].value, [(0, 0), *values[1]], values[2])


@family("_pad_continued_back")
def padded_back(op: Any, values: Any, level: int, size: int) -> Any:
    return op.call(values[0].value, (size, *values[1]), [(0, 0), *values[2]], values[3])


# ---- products


@family("matmul", "linalg.matmul", "mm", "bmm", "mv", "dot")
def product(op: Any, values: Any, level: int, size: int) -> Any:
    """Stacks of matrices; a vector is a matrix of one row or one column for the time being."""
    a, b = values
    if b.ndim <= 2 and not at(b, level):  # the samples are further rows
        return OPERATORS["matmul"].call(a.value, b)
    rank = max(a.ndim, b.ndim, 2)
    left = physical(a, level) if a.ndim > 1 else physical(a, level).unsqueeze(-2)
    right = physical(b, level) if b.ndim > 1 else physical(b, level).unsqueeze(-1)
    left = _ranked(left, at(a, level), rank)
    right = _ranked(right, at(b, level), rank)
    result = OPERATORS["matmul"].call(left, right)
    if a.ndim == 1:
        result = result.squeeze(-2)
    return result.squeeze(-1) if b.ndim == 1 else result


def _ranked(x: Any, has_batch: bool, rank: int) -> Any:
    missing = rank - (x.ndim - has_batch)
    return x.reshape((x.shape[0], *(1,) * missing, *x.shape[1:])) if has_batch and missing else x


@family("vdot")
def complex_dot(op: Any, values: Any, level: int, size: int) -> Any:
    return product(op, (values[0].conj(), values[1]), level, size)


@family("trace")
def trace(op: Any, values: Any, level: int, size: int) -> Any:
    return values[0].value.diagonal(0, 1, 2).sum(-1)


def _scaled_sum(multiply: Callable[..., Any]) -> Rule:
    def rule(op: Any, values: Any, level: int, size: int) -> Any:
        x, a, b, beta, alpha = values
        result = multiply(a, b) if alpha == 1 else multiply(a, b) * alpha
        if beta != 0:
            result = result + (x if beta == 1 else x * beta)
        return full(result, level, size)

    return rule


RULES.update(
    addmm=_scaled_sum(lambda a, b: a @ b),
    addmv=_scaled_sum(lambda a, b: a @ b),
    baddbmm=_scaled_sum(lambda a, b: a @ b),
    addbmm=_scaled_sum(lambda a, b: (a @ b).sum(0)),
    addr=_scaled_sum(lambda a, b: a.unsqueeze(-1) * b.unsqueeze(-2)),
)


@family("nn.functional.linear")
def linear(op: Any, values: Any, level: int, size: int) -> Any:
    x, weight, bias = values
    if not (at(weight, level) or at(bias, level)):
        return op.call(x.value, weight, bias)
    result = x @ (weight.transpose(0, 1) if weight.ndim == 2 else weight)
    return full(result if bias is None else result + bias, level, size)


@family("_convolution", "_convolution_input")
def convolution(op: Any, values: Any, level: int, size: int) -> Any:
    """With one weight for all, the samples are images of one larger batch."""
    x, weight, bias = values[:3]
    if at(weight, level) or at(bias, level):
        return one_by_one(op, values, level, size)
    result = op.call(x.value.flatten(0, 1), *values[1:])
    return result.reshape((size, -1, *result.shape[1:])) if size else result


# ---- random numbers


@family("bernoulli", "poisson", "binomial", "_normal_of", "_rrelu_noise")
def drawn(op: Any, values: Any, level: int, size: int) -> Any:
    """Numbers for each sample of its own, or for all the same, as vmap was told."""
    from .randomness import choice, suspended

    chosen = choice(op.path)
    with suspended():
        if chosen == "different":
            return aligned(op, values, level, size)
        return from_one_state(op, values, level, size)


def from_one_state(op: Any, values: Any, level: int, size: int) -> Any:
    """Every sample draws from the same state of the generator."""
    from ..tensor.sampling import generator_of

    generator = generator_of(values[positions(op, "generator")[0]])
    state, results = generator.get_state(), []
    for b in range(size):
        generator.set_state(state)
        results.append(run_sample(op, values, b, level))
    return stacked(op, results)


__all__ = ["RULES", "family", "rule_of"]
