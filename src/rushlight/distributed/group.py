"""The group of processes: this one alone."""

from __future__ import annotations

import os
from typing import Any


class ProcessGroup:
    """Processes that work together. There is one of them."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def rank(self) -> int:
        """The number of this process."""
        return 0

    def size(self) -> int:
        """How many there are."""
        return 1

    def name(self) -> str:
        """What they talk through."""
        return self.backend


class group:
    """Names of groups."""

    WORLD: ProcessGroup | None = None


GroupMember = group
ALONE = "Rushlight runs one process for now; start the program once, with WORLD_SIZE=1 or without torchrun"


def is_available() -> bool:
    """Can a group be made? One of a single process can."""
    return True


def is_initialized() -> bool:
    """Has the group been made?"""
    return group.WORLD is not None


def is_gloo_available() -> bool:
    """Is the backend for CPUs there?"""
    return True


def is_nccl_available() -> bool:
    """Is the backend for NVIDIA GPUs there?"""
    return False


def is_mpi_available() -> bool:
    """Is there MPI?"""
    return False


def is_torchelastic_launched() -> bool:
    """Has torchrun started this process?"""
    return "TORCHELASTIC_RUN_ID" in os.environ


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Makes the group of this process."""
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    size = int(os.environ.get("WORLD_SIZE", 1)) if world_size < 0 else world_size
    number = int(os.environ.get("RANK", 0)) if rank < 0 else rank
    if size != 1:
        raise NotImplementedError(f"init_process_group: a group of {size} processes; {ALONE}")
    if number != 0:
        raise ValueError(f"init_process_group: rank {number} in a group of one process; it must be 0")
    if backend == "nccl":
        raise RuntimeError(
            "init_process_group: there is no NCCL here, as there is no GPU; use backend='gloo'"
        )
    group.WORLD = ProcessGroup(backend or "gloo")


def destroy_process_group(group_: Any = None) -> None:
    """Ends the group."""
    world(group_)
    group.WORLD = None


def new_group(ranks: Any = None, *args: Any, **kwargs: Any) -> ProcessGroup:
    """A group of some of the processes."""
    current = world(None)
    if ranks is not None and list(ranks) != [0]:
        raise ValueError(f"new_group: ranks {list(ranks)} of a group of one process; {ALONE}")
    return ProcessGroup(current.backend)


def world(given: Any) -> ProcessGroup:
    """The group that is meant, if there is one."""
    if given is not None:
        return given
    if group.WORLD is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call init_process_group."
        )
    return group.WORLD


def get_rank(group: Any = None) -> int:
    """The number of this process in the group."""
    return world(group).rank()


def get_world_size(group: Any = None) -> int:
    """How many processes are in the group."""
    return world(group).size()


def get_backend(group: Any = None) -> str:
    """What the processes talk through."""
    return world(group).backend
