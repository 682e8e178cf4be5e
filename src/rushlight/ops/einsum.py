"""einsum: sums of products, written with a letter for each dimension.

An equation is parsed once into labels; operands are brought to one dimension a label and contracted pair by
pair, the cheapest pair first, each by one batched product of matrices.
"""

from __future__ import annotations

from functools import lru_cache

from .. import lang
from ..autograd.modes import state
from ..lang.arrays import on_arrays
from ..quiet import quiet
from ..tensor.core import Tensor, wrap
from ..tensor.dtype import float32, float64
from .declare import composite, operator
from .kinds import is_integral
from .product import type_error
from .quick import quick

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@composite(
    method=False, out=False, node=lambda equation, *operands: "ViewBackward0" if len(operands) > 1 else None
)
def einsum(*args):
    """Sums of products: `einsum("ik,kj->ij", a, b)`, or `einsum(a, [0, 2], b, [2, 1], [0, 1])`."""
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand "
            "and its subscripts list"
        )
    if not isinstance(args[0], str):
        return _of_one_type(*_from_lists(args))
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = list(operands[0])
    if len(operands) == 2 and quick(*operands):
        a, b = operands
        tracked = state.grad and (a._rg or b._rg)
        if a.dtype is b.dtype and a.dtype in (float32, float64) and not tracked:
            way = _way(equation, a._a.shape, b._a.shape)
            if way is not None:
                with quiet:
                    return wrap(_by_arrays(way, a._a, b._a), a.dtype)
    return _of_one_type(equation, operands)


def _of_one_type(equation, operands):
    """The contraction sees operands of half precision widened, so that types are told apart before it."""
    types = [x.dtype for x in operands if isinstance(x, Tensor)]
    if any(t is not types[0] for t in types) and any(t.reduced for t in types):
        raise type_error("einsum", *operands)
    return contraction(equation, operands)


def _from_lists(args):
    """The equation of the form with lists of numbers: `einsum(a, [0, 1], b, [1, 2], [0, 2])`."""
    output = [args[-1]] if len(args) % 2 else []
    pairs = args[: len(args) - len(output)]
    equation = ",".join(_spelled(s) for s in pairs[1::2])
    if output:
        equation += "->" + _spelled(output[0])
    return equation, list(pairs[::2])


def _spelled(subscripts):
    for s in subscripts:
        if s is not Ellipsis and not 0 <= s < len(LETTERS):
            raise ValueError(
                f"einsum(): subscript {s} in {list(subscripts)} is not within the valid range [0, "
                f"{len(LETTERS)})"
            )
    return "".join("..." if s is Ellipsis else LETTERS[s] for s in subscripts)


@operator(method=False, out=False, name="_contraction", node="EinsumBackward0")
def contraction(equation, operands: Arrays):
    """`einsum` of an equation and a list of operands."""
    if not operands:
        raise RuntimeError("einsum(): must provide at least one operand")
    if any(x.dtype != operands[0].dtype for x in operands):
        raise type_error("einsum", *operands)
    if len(operands) == 2:
        way = _way(equation, operands[0].shape, operands[1].shape)
        if way is not None:
            return _by(way, *operands)
    inputs, output = plan(equation.replace(" ", ""), tuple(len(x.shape) for x in operands))
    terms = [_without_repeats(x, labels) for x, labels in zip(operands, inputs)]
    _check_sizes(equation, operands, inputs)
    while len(terms) > 1:
        i, j = _cheapest(terms, output)
        b, a = terms.pop(j), terms.pop(i)
        rest = {label for _, labels in terms for label in labels}.union(output)
        terms.append(_pair(a, b, rest))
    return _arranged(*terms[0], output)


# ---- two operands, as most have


@lru_cache(maxsize=512)
def _way(equation, a_shape, b_shape):
    """How two operands become one product of matrices: the order and the shape of each and of the result.

    None where dimensions are missing from the other one, repeated or of size one: that takes more steps.
    """
    (a, b), output = plan(equation.replace(" ", ""), (len(a_shape), len(b_shape)))
    sizes = dict(zip((*a, *b), (*a_shape, *b_shape)))
    matching = all(sizes[k] == n != 1 for k, n in zip((*a, *b), (*a_shape, *b_shape)))
    if not matching or len(set(a)) < len(a) or len(set(b)) < len(b):
        return None
    shared = [k for k in a if k in b]
    batch = [k for k in shared if k in output]
    summed = [k for k in shared if k not in output]
    rows, columns = ([k for k in own if k not in shared] for own in (a, b))
    if not summed or not set(output).issuperset((*rows, *columns)):
        return None
    found = (*batch, *rows, *columns)
    matrices = [sizes[k] for k in batch]
    counts = [_count(sizes, group) for group in (rows, summed, columns)]
    sides = (
        _side(a, (*batch, *rows, *summed), (*matrices, *counts[:2]), a_shape),
        _side(b, (*batch, *summed, *columns), (*matrices, *counts[1:]), b_shape),
    )
    shape = tuple(sizes[k] for k in found)
    return *sides, _side(found, output, tuple(sizes[k] for k in output), shape), shape


def _side(labels, wanted, shape, own):
    """The order that brings labels to where they are wanted, and the shape after that; None for as it is."""
    order = tuple(labels.index(k) for k in wanted)
    turned = tuple(own[d] for d in order)
    return None if order == tuple(range(len(labels))) else order, None if turned == shape else shape


def _by(way, a, b):
    left, right, after, shape = way
    product = lang.matmul(_seen(a, left), _seen(b, right))
    if product.shape != shape:
        product = lang.reshape(product, shape)
    return _seen(product, after)


def _seen(x, side):
    order, shape = side
    if order is not None:
        x = lang.permute(x, order)
    return x if shape is None else lang.reshape(x, shape)


# ---- the equation


@lru_cache(maxsize=512)
def plan(equation, ndims):
    """The labels of each operand and of the result; numbers, from the right, for what `...` stands for."""
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        fewer = "more" if len(ndims) > len(terms) else "fewer"
        raise RuntimeError(
            f"einsum(): {fewer} operands were provided than specified in the equation '{equation}': "
            f"{len(ndims)} for {len(terms)}"
        )
    inputs = [_labels(t, n, equation) for t, n in zip(terms, ndims)]
    used = [label for labels in inputs for label in labels]
    covered = sorted({label for label in used if isinstance(label, int)}, reverse=True)
    if not arrow:
        once = sorted(label for label in set(used) if isinstance(label, str) and used.count(label) == 1)
        return inputs, (*covered, *once)
    output = _output(right, covered, equation)
    for label in output:
        if label not in used:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input "
                f"operand: '{equation}'"
            )
        if output.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output: '{equation}'"
            )
    return inputs, output


def _labels(term, ndim, equation):
    before, dots, after = term.partition("...")
    _check_letters(before + after, equation)
    count = ndim - len(before) - len(after)
    if count < 0 or (count and not dots):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({len(before + after)} in '{term}') does "
            "not match the number of dimensions "
            f"({ndim}) of its operand in '{equation}'" + (" and no ellipsis was given" if not dots else "")
        )
    return (*before, *range(count - 1, -1, -1), *after)


def _output(term, covered, equation):
    before, dots, after = term.partition("...")
    _check_letters(before + after, equation)
    return (*before, *(covered if dots else ()), *after)


def _check_letters(letters, equation):
    for c in letters:
        if c not in LETTERS:
            what = (
                "found '.' that is not part of any ellipsis"
                if c == "."
                else f"invalid subscript given: {c!r}"
            )
            raise RuntimeError(
                f"einsum(): {what} in '{equation}'; subscripts must be in [a-zA-Z], with at most one "
                "ellipsis an operand"
            )


def _check_sizes(equation, operands, inputs):
    sizes = {}
    for x, labels in zip(operands, inputs):
        for label, n in zip(labels, x.shape):
            known = sizes.setdefault(label, n)
            if known == 1:
                sizes[label] = n
            elif n not in (1, known):
                raise RuntimeError(
                    f"einsum(): operands do not broadcast with remapped shapes: subscript {label} of "
                    f"'{equation}' stands for sizes {known} and {n}; the shapes are "
                    f"{[list(o.shape) for o in operands]}"
                )


# ---- operands: pairs of an array and its labels


def _without_repeats(x, labels):
    """The diagonal over each label that an operand has several times."""
    while len(set(labels)) < len(labels):
        i, j = next((i, j) for j, b in enumerate(labels) for i, a in enumerate(labels[:j]) if a == b)
        if x.shape[i] != x.shape[j]:
            raise RuntimeError(
                f"einsum(): subscript {labels[i]} is repeated for an operand of shape {list(x.shape)}, but "
                f"the sizes don't match: {x.shape[j]} != {x.shape[i]}"
            )
        rest = [k for k in range(len(labels)) if k not in (i, j)]
        x = lang.diagonal(x, 0, i, j)
        labels = (*(labels[k] for k in rest), labels[i])
    return x, labels


def _cheapest(terms, output):
    """Which two operands to contract next: those whose product costs least."""
    if len(terms) == 2:
        return 0, 1
    sizes = {}
    for x, labels in terms:
        for label, n in zip(labels, x.shape):
            sizes[label] = max(n, sizes.get(label, 1))
    best = None
    for j in range(len(terms)):
        for i in range(j):
            cost = 1
            for label in {*terms[i][1], *terms[j][1]}:
                cost *= sizes[label]
            if best is None or cost < best[0]:
                best = cost, i, j
    return best[1:]


def _pair(first, second, rest):
    """The product of two operands, summed over the labels that nothing else needs."""
    a, b = _alone(first, second, rest), _alone(second, first, rest)
    shared = [label for label in a[1] if label in b[1]]
    batch = [label for label in shared if label in rest]
    summed = [label for label in shared if label not in rest]
    rows = [label for label in a[1] if label not in shared]
    columns = [label for label in b[1] if label not in shared]
    sizes = {label: n for x, labels in (a, b) for label, n in zip(labels, x.shape)}
    x = _grouped(*a, batch, rows, summed, sizes)
    y = _grouped(*b, batch, summed, columns, sizes)
    product = lang.matmul(x, y) if summed else x * y
    labels = (*batch, *rows, *columns)
    return lang.reshape(product, [sizes[label] for label in labels]), labels


def _alone(term, partner, rest):
    """An operand without the dimensions that matter to it alone: summed at once, or of size one."""
    x, labels = term
    theirs = dict(zip(partner[1], partner[0].shape))
    own = dict(zip(labels, x.shape))
    dropped = [
        k
        for k, n in own.items()
        if (theirs.get(k, 1) == 1 and k not in rest) or (n == 1 and theirs.get(k, 1) != 1)
    ]
    if not dropped:
        return term
    totals = tuple(i for i, label in enumerate(labels) if label in dropped and own[label] != 1)
    if totals:
        x = _sum(x, totals, True)
    kept = tuple(label for label in labels if label not in dropped)
    return lang.reshape(x, [own[label] for label in kept]), kept


def _sum(x, axes, keepdim=False):
    """The sum over axes, of integers in int64."""
    return lang.sum(lang.cast(x, "int64") if is_integral(x) else x, axes, keepdim)


def _grouped(x, labels, batch, first, second, sizes):
    """The operand as a batch of matrices."""
    order = [labels.index(label) for group in (batch, first, second) for label in group]
    shape = [sizes[label] for label in batch] + [_count(sizes, first), _count(sizes, second)]
    return lang.reshape(lang.permute(x, order), shape)


def _count(sizes, labels):
    count = 1
    for label in labels:
        count *= sizes[label]
    return count


def _arranged(x, labels, output):
    """The result with its dimensions in the order asked for, the others summed."""
    extra = tuple(i for i, label in enumerate(labels) if label not in output)
    if extra:
        x = _sum(x, extra)
    labels = [label for label in labels if label in output]
    return lang.permute(x, [labels.index(label) for label in output])


_by_arrays = on_arrays(_by)
