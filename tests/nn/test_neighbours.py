"""`Sequential` does a layer and its activation by one kernel: the bits of two calls, and unseen."""

import copy

import numpy as np
import pytest

import rushlight as rl
from rushlight import nn
from rushlight.nn import functional as F
from rushlight.nn import neighbours
from rushlight.runtime import available

pytestmark = pytest.mark.skipif(not available(), reason="no kernels on this machine")

LAYERS = {
    "winograd": (lambda: nn.Conv2d(16, 32, 3, padding=1), (2, 16, 20, 18)),
    "direct": (lambda: nn.Conv2d(5, 20, 3, stride=2, bias=False), (3, 5, 31, 30)),
    "one by one": (lambda: nn.Conv2d(24, 40, 1), (1, 24, 30, 30)),
    "groups": (lambda: nn.Conv2d(16, 32, 3, groups=4, dilation=2), (2, 16, 20, 18)),
    "each channel": (lambda: nn.Conv2d(16, 16, 3, groups=16), (2, 16, 20, 18)),
    "sequence": (lambda: nn.Conv1d(12, 34, 5, padding=2), (4, 12, 100)),
    "volume": (lambda: nn.Conv3d(3, 8, 3), (2, 3, 9, 10, 11)),
    "tiny": (lambda: nn.Conv2d(1, 2, 3), (1, 1, 4, 5)),
    "linear": (lambda: nn.Linear(300, 500), (64, 300)),
    "one row": (lambda: nn.Linear(700, 900), (1, 700)),
    "small linear": (lambda: nn.Linear(5, 6, bias=False), (4, 5)),
    "no bias": (lambda: nn.Linear(300, 500, bias=False), (210, 300)),
}
ACTIVATIONS = [
    nn.ReLU(),
    nn.ReLU(inplace=True),
    nn.ReLU6(inplace=True),
    nn.Hardtanh(-0.5, 0.25),
    nn.LeakyReLU(0.2),
    nn.SiLU(inplace=True),
    nn.Mish(),
    nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.ELU(0.7),
    nn.GELU(),
    nn.GELU("tanh"),
]


def make(layer, activation, dtype=rl.float32):
    rl.manual_seed(0)
    build, shape = LAYERS[layer]
    return nn.Sequential(build(), copy.deepcopy(activation)).to(dtype), rl.randn(shape, dtype=dtype)


def apart(net, x):
    for module in net:
        x = module(x)
    return x


@pytest.mark.parametrize("dtype", [rl.float32, rl.float64])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_bits_are_those_of_two_calls(layer, dtype):
    with rl.no_grad():
        for activation in ACTIVATIONS:
            net, x = make(layer, activation, dtype)
            np.testing.assert_array_equal(net(x).numpy(), apart(net, x).numpy(), err_msg=repr(activation))


@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_and_their_graph_are_those_of_two_calls(layer, monkeypatch):
    monkeypatch.setattr(neighbours, "LARGE", 0)
    for activation in (nn.ReLU(inplace=True), nn.ReLU(), nn.Tanh(), nn.SiLU()):
        (one, x), (two, _) = make(layer, activation), make(layer, activation)
        found, wanted = one(x), apart(two, x)
        assert found.grad_fn.name() == wanted.grad_fn.name()
        before = [r.grad_fn.next_functions[0][0].name() for r in (found, wanted)]
        assert before[0] == before[1]
        for result in (found, wanted):
            result.square().sum().backward()
        for p, q in zip(one.parameters(), two.parameters()):
            np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


@pytest.mark.parametrize("frozen", ["weight", "bias", "input"])
def test_gradients_that_nobody_wants(frozen, monkeypatch):
    monkeypatch.setattr(neighbours, "LARGE", 0)
    found = []
    for run in (lambda net, x: net(x), apart):
        net, x = make("winograd", nn.ReLU())
        x.requires_grad_(frozen != "input")
        if frozen != "input":
            getattr(net[0], frozen).requires_grad_(False)
        run(net, x).square().sum().backward()
        found.append([None if t.grad is None else t.grad.numpy() for t in (x, *net.parameters())])
    for a, b in zip(*found):
        assert (a is None) == (b is None)
        assert a is None or a.tobytes() == b.tobytes()


def test_a_result_that_is_overwritten_later(monkeypatch):
    monkeypatch.setattr(neighbours, "LARGE", 0)
    found = []
    for run in (lambda net, x: net(x), apart):
        net, x = make("winograd", nn.ReLU())
        result = run(net, x)
        loss = (result * 3).sum()
        with rl.no_grad():
            result.neg_()
        loss.backward()
        found.append(net[0].weight.grad.numpy())
    assert found[0].tobytes() == found[1].tobytes()


def test_second_gradients(monkeypatch):
    monkeypatch.setattr(neighbours, "LARGE", 0)
    (one, x), (two, _) = (make("direct", nn.Sigmoid(), rl.float64) for _ in range(2))
    for net, run in ((one, one), (two, lambda x: apart(two, x))):
        weight = net[0].weight
        (g,) = rl.autograd.grad(run(x).square().sum(), weight, create_graph=True)
        g.square().sum().backward()
    np.testing.assert_allclose(one[0].weight.grad.numpy(), two[0].weight.grad.numpy(), rtol=1e-10)


def test_large_convolutions_are_done_together_with_gradients_too():
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
    for size, taken in ((20, 0), (150, 1)):
        assert neighbours.together(net[0], [net[1]], rl.randn(1, 3, size, size))[1] == taken


@pytest.mark.parametrize("layer", ["winograd", "direct", "linear", "one row"])
def test_plain_layers_are_done_together(layer):
    net, x = make(layer, nn.ReLU())
    with rl.no_grad():
        assert neighbours.together(net[0], [net[1]], x)[1] == 1
        for following in ([nn.Softmax(1)], [net[0]], [], [nn.Softmax(1), net[1]]):
            assert neighbours.together(net[0], following, x) == (None, 0)


def normalised(layer, activation, **options):
    net, x = make(layer, activation)
    kind = getattr(nn, f"BatchNorm{x.dim() - 2}d")
    norm = kind(net[0].out_channels, **options)
    if norm.affine:
        rl.nn.init.uniform_(norm.weight, 0.5, 2)
        if norm.bias is not None:
            rl.nn.init.uniform_(norm.bias)
    rl.nn.init.uniform_(norm.running_mean)
    rl.nn.init.uniform_(norm.running_var, 0.5, 2)
    return net[0], norm, net[1], x


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"bias": False}])
@pytest.mark.parametrize("layer", [name for name, (_, shape) in LAYERS.items() if len(shape) > 2])
def test_batch_norms_that_know_their_moments_give_their_bits(layer, options):
    for activation in (nn.ReLU(inplace=True), nn.SiLU(), nn.ReLU6()):
        conv, norm, after, x = normalised(layer, activation, **options)
        for net in (
            nn.Sequential(conv, norm, after),
            nn.Sequential(conv, norm),
            nn.Sequential(conv, norm, conv),
        ):
            if net[-1] is conv and conv.in_channels != conv.out_channels:
                continue
            net.eval()
            with rl.no_grad():
                np.testing.assert_array_equal(net(x).numpy(), apart(net, x).numpy())


def test_batch_norms_in_training_still_learn_their_moments():
    conv, norm, after, x = normalised("winograd", nn.ReLU())
    net, before = nn.Sequential(conv, norm, after), norm.running_mean.clone()
    with rl.no_grad():
        assert neighbours.together(conv, [norm.eval(), after], x)[1] == 2
        net.train()(x)
    assert not rl.equal(norm.running_mean, before)
    assert int(norm.num_batches_tracked) == 1
    conv.requires_grad_(False)
    made = net.eval()(x)
    assert made.requires_grad  # the norm's weight learns


class Seen(Exception):
    pass


def see(*_, **__):
    raise Seen


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize(
    "listen",
    [
        lambda m: m.register_forward_hook(see),
        lambda m: m.register_forward_pre_hook(see),
        lambda m: nn.modules.module.register_module_forward_hook(see),
        lambda m: setattr(m, "forward", see),
    ],
)
def test_who_listens_to_a_module_hears_it(listen, place):
    net, x = make("direct", nn.ReLU())
    handle = listen(net[place])
    try:
        with pytest.raises(Seen):
            net.forward(x)
    finally:
        if handle is not None:
            handle.remove()


@pytest.mark.parametrize("name", ["conv2d", "relu"])
def test_functions_that_somebody_replaced_are_called(name, monkeypatch):
    net, x = make("direct", nn.ReLU())
    monkeypatch.setattr(F, name, see)
    with pytest.raises(Seen):
        net(x)


def test_subclasses_do_what_they_were_written_to_do():
    class Doubling(nn.Conv2d):
        def _conv_forward(self, input, weight, bias):
            return 2 * super()._conv_forward(input, weight, bias)

    class Shifted(nn.ReLU):
        def forward(self, input):
            return super().forward(input) + 1

    layer, x = Doubling(3, 4, 3), rl.randn(2, 3, 40, 40)
    with rl.no_grad():
        made, wanted = nn.Sequential(layer, Shifted())(x), Shifted()(layer(x))
    np.testing.assert_array_equal(made.numpy(), wanted.numpy())


def test_other_convolutions_keep_their_ways():
    x = rl.randn(2, 16, 20, 20)
    for layer in (
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(16, 16, 4, padding="same"),
        nn.ConvTranspose2d(16, 16, 3),
    ):
        net = nn.Sequential(layer, nn.ReLU())
        np.testing.assert_array_equal(net(x).detach().numpy(), apart(net, x).detach().numpy())
    unbatched = nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU())
    assert unbatched(x[0]).shape == (16, 18, 18)
    with pytest.raises(RuntimeError, match="Conv2d"):
        unbatched(rl.randn(2, 15, 20, 20))


def test_transforms_modes_and_other_layouts():
    net, x = make("winograd", nn.ReLU())
    wanted = apart(net, x).detach().numpy()
    each = rl.func.vmap(net)(x.unsqueeze(1))
    np.testing.assert_allclose(each.squeeze(1).detach().numpy(), wanted, atol=1e-5)
    last = net(x.contiguous(memory_format=rl.channels_last))
    np.testing.assert_allclose(last.detach().numpy(), wanted, atol=1e-5)
    with rl.autocast("cpu", dtype=rl.bfloat16):
        assert net(x).dtype is rl.bfloat16
    meta = copy.deepcopy(net).to("meta")(x.to("meta"))
    assert meta.device.type == "meta"
    assert meta.shape == wanted.shape
    assert net(x[:0]).shape == (0, *wanted.shape[1:])
