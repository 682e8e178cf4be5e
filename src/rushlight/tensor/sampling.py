"""Random tensors: rand, randn, randint, randperm, normal, multinomial, and those like another tensor."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np

from .. import random as draws
from .core import CPU, META, Tensor, wrap
from .device import get_default_device
from .dtype import dtype, float32, get_default_dtype, int64
from .factories import make_like
from .generator import Generator, default_generator
from .layout import empty_like as array_like
from .options import checked_dtype, make, sizes

mappers: list[Any] = []  # inside of vmap: who decides how numbers are drawn for a whole batch


def mappable(function: Any) -> Any:
    """A function that draws random numbers as one whose numbers vmap has a say in."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return mappers[-1].draw(function, args, kwargs) if mappers else function(*args, **kwargs)

    return call


def generator_of(given: Any) -> Generator:
    """The generator to draw from: the one given, or the default one."""
    if mappers:
        mappers[-1].permit()
    if given is None:
        return default_generator  # type: ignore[return-value]
    if not isinstance(given, draws.Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator, not {type(given).__name__}")
    return given  # type: ignore[return-value]


def _split_size(name: str, size: tuple, options: dict[str, Any]) -> tuple[int, ...]:
    if "size" in options:
        size = (options.pop("size"),)
    elif not size:
        raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
    options.pop("names", None)
    return sizes(name, size)


def rand(*size: Any, **options: Any) -> Tensor:
    """Numbers from [0, 1), evenly spread."""
    if not options and size and get_default_device() is CPU and get_default_dtype() is float32:
        shape = sizes("rand", size)
        return wrap(draws.uniform(default_generator, shape), float32)
    shape, gen = _split_size("rand", size, options), generator_of(options.pop("generator", None))
    return make("rand", lambda dt: draws.uniform(gen, shape, dt.name), **options)


def randn(*size: Any, **options: Any) -> Tensor:
    """Normal numbers of mean zero and variance one."""
    if not options and size and get_default_device() is CPU and get_default_dtype() is float32:
        shape = sizes("randn", size)
        return wrap(draws.normal(default_generator, shape), float32)
    shape, gen = _split_size("randn", size, options), generator_of(options.pop("generator", None))
    return make("randn", lambda dt: draws.normal(gen, shape, dt.name), **options)


def randint(
    *args: Any, generator: Any = None, dtype: Any = None, out: Tensor | None = None, **options: Any
) -> Tensor:
    """Whole numbers from `low` (0) to `high - 1`: randint(high, size) or randint(low, high, size)."""
    kinds = (*map(type, args), generator, dtype, out)
    if kinds in PLAIN_BOUNDS and not options and get_default_device() is CPU and not mappers:
        low, high, shape = (0, *args)[-3:]
        return wrap(draws.randint(default_generator, sizes("randint", shape), "int64", low, high), int64)
    low, high, size = _randint_bounds(args, options)
    shape, gen = sizes("randint", (size,)), generator_of(generator)
    return make(
        "randint",
        lambda dt: draws.randint(gen, shape, dt.name, low, high),
        default=int64,
        dtype=dtype,
        out=out,
        **options,
    )


# randint(high, size) and randint(low, high, size) without any option
PLAIN_BOUNDS = frozenset([(int, tuple, None, None, None), (int, int, tuple, None, None, None)])


def _randint_bounds(args: tuple, options: dict[str, Any]) -> tuple[int, int, Any]:
    given = list(args)
    if given and isinstance(given[-1], (tuple, list)):
        options["size"] = given.pop()
    named = {k: options.pop(k) for k in ("low", "high", "size") if k in options}
    if len(given) + ("low" in named) + ("high" in named) == 1:
        low, high = 0, given[0] if given else named.get("high")
    else:
        bounds = [
            *given,
            *([named["low"]] if "low" in named else []),
            *([named["high"]] if "high" in named else []),
        ]
        low, high = bounds if len(bounds) == 2 else (None, None)
    if low is None or high is None or "size" not in named:
        raise TypeError(
            "randint() received an invalid combination of arguments; it is randint(high, size) or "
            "randint(low, high, size)"
        )
    return _whole("randint", "low", low), _whole("randint", "high", high), named["size"]


def _whole(name: str, argument: str, value: Any) -> int:
    if isinstance(value, Tensor):
        value = value.item()
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name}(): argument '{argument}' must be int, not {type(value).__name__} ({value!r})"
        )
    return int(value)


def randperm(n: int, *, generator: Any = None, out: Tensor | None = None, **options: Any) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    count, gen = _whole("randperm", "n", n), generator_of(generator)
    return make("randperm", lambda dt: draws.randperm(gen, count, dt.name), default=int64, out=out, **options)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices drawn in proportion to the weights in each row of `input`."""
    if not isinstance(input, Tensor):
        raise TypeError(f"multinomial(): argument 'input' must be Tensor, not {type(input).__name__}")
    if not input.dtype.is_floating_point:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype}; convert it "
            "with .float()"
        )
    if input.is_meta:
        return input.new_empty((*input._a.shape[:-1], num_samples), dtype=int64)  # type: ignore[attr-defined]
    array = input._a.astype(np.float32) if input.dtype.reduced else input._a
    drawn = draws.multinomial(generator_of(generator), array, num_samples, replacement, input.dtype.name)
    result = wrap(np.ascontiguousarray(drawn, np.int64), int64)
    if out is None:
        return result
    from .inplace import write_out

    if isinstance(out, Tensor) and out.dtype is not int64:
        raise RuntimeError(
            f"multinomial expects Long tensor out, got: {out.dtype}; make it with dtype=torch.int64"
        )
    return write_out(out, result, "multinomial")


# ---- like another tensor


def _filled_like(
    name: str,
    input: Tensor,
    draw: Any,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    memory_format: Any,
    options: dict,
) -> Tensor:
    """Random numbers laid out like `input`, drawn in the order of memory."""
    dt = input.dtype if dtype is None else checked_dtype(name, dtype)
    t = make_like(
        name,
        input,
        np.empty,
        dt,
        options.get("layout"),
        device,
        options.get("pin_memory"),
        False,
        memory_format,
    )
    if t.device is not META:
        t._a = drawn_into(t._a, dt, draw)
    if requires_grad:
        t.requires_grad = True
    return t


def drawn_into(array: np.ndarray, dt: dtype, draw: Any) -> np.ndarray:
    """Fresh random numbers in the layout of `array`: successive numbers lie at successive addresses."""
    if array.flags.c_contiguous:
        return draw(array.shape, dt.name, True)
    values = array_like(array, dt.np)
    ordered = draws.in_memory_order(values)
    ordered[...] = draw(ordered.shape, dt.name, False)
    return values


def rand_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    **options: Any,
) -> Tensor:
    """Numbers from [0, 1) in the size and type of `input`."""
    gen = generator_of(generator)
    draw = lambda shape, name, _: draws.uniform(gen, shape, name)  # noqa: E731
    return _filled_like("rand_like", input, draw, dtype, device, requires_grad, memory_format, options)


def randn_like(
    input: Tensor,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    **options: Any,
) -> Tensor:
    """Standard normal numbers in the size and type of `input`."""
    gen = generator_of(generator)
    draw = lambda shape, name, contiguous: draws.normal(gen, shape, name, contiguous=contiguous)  # noqa: E731
    return _filled_like("randn_like", input, draw, dtype, device, requires_grad, memory_format, options)


def randint_like(
    input: Tensor,
    low: Any = None,
    high: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    **options: Any,
) -> Tensor:
    """Whole numbers in the size and type of `input`: randint_like(input, high) or (input, low, high)."""
    if high is None:
        low, high = 0, low
    low, high = _whole("randint_like", "low", low or 0), _whole("randint_like", "high", high)
    gen = generator_of(generator)
    draw = lambda shape, name, _: draws.randint(gen, shape, name, low, high)  # noqa: E731
    return _filled_like("randint_like", input, draw, dtype, device, requires_grad, memory_format, options)


rand, randn, randint, randperm = map(mappable, (rand, randn, randint, randperm))
rand_like, randn_like, randint_like = map(mappable, (rand_like, randn_like, randint_like))
multinomial = mappable(multinomial)
Tensor.multinomial = multinomial  # type: ignore[attr-defined]
