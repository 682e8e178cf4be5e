"""PyTorch's place for `SummaryWriter`; ours is `rushlight.tensorboard`."""

from rushlight.tensorboard import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
