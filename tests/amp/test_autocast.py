"""Under autocast each operator runs in the type that PyTorch runs it in; outside nothing changes."""

import threading
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.amp.autocast_mode import _state
from rushlight.nn import functional as F
from rushlight.ops.intercept import casts, interceptors

LOW = rushlight.bfloat16


# ---- without PyTorch


def network():
    rushlight.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))


def test_training_keeps_parameters_and_gradients_in_float32():
    net, x, y = network(), rushlight.randn(6, 1, 8, 8), rushlight.arange(6) % 5
    optimizer = rushlight.optim.SGD(net.parameters(), 0.1)
    losses = []
    for _ in range(20):
        with rushlight.autocast("cpu", dtype=LOW):
            outputs = net(x)
            loss = nn.functional.cross_entropy(outputs, y)
        assert (outputs.dtype, loss.dtype) == (LOW, rushlight.float32)
        optimizer.zero_grad()
        loss.backward()
        assert {p.grad.dtype for p in net.parameters()} == {rushlight.float32}
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5


def test_blocks_within_blocks():
    a = rushlight.ones(2, 2)
    with rushlight.autocast("cpu"):
        assert (a @ a).dtype is LOW
        with rushlight.autocast("cpu", enabled=False):
            assert (a @ a).dtype is rushlight.float32
        with rushlight.autocast("cpu", dtype=rushlight.float16):
            assert (a @ a).dtype is rushlight.float16
        assert (a @ a).dtype is LOW
    assert (a @ a).dtype is rushlight.float32


def test_nothing_is_left_behind():
    with pytest.raises(ZeroDivisionError), rushlight.autocast("cpu"):
        raise ZeroDivisionError
    assert not rushlight.is_autocast_enabled("cpu")
    assert not casts
    assert not interceptors  # operators take their quick way again


def test_it_is_a_matter_of_one_thread():
    a, found = rushlight.ones(2, 2), []
    with rushlight.autocast("cpu"):
        other = threading.Thread(target=lambda: found.append((a @ a).dtype))
        other.start()
        other.join()
    assert found == [rushlight.float32]


def test_a_decorated_function():
    @rushlight.autocast("cpu")
    def product(a, b):
        return a @ b

    a = rushlight.ones(3, 3)
    assert product(a, a).dtype is LOW
    assert rushlight.mm(a, a).dtype is rushlight.float32


def test_a_weight_is_cast_once_for_a_block():
    weight, x = nn.Parameter(rushlight.randn(3, 3)), rushlight.randn(2, 3)
    with rushlight.autocast("cpu"):
        first, second = (nn.functional.linear(x, weight) for _ in range(2))
        assert len(_state.cache) == 1
    (first.sum() + second.sum()).backward()
    assert weight.grad.allclose(2 * x.sum(0).expand(3, 3), rtol=0.02)
    assert not _state.cache
    with rushlight.no_grad(), rushlight.autocast("cpu"):
        nn.functional.linear(x, weight)
        with rushlight.enable_grad():
            assert nn.functional.linear(x, weight).requires_grad


def test_double_precision_stays():
    a = rushlight.ones(2, 2, dtype=rushlight.float64)
    with rushlight.autocast("cpu"):
        assert (a @ a).dtype is rushlight.float64


def test_what_cannot_be_done_is_said():
    with pytest.warns(UserWarning, match="no cuda device"):
        mode = rushlight.autocast("cuda")
    with mode:
        assert (rushlight.ones(1, 1) @ rushlight.ones(1, 1)).dtype is rushlight.float32
    with pytest.warns(UserWarning, match="not torch.float32"):
        rushlight.autocast("cpu", dtype=rushlight.float32)
    with pytest.raises(RuntimeError, match="no device type 'gpu'"):
        rushlight.autocast("gpu")
    with pytest.raises(ValueError, match="of type `str`"):
        rushlight.autocast(True)


def test_older_names_warn_and_work():
    with pytest.warns(FutureWarning, match=r"amp\.autocast\('cpu'"):
        mode = rushlight.cpu.amp.autocast()
    with mode:
        assert (rushlight.ones(1, 1) @ rushlight.ones(1, 1)).dtype is LOW
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not rushlight.cuda.amp.GradScaler().is_enabled()
        with rushlight.cuda.amp.autocast():
            assert not rushlight.is_autocast_enabled("cpu")


def test_functions_of_users_say_what_they_want():
    seen = []

    class Double(rushlight.autograd.Function):
        @staticmethod
        @rushlight.amp.custom_fwd(device_type="cpu", cast_inputs=rushlight.float32)
        def forward(ctx, x):
            seen.append((x.dtype, rushlight.is_autocast_enabled("cpu")))
            return 2 * x

        @staticmethod
        @rushlight.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            seen.append(rushlight.is_autocast_enabled("cpu"))
            return 2 * g

    x = rushlight.ones(2, requires_grad=True)
    with rushlight.autocast("cpu"):
        Double.apply(x.to(LOW)).sum().backward()
    assert seen == [(rushlight.float32, False), False]
    assert x.grad.tolist() == [2, 2]


# ---- beside PyTorch

V, M, B = (8,), (8, 8), (3, 8, 8)  # shapes
CALLS = {  # the call, and the shapes of its floating arguments
    "mm": (lambda t, a, b: t.mm(a, b), M, M),
    "@": (lambda t, a, b: a @ b, M, M),
    "mv": (lambda t, a, b: t.mv(a, b), M, V),
    "dot": (lambda t, a, b: t.dot(a, b), V, V),
    "bmm": (lambda t, a, b: t.bmm(a, b), B, B),
    "addmm": (lambda t, a, b, c: t.addmm(a, b, c), M, M, M),
    "baddbmm": (lambda t, a, b, c: t.baddbmm(a, b, c), B, B, B),
    "addbmm": (lambda t, a, b, c: t.addbmm(a, b, c), M, B, B),
    "einsum": (lambda t, a, b: t.einsum("ij,jk->ik", a, b), M, M),
    "linear": (lambda t, a, b, c: t.nn.functional.linear(a, b, c), M, M, V),
    "einsum of elements": (lambda t, a, b: t.einsum("ij,ij->ij", a, b), M, M),
    "bilinear": (lambda t, a, b, c: t.nn.functional.bilinear(a, b, c), M, M, B),
    "conv1d": (lambda t, a, b: t.conv1d(a, b), (2, 3, 8), (4, 3, 3)),
    "conv2d": (lambda t, a, b: t.nn.functional.conv2d(a, b, padding=1), (2, 3, 8, 8), (4, 3, 3, 3)),
    "conv3d": (lambda t, a, b: t.conv3d(a, b), (2, 3, 4, 4, 4), (4, 3, 3, 3, 3)),
    "conv_transpose2d": (lambda t, a, b: t.conv_transpose2d(a, b), (2, 3, 8, 8), (3, 4, 3, 3)),
    "conv_tbc": (lambda t, a, b, c: t.conv_tbc(a, b, c, 0), (10, 7, 3), (5, 3, 5), (5,)),
    "attention": (lambda t, *a: t.nn.functional.scaled_dot_product_attention(*a), B, B, B),
    "prelu": (lambda t, a, b: t.nn.functional.prelu(a, b), M, (1,)),
    "vecdot": (lambda t, a, b: t.linalg.vecdot(a, b), M, M),
    "multi_dot": (lambda t, a, b: t.linalg.multi_dot([a, b]), M, M),
    "add": (lambda t, a, b: a + b, M, M),
    "relu": (lambda t, a: t.relu(a), M),
    "exp": (lambda t, a: t.exp(a), M),
    "softmax": (lambda t, a: t.softmax(a, 1), M),
    "log_softmax": (lambda t, a: t.nn.functional.log_softmax(a, 1), M),
    "sum": (lambda t, a: a.sum(), M),
    "prod": (lambda t, a: a.prod(), V),
    "trace": (lambda t, a: a.trace(), M),
    "cdist": (lambda t, a, b: t.cdist(a, b), M, M),
    "quantile": (lambda t, a: t.quantile(a.float(), 0.5), V),
    "layer_norm": (lambda t, a: t.nn.functional.layer_norm(a, (8,)), M),
    "group_norm": (lambda t, a: t.nn.functional.group_norm(a, 4), M),
    "max_pool2d": (lambda t, a: t.nn.functional.max_pool2d(a, 2), (2, 3, 8, 8)),
    "avg_pool2d": (lambda t, a: t.nn.functional.avg_pool2d(a, 2), (2, 3, 8, 8)),
    "avg_pool3d": (lambda t, a: t.nn.functional.avg_pool3d(a, 2), (2, 3, 4, 4, 4)),
    "max_pool3d": (lambda t, a: t.nn.functional.max_pool3d(a, 2), (2, 3, 4, 4, 4)),
    "adaptive_avg_pool3d": (lambda t, a: t.nn.functional.adaptive_avg_pool3d(a, 2), (2, 3, 4, 4, 4)),
    "pad constant": (lambda t, a: t.nn.functional.pad(a, (1, 1)), B),
    "pad reflect": (lambda t, a: t.nn.functional.pad(a, (1, 1), "reflect"), B),
    "pad replicate": (lambda t, a: t.nn.functional.pad(a, (1, 1), mode="replicate"), B),
    "pad circular": (lambda t, a: t.nn.functional.pad(a, (1, 1), mode="circular"), B),
    "mse_loss": (lambda t, a, b: t.nn.functional.mse_loss(a, b), M, M),
    "l1_loss": (lambda t, a, b: t.nn.functional.l1_loss(a, b), M, M),
    "smooth_l1_loss": (lambda t, a, b: t.nn.functional.smooth_l1_loss(a, b), M, M),
    "huber_loss": (lambda t, a, b: t.nn.functional.huber_loss(a, b), M, M),
    "kl_div": (lambda t, a, b: t.nn.functional.kl_div(a, b, reduction="sum"), M, M),
    "nll_loss": (lambda t, a: t.nn.functional.nll_loss(a, t.arange(8)), M),
    "cross_entropy": (lambda t, a: t.nn.functional.cross_entropy(a, t.arange(8)), M),
    "bce": (lambda t, a, b: t.nn.functional.binary_cross_entropy(a.sigmoid(), b.sigmoid()), M, M),
    "bce_logits": (lambda t, a, b: t.nn.functional.binary_cross_entropy_with_logits(a, b), M, M),
    "hinge": (lambda t, a: t.nn.functional.hinge_embedding_loss(a, t.ones(8)), M),
    "margin": (lambda t, a, b: t.nn.functional.margin_ranking_loss(a, b, t.ones(8)), V, V),
    "triplet": (lambda t, a, b, c: t.nn.functional.triplet_margin_loss(a, b, c), M, M, M),
    "cosine": (lambda t, a, b: t.nn.functional.cosine_embedding_loss(a, b, t.ones(8)), M, M),
    "poisson": (lambda t, a, b: t.nn.functional.poisson_nll_loss(a, b), M, M),
    "soft_margin": (lambda t, a: t.nn.functional.soft_margin_loss(a, t.ones(8, 8)), M),
    "multi_margin": (lambda t, a: t.nn.functional.multi_margin_loss(a, t.arange(8)), M),
    "svdvals": (lambda t, a: t.linalg.svdvals(a), M),
    "inv": (lambda t, a: t.linalg.inv(a + 9 * t.eye(8)), M),
    "solve": (lambda t, a, b: t.linalg.solve(a + 9 * t.eye(8), b), M, M),
    "qr": (lambda t, a: t.linalg.qr(a), M),
    "rfft": (lambda t, a: t.fft.rfft(a).real, V),
    "stack": (lambda t, a, b: t.stack([a, b.float()]), M, M),
    "cat": (lambda t, a, b: t.cat([a, b.float()]), M, M),
    "index_copy": (lambda t, a, b: t.index_copy(a, 0, t.arange(8), b.float()), M, M),
    "norm": (lambda t, a: t.linalg.norm(a), M),
}


def numbers(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def results(library, name, dtype):
    call, *shapes = CALLS[name]
    tensors = [library.from_numpy(numbers(s, k)).to(getattr(library, dtype)) for k, s in enumerate(shapes)]
    with library.autocast("cpu", dtype=library.bfloat16):
        found = call(library, *tensors)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", CALLS)
def test_types_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    try:
        wanted = results(torch, name, dtype)
    except (RuntimeError, NotImplementedError) as error:
        pytest.skip(f"PyTorch refuses it: {error}")
    for ours, theirs in zip(results(rushlight, name, dtype), wanted, strict=True):
        assert str(ours.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(ours.float().numpy(), theirs.float().numpy(), rtol=0.03, atol=0.05)


@pytest.mark.parametrize(
    "make",
    [
        lambda t: t.nn.Sequential(t.nn.Linear(8, 6), t.nn.LayerNorm(6), t.nn.GELU(), t.nn.Linear(6, 3)),
        lambda t: t.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
        lambda t: t.nn.MultiheadAttention(8, 2, batch_first=True),
        lambda t: t.nn.LSTM(8, 3, num_layers=2, bidirectional=True),
        lambda t: t.nn.GRU(8, 3),
        lambda t: t.nn.Sequential(t.nn.Conv1d(5, 4, 3), t.nn.BatchNorm1d(4), t.nn.SiLU()),
    ],
    ids=["mlp", "transformer", "attention", "lstm", "gru", "convolution"],
)
def test_networks_beside_pytorch(make):
    torch = pytest.importorskip("torch")
    x, gradients, outputs = numbers((4, 5, 8), 3), [], []
    for library in (torch, rushlight):
        library.manual_seed(1)
        net = make(library)
        given = library.from_numpy(x)
        with library.autocast("cpu", dtype=library.bfloat16):
            out = net(given, given, given) if type(net).__name__ == "MultiheadAttention" else net(given)
            out = out[0] if isinstance(out, tuple) else out
        out.float().square().mean().backward()
        outputs.append((str(out.dtype), out.detach().float().numpy()))
        gradients.append({n: (str(p.grad.dtype), p.grad.numpy()) for n, p in net.named_parameters()})
    assert outputs[0][0] == outputs[1][0]
    np.testing.assert_allclose(outputs[1][1], outputs[0][1], rtol=0.05, atol=0.03)
    assert gradients[0].keys() == gradients[1].keys()
    for name, (kind, theirs) in gradients[0].items():
        assert gradients[1][name][0] == kind, name
        np.testing.assert_allclose(gradients[1][name][1], theirs, rtol=0.1, atol=0.02, err_msg=name)


ALIKE = {
    "gelu": lambda x: F.gelu(x),
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "leaky": lambda x: F.leaky_relu(x, 0.2),
    "clamp": lambda x: x.clamp(-1, 1),
    "power": lambda x: x**3,
    "sum of two": lambda x: x + 2 * x,
    "number first": lambda x: 1 - x,
    "greater": lambda x: x > 0.5,
    "broadcast": lambda x: x * x[:, :1],
}


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("dtype", [rushlight.float32, rushlight.bfloat16, rushlight.float64])
@pytest.mark.parametrize("size", [3, 90])
def test_functions_that_autocast_leaves_alone_are_as_without(name, dtype, size):
    """To the bit where arrays are large, by the same kernels."""
    x = rushlight.randn(size, size).to(dtype)
    found = []
    for enabled in (False, True):
        y = x.clone().requires_grad_()
        with rushlight.autocast("cpu", dtype=rushlight.bfloat16, enabled=enabled):
            result = ALIKE[name](y)
            found.append([result.detach(), ALIKE[name](x)])
        if result.requires_grad:
            result.sum().backward()
            found[-1].append(y.grad)
    for plain, cast in zip(*found, strict=True):
        assert plain.dtype is cast.dtype
        assert rushlight.equal(plain, cast) if size > 3 else rushlight.allclose(plain, cast)
