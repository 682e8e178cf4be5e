"""`torch.cpu.amp`: mixed precision on the CPU under its older names."""

from ..amp.old_names import autocast_for, scaler_for

autocast = autocast_for("cpu")
GradScaler = scaler_for("cpu")

__all__ = ["GradScaler", "autocast"]
