"""What tutorials print of the library's own objects."""

import subprocess
import sys
from collections import OrderedDict

import pytest

import rushlight as torch
from rushlight import nn, optim
from rushlight.nn.utils import parametrize
from rushlight.shown import shown_module


def names(node):
    return [None if f is None else f.name() for f, _ in node.next_functions]


def test_the_graph_of_a_layer_is_that_of_addmm():
    x, layer = torch.ones(2, 3), nn.Linear(3, 4)
    assert names(layer(x).grad_fn) == ["AccumulateGrad", None, "TBackward0"]
    assert names(layer(x.requires_grad_().exp()).grad_fn) == ["AccumulateGrad", "ExpBackward0", "TBackward0"]
    turned = layer(x).grad_fn.next_functions[2][0]
    assert turned.next_functions[0][0].variable is layer.weight
    assert names(nn.Linear(3, 4, bias=False)(x.exp()).grad_fn) == ["ExpBackward0", "TBackward0"]
    layer.requires_grad_(False)
    assert names(layer(x.exp()).grad_fn) == [None, "ExpBackward0", None]


def test_groups_of_an_optimizer_stand_apart():
    w, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    text = repr(optim.SGD([{"params": w}, {"params": b}], lr=0.1))
    assert "\n    weight_decay: 0\n\nParameter Group 1\n" in text


def test_hooks_are_kept_in_ordered_dictionaries():
    layer = nn.Linear(1, 1)
    layer.register_forward_pre_hook(print)
    kept = layer._forward_pre_hooks
    assert isinstance(kept, OrderedDict)
    assert list(kept.values()) == [print]


def test_parametrized_classes_are_at_home_where_parametrizations_are():
    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", nn.Identity())
    assert type(layer).__module__ == parametrize.ParametrizationList.__module__


def test_devices_that_are_not_there():
    assert torch.accelerator.current_accelerator() is None
    for module in (torch.accelerator, torch.mps, torch.xpu, torch.cuda):
        assert not module.is_available()
        assert module.device_count() == 0
    with pytest.raises(RuntimeError, match="no such device"):
        torch.accelerator.synchronize()
    with pytest.raises(AssertionError):
        torch.xpu.synchronize()
    assert torch.mps.manual_seed(0) is torch.xpu.manual_seed(0) is None
    assert issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    assert torch.cuda.OutOfMemoryError is torch.OutOfMemoryError
    torch.backends.cuda.enable_flash_sdp(False)
    assert not torch.backends.cuda.flash_sdp_enabled()
    assert torch.backends.cuda.math_sdp_enabled()
    torch.backends.cuda.enable_flash_sdp(True)


@pytest.mark.parametrize(
    "name",
    ["parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children"],
)
def test_what_a_network_goes_through_says_whose_it_is(name):
    assert repr(getattr(nn.Linear(1, 1), name)()).startswith(f"<generator object Module.{name} at 0x")


def test_classes_live_where_programs_know_them():
    assert shown_module("rushlight.optim.lr_scheduler.decay") == "torch.optim.lr_scheduler"
    assert shown_module("rushlight.autograd.hooks") == "torch.utils.hooks"
    assert shown_module("rushlight.nn.modules.linear") == "torch.nn.modules.linear"


def test_names_of_parts_that_are_not_there_are_no_attributes():
    assert not hasattr(torch.autograd, "profiler")
    assert torch.is_anomaly_enabled() is False


def test_products_of_sparse_matrices_take_dense_ones():
    a, b = torch.rand(3, 4), torch.rand(4, 2)
    assert torch.equal(torch.spmm(a, b), a @ b)


ASKS = """
import traceback
import rushlight; rushlight.install_as_torch()
import torch, rushlight.missing as missing
asked = []
missing.closest = lambda *args: asked.append(args)
assert not hasattr(torch, "sofmax")
from torch.nn import parallel
import torch.hub
assert asked == []
try:
    torch.sofmax
except AttributeError as error:
    text = traceback.format_exc()
assert "\\nAttributeError: Rushlight has no torch.sofmax" in text, text
assert len(asked) == 1
"""


def test_close_names_are_looked_for_when_the_error_is_read():
    subprocess.run([sys.executable, "-c", ASKS], check=True)
