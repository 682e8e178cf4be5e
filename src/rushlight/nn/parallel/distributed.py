"""DistributedDataParallel in a group of one process: the network, with the interface that programs expect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...distributed import get_world_size
from ..module import Module


class DistributedDataParallel(Module):
    """Calls the network, whose parameters are below `module.`; with one process, its gradients are all."""

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, **options: Any
    ) -> None:
        super().__init__()
        get_world_size(options.get("process_group"))  # an error where no group has been made
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that "
                "requires a gradient."
            )
        self.module = module
        self.device_ids, self.output_device = device_ids, output_device
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients stay with each process for the block; they do so anyway."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before


__all__ = ["DistributedDataParallel"]
