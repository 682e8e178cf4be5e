"""Every transform under the name of torchvision's module that has them."""

from . import *  # noqa: F403
from . import __all__ as __all__
