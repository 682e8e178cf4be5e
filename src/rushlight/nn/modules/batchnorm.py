"""Batch normalisation: each channel with mean 0 and variance 1 over the batch."""

from __future__ import annotations

from typing import Any

from ...tensor.dtype import int64
from ...tensor.factories import ones, zeros
from .. import functional as F
from .. import init
from ..module import Module
from ..uninitialized import UninitializedBuffer, UninitializedParameter
from .lazy import LazyModuleMixin
from .parts import add_parameters


class _NormBase(Module):
    """A scale and shift for each channel, and what mean and variance have been in the past."""

    _version = 2
    _input_dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        size = (num_features,)
        add_parameters(
            self, device, dtype, weight=size if affine else None, bias=size if affine and bias else None
        )
        tracked = track_running_stats
        like = {"device": device, "dtype": dtype}
        self.register_buffer("running_mean", zeros(num_features, **like) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **like) if tracked else None)
        self.register_buffer("num_batches_tracked", _no_batches(device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forgets the past."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forgets the past, scales by one and shifts by zero."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() not in self._input_dims:
            allowed = " or ".join(f"{n}D" for n in self._input_dims)
            raise ValueError(f"expected {allowed} input (got {input.dim()}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: dict, *rest: Any) -> None:
        version = local_metadata.get("version")
        if (version is None or version < 2) and self.track_running_stats:  # not counted in former times
            own = self.num_batches_tracked
            kept = own is not None and not own.is_meta
            state_dict.setdefault(prefix + "num_batches_tracked", own if kept else _no_batches())
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def _no_batches(device: Any = None) -> Any:
    return zeros((), dtype=int64, device=device)


class _BatchNorm(_NormBase):
    """Normalises with the batch's own mean and variance in training, with those of the past afterwards."""

    def forward(self, input: Any) -> Any:
        if input.dim() not in self._input_dims:
            self._check_input_dim(input)
        momentum, training = self.momentum, self.training
        if training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:
                momentum = 1.0 / float(self.num_batches_tracked)
        if training and not self.track_running_stats:
            mean = var = None
        else:
            mean, var = self.running_mean, self.running_var
        return F.batch_norm(
            input,
            mean,
            var,
            self.weight,
            self.bias,
            training or (mean is None and var is None),
            0.0 if momentum is None else momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalises each channel of (batch, channels) or (batch, channels, length)."""

    _input_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalises each channel of (batch, channels, height, width)."""

    _input_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalises each channel of (batch, channels, depth, height, width)."""

    _input_dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over the batches of all processes; of one process, it is BatchNorm.

    PyTorch has the synchronised form on GPUs alone, so with several processes this raises, as it does there.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Any) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")

    def forward(self, input: Any) -> Any:
        self._check_input_dim(input)
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")
        if self.training and _processes() > 1:
            raise ValueError(
                f"SyncBatchNorm expected input tensor to be on GPU; there are {_processes()} processes and "
                "the "
                "input is on the CPU: use BatchNorm, or train in one process"
            )
        return super().forward(input)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The network with a SyncBatchNorm in the place of each BatchNorm, with the same values."""
        result = module
        if isinstance(module, _BatchNorm):
            result = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for name in ("weight", "bias"):
                if module.affine:
                    setattr(result, name, getattr(module, name))
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(result, name, getattr(module, name))
            result.training = module.training
        for name, child in module.named_children():
            result.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return result


def _processes() -> int:
    """How many processes train together."""
    import sys

    distributed = sys.modules.get("rushlight.distributed")
    if distributed is None or not distributed.is_initialized():
        return 1
    return distributed.get_world_size()


# ---- lazy


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """A normalisation that learns `num_features` from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        like = {"device": device, "dtype": dtype}
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**like)
            if bias:
                self.bias = UninitializedParameter(**like)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**like)
            self.running_var = UninitializedBuffer(**like)
            self.num_batches_tracked = _no_batches(device)

    def reset_parameters(self) -> None:
        """Resets, once the size is known."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Makes the parameters for inputs like this one."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if value is not None:
                    value.materialize((self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNormBase, _BatchNorm):
    """A BatchNorm1d that learns `num_features` from its first input."""

    cls_to_become = BatchNorm1d
    _input_dims = BatchNorm1d._input_dims


class LazyBatchNorm2d(_LazyNormBase, _BatchNorm):
    """A BatchNorm2d that learns `num_features` from its first input."""

    cls_to_become = BatchNorm2d
    _input_dims = BatchNorm2d._input_dims


class LazyBatchNorm3d(_LazyNormBase, _BatchNorm):
    """A BatchNorm3d that learns `num_features` from its first input."""

    cls_to_become = BatchNorm3d
    _input_dims = BatchNorm3d._input_dims


__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "SyncBatchNorm",
]
