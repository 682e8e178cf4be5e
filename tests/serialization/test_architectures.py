"""A network saved by PyTorch or by Rushlight loads in the other: its state, and the whole of it.

By default one small network of each family; `make sweep` takes every one that torchvision has.
"""

import importlib
import os
import sys
import warnings

import numpy as np
import pytest

import rushlight
from rushlight.vision import models

SHARE = """
    squeezenet1_1 resnet18 densenet121 googlenet inception_v3 mobilenet_v2 mobilenet_v3_small mnasnet0_5
    shufflenet_v2_x0_5 efficientnet_b0 efficientnet_v2_s regnet_y_400mf convnext_tiny
    swin_t swin_v2_t small_vit
"""
ALL = bool(os.environ.get("RUSHLIGHT_SWEEP"))
NAMES = models.list_models() if ALL else SHARE.split()
SMALL_VIT = {
    "patch_size": 8,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "mlp_dim": 24,
    "image_size": 32,
}


@pytest.fixture(scope="module")
def torchvision():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    try:
        return pytest.importorskip("torchvision").models
    except RuntimeError:  # a build without its own operators wants two of them to be declared
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
    global library
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return importlib.import_module("torchvision").models


def build(library_models, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of googlenet and inception: initial values take long
        if name == "small_vit":
            return library_models.VisionTransformer(**SMALL_VIT).eval()
        return library_models.get_model(name).eval()


def enliven(torch, model):
    """Noise for all values: fresh ones are zero or one in places, which hides mistakes. It is in proportion
    to what is there, else a deep network makes chaos of it.
    """
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                spread = value.std().item() if value.numel() > 1 else 0.0
                noise = torch.randn(value.shape, generator=source) * (0.1 * spread or 0.02)
                value.add_(noise.abs() if "running_var" in name else noise)


def picture(name):
    sizes = {"small_vit": 32, "vit": 224, "inception_v3": 96, "vit_l_32": 224, "vit_h_14": 224}
    size = sizes.get(name, sizes.get(name.partition("_")[0], 64))
    return np.random.default_rng(0).standard_normal((1, 3, size, size)).astype(np.float32)


def answer(library, model, x):
    with library.no_grad():
        return model(library.from_numpy(x)).numpy()


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", NAMES)
def test_files_go_both_ways(name, torchvision, tmp_path):
    torch = sys.modules["torch"]
    theirs, file, x = build(torchvision, name), tmp_path / "file.pt", picture(name)
    enliven(torch, theirs)
    wanted = answer(torch, theirs, x)

    torch.save(theirs, file)
    ours = rushlight.load(file)
    assert_close(answer(rushlight, ours, x), wanted)

    torch.save(theirs.state_dict(), file)
    ours = build(models, name)
    ours.load_state_dict(rushlight.load(file))
    assert_close(answer(rushlight, ours, x), wanted)

    state = theirs.state_dict()
    rushlight.save(ours.state_dict(), file)
    found = torch.load(file)
    assert list(found) == list(state)
    assert all(torch.equal(found[key], state[key]) for key in state)
    build(torchvision, name).load_state_dict(found)

    rushlight.save(ours, file)
    loaded = torch.load(file, weights_only=False)
    assert repr(loaded) == repr(theirs)
    np.testing.assert_array_equal(answer(torch, loaded, x), wanted)
