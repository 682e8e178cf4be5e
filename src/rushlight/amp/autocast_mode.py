"""Autocast: products and convolutions in a low type, what needs accuracy in float32."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from ..autograd.modes import state as autograd_state
from ..ops.intercept import casts, interceptors
from ..tensor.core import Tensor
from ..tensor.dtype import bfloat16, dtype, float16, float32, float64
from ..utils.pytree import tree_map
from ..warned import warn
from .policies import LOW, WIDEST, policy_of

DEVICES = {
    "cpu": bfloat16,
    "cuda": float16,
    "xpu": bfloat16,
    "mps": float16,
}  # the low type of each, unless told
LOW_TYPES = (bfloat16, float16)


class _State(threading.local):
    """What holds in this thread."""

    def __init__(self) -> None:
        self.enabled = dict.fromkeys(DEVICES, False)
        self.dtypes = dict(DEVICES)
        self.caching = True
        self.depth = 0
        self.cache: dict[Any, tuple[Tensor, Tensor]] = {}


_state = _State()
_threads: set[int] = set()  # those in which autocast is on: while there is none, operators do not look here
_lock = threading.Lock()


class autocast:
    """Inside, matrix products and convolutions run in `dtype`, losses and decompositions in float32.

    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = criterion(model(x), y)
    loss.backward()

    The parameters stay float32, and so do their gradients. Works as a decorator too.
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        _check_device(device_type)
        self.device = device_type
        self.fast_dtype = _state.dtypes[device_type] if dtype is None else dtype
        self._cache_enabled = _state.caching if cache_enabled is None else cache_enabled
        self._enabled = bool(enabled) and _usable(device_type, self.fast_dtype)
        self._before: list[tuple[Any, ...]] = []

    def __enter__(self) -> autocast:
        s = _state
        self._before.append((s.enabled[self.device], s.dtypes[self.device], s.caching))
        s.dtypes[self.device], s.caching = self.fast_dtype, self._cache_enabled
        s.depth += 1
        _enable(self.device, self._enabled)
        return self

    def __exit__(self, *error: object) -> None:
        enabled, _state.dtypes[self.device], _state.caching = self._before.pop()
        _enable(self.device, enabled)
        _state.depth -= 1
        if _state.depth == 0:
            _state.cache.clear()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return call


def _check_device(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(
            f"Expected `device_type` of type `str`, got: `{type(device_type).__name__}`; say "
            "torch.autocast('cpu')"
        )
    if device_type not in DEVICES:
        raise RuntimeError(f"autocast has no device type {device_type!r}; it knows {', '.join(DEVICES)}")


def _usable(device_type: str, low: Any) -> bool:
    """Can autocast do anything there? Says why if not, and the program goes on in full precision."""
    if device_type != "cpu":
        reason = f"there is no {device_type} device here"
    elif low not in LOW_TYPES:
        reason = f"the low type can be {' or '.join(map(str, LOW_TYPES))}, not {low}"
    else:
        return True
    warn(f"autocast({device_type!r}) is disabled: {reason}")
    return False


def _enable(device_type: str, on: bool) -> None:
    """Switches autocast on or off in this thread, and has the operators ask while it is on in any."""
    _state.enabled[device_type] = on
    if device_type != "cpu":
        return
    with _lock:
        (_threads.add if on else _threads.discard)(threading.get_ident())
        if _threads and not casts:
            casts.append(_cast_composite)
            interceptors.append(_cast_operator)
        elif casts and not _threads:
            casts.remove(_cast_composite)
            interceptors.remove(_cast_operator)


# ---- what operators ask


def _cast_operator(op: Any, call: Callable[..., Any], values: Any) -> tuple[bool, Any]:
    """A call of an operator with the arguments in the type that the lists want."""
    policy = policy_of(op.path) if _state.enabled["cpu"] else None
    if policy is None:
        return False, None
    n, names = op.signature.positional, op.signature.names
    return True, _without_casts(call, values[:n], dict(zip(names[n:], values[n:])), policy)


def _cast_composite(op: Any, call: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
    """A call of a function that is written with operators."""
    policy = policy_of(op.path, args, kwargs) if _state.enabled["cpu"] else None
    return call(*args, **kwargs) if policy is None else _without_casts(call, args, kwargs, policy)


def _without_casts(call: Callable[..., Any], args: Any, kwargs: dict, policy: str) -> Any:
    args, kwargs = cast(args, kwargs, policy)
    _state.enabled["cpu"] = False  # what the operator itself is made of runs in the types chosen for it
    try:
        return call(*args, **kwargs)
    finally:
        _state.enabled["cpu"] = True


def cast(args: Any, kwargs: dict, policy: str) -> tuple[tuple, dict]:
    """The arguments with their floating tensors in the type that a policy wants."""
    target = (
        _widest((args, kwargs)) if policy == WIDEST else _state.dtypes["cpu"] if policy == LOW else float32
    )
    converted = tree_map(lambda leaf: _converted(leaf, target), (tuple(args), kwargs))
    return converted


def _converted(leaf: Any, target: dtype) -> Any:
    """float64 stays: who computes in it wants it."""
    if not _takes_part(leaf) or leaf.dtype is target:
        return leaf
    weight = leaf.dtype is float32 and leaf.requires_grad and leaf.is_leaf and leaf._base is None
    if not (weight and _state.caching and _state.depth):
        return leaf.to(target)
    key = (id(leaf), target, autograd_state.grad)
    found = _state.cache.get(key)
    if found is None:
        found = _state.cache[key] = leaf, leaf.to(target)  # keeps the weight, so that its id stays its own
    return found[1]


def _takes_part(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.dtype.is_floating_point and leaf.dtype is not float64


def _widest(tree: Any) -> dtype:
    found: list[dtype] = []
    tree_map(lambda leaf: found.append(leaf.dtype) if _takes_part(leaf) else None, tree)
    different = len(set(found)) > 1
    return found[0] if found and not different else float32


# ---- questions and switches


def is_autocast_available(device_type: str) -> bool:
    """Does autocast know this kind of device?"""
    return device_type in DEVICES


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Is autocast on in this thread, for the device (without one: for CUDA, as ever)?"""
    return _state.enabled[device_type or "cuda"]


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Switches autocast on or off in this thread, without a `with` block."""
    if isinstance(device_type, bool):
        device_type, enabled = "cuda", device_type
    _check_device(device_type)
    _enable(device_type, bool(enabled))


def get_autocast_dtype(device_type: str) -> dtype:
    """The low type of the device."""
    _check_device(device_type)
    return _state.dtypes[device_type]


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Chooses the low type of the device."""
    _check_device(device_type)
    _state.dtypes[device_type] = dtype


def is_autocast_cpu_enabled() -> bool:
    """Is autocast on for the CPU?"""
    return is_autocast_enabled("cpu")


def get_autocast_cpu_dtype() -> dtype:
    """The low type of the CPU."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> dtype:
    """The low type of CUDA devices."""
    return get_autocast_dtype("cuda")


def is_autocast_cache_enabled() -> bool:
    """Are weights in the low type kept until the end of the block?"""
    return _state.caching


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Whether weights in the low type are kept until the end of the block."""
    _state.caching = bool(enabled)


def clear_autocast_cache() -> None:
    """Forgets the weights in the low type that are kept."""
    _state.cache.clear()


# ---- for autograd.Function


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtype | None = None
) -> Callable[..., Any]:
    """Decorates `forward` of an autograd.Function: with `cast_inputs`, it gets its floating tensors in that
    type and runs without autocast; without, it runs in the autocast state of the caller, which `custom_bwd`
    brings back.
    """
    _check_device(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def call(context: Any, *args: Any, **kwargs: Any) -> Any:
        context._dtype = get_autocast_dtype(device_type)
        context._fwd_used_autocast = is_autocast_enabled(device_type) and cast_inputs is None
        if cast_inputs is None or not is_autocast_enabled(device_type):
            return fwd(context, *args, **kwargs)
        to_type = lambda leaf: leaf.to(cast_inputs) if _takes_part(leaf) else leaf  # noqa: E731
        args, kwargs = tree_map(to_type, (args, kwargs))
        with autocast(device_type, enabled=False):
            return fwd(context, *args, **kwargs)

    return call


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """Decorates `backward` of an autograd.Function: it runs in the autocast state that `forward` ran in."""
    _check_device(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def call(context: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=context._fwd_used_autocast, dtype=context._dtype):
            return bwd(context, *args, **kwargs)

    return call


__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
