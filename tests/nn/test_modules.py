"""Modules on their own, without PyTorch: values known by other means, recorded reprs, containers, copies,
hooks.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight import nn

RECORDED = {  # what PyTorch 2.13 prints
    "Linear(in_features=3, out_features=4, bias=False)": lambda: nn.Linear(3, 4, bias=False),
    "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)": lambda: nn.Bilinear(2, 3, 4),
    "Conv2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), groups=2, bias=False)": lambda: (
        nn.Conv2d(4, 6, 3, 2, 1, groups=2, bias=False)
    ),
    "Conv1d(1, 2, kernel_size=(3,), stride=(1,), padding=same, dilation=(2,), padding_mode=circular)": (
        lambda: nn.Conv1d(1, 2, 3, padding="same", dilation=2, padding_mode="circular")
    ),
    "ConvTranspose2d(2, 3, kernel_size=(2, 2), stride=(2, 2), output_padding=(1, 1))": lambda: (
        nn.ConvTranspose2d(2, 3, 2, 2, output_padding=1)
    ),
    "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)": lambda: nn.MaxPool2d(2),
    "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))": lambda: nn.AvgPool1d(2),
    "LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False)": lambda: nn.LPPool2d(2, 3),
    "AdaptiveAvgPool2d(output_size=(None, 7))": lambda: nn.AdaptiveAvgPool2d((None, 7)),
    "MaxUnpool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))": lambda: nn.MaxUnpool2d(2),
    "ZeroPad2d((1, 2, 3, 4))": lambda: nn.ZeroPad2d((1, 2, 3, 4)),
    "ConstantPad1d(padding=(2, 2), value=3.5)": lambda: nn.ConstantPad1d(2, 3.5),
    "ReLU(inplace=True)": lambda: nn.ReLU(inplace=True),
    "ReLU6()": nn.ReLU6,
    "Hardswish()": lambda: nn.Hardswish(inplace=True),
    "ELU(alpha=1.0, inplace=True)": lambda: nn.ELU(inplace=True),
    "GELU(approximate='none')": nn.GELU,
    "Threshold(threshold=0.1, value=20)": lambda: nn.Threshold(0.1, 20),
    "Softmax(dim=1)": lambda: nn.Softmax(1),
    "PReLU(num_parameters=3)": lambda: nn.PReLU(3),
    "Softshrink(0.5)": nn.Softshrink,
    "Dropout(p=0.5, inplace=False)": nn.Dropout,
    "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)": (
        lambda: nn.BatchNorm2d(3)
    ),
    "LayerNorm((4, 5), eps=1e-05, elementwise_affine=True, bias=False)": lambda: nn.LayerNorm(
        (4, 5), bias=False
    ),
    "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)": lambda: nn.GroupNorm(2, 4),
    "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)": lambda: nn.LocalResponseNorm(2),
    "Embedding(10, 3, padding_idx=9, max_norm=1.5, sparse=True)": lambda: nn.Embedding(
        10, 3, -1, 1.5, sparse=True
    ),
    "EmbeddingBag(10, 3, mode='sum', padding_idx=2)": lambda: nn.EmbeddingBag(
        10, 3, mode="sum", padding_idx=2
    ),
    "LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True)": lambda: nn.LSTM(
        3, 4, 2, batch_first=True, dropout=0.5, bidirectional=True
    ),
    "RNNCell(3, 4, bias=False, nonlinearity=relu)": lambda: nn.RNNCell(3, 4, False, "relu"),
    "Upsample(scale_factor=2.0, mode='nearest')": lambda: nn.Upsample(scale_factor=2),
    "Unflatten(dim=1, unflattened_size=(2, 5))": lambda: nn.Unflatten(1, (2, 5)),
    "MSELoss()": nn.MSELoss,
}


@pytest.mark.parametrize("told", RECORDED)
def test_recorded_repr(told: str) -> None:
    assert repr(RECORDED[told]()) == told


def test_a_list_tells_runs_of_the_same_in_one_line() -> None:
    inner = nn.Sequential(OrderedDict(first=nn.Linear(1, 1), second=nn.ReLU()))
    assert repr(nn.ModuleList([inner, copy.deepcopy(inner), nn.ReLU()])) == (
        "ModuleList(\n"
        "  (0-1): 2 x Sequential(\n"
        "    (first): Linear(in_features=1, out_features=1, bias=True)\n"
        "    (second): ReLU()\n"
        "  )\n"
        "  (2): ReLU()\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def values(t: Any) -> Any:
    return np.array(t.detach().numpy())


def test_first_weights_of_seed_zero() -> None:
    """As PyTorch 2.13 draws them."""
    rushlight.manual_seed(0)
    layer = nn.Linear(2, 2)
    np.testing.assert_allclose(
        values(layer.weight), [[-0.00529398, 0.37932289], [-0.58198076, -0.52038747]], rtol=2e-6
    )
    np.testing.assert_allclose(values(layer.bias), [-0.27234524, 0.18961589], rtol=2e-6)


def test_known_values() -> None:
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": rushlight.tensor([[2.0, -1.0]]), "bias": rushlight.tensor([0.5])})
    assert layer(rushlight.tensor([[3.0, 4.0]])).item() == 2.5
    conv = nn.Conv2d(1, 1, 2, bias=False)
    nn.init.ones_(conv.weight)
    picture = rushlight.arange(9.0).reshape(1, 1, 3, 3)
    assert conv(picture).flatten().tolist() == [8.0, 12.0, 20.0, 24.0]
    norm = nn.BatchNorm1d(1)
    assert norm(rushlight.tensor([[1.0], [3.0]])).flatten().tolist() == pytest.approx([-1, 1], abs=1e-4)
    assert norm.running_mean.item() == pytest.approx(0.2)
    assert int(norm.num_batches_tracked) == 1
    norm.eval()
    assert norm(rushlight.tensor([[0.2]])).item() == pytest.approx(0, abs=1e-6)
    assert nn.CrossEntropyLoss()(rushlight.zeros(3, 4), rushlight.tensor([0, 1, 2])).item() == pytest.approx(
        np.log(4)
    )


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_recurrent_network_is_its_cell_step_by_step(name: str) -> None:
    net, cell = getattr(nn, name)(3, 4), getattr(nn, f"{name}Cell")(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in net.state_dict().items()})
    x = rushlight.randn(5, 2, 3)
    state, steps = None, []
    for step in x:
        state = cell(step, state)
        steps.append(state[0] if name == "LSTM" else state)
    output, hidden = net(x)
    np.testing.assert_allclose(values(output), values(rushlight.stack(steps)), rtol=1e-5, atol=1e-6)
    last = hidden[0] if name == "LSTM" else hidden
    np.testing.assert_allclose(values(last[0]), values(steps[-1]), rtol=1e-5, atol=1e-6)


def test_attention_weights_are_shares() -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    x = rushlight.randn(3, 5, 8)
    blocked = rushlight.zeros(3, 5, dtype=rushlight.bool)
    blocked[:, 3:] = True
    result, weights = attention(x, x, x, key_padding_mask=blocked)
    assert result.shape == (3, 5, 8)
    assert weights.shape == (3, 5, 5)
    np.testing.assert_allclose(values(weights.sum(-1)), 1, rtol=1e-5)
    assert not values(weights)[..., 3:].any()


def test_a_rare_class_is_as_probable_as_all_others_leave_it() -> None:
    softmax = nn.AdaptiveLogSoftmaxWithLoss(16, 20, [3, 8])
    x, y = rushlight.randn(7, 16), rushlight.randint(0, 20, (7,))
    everything = softmax.log_prob(x)
    np.testing.assert_allclose(values(everything.exp().sum(1)), 1, rtol=1e-5)
    output, loss = softmax(x, y)
    own = values(everything)[np.arange(7), values(y)]
    np.testing.assert_allclose(values(output), own, rtol=1e-5, atol=1e-6)
    assert loss.item() == pytest.approx(-own.mean(), rel=1e-5)
    assert softmax.predict(x).tolist() == everything.argmax(1).tolist()


# ---- containers


def test_sequential_as_a_list() -> None:
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    net = nn.Sequential(a, b, c)
    assert len(net) == 3
    assert net[0] is a
    assert net[-1] is c
    assert list(net[1:]) == [b, c]
    assert list(net[1:]._modules) == ["1", "2"]
    net.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "ReLU", "Linear"]
    assert net.pop(1).__class__ is nn.Tanh
    assert list(net.state_dict()) == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    ]
    del net[1]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert len(net + nn.Sequential(b)) == 3
    assert len(net * 2) == 4
    net += nn.Sequential(b)
    assert net[2] is b
    net[2] = c
    assert net[2] is c
    assert net.append(b)[3] is b
    with pytest.raises(IndexError, match="out of range"):
        net[7]
    with pytest.raises(TypeError, match="not a Module subclass"):
        nn.Sequential(3)


def test_lists_and_dictionaries_of_modules() -> None:
    layers = nn.ModuleList(nn.Linear(1, i + 1) for i in range(4))
    del layers[1:3]
    assert [m.out_features for m in layers] == [1, 4]
    assert list(layers._modules) == ["0", "1"]
    layers.insert(0, nn.ReLU())
    layers += [nn.Tanh()]
    assert [type(m).__name__ for m in layers] == ["ReLU", "Linear", "Linear", "Tanh"]
    named = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Linear(1, 1)})
    assert list(named) == ["b", "a"]
    assert "a" in named
    assert named.pop("b").__class__ is nn.ReLU
    named.update([["c", nn.Tanh()]])
    assert list(named.keys()) == ["a", "c"]
    assert list(named.state_dict()) == ["a.weight", "a.bias"]
    with pytest.raises(KeyError, match="already exists"):
        named["keys"] = nn.ReLU()


def test_lists_and_dictionaries_of_parameters() -> None:
    several = nn.ParameterList([rushlight.ones(2), nn.Parameter(rushlight.zeros(1, 3))])
    assert isinstance(several[0], nn.Parameter)
    assert len(list(several.parameters())) == 2
    assert repr(several) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2]\n"
        "    (1): Parameter containing: [torch.float32 of size 1x3]\n"
        ")"
    )
    assert len(several[:1]) == 1
    assert several.append(rushlight.ones(1))[2].shape == (1,)
    named = nn.ParameterDict({"b": rushlight.ones(2), "a": rushlight.zeros(3)})
    assert list(named) == ["a", "b"]
    assert list(named.state_dict()) == ["a", "b"]
    assert named.setdefault("c", rushlight.ones(1)).shape == (1,)
    assert named.popitem()[0] == "c"
    assert list(named | {"z": rushlight.ones(1)}) == ["a", "b", "z"]
    assert named.get("q") is None


# ---- members


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.scale = nn.Parameter(rushlight.ones(1))
        self.register_buffer("seen", rushlight.zeros(1))
        self.register_buffer("hidden", rushlight.zeros(1), persistent=False)

    def forward(self, x: Any) -> Any:
        return self.inner(x) * self.scale


def test_members_are_attributes_whichever_way_they_are_written() -> None:
    net = Net()
    assert list(net.state_dict()) == ["scale", "seen", "inner.weight", "inner.bias"]
    other = nn.Parameter(rushlight.zeros(1))
    net._parameters["scale"] = other
    assert net.scale is other
    net._modules["inner"] = nn.Identity()
    assert isinstance(net.inner, nn.Identity)
    assert dict(net.named_children())["inner"] is net.inner
    net.scale = None
    assert net.scale is None
    assert "scale" in net._parameters
    del net._buffers["seen"]
    assert not hasattr(net, "seen")
    net._buffers = {"seen": other.detach()}
    assert net.seen is net._buffers["seen"]
    assert not hasattr(net, "hidden")
    net.scale = other
    del net.scale
    assert not hasattr(net, "scale")
    assert "scale" not in net._parameters
    net.scale = 3.0
    assert net.scale == 3.0
    net.inner = None
    assert net.inner is None
    assert list(net.children()) == []


def test_conversion_replaces_buffers_and_keeps_parameters() -> None:
    net = Net()
    scale, seen = net.scale, net.seen
    net.double()
    assert net.scale is scale
    assert scale.dtype is rushlight.float64
    assert net.seen is not seen
    assert net.seen is net._buffers["seen"]
    assert net.seen.dtype is rushlight.float64
    blank = nn.Linear(2, 3, device="meta")
    assert blank.weight.is_meta
    blank.to_empty(device="cpu")
    assert not blank.weight.is_meta
    assert isinstance(blank.weight, nn.Parameter)
    assert blank.weight is blank._parameters["weight"]
    conv = nn.Conv2d(3, 4, 2).to(memory_format=rushlight.channels_last)
    assert conv.weight.is_contiguous(memory_format=rushlight.channels_last)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), copy.copy])
def test_copies(copied: Any) -> None:
    net = nn.Sequential(Net(), nn.LSTM(2, 3), nn.BatchNorm1d(3), nn.ModuleList([nn.ReLU()]))
    twin = copied(net)
    assert repr(twin) == repr(net)
    assert list(twin.state_dict()) == list(net.state_dict())
    assert all((a == b).all() for a, b in zip(net.state_dict().values(), twin.state_dict().values()))
    x = rushlight.ones(1, 2)
    np.testing.assert_array_equal(values(twin[0](x)), values(net[0](x)))
    np.testing.assert_array_equal(values(twin[1](x)[0]), values(net[1](x)[0]))
    if copied is not copy.copy:
        assert twin[0].scale is twin[0]._parameters["scale"] is not net[0].scale
        twin[0].scale = nn.Parameter(rushlight.zeros(1))
        assert not values(twin[0](x)).any()
        assert values(net[0](x)).any()
        assert twin[0]._non_persistent_buffers_set == {"hidden"}


def test_copies_of_lazy_modules_wait_too() -> None:
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    twin = copy.deepcopy(lazy)
    again = pickle.loads(pickle.dumps(nn.LazyLinear(3).double()))
    assert twin[3].has_uninitialized_params()
    assert again.weight.dtype is rushlight.float64
    assert twin(rushlight.randn(2, 3, 5, 5)).shape == (2, 2)
    assert [type(m).__name__ for m in twin] == ["Conv2d", "BatchNorm2d", "Flatten", "Linear"]
    assert repr(lazy[0]) == "LazyConv2d(0, 4, kernel_size=(3, 3), stride=(1, 1))"
    lazy.load_state_dict(copy.deepcopy(lazy).state_dict())
    lazy.load_state_dict(twin.state_dict())
    assert lazy[3].weight.shape == (2, 36)
    with pytest.raises(ValueError, match="uninitialized"):
        nn.LazyLinear(3).weight + 1
    with pytest.raises(RuntimeError, match="shape of an uninitialized"):
        _ = nn.LazyLinear(3).weight.shape


# ---- hooks


def test_hooks_of_one_module_and_of_all() -> None:
    net, calls = nn.Linear(1, 1), []
    own = net.register_forward_hook(lambda m, args, result: calls.append("own"))
    everywhere = nn.modules.module.register_module_forward_pre_hook(lambda m, args: calls.append("all"))
    net(rushlight.ones(1))
    nn.ReLU()(rushlight.ones(1))
    assert calls == ["all", "own", "all"]
    assert len(net._forward_hooks) == 1
    everywhere.remove()
    net._forward_hooks.clear()
    own.remove()
    net(rushlight.ones(1))
    assert calls == ["all", "own", "all"]


def test_registration_is_told() -> None:
    told: list[str] = []
    module = nn.modules.module
    handles = [
        module.register_module_parameter_registration_hook(
            lambda m, name, p: told.append(f"parameter {name}")
        ),
        module.register_module_buffer_registration_hook(lambda m, name, b: told.append(f"buffer {name}")),
        module.register_module_module_registration_hook(lambda m, name, c: nn.Identity()),
    ]
    net = Net()
    for handle in handles:
        handle.remove()
    Net()
    assert told == ["parameter weight", "parameter bias", "parameter scale", "buffer seen", "buffer hidden"]
    assert isinstance(net.inner, nn.Identity)


def test_backward_hooks_see_and_change_gradients() -> None:
    net, seen = nn.Linear(2, 1, bias=False), []
    nn.init.ones_(net.weight)
    net.register_full_backward_hook(
        lambda m, gi, go: seen.append((gi[0].tolist(), go[0].tolist())) or (gi[0] * 10,)
    )
    x = rushlight.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    assert seen == [([[1.0, 1.0]], [[1.0]])]
    assert x.grad.tolist() == [[10.0, 10.0]]


def test_names_of_a_users_module_are_free() -> None:
    """Programs keep handles in `_hooks`, and have methods `_run` and `_load`."""

    class Probe(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._hooks = [1]
            self._run = self._load = self._take = self._at = self._own = None

        def forward(self, x: Any) -> Any:
            return x

    probe = Probe()
    assert probe(3) == 3
    assert probe.state_dict() == {}
    assert probe.load_state_dict({}) is not None
    assert probe.double() is probe
    assert repr(probe) == "Probe()"


def test_other_memory_for_a_tensor() -> None:
    """`x.data = y`: writes to the memory that `x` had, or that it has twice over, leave `x` right."""
    x = nn.Parameter(rushlight.ones(3))
    before = x.detach()
    x.data = rushlight.zeros(3)
    saved = (before * before.clone().requires_grad_()).sum()
    before.fill_(5)
    saved.backward()
    assert x.tolist() == [0, 0, 0]
    x.data = x.detach()
    x.detach().numpy()[:] = 2
    assert x.tolist() == [2, 2, 2]


def test_an_error_says_in_which_layer() -> None:
    net = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), rest=nn.Sequential(nn.ReLU(), nn.Linear(4, 1))))
    with pytest.raises(RuntimeError) as caught:
        nn.DataParallel(net)(rushlight.ones(1, 2))
    assert caught.value.__notes__ == [
        "in module.rest.1: Linear(in_features=4, out_features=1, bias=True), of DataParallel"
    ]


def test_a_call_with_other_parameters() -> None:
    net = Net()
    kept, x = net.scale, rushlight.ones(1, 2)
    other = rushlight.func.functional_call(net, {"scale": rushlight.zeros(1)}, (x,))
    assert not values(other).any()
    assert net.scale is kept
    assert values(net(x)).any()


# ---- options


def test_what_is_refused() -> None:
    for error, make in (
        (ValueError, lambda: nn.Conv2d(3, 4, 3, groups=2)),
        (ValueError, lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same")),
        (ValueError, lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror")),
        (ValueError, lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect")),
        (ValueError, lambda: nn.Dropout(1.5)),
        (ValueError, lambda: nn.GroupNorm(2, 3)),
        (ValueError, lambda: nn.BatchNorm2d(3)(rushlight.ones(2, 3))),
        (AssertionError, lambda: nn.MultiheadAttention(7, 2)),
        (AssertionError, lambda: nn.Embedding(3, 2, padding_idx=3)),
        (ValueError, lambda: nn.GRU(2, 3, proj_size=1)),
        (ValueError, lambda: nn.LSTM(2, 3, dropout=1.5)),
        (ValueError, lambda: nn.FractionalMaxPool2d(2)),
        (TypeError, lambda: nn.Unflatten(1, 3)),
        (RuntimeError, lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh")),
        (RuntimeError, lambda: nn.LSTM(3, 4)(rushlight.ones(2, 2, 5))),
        (NotImplementedError, lambda: nn.Module()(1)),
        (TypeError, lambda: nn.ReLU(inplace=True, alpha=1)),
    ):
        with pytest.raises(error):
            make()


def test_old_reduction_arguments() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert nn.MSELoss(size_average=False).reduction == "sum"
        assert nn.MSELoss(reduce=False).reduction == "none"
    with pytest.warns(UserWarning, match="reduction='sum'"):
        nn.L1Loss(size_average=False)


def test_paths_that_programs_import_from() -> None:
    from rushlight.nn.modules.conv import _ConvNd
    from rushlight.nn.modules.module import Module
    from rushlight.nn.modules.utils import _pair
    from rushlight.nn.parameter import Parameter, UninitializedParameter
    from rushlight.nn.utils.rnn import PackedSequence

    assert Module is nn.Module
    assert issubclass(nn.Conv2d, _ConvNd)
    assert _pair(3) == (3, 3)
    assert Parameter is nn.Parameter
    assert issubclass(UninitializedParameter, Parameter)
    assert PackedSequence._fields == ("data", "batch_sizes", "sorted_indices", "unsorted_indices")
    assert callable(nn.utils.weight_norm)
    assert callable(nn.utils.spectral_norm)
    assert nn.DataParallel(nn.Linear(1, 1)).state_dict().keys() == {"module.weight", "module.bias"}
    assert all(getattr(nn, name) is not None for name in nn.__all__)
