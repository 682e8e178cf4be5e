"""`vmap`: a function of one sample becomes a function of a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..tensor.core import Tensor
from ..utils.pytree import TreeSpec, broadcast_prefix, tree_flatten, tree_unflatten
from .batch import batched
from .levels import at, new_level
from .randomness import CHOICES, mapping

Function = Callable[..., Any]


def vmap(
    func: Function,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Function:
    """`func` on all samples at once: the dimension `in_dims` of each argument counts them, and
    `out_dims` of each result.

    `in_dims` and `out_dims` are numbers, or nests of them like the arguments or the results; None marks an
    argument that is the same for all samples. Random numbers are refused unless `randomness` is "different"
    or "same". `chunk_size` samples at a time bound the memory.
    """
    if randomness not in CHOICES:
        raise RuntimeError(
            f"Only allowed values for randomness are {', '.join(map(repr, CHOICES))}. Got {randomness!r}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func, updated=())
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = tree_flatten(args)
        dims = checked_dims(in_dims, args, leaves, spec, func)
        size = batch_size(leaves, dims, func)

        def run(part: list[Any], count: int) -> Any:
            return run_once(func, part, dims, spec, count, out_dims, randomness, kwargs)

        if chunk_size is None or chunk_size >= size:
            return run(leaves, size)
        return in_chunks(run, leaves, dims, size, chunk_size, out_dims)

    return mapped


def name_of(func: Function) -> str:
    return getattr(func, "__name__", repr(func))


# ---- the arguments


def checked_dims(
    in_dims: Any, args: tuple, leaves: list[Any], spec: TreeSpec, func: Function
) -> list[int | None]:
    """For each leaf of the arguments, the dimension that counts the samples."""
    name = name_of(func)
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a "
            "(potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not leaves:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
            "vmap over a function with no inputs."
        )
    try:
        given = broadcast_prefix(in_dims, spec)
    except ValueError:
        raise ValueError(
            f"vmap({name}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure "
            f"of inputs: there are {len(args)} "
            f"arguments, of structure {spec}"
        ) from None
    return [_checked_dim(name, t, d) for t, d in zip(leaves, given)]


def _checked_dim(name: str, t: Any, d: Any) -> int | None:
    if d is None:
        return None
    if not isinstance(d, int) or isinstance(d, bool):
        raise ValueError(
            f"vmap({name}, ...): Got in_dim={d!r} for an input, but in_dim must be either an integer "
            "dimension or None."
        )
    if not isinstance(t, Tensor):
        raise ValueError(
            f"vmap({name}, ...): Got in_dim={d} for an input but the input is of type {type(t)}. We cannot "
            "vmap over non-Tensor arguments, "
            "please use None as the respective in_dim"
        )
    if not -t.ndim <= d < t.ndim:
        raise ValueError(
            f"vmap({name}, ...): Got in_dim={d} for some input, but that input is a Tensor of "
            f"dimensionality {t.ndim} so expected in_dim to "
            f"satisfy -{t.ndim} <= in_dim < {t.ndim}."
        )
    return d % t.ndim


def batch_size(leaves: list[Any], dims: list[int | None], func: Function) -> int:
    """How many samples there are."""
    sizes = [t.shape[d] for t, d in zip(leaves, dims) if d is not None]
    if not sizes:
        raise ValueError(
            f"vmap({name_of(func)}, ...): in_dims is None for all inputs; at least one must have a "
            "dimension that counts the samples"
        )
    if len(set(sizes)) > 1:
        shapes = ", ".join(f"{list(t.shape)} along {d}" for t, d in zip(leaves, dims) if d is not None)
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} "
            f"for the mapped dimension ({shapes})"
        )
    return sizes[0]


# ---- one run


def run_once(
    func: Function,
    leaves: list[Any],
    dims: list[int | None],
    spec: TreeSpec,
    size: int,
    out_dims: Any,
    randomness: str,
    kwargs: dict,
) -> Any:
    """All samples in one call of `func`."""
    with new_level() as level, mapping(level, size, randomness):
        inputs = [
            t if d is None else batched(level, t.movedim(d, 0) if d else t) for t, d in zip(leaves, dims)
        ]
        results = func(*tree_unflatten(inputs, spec), **kwargs)
        found, out_spec = tree_flatten(results)
        places = out_places(out_dims, out_spec, func)
        parts = [_result(t, d, level, size, func) for t, d in zip(found, places)]
    return tree_unflatten(parts, out_spec)


def out_places(out_dims: Any, spec: TreeSpec, func: Function) -> list[int | None]:
    """For each tensor of the results, where the dimension of the samples goes."""
    if isinstance(out_dims, tuple) and len(out_dims) == 1 and spec.is_leaf():
        out_dims = out_dims[0]
    try:
        return broadcast_prefix(out_dims, spec)
    except ValueError:
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            f"the structure of outputs: {spec}"
        ) from None


def _result(t: Any, place: Any, level: int, size: int, func: Function) -> Any:
    if not isinstance(t, Tensor):
        raise ValueError(
            f"vmap({name_of(func)}, ...): `{name_of(func)}` must only return Tensors, got type {type(t)} "
            "as a return."
        )
    if place is None:
        if at(t, level):
            raise ValueError(
                f"vmap({name_of(func)}, ...): `{name_of(func)}` can not return a BatchedTensor when "
                "out_dim is None"
            )
        return t
    if not isinstance(place, int):
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={place!r}): out_dims must be an int, None or a nest of them"
        )
    value = t.value if at(t, level) else t.expand((size, *t.shape))
    if not -value.ndim <= place < value.ndim:
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={place}): the result has {value.ndim} dimensions, so "
            "out_dims is out of range"
        )
    return value.movedim(0, place) if place else value


def in_chunks(
    run: Function, leaves: list[Any], dims: list[int | None], size: int, chunk: int, out_dims: Any
) -> Any:
    """A few samples at a time."""
    from ..ops.operator import OPERATORS

    parts, spec = [], None
    for start in range(0, size, chunk):
        n = min(chunk, size - start)
        found, spec = tree_flatten(
            run([t if d is None else t.narrow(d, start, n) for t, d in zip(leaves, dims)], n)
        )
        parts.append(found)
    places = out_places(out_dims, spec, run)  # type: ignore[arg-type]
    joined = [c[0] if d is None else OPERATORS["cat"].call(list(c), d) for c, d in zip(zip(*parts), places)]
    return tree_unflatten(joined, spec)  # type: ignore[arg-type]
