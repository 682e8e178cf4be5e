"""Every public name of torchvision is there, but for those in names_missing.txt, which only gets shorter."""

import importlib
import types
from pathlib import Path

import pytest

from rushlight.vision import models

HERE = Path(__file__).parent
NAMESPACES = [
    ".",
    "transforms",
    "transforms.functional",
    "transforms.v2",
    "transforms.v2.functional",
    "datasets",
    "datasets.utils",
    "datasets.folder",
    "datasets.samplers",
    "models",
    "models.segmentation",
    "models.detection",
    "models.video",
    "models.quantization",
    "models.optical_flow",
    "models.feature_extraction",
    "ops",
    "utils",
    "io",
    "tv_tensors",
]


def recorded(file):
    """{namespace: names} of lines such as "ops: nms roi_align"."""
    lines = (HERE / file).read_text().splitlines()
    return {head: set(names.split()) for head, _, names in (line.partition(":") for line in lines if line)}


def package(root, namespace):
    return importlib.import_module(root if namespace == "." else f"{root}.{namespace}")


def public(module):
    """What a module lists, or else the functions and classes of its package in it."""
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [name for name, value in vars(module).items() if _is_own(value)]
    return {
        n for n in listed if not n.startswith("_") and not isinstance(getattr(module, n), types.ModuleType)
    }


def _is_own(value):
    return callable(value) and str(getattr(value, "__module__", "")).startswith("torchvision")


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_names(namespace):
    wanted = recorded("names.txt")[namespace]
    excused = recorded("names_missing.txt").get(namespace, set())
    try:
        ours = package("rushlight.vision", namespace)
    except ModuleNotFoundError:
        ours = None
    missing = {name for name in wanted if not hasattr(ours, name)}
    print(f"{namespace}: {len(wanted) - len(missing)} of {len(wanted)}")
    assert missing == excused


def test_builders():
    wanted, excused = recorded("names.txt")["builders"], recorded("names_missing.txt").get("builders", set())
    assert wanted - set(models.list_models()) == excused


def test_the_record_is_of_the_installed_torchvision(real):
    names = recorded("names.txt")
    for namespace in NAMESPACES:
        assert names[namespace] == public(package("torchvision", namespace)), namespace
    assert names["builders"] == set(real.vision.models.list_models())
