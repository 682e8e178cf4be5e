"""Normalisation: of batches, layers, groups and instances. One body and one gradient serve all of them."""

from __future__ import annotations

from math import prod

from .. import lang
from ..lang.halves import in_single, widened
from ..lang.normalise import groups, normalised, normalised_gradients
from ..tensor.core import Tensor
from ..tensor.inplace import writable
from ..tensor.limits import finfo
from .declare import composite, operator
from .normalisation_kernels import follow, gradients_at_once, normalised_at_once, normalised_by
from .shapes import shape_of


def _family(name, node):
    """An operator that normalises by groups; `kept` receives the moments, which the gradient needs."""

    @operator(name=name, method=False, out=False, node=node, halves=True)
    def normalisation(
        input: Array,
        weight: Array | None,
        bias: Array | None,
        mean: Array | None,
        variance: Array | None,
        by,
        eps,
        kept,
    ):
        """The input less the mean of each group, over its standard deviation, times a weight, plus a bias."""
        if mean is None:
            made = normalised_at_once(input, by, weight, bias, eps)
        else:
            made = normalised_by(input, by, weight, bias, mean, variance, eps)
        if made is None:
            known = None if mean is None else (widened(mean), widened(variance))
            made = _normalised(input, by, weight, bias, eps, known)
        result, kept[:] = made[0], made[1:]
        return result

    @normalisation.gradient
    def _(g, input, weight, bias, mean, variance, by, eps, kept, needs):
        if isinstance(g, Tensor) or isinstance(input, Tensor):
            return *_composed_gradients(g, input, weight, bias, mean, variance, by, eps, needs), None, None
        known = mean is not None
        made = gradients_at_once(g, input, by, weight, bias, kept[0], known, needs)
        if made is None:
            arrays = (widened(x) for x in (g, input))
            vectors = (widened(x) for x in (weight, bias))
            made = normalised_gradients(*arrays, by, *vectors, kept[0], known, needs)
        return *_alike(made, (input, weight, bias)), None, None

    return normalisation


_normalised = in_single(normalised)


def _alike(gradients, arrays):
    """Each gradient in the type of the array that it is for, where one of the two is half precision."""
    pairs = zip(gradients, arrays)
    return [g if g is None or g.dtype == x.dtype else lang.cast(g, x.dtype) for g, x in pairs]


def _composed_gradients(g, input, weight, bias, mean, variance, by, eps, needs):
    """The gradients written so that they can be differentiated again."""
    x, g = lang.reshape(input, by.shape), lang.reshape(g, by.shape)
    known = mean is not None
    if known:
        x = x - lang.reshape(mean, by.affine)
        variance = lang.reshape(variance, by.affine)
    elif by.centred:
        x = x - lang.sum(x, by.axes, True) / by.count
    if not known:
        variance = lang.sum(x * x, by.axes, True) / by.count
    scale = lang.rsqrt(variance + eps)
    y = x * scale
    weighted = g if weight is None else g * lang.reshape(weight, by.affine)
    slope = weighted
    if not known:
        slope = slope - y * (lang.sum(weighted * y, by.axes, True) / by.count)
        if by.centred:
            slope = slope - lang.sum(weighted, by.axes, True) / by.count
    return (
        lang.reshape(slope * scale, input.shape) if needs[0] else None,
        lang.reshape(lang.sum_to(g * y, by.affine), weight.shape) if needs[1] else None,
        lang.reshape(lang.sum_to(g, by.affine), bias.shape) if needs[2] else None,
    )


batch_normalised = _family("_batch_norm", "NativeBatchNormBackward0")
layer_normalised = _family("_layer_norm", "NativeLayerNormBackward0")
group_normalised = _family("_group_norm", "NativeGroupNormBackward0")
rms_normalised = _family("_rms_norm", "FusedRmsNormBackward0")


# ---- what is checked


def _check_types(name, input, *others):
    """Floating point, and weights of the input's type (or of float32 beside half precision)."""
    if not input.dtype.is_floating_point and not (input.dtype.is_complex and name == "rms_norm"):
        raise NotImplementedError(
            f'"{name}" not implemented for {input.dtype.name}; convert the input first, with x.float()'
        )
    for what, x in zip(("weight", "bias"), others):
        if x is not None and x.dtype is not input.dtype and not input.dtype.reduced:
            raise RuntimeError(
                f"{name}: expected scalar type {input.dtype.name} but found {x.dtype.name}: the {what} must "
                "have "
                f"the type of the input; convert one of them, for instance with {what}.to(input.dtype)"
            )


def _check_channels(name, channels, **vectors):
    """Every vector has one element for each channel."""
    for what, x in vectors.items():
        if x is not None and shape_of(x) != (channels,):
            raise RuntimeError(
                f"{name}: {what} should contain {channels} elements not {prod(shape_of(x))}: one for each "
                "channel "
                f"(dimension 1 of the input); its shape is {list(shape_of(x))}"
            )


def _check_many(shape, channels):
    if prod(shape) == channels:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}: a single "
            "value has "
            "no variance. Use a larger batch, or evaluate with model.eval()"
        )


# ---- batches and instances


@composite(namespace="nn.functional", out=False)
def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-05
):
    """Each channel normalised over the batch (in training, when running averages follow it) or by those."""
    shape = shape_of(input)
    if training:
        if len(shape) > 1:
            _check_many(shape, shape[1])
        if eps <= 0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    elif eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    if shape == (0,):
        return input.clone()
    if len(shape) < 2:
        raise RuntimeError(
            f"batch_norm: expected at least 2 dimensions (batch, channels, ...), got {list(shape)}"
        )
    _check_types("batch_norm", input, weight, bias)
    channels = shape[1]
    _check_channels(
        "batch_norm", channels, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if len(shape) == 2:
        by = groups(shape, (0,), (1, channels))
    else:
        by = groups((shape[0], channels, prod(shape[2:])), (0, 2), (1, channels, 1))
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: Expected running_mean and running_var to be defined when training=False; "
                "without them "
                "the batch itself must be used: training=True"
            )
        return batch_normalised(input, weight, bias, running_mean, running_var, by, eps, [])
    kept = []
    result = batch_normalised(input, weight, bias, None, None, by, eps, kept)
    _follow(running_mean, running_var, kept, by.count, momentum)
    return result


def _follow(running_mean, running_var, kept, count, momentum):
    """Moves the running averages towards the moments of this batch; their variance is the unbiased one."""
    if not kept:
        return  # nothing was computed: the meta device
    mean, variance, _ = kept[0]
    for running, moments, part in (
        (running_mean, mean, momentum),
        (running_var, variance, momentum * count / max(count - 1, 1)),
    ):
        if running is not None:
            follow(writable(running, "batch_norm"), _averaged(moments), 1 - momentum, part)


def _averaged(moments):
    """The moments of each channel, averaged over the images if there are some for each."""
    if moments.shape[0] != 1:
        moments = lang.sum(moments, 0, True) / moments.shape[0]
    return moments.reshape(-1)


@composite(namespace="nn.functional", out=False, node="ViewBackward0")
def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-05,
):
    """Each channel of each image normalised by itself, or by running averages."""
    shape = shape_of(input)
    if use_input_stats and len(shape) > 2 and prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {list(shape)}: a single "
            "value has no "
            "variance"
        )
    if len(shape) < 2:
        raise RuntimeError(f"instance_norm: expected (images, channels, ...), got an input of {list(shape)}")
    _check_types("instance_norm", input, weight, bias)
    channels = shape[1]
    _check_channels(
        "instance_norm",
        channels,
        running_mean=running_mean,
        running_var=running_var,
        weight=weight,
        bias=bias,
    )
    by = groups((shape[0], channels, prod(shape[2:])), (2,), (1, channels, 1))
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "instance_norm: Expected running_mean and running_var to be defined when "
                "use_input_stats=False"
            )
        return batch_normalised(
            input, weight, bias, running_mean, running_var, by._replace(axes=(0, 2)), eps, []
        )
    kept = []
    result = batch_normalised(input, weight, bias, None, None, by, eps, kept)
    _follow(running_mean, running_var, kept, by.count, momentum)
    return result


# ---- layers and groups


def _trailing(name, input, normalized_shape, **affine):
    """The groups of a normalisation over the last dimensions, which `normalized_shape` repeats."""
    last = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    shape = shape_of(input)
    if not last:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, but got {list(last)}"
        )
    for what, x in affine.items():
        if x is not None and shape_of(x) != last:
            raise RuntimeError(
                f"{name}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(shape_of(x))} and normalized_shape = {list(last)}"
            )
    if shape[len(shape) - len(last) :] != last or len(shape) < len(last):
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(last)}, expected input with shape [*, "
            f"{', '.join(map(str, last))}], "
            f"but got input of size {list(shape)}"
        )
    _check_types(name, input, *affine.values())
    size = prod(last)
    return (prod(shape[: len(shape) - len(last)]), size), (1,), (1, size)


@composite(namespace="nn.functional", out=False, learns=True)
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05):
    """The input normalised over its last dimensions."""
    by = groups(*_trailing("layer_norm", input, normalized_shape, weight=weight, bias=bias))
    return layer_normalised(input, weight, bias, None, None, by, eps, [])


@composite(namespace="nn.functional", out=False, node="MulBackward0", learns=True)
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """The input over the root of the mean of its squares along the last dimensions."""
    by = groups(*_trailing("rms_norm", input, normalized_shape, weight=weight), False)
    eps = finfo(input.dtype.wide).eps if eps is None else eps
    if input.dtype.is_complex:
        x = lang.reshape(input, by.shape)
        scaled = lang.reshape(x * lang.rsqrt(lang.sum(x * x, 1, True) / by.count + eps), input.shape)
        return scaled if weight is None else scaled * weight
    return rms_normalised(input, weight, None, None, None, by, eps, [])


@composite(namespace="nn.functional", out=False, learns=True)
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-05):
    """The input normalised over groups of its channels."""
    shape = shape_of(input)
    if len(shape) < 2:
        raise RuntimeError(
            f"group_norm: Expected at least 2 dimensions for input tensor but received {len(shape)}"
        )
    if num_groups <= 0 or shape[1] % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got input "
            "of shape "
            f"{list(shape)} and num_groups={num_groups}"
        )
    each = shape[1] // num_groups
    if shape[0] * each * prod(shape[2:]) == 1:
        _check_many((1,), 1)
    _check_types("group_norm", input, weight, bias)
    _check_channels("group_norm", shape[1], weight=weight, bias=bias)
    by = groups((shape[0], num_groups, each, prod(shape[2:])), (2, 3), (1, num_groups, each, 1))
    return group_normalised(input, weight, bias, None, None, by, eps, [])
