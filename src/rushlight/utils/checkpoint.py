"""Checkpoints: parts of the forward pass that are computed again in backward, instead of being kept in
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from ..autograd import api
from ..autograd.function import Function
from ..autograd.graph import saved_tensors_hooks
from ..autograd.modes import enable_grad, state
from ..tensor.core import Tensor
from ..tensor.generator import fork_rng, get_rng_state, set_rng_state
from ..warned import warn


class CheckpointError(RuntimeError):
    """Computing a checkpointed part again did not do what it did the first time."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[AbstractContextManager, AbstractContextManager]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which only the arguments are kept; backward runs it again.

    The random numbers are those of the first run unless `preserve_rng_state` is False. `use_reentrant=True`
    is PyTorch's old way: at least one argument must require a gradient, and `torch.autograd.grad` cannot be
    used.
    """
    if use_reentrant is None:
        warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly; "
            "use_reentrant=False is recommended, and is what "
            "happens here",
        )
        use_reentrant = False
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ['default', 'none'], but got {determinism_check}"
        )
    if not use_reentrant:
        return _replayed(
            function, args, kwargs, preserve_rng_state, context_fn or _no_contexts, determinism_check
        )
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not None or debug:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    return _Reentrant.apply(function, preserve_rng_state, *args)


def _no_contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
    return nullcontext(), nullcontext()


@contextmanager
def _at_state(rng: Any) -> Iterator[None]:
    """The random numbers from a state on, for the block."""
    if rng is None:
        yield
        return
    with fork_rng():
        set_rng_state(rng)
        yield


# ---- without reentering: what the graph would save is put together again when backward asks for it


class _Replay:
    """One checkpointed call: knows how to run again, and what its graph then saves."""

    def __init__(self, run: Callable[[], Any], determinism_check: str) -> None:
        self.run, self.strict = run, determinism_check == "default"
        self.metas: list[tuple] = []
        self.values: dict[int, Tensor] = {}

    def pack(self, t: Tensor) -> int:
        self.metas.append((tuple(t._a.shape), t.dtype))
        return len(self.metas) - 1

    def unpack(self, number: int) -> Tensor:
        if number not in self.values:
            self._again()
        if number not in self.values:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original "
                "forward and recomputation. Number of tensors "
                f"saved during forward: {len(self.metas)}; recomputation: {len(self.values)}. The function "
                "must do the same each time that it runs"
            )
        return self.values.pop(number)  # used once in a pass, so it need not be kept

    def _again(self) -> None:
        values: list[Tensor] = []

        def keep(t: Tensor) -> Tensor:
            values.append(t.detach())
            return t

        with enable_grad(), saved_tensors_hooks(keep, lambda t: t):
            self.run()
        self.values = dict(enumerate(values))
        if self.strict:
            self._compare(values)

    def _compare(self, values: list[Tensor]) -> None:
        for number, (t, meta) in enumerate(zip(values, self.metas)):
            if (tuple(t._a.shape), t.dtype) != meta:
                raise CheckpointError(
                    "torch.utils.checkpoint: Recomputed values for the following tensors have different "
                    "metadata than during the forward pass: "
                    f"tensor {number} had shape {list(meta[0])} and dtype {meta[1]}, and now has "
                    f"{list(t._a.shape)} and {t.dtype}. The function must "
                    "do the same each time that it runs"
                )


def _replayed(
    function: Callable[..., Any],
    args: tuple,
    kwargs: dict[str, Any],
    preserve_rng_state: bool,
    context_fn: Callable[[], tuple],
    determinism_check: str,
) -> Any:
    first, second = context_fn()
    if not state.grad:
        with first:
            return function(*args, **kwargs)
    rng = get_rng_state() if preserve_rng_state else None

    def run() -> Any:
        with _at_state(rng), second:
            return function(*args, **kwargs)

    replay = _Replay(run, determinism_check)
    with first, saved_tensors_hooks(replay.pack, replay.unpack):
        return function(*args, **kwargs)


# ---- reentrant: a node whose backward runs the function again, and backward within it


class _Reentrant(Function):
    """The function as one node of the graph."""

    @staticmethod
    def forward(ctx: Any, function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        if not any(isinstance(a, Tensor) and a._rg for a in args):
            warn("None of the inputs have requires_grad=True. Gradients will be None")
        ctx.run, ctx.rng = function, get_rng_state() if preserve_rng_state else None
        ctx.rest = [None if isinstance(a, Tensor) else a for a in args]
        ctx.is_tensor = [isinstance(a, Tensor) for a in args]
        ctx.save_for_backward(*[a for a in args if isinstance(a, Tensor)])
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        saved = iter(ctx.saved_tensors)
        args = [next(saved) if tensor else a for tensor, a in zip(ctx.is_tensor, ctx.rest)]
        inputs = [a.detach().requires_grad_(a._rg) if isinstance(a, Tensor) else a for a in args]
        with enable_grad(), _at_state(ctx.rng):
            outputs = ctx.run(*inputs)
        outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
        live = [(y, g) for y, g in zip(outputs, grads) if isinstance(y, Tensor) and y._rg and g is not None]
        if not live:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        api.backward([y for y, _ in live], [g for _, g in live])
        return None, None, *(a._grad if isinstance(a, Tensor) else None for a in inputs)


# ---- chains


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Modules one after the other, in `segments` parts of which only the inputs are kept."""
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps: Sequence[Any] = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= max(len(steps), 1):
        raise ValueError(
            "checkpoint_sequential: segments must be between 1 and the number of functions "
            f"({len(steps)}), got {segments}"
        )
    size = len(steps) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(
            _chain(steps[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return _chain(steps[size * (segments - 1) :])(input)


def _chain(steps: Sequence[Any]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run


def set_checkpoint_early_stop(enable: bool) -> AbstractContextManager:
    """Accepted: a replay always runs to its end."""
    return nullcontext()


def set_checkpoint_debug_enabled(enabled: bool | None) -> AbstractContextManager:
    """Accepted: an error already says which saved tensor differs."""
    return nullcontext()


__all__ = [
    "CheckpointError",
    "checkpoint",
    "checkpoint_sequential",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]
