"""Networks on several devices at once. There is one device here: the CPU."""

from __future__ import annotations

from typing import Any

from ..module import Module


class DataParallel(Module):
    """Calls the network: with no GPUs there is nothing to divide the batch among, as in PyTorch on a CPU."""

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Calls `module` with `inputs`, as DataParallel does."""
    inputs = inputs if isinstance(inputs, tuple) else () if inputs is None else (inputs,)
    return module(*inputs, **(module_kwargs or {}))


def __getattr__(name: str) -> Any:
    if name == "DistributedDataParallel":
        from importlib import import_module

        return import_module("rushlight.distributed").DistributedDataParallel
    raise AttributeError(f"module 'rushlight.nn.parallel' has no attribute '{name}'")


__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
