"""`import tensorboardX` in a process that was spawned under `rushlight run`: Rushlight answers there too."""

from rushlight.as_torch import stand_in

stand_in(__name__)
