"""Instance normalisation: each channel of each sample with mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from ...warned import warn
from .. import functional as F
from .batchnorm import _LazyNormBase, _NormBase


class _InstanceNorm(_NormBase):
    """Normalises over the last `_places` dimensions."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _get_no_batch_dim(self) -> int:
        return min(self._input_dims)

    def forward(self, input: Any) -> Any:
        self._check_input_dim(input)
        alone = self._get_no_batch_dim()
        channels_at = input.dim() - alone
        if input.shape[channels_at] != self.num_features:
            self._tell_of_channels(input, channels_at)
        if input.dim() == alone:
            return self._apply_instance_norm(input.unsqueeze(0)).squeeze(0)
        return self._apply_instance_norm(input)

    def _tell_of_channels(self, input: Any, dim: int) -> None:
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), but got: "
                f"{input.shape[dim]}."
            )
        warn(
            f"input's size at dim={dim} does not match num_features, which does not matter with affine=False",
        )

    def _apply_instance_norm(self, input: Any) -> Any:
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list,
        unexpected_keys: list,
        error_msgs: list,
    ) -> None:
        if local_metadata.get("version") is None and not self.track_running_stats:
            old = [prefix + n for n in ("running_mean", "running_var") if prefix + n in state_dict]
            if old:
                named = " and ".join(f'"{key}"' for key in old)
                error_msgs.append(
                    f"Unexpected running stats buffer(s) {named} for {type(self).__name__} with "
                    "track_running_stats=False. Files of PyTorch before 0.4 have them: remove these keys "
                    "from the "
                    "state_dict, or make the module with track_running_stats=True to use them."
                )
                for key in old:
                    state_dict.pop(key)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalises each channel of each sample over the length."""

    _input_dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalises each channel of each picture over height and width."""

    _input_dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalises each channel of each volume over depth, height and width."""

    _input_dims = (4, 5)


class LazyInstanceNorm1d(_LazyNormBase, _InstanceNorm):
    """An InstanceNorm1d that learns `num_features` from its first input."""

    cls_to_become = InstanceNorm1d
    _input_dims = InstanceNorm1d._input_dims


class LazyInstanceNorm2d(_LazyNormBase, _InstanceNorm):
    """An InstanceNorm2d that learns `num_features` from its first input."""

    cls_to_become = InstanceNorm2d
    _input_dims = InstanceNorm2d._input_dims


class LazyInstanceNorm3d(_LazyNormBase, _InstanceNorm):
    """An InstanceNorm3d that learns `num_features` from its first input."""

    cls_to_become = InstanceNorm3d
    _input_dims = InstanceNorm3d._input_dims


__all__ = [
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]
