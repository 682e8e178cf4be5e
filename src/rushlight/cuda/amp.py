"""`torch.cuda.amp`: without a CUDA device, everything here is switched off and passes things through."""

from ..amp.autocast_mode import custom_bwd as _custom_bwd
from ..amp.autocast_mode import custom_fwd as _custom_fwd
from ..amp.old_names import autocast_for, decorator_for, scaler_for

autocast = autocast_for("cuda")
GradScaler = scaler_for("cuda")
custom_fwd = decorator_for("cuda", _custom_fwd)
custom_bwd = decorator_for("cuda", _custom_bwd)

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
