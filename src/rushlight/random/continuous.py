"""Continuous distributions: uniform, normal and what follows from one draw of either by a formula.

Every sampler takes the generator, a shape and the name of a dtype, and returns a new array. Values are in the
order PyTorch fills memory in: C order for contiguous tensors; for others, the order of their memory.
"""

import math
import operator

import numpy as np

from ..runtime import memory
from . import kernels, libm
from .box_muller import Float32, normal_pair, normal_pair64
from .fused import fma32, fma64
from .precision import COMPLEX_PARTS, float_format, from_parts

# Numbers worked on at a time: large enough to hide numpy's cost per call, small enough for the cache.
CHUNK = 1 << 16
FEW = 256  # numbers that are not worth looking at how they are best drawn


def size_of(shape):
    """The number of elements of a shape given as an integer or a sequence."""
    count = math.prod(shape) if hasattr(shape, "__iter__") else operator.index(shape)
    if count < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension: {shape}")
    return count


def filled(shape, dtype, sample, out=None):
    """A new array of `shape`, or `out`, filled in C order with what `sample(count)` draws, chunk by chunk."""
    count = size_of(shape)
    if count <= CHUNK and out is None:
        return np.asarray(sample(count), dtype).reshape(shape)
    if out is None:  # memory of its own: it may become a tensor's as it is
        out = memory.empty((shape,) if isinstance(shape, int) else tuple(shape), dtype)
    flat = out.reshape(count)
    for start in range(0, count, CHUNK):
        part = flat[start : start + CHUNK]
        part[...] = sample(part.size)
    return out


def uniform(gen, shape, dtype="float32", low=0.0, high=1.0, out=None):
    """Numbers in [low, high), evenly spread; complex dtypes get both parts so. `out` is contiguous."""
    if dtype in COMPLEX_PARTS:
        return from_parts(uniform(gen, _with_parts(shape), COMPLEX_PARTS[dtype], low, high), dtype)
    if dtype == "float32" and low == 0 and high == 1:
        if type(shape) is tuple and out is None and 0 <= (count := math.prod(shape)) <= FEW:
            return gen.floats(count).reshape(shape).copy()
        return _writable(filled(shape, np.float32, gen.floats, out))
    fmt = float_format(dtype, "check_uniform_bounds")
    _check_uniform(fmt, low, high)
    draw = _uniform64 if dtype == "float64" else _uniform32
    return _writable(filled(shape, fmt.storage(), lambda count: draw(gen, count, fmt, low, high), out))


def _uniform64(gen, count, fmt, low, high):
    values = gen.doubles(count)
    if low == 0 and high == 1:
        return values
    return _high_to_low(fma64(values, high - low, low), low, high)


def _uniform32(gen, count, fmt, low, high):
    low, high = np.float32(low), np.float32(high)
    values = gen.floats(count)
    if low != 0 or high != 1:
        values = fma32(values, high - low, low)
    return _high_to_low(fmt.store(values), fmt.store(low), fmt.store(high))


def _high_to_low(values, low, high):
    """Rounding may reach the excluded upper end; such numbers become the lower end."""
    return np.where(values == high, low, values)


def _check_uniform(fmt, low, high):
    for name, bound in (("from", low), ("to", high)):
        if not -fmt.largest <= bound <= fmt.largest:
            raise RuntimeError(f"{name} is out of bounds for {fmt.name}: got {bound}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    if high - low > fmt.largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= {fmt.largest}, the largest {fmt.name}, "
            f"but found to={high} and from={low}"
        )


def normal(gen, shape, dtype="float32", mean=0.0, std=1.0, contiguous=True):
    """Normal numbers with the given mean and deviation.

    PyTorch draws 16 or more numbers for contiguous memory in blocks, fewer or others one by one; say with
    `contiguous` which memory they are for. Complex dtypes share the variance between their two parts.
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if dtype in COMPLEX_PARTS:
        parts = normal(gen, _with_parts(shape), COMPLEX_PARTS[dtype], mean, std / math.sqrt(2), contiguous)
        return from_parts(parts, dtype)
    if dtype == "float32" and type(shape) is tuple and mean == 0 and std == 1 and 0 <= math.prod(shape) < 16:
        return np.array(_few_normals(gen, math.prod(shape)), np.float32).reshape(shape)
    fmt = float_format(dtype, "normal_kernel_cpu")
    count = size_of(shape)
    if count < 16 or not contiguous:
        scale = fma64 if dtype == "float64" else _scale
        return filled(shape, fmt.storage(), lambda n: fmt.store(scale(standard_normals(gen, n), std, mean)))
    return _normal_blocks(gen, count, fmt, mean, std).reshape(shape)


def normal_tensor(gen, mean, std, shape, dtype="float32"):
    """Normal numbers where mean, deviation or both are arrays that broadcast to `shape`."""
    if np.any(np.asarray(std) < 0):
        raise RuntimeError("normal expects all elements of std >= 0.0")
    fmt = float_format(dtype, "normal_kernel_cpu")
    standard = normal(gen, shape, dtype)
    scaled = fmt.store(standard.astype(fmt.compute, copy=False) * np.asarray(std, fmt.compute))
    return fmt.store(scaled.astype(fmt.compute, copy=False) + np.asarray(mean, fmt.compute))


def standard_normals(gen, count):
    """`count` float64 normal numbers drawn one by one; the second of a pair waits in the generator."""
    with gen.lock:
        result = memory.empty((count,), np.dtype(np.float64))
        waiting = count > 0 and gen.double_normal is not None
        if waiting:
            result[0], gen.double_normal = gen.double_normal, None
        missing = result[1:] if waiting else result
        pairs = (missing.size + 1) // 2
        numbers = (_few_pairs if pairs <= 8 else _many_pairs)(gen.doubles(2 * pairs))
        missing[:] = numbers[: missing.size]
        if missing.size % 2:
            gen.double_normal = float(numbers[-1])
        return result


def _few_normals(gen, count):
    """The same as Python's numbers, for 16 at most."""
    with gen.lock:
        numbers = []
        if count and gen.double_normal is not None:
            numbers, gen.double_normal = [gen.double_normal], None
        missing = count - len(numbers)
        numbers += _few_pairs(gen.doubles(missing + missing % 2))
        if missing % 2:
            gen.double_normal = numbers.pop()
        return numbers


def _few_pairs(uniforms):
    """Normal numbers by pairs from a few uniform ones, without numpy's cost per call."""
    result = []
    numbers = iter(uniforms.tolist())
    for angular, radial in zip(numbers, numbers):
        radius, angle = math.sqrt(-2.0 * math.log1p(-radial)), 2 * math.pi * angular
        result += radius * math.cos(angle), radius * math.sin(angle)
    return result


def _many_pairs(uniforms):
    radius = np.sqrt(-2.0 * libm.log1p(-uniforms[1::2]))
    angle = (2 * np.pi) * uniforms[0::2]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


def _scale(values, scale, offset):
    return values if scale == 1 and offset == 0 else values * scale + offset


def _normal_blocks(gen, count, fmt, mean, std):
    """Blocks of eight radii and eight angles. A last partial block is drawn anew, as the last 16 numbers."""
    whole = count - count % 16
    if whole == count <= CHUNK:
        return _normal_block(gen, count, fmt, mean, std)
    result = memory.empty((count,), np.dtype(fmt.storage()))
    for start in range(0, whole, CHUNK):
        part = result[start : min(start + CHUNK, whole)]
        part[:] = _normal_block(gen, part.size, fmt, mean, std)
    if whole < count:
        if fmt.digits >= 24:  # the half types do not draw the partial block that is replaced
            gen.raw32((count - whole) * (2 if fmt.name == "float64" else 1))
        result[-16:] = _normal_block(gen, 16, fmt, mean, std)
    return result


def _normal_block(gen, count, fmt, mean, std):
    if fmt.name == "float64":
        return fma64(_interleave(normal_pair64(*_halves(gen.doubles(count)))), std, mean)
    compiled = kernels.get(count)
    if compiled is not None:
        return fmt.store(compiled.normal(gen.raw32(count), mean, std))
    values = _interleave(normal_pair(Float32, *_halves(gen.floats(count))))
    return fmt.store(fma32(values, np.float32(std), np.float32(mean)))


def _halves(numbers):
    blocks = numbers.reshape(-1, 2, 8)
    return np.ascontiguousarray(blocks[:, 0]), np.ascontiguousarray(blocks[:, 1])


def _interleave(pair):
    return np.stack(pair, axis=1).reshape(-1)


def exponential(gen, shape, dtype="float32", lambd=1.0):
    """Waiting times of rate `lambd`."""
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    fmt = _continuous_format(dtype, "Exponential")
    log1p = (libm if dtype == "float64" else np).log1p
    return filled(shape, fmt.storage(), lambda n: fmt.store((-1.0 / lambd) * log1p(-gen.doubles(n))))


def cauchy(gen, shape, dtype="float32", median=0.0, sigma=1.0):
    """Cauchy numbers around `median`, half of them within `sigma`."""
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    fmt = _continuous_format(dtype, "Cauchy")
    tan = (libm if dtype == "float64" else np).tan
    scale = fma64 if dtype == "float64" else _scale
    return filled(
        shape, fmt.storage(), lambda n: fmt.store(scale(tan(np.pi * (gen.doubles(n) - 0.5)), sigma, median))
    )


def log_normal(gen, shape, dtype="float32", mean=1.0, std=2.0):
    """Numbers whose logarithms are normal with the given mean and deviation."""
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    fmt = float_format(dtype, "log_normal_cpu")
    exp = (libm if dtype == "float64" else np).exp
    with np.errstate(over="ignore"):
        return filled(
            shape, fmt.storage(), lambda n: fmt.store(exp(fma64(standard_normals(gen, n), std, mean)))
        )


def _continuous_format(dtype, name):
    try:
        return float_format(dtype, name)
    except NotImplementedError:
        raise RuntimeError(
            f"{name} distribution is a continuous probability distribution. "
            f"dtype must be a floating point but you specified {dtype}"
        ) from None


def _with_parts(shape):
    return (*shape, 2) if hasattr(shape, "__iter__") else (operator.index(shape), 2)


def _writable(values):
    return values if values.flags.writeable else values.copy()
