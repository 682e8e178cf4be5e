"""The version of Rushlight, in the one place that states it."""

__version__ = "0.1.0"

cuda: str | None = None  # the names that programs read on torch.version: this build drives no such device
hip: str | None = None
xpu: str | None = None
debug = False
git_version = "unknown"
