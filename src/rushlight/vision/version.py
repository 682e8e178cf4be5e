"""The version of torchvision whose names and numbers these are."""

from . import __version__ as __version__

cuda = None
git_version = "unknown"
