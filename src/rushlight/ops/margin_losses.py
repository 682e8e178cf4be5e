"""Losses that ask for a margin: between scores, distances, and a score and zero."""

from __future__ import annotations

from math import prod

from .. import lang
from ..lang.labels import labels_fit
from ..lang.margins import label_sets
from ..tensor.core import wrap_any
from .alias import alias
from .declare import OPERATORS, composite, operator
from .loss_parts import REDUCTIONS, gathered, like, quietly, reduced, reduction_of, share
from .shapes import broadcast, shape_of

# ---- similarities and distances


@composite(method=False, out=False, node="SumBackward1")
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along `dim`."""
    for x in (x1, x2):
        if not (x.dtype.is_floating_point or x.dtype.is_complex):
            raise RuntimeError(
                "cosine_similarity: expected common dtype to be floating point, yet an argument is "
                f"{x.dtype.name}; "
                "convert it with x.float()"
            )
    shape = broadcast((shape_of(x1), shape_of(x2)), "cosine_similarity")
    first, second = (_unit(x if shape_of(x) == shape else x.expand(shape), dim, eps) for x in (x1, x2))
    return lang.sum(first * lang.conj(second) if x1.dtype.is_complex else first * second, dim)


def _unit(x, dim, eps):
    """Vectors over their lengths, or over `eps` if they are shorter."""
    norm = OPERATORS["linalg.vector_norm"].call(x, 2, dim, True)
    return x / lang.maximum(norm, eps)


@composite(method=False, out=False, node="NormBackward1")
def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of the differences along the last dimension."""
    return OPERATORS["linalg.vector_norm"].call(x1 - x2 + eps, p, -1, keepdim)


alias(cosine_similarity, "nn.functional.cosine_similarity", method=False)
alias(pairwise_distance, "nn.functional.pairwise_distance", method=False)


@composite(namespace="nn.functional")
def normalize(input, p=2.0, dim=1, eps=1e-12):
    """Vectors along `dim` over their p-norm."""
    norm = OPERATORS["linalg.vector_norm"].call(input, p, dim, True)
    return input / lang.maximum(norm, eps)


# ---- margins between inputs


@composite(namespace="nn.functional", out=False)
def margin_ranking_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """What `input1` lacks of being larger by a margin than `input2` (for target 1; smaller for -1)."""
    how = reduction_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}"
        )
    return reduced((margin - target * (input1 - input2)).clamp(min=0), how)


@composite(namespace="nn.functional", out=False)
def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """The input itself where the target is 1, and what it lacks of the margin where that is -1."""
    how = reduction_of(size_average, reduce, reduction)
    apart = lang.where(target == 1, 0.0, (margin - input).clamp(min=0))
    return reduced(apart + lang.where(target == -1, 0.0, input), how)


@composite(namespace="nn.functional", out=False)
def cosine_embedding_loss(input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"):
    """One less the cosine of vectors where the target is 1, and its excess over a margin for -1."""
    how = reduction_of(size_average, reduce, reduction)
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, "
            "but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}; there is one target for each "
            "vector"
        )
    dim, tiny = target.ndim, 1e-12
    lengths = (lang.sum(input1 * input1, dim) + tiny) * (lang.sum(input2 * input2, dim) + tiny)
    cosine = lang.sum(input1 * input2, dim) / lang.sqrt(lengths)
    broadcast((shape_of(cosine), shape_of(target)), "cosine_embedding_loss")
    apart = lang.where(target == -1, (cosine - margin).clamp(min=0), 0.0)
    return reduced(lang.where(target == 1, 1 - cosine, 0.0) + apart, how)


@composite(namespace="nn.functional", out=False)
def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-06,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """How far the anchor is from being nearer, by a margin, to the positive than to the negative."""
    how = reduction_of(size_average, reduce, reduction)
    distance = lambda a, b: pairwise_distance(a, b, p, eps)  # noqa: E731
    return _triplet(anchor, positive, negative, distance, margin, swap, how)


@composite(namespace="nn.functional", out=False)
def triplet_margin_with_distance_loss(
    anchor, positive, negative, *, distance_function=None, margin=1.0, swap=False, reduction="mean"
):
    """`triplet_margin_loss` with a distance of one's own."""
    how = reduction_of(None, None, reduction)
    return _triplet(anchor, positive, negative, distance_function or pairwise_distance, margin, swap, how)


def _triplet(anchor, positive, negative, distance, margin, swap, how):
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "triplet loss: The anchor, positive, and negative tensors are expected to have the same number "
            "of dimensions, "
            f"but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = lang.minimum(far, distance(positive, negative))
    return reduced((margin + near - far).clamp(min=0), how)


@operator(namespace="nn.functional", out=False)
def soft_margin_loss(input: Array, target: Array, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-target * input))"""
    how = reduction_of(size_average, reduce, reduction)
    broadcast((input.shape, target.shape), "soft_margin_loss")
    return gathered(like(lang.log1p(lang.exp(-target * input)), input), how)


@soft_margin_loss.gradient
def _(g, input, target, size_average, reduce, reduction, needs):
    product = target * input
    slope = -lang.sigmoid(-product) * share(g, product.shape, quietly(size_average, reduce, reduction))
    return like(slope * target, input) if needs[0] else None, like(slope * input, target) if needs[
        1
    ] else None


# ---- margins between classes


def _as_rows(name, input, target, each):
    """Scores as a matrix with their targets, `each` for one row."""
    if input.ndim > 2 or (input.ndim and not input.shape[-1]):
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )
    x = input.reshape(-1, *input.shape[-1:] or (1,))
    expected = (*x.shape[:1], *each) if input.ndim == 2 else each
    if target.shape != expected and not (input.ndim < 2 and target.size == prod(each)):
        raise RuntimeError(
            f"{name}: inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}. "
            "Expected "
            f"target size {list(expected)}, but got {list(target.shape)}"
        )
    return x, target.reshape(len(x), *each)


@operator(namespace="nn.functional", out=False)
def multi_margin_loss(
    input: Array,
    target: Array,
    p=1,
    margin=1.0,
    weight: Array | None = None,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """What the right class's score lacks of being larger than each other by a margin, to the power p."""
    how = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, but p is {p}")
    x, labels = _as_rows("multi_margin_loss", input, target, ())
    if weight is not None and weight.ndim != 1:
        raise ValueError(
            f"multi_margin_loss: weight must be one-dimensional, but its shape is {list(weight.shape)}"
        )
    if weight is not None and weight.shape != x.shape[1:]:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent weight size, expected {x.shape[1]} but got {list(weight.shape)}"
        )
    if not labels_fit(labels, x.shape[1]):
        raise RuntimeError(f"multi_margin_loss: target out of range: classes are 0 to {x.shape[1] - 1}")
    losses = _lacking(x, labels, p, margin, weight)
    return gathered(losses if input.ndim == 2 else losses.reshape(()), how)


def _lacking(x, labels, p, margin, weight):
    """The loss of each row, in primitives."""
    labels = lang.reshape(labels, (-1, 1))
    lack = lang.maximum(margin - lang.gather_along(x, 1, labels) + x, 0)
    if p == 2:
        lack = lack * lack
    if weight is not None:
        lack = lack * lang.reshape(lang.take_rows(weight, 0, lang.reshape(labels, (-1,))), (-1, 1))
    total = lang.sum(lack, 1)  # the class itself contributes its margin, and no gradient
    own = max(margin, 0) ** p
    extra = own if weight is None else lang.take_rows(weight, 0, lang.reshape(labels, (-1,))) * own
    return (total - extra) / x.shape[1]


@multi_margin_loss.gradient
def _(g, input, target, p, margin, weight, size_average, reduce, reduction, needs):
    x = lang.reshape(input, (-1, input.shape[-1] if len(input.shape) else 1))
    labels = lang.reshape(target, (-1, 1))
    own = lang.gather_along(x, 1, labels)
    lack = margin - own + x
    slope = lang.where(lack > 0, 1.0 if p == 1 else 2 * lack, 0.0)
    if weight is not None:
        slope = slope * lang.reshape(lang.take_rows(weight, 0, lang.reshape(labels, (-1,))), (-1, 1))
    unit = share(g, x.shape[:1], quietly(size_average, reduce, reduction)) / x.shape[1]
    slope = lang.cast(slope, input.dtype) * lang.reshape(unit, (-1, 1))
    return (
        lang.reshape(
            slope - lang.spread_along(lang.sum(slope, 1, True), tuple(x.shape), 1, labels), input.shape
        ),
        None,
        None,
    )


@composite(namespace="nn.functional", out=False)
def multilabel_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """What the scores of the classes in `target` (up to a -1) lack of being larger by 1 than all others."""
    how = reduction_of(size_average, reduce, reduction)
    name = "multilabel_margin_loss"
    _as_rows(name, input._a, target._a, tuple(input.shape[-1:]) or (1,))
    classes = input.shape[-1] if input.ndim else 1
    x, labels = lang.reshape(input, (-1, classes)), target._a.reshape(-1, classes)
    if labels.size and not (lang.amin(labels) >= -1 and lang.amax(labels) < x.shape[1]):
        raise RuntimeError(
            f"{name}: argument #2 'target' is out of range: classes are 0 to {x.shape[1] - 1}, and -1 ends "
            "them"
        )
    listed, among = label_sets(labels, x.shape[1])
    right = lang.gather_along(x, 1, wrap_any(lang.maximum(labels, 0)))
    lack = 1 - lang.reshape(right, (*right.shape, 1)) + lang.reshape(x, (len(x), 1, x.shape[1]))
    counts = wrap_any(listed[:, :, None] & ~among[:, None, :])
    losses = lang.sum(lang.where(counts, lang.maximum(lack, 0), 0.0), (1, 2)) / x.shape[1]
    return reduced(losses if input.ndim == 2 else lang.reshape(losses, ()), how)


@composite(namespace="nn.functional", out=False)
def multilabel_soft_margin_loss(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """The binary cross entropy of each class's score, averaged over the classes."""
    how = reduction_of(size_average, reduce, reduction)
    log_sigmoid = OPERATORS["nn.functional.logsigmoid"].call
    values = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    if weight is not None:
        values = values * weight
    return reduced(lang.sum(values, -1) / input.shape[-1], how)


# ---- under torch itself, where reductions are numbers


@composite(name="hinge_embedding_loss", method=False, out=False)
def root_hinge_embedding_loss(input, target, margin=1.0, reduction=1):
    """`nn.functional.hinge_embedding_loss` with the number of a reduction."""
    return hinge_embedding_loss(input, target, margin, None, None, REDUCTIONS[reduction])


@composite(name="margin_ranking_loss", method=False, out=False)
def root_margin_ranking_loss(input1, input2, target, margin=0.0, reduction=1):
    """`nn.functional.margin_ranking_loss` with the number of a reduction."""
    return margin_ranking_loss(input1, input2, target, margin, None, None, REDUCTIONS[reduction])


@composite(name="cosine_embedding_loss", method=False, out=False)
def root_cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=1):
    """`nn.functional.cosine_embedding_loss` with the number of a reduction."""
    return cosine_embedding_loss(input1, input2, target, margin, None, None, REDUCTIONS[reduction])


@composite(name="triplet_margin_loss", method=False, out=False)
def root_triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2.0, eps=1e-06, swap=False, reduction=1
):
    """`nn.functional.triplet_margin_loss` with the number of a reduction."""
    return triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, None, None, REDUCTIONS[reduction]
    )
