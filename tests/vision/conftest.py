"""The real torchvision, where it is installed, as the oracle."""

import importlib
import importlib.util
import sys
from types import SimpleNamespace

import pytest


def _imported(torch):
    """torchvision; a build without its own operators wants two of them to be declared."""
    try:
        return importlib.import_module("torchvision"), None
    except RuntimeError:
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision"), library


@pytest.fixture(scope="session")
def real():
    """PyTorch as `real.torch` and torchvision as `real.vision`."""
    torch = pytest.importorskip("torch")
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed")
    torch.set_num_threads(1)
    vision, library = _imported(torch)
    return SimpleNamespace(torch=torch, vision=vision, library=library, T=vision.transforms)
