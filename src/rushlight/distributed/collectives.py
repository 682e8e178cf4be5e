"""What processes do together. With one process, everybody's tensors are this one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .group import world


class ReduceOp:
    """How values of several processes become one."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = (
        *("SUM", "AVG", "PRODUCT", "MIN", "MAX"),
        *("BAND", "BOR", "BXOR"),
    )


reduce_op = ReduceOp


class Work:
    """A collective operation that is under way: it is done when it returns."""

    def wait(self, timeout: Any = None) -> bool:
        """Waits for the end."""
        return True

    def is_completed(self) -> bool:
        """Is it done?"""
        return True


def collective(do: Callable[..., None]) -> Callable[..., Any]:
    """A function of the group: checks that there is one, and answers `async_op`."""

    @wraps(do)
    def call(*args: Any, group: Any = None, async_op: bool = False, **kwargs: Any) -> Work | None:
        world(group)
        do(*args, **kwargs)
        return Work() if async_op else None

    return call


def _only_zero(what: str, rank: Any) -> None:
    if rank not in (0, None):
        raise ValueError(f"{what}: rank {rank} is not in this group of one process")


def _into(targets: Any, sources: Any) -> None:
    for target, source in zip(targets, sources, strict=True):
        target.detach().copy_(source)


@collective
def barrier(**options: Any) -> None:
    """Waits until all processes are here."""


@collective
def all_reduce(tensor: Any, op: Any = ReduceOp.SUM) -> None:
    """Makes `tensor` the sum (or `op`) of all processes' tensors."""


@collective
def reduce(tensor: Any, dst: int | None = None, op: Any = ReduceOp.SUM, **options: Any) -> None:
    """The same on one process alone."""
    _only_zero("reduce", dst)


@collective
def broadcast(tensor: Any, src: int | None = None, **options: Any) -> None:
    """Gives the tensor of process `src` to all."""
    _only_zero("broadcast", src)


@collective
def broadcast_object_list(object_list: list[Any], src: int | None = None, **options: Any) -> None:
    """Gives the objects of process `src` to all."""
    _only_zero("broadcast_object_list", src)


@collective
def all_gather(tensor_list: list[Any], tensor: Any) -> None:
    """Puts the tensors of all processes into `tensor_list`."""
    _into(tensor_list, [tensor])


@collective
def all_gather_into_tensor(output_tensor: Any, input_tensor: Any) -> None:
    """Puts the tensors of all processes into one."""
    output_tensor.detach().copy_(input_tensor.reshape(output_tensor.shape))


@collective
def all_gather_object(object_list: list[Any], obj: Any) -> None:
    """Puts the objects of all processes into `object_list`."""
    object_list[:] = [obj]


@collective
def gather(tensor: Any, gather_list: list[Any] | None = None, dst: int | None = None, **options: Any) -> None:
    """Puts the tensors of all processes into the list of process `dst`."""
    _only_zero("gather", dst)
    _into(gather_list or [], [tensor])


@collective
def gather_object(
    obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None, **options: Any
) -> None:
    """Puts the objects of all processes into the list of process `dst`."""
    _only_zero("gather_object", dst)
    if object_gather_list is not None:
        object_gather_list[:] = [obj]


@collective
def scatter(
    tensor: Any, scatter_list: list[Any] | None = None, src: int | None = None, **options: Any
) -> None:
    """Gives each process one tensor of the list of process `src`."""
    _only_zero("scatter", src)
    _into([tensor], scatter_list or [])


@collective
def reduce_scatter(output: Any, input_list: list[Any], op: Any = ReduceOp.SUM) -> None:
    """Sums lists of tensors over the processes, and gives each one of the sums."""
    _into([output], input_list)


@collective
def all_to_all(output_tensor_list: list[Any], input_tensor_list: list[Any]) -> None:
    """Gives tensor number k of each process to process k."""
    _into(output_tensor_list, input_tensor_list)
