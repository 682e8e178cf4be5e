"""What happens in training, written for TensorBoard. Answers `torch.utils.tensorboard` and `tensorboardX`.

The files are TensorBoard's own, written without it: only looking at them takes `pip install tensorboard`.
"""

from .writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
