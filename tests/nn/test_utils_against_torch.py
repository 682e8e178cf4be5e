"""nn.init and nn.utils give PyTorch's numbers from the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch.nn.utils.prune")  # PyTorch has it only once it is imported


import rushlight

from .both_sides import both

SHAPES = [(6, 4), (4, 6), (5, 5), (8, 3, 3), (4, 6, 3, 3), (40, 30)]
INITS: dict[str, Callable[[Any, Any], Any]] = {
    "uniform": lambda init, t: init.uniform_(t, -2, 3),
    "normal": lambda init, t: init.normal_(t, 1.0, 0.5),
    "constant": lambda init, t: init.constant_(t, 0.3),
    "ones": lambda init, t: init.ones_(t),
    "zeros": lambda init, t: init.zeros_(t),
    "xavier_uniform": lambda init, t: init.xavier_uniform_(t, gain=1.5),
    "xavier_normal": lambda init, t: init.xavier_normal_(t),
    "kaiming_uniform": lambda init, t: init.kaiming_uniform_(t, 0.2, "fan_out", "leaky_relu"),
    "kaiming_normal": lambda init, t: init.kaiming_normal_(t, nonlinearity="relu"),
    "trunc_normal": lambda init, t: init.trunc_normal_(t),
    "trunc_normal far": lambda init, t: init.trunc_normal_(t, 0.0, 1.0, 1.0, 3.0),
    "orthogonal": lambda init, t: init.orthogonal_(t, 0.7),
    "old name": lambda init, t: init.xavier_uniform(t),
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", INITS)
def test_init(name: str, shape: tuple[int, ...]) -> None:
    both(lambda side: INITS[name](side.nn.init, side.empty(shape)))


def test_init_of_special_matrices() -> None:
    both(lambda side: side.nn.init.eye_(side.empty(3, 5)))
    both(lambda side: side.nn.init.sparse_(side.empty(6, 5), 0.4))
    both(
        lambda side: [
            side.nn.init.dirac_(side.empty(6, 2, *[3] * n), groups) for n in (1, 2, 3) for groups in (1, 2)
        ]
    )
    names = ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu"]
    both(lambda side: [side.nn.init.calculate_gain(n) for n in names])
    both(lambda side: side.nn.init.calculate_gain("leaky_relu", 0.3))


@pytest.mark.parametrize("norm", [2.0, 1.0, float("inf")])
def test_clipping(norm: float) -> None:
    def run(side: Any) -> Any:
        net = side.nn.Sequential(side.nn.Linear(4, 5), side.nn.Linear(5, 2))
        (net(side.ones(3, 4)) * 10).sum().backward()
        total = side.nn.utils.clip_grad_norm_(net.parameters(), 0.5, norm)
        clipped = [p.grad.clone() for p in net.parameters()]
        side.nn.utils.clip_grad_value_(net.parameters(), 0.01)
        return total, clipped, [p.grad for p in net.parameters()]

    both(run)


def test_vectors() -> None:
    def run(side: Any) -> Any:
        net = side.nn.Linear(3, 2)
        vector = side.nn.utils.parameters_to_vector(net.parameters())
        side.nn.utils.vector_to_parameters(vector * 2, net.parameters())
        return vector, net

    both(run)


def packing(side: Any, lengths: list[int], batch_first: bool, in_order: bool) -> Any:
    rnn = side.nn.utils.rnn
    sequences = [side.arange(n * 2.0).reshape(n, 2) + 100 * i for i, n in enumerate(lengths)]
    padded = rnn.pad_sequence(sequences, batch_first)
    padded.requires_grad_()
    packed = rnn.pack_padded_sequence(padded, side.tensor(lengths), batch_first, enforce_sorted=in_order)
    back, sizes = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1.0, total_length=7)
    (back * back).sum().backward()
    return padded, tuple(packed), back, sizes, rnn.unpack_sequence(packed), padded.grad


@pytest.mark.parametrize("batch_first", [False, True])
def test_packed_sequences(batch_first: bool) -> None:
    both(lambda side: packing(side, [5, 3, 3, 1], batch_first, True))
    both(lambda side: packing(side, [2, 5, 1, 4], batch_first, False))
    both(lambda side: side.nn.utils.rnn.pad_sequence([side.ones(2), side.ones(4)], padding_side="left"))


RECURRENT = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu", "bias": False}),
    ("GRU", {"bidirectional": True, "num_layers": 2}),
    ("LSTM", {"num_layers": 2, "bidirectional": True}),
    ("LSTM", {"proj_size": 2, "num_layers": 2, "batch_first": True}),
]


@pytest.mark.parametrize(("name", "options"), RECURRENT, ids=str)
def test_recurrent_networks_on_packed_sequences(name: str, options: dict[str, Any]) -> None:
    def run(side: Any) -> Any:
        net = getattr(side.nn, name)(3, 4, **options)
        x = side.arange(30.0).reshape(5, 2, 3) / 30
        packed = side.nn.utils.rnn.pack_padded_sequence(x, side.tensor([2, 5]), enforce_sorted=False)
        output, hidden = net(packed)
        again, _ = net(packed, hidden)
        (output.data.sum() + again.data.sum()).backward()
        return net, tuple(output), hidden, [p.grad for p in net.parameters()]

    both(run)


class Doubled:
    """Builds, on either side, a parametrization with a right inverse."""

    def __new__(cls, side: Any) -> Any:
        class Double(side.nn.Module):
            def forward(self, x: Any) -> Any:
                return 2 * x

            def right_inverse(self, x: Any) -> Any:
                return x / 2

        return Double()


def trained(side: Any, net: Any, *shape: int) -> Any:
    """Two steps of gradient descent."""
    for _ in range(2):
        loss = (net(side.ones(*shape)) ** 2).sum()
        net.zero_grad()
        loss.backward()
        with side.no_grad():
            for p in net.parameters():
                p -= 0.01 * p.grad
    return loss


PARAMETRIZED: dict[str, Callable[[Any, Any], Any]] = {
    "weight_norm": lambda side, m: side.nn.utils.parametrizations.weight_norm(m),
    "weight_norm of all": lambda side, m: side.nn.utils.parametrizations.weight_norm(m, dim=None),
    "spectral_norm": lambda side, m: side.nn.utils.parametrizations.spectral_norm(m),
    "two": lambda side, m: side.nn.utils.parametrize.register_parametrization(
        side.nn.utils.parametrize.register_parametrization(m, "weight", Doubled(side)),
        "weight",
        Doubled(side),
    ),
}


@pytest.mark.parametrize("name", PARAMETRIZED)
def test_parametrized(name: str) -> None:
    def run(side: Any) -> Any:
        parametrize = side.nn.utils.parametrize
        net = PARAMETRIZED[name](side, side.nn.Linear(3, 5))
        state = {k: v.clone() for k, v in net.state_dict().items()}
        first = net(side.ones(2, 3))
        loss = trained(side, net, 2, 3)
        twin = copy.deepcopy(net)
        with parametrize.cached():
            same = twin.weight is twin.weight
        kind = parametrize.type_before_parametrizations(net).__name__
        parametrize.remove_parametrizations(net, "weight")
        return repr(twin), kind, same, state, first, loss, twin, net, net.weight, net(side.ones(2, 3))

    both(run)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)], ids=str)
@pytest.mark.parametrize("how", [None, "cayley", "matrix_exp", "householder"])
def test_orthogonal(shape: tuple[int, int], how: str | None) -> None:
    def run(side: Any) -> Any:
        net = side.nn.utils.parametrizations.orthogonal(side.nn.Linear(*shape), orthogonal_map=how)
        loss = trained(side, net, 2, shape[0])
        w = net.weight
        w = w if shape[0] >= shape[1] else w.mT
        return loss, net, w @ w.mT

    both(run)


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_old_normalisations(kind: str) -> None:
    def run(side: Any) -> Any:
        utils = side.nn.utils
        net = getattr(utils, kind)(side.nn.Linear(3, 5))
        loss = trained(side, net, 2, 3)
        state = {k: v.clone() for k, v in net.state_dict().items()}
        getattr(utils, f"remove_{kind}")(net)
        return loss, state, net, net(side.ones(2, 3))

    both(run)


PRUNED: dict[str, Callable[[Any, Any], Any]] = {
    "l1": lambda prune, m: prune.l1_unstructured(m, "weight", 0.4),
    "random": lambda prune, m: prune.random_unstructured(m, "weight", 7),
    "ln": lambda prune, m: prune.ln_structured(m, "weight", 0.5, 2, 0),
    "random slices": lambda prune, m: prune.random_structured(m, "weight", 2, 1),
    "identity": lambda prune, m: prune.identity(m, "bias"),
    "twice": lambda prune, m: prune.l1_unstructured(prune.ln_structured(m, "weight", 1, 1, 0), "weight", 3),
    "thrice": lambda prune, m: prune.ln_structured(
        prune.random_unstructured(prune.l1_unstructured(m, "weight", 3), "weight", 4), "weight", 1, 2, 1
    ),
}


@pytest.mark.parametrize("name", PRUNED)
def test_pruning(name: str) -> None:
    def run(side: Any) -> Any:
        prune = side.nn.utils.prune
        net = PRUNED[name](prune, side.nn.Linear(4, 6))
        loss = trained(side, net, 2, 4)
        pruned = prune.is_pruned(net), {k: v.clone() for k, v in net.state_dict().items()}
        prune.remove(net, "bias" if name == "identity" else "weight")
        return loss, pruned, prune.is_pruned(net), net

    both(run)


def test_global_pruning() -> None:
    def run(side: Any) -> Any:
        prune = side.nn.utils.prune
        net = side.nn.Sequential(side.nn.Linear(4, 6), side.nn.Linear(6, 2))
        prune.global_unstructured([(m, "weight") for m in net], prune.L1Unstructured, amount=0.3)
        return net.state_dict()

    both(run)


def test_fusion() -> None:
    def run(side: Any) -> Any:
        fused = []
        for layer, bn, x, options in (
            (side.nn.Conv2d(2, 4, 3), side.nn.BatchNorm2d(4), (3, 2, 5, 5), ()),
            (side.nn.ConvTranspose2d(2, 4, 3, bias=False), side.nn.BatchNorm2d(4), (3, 2, 5, 5), (True,)),
            (side.nn.Linear(3, 4), side.nn.BatchNorm1d(4), (6, 3), ()),
        ):
            bn(layer(side.randn(*x)))
            layer.eval(), bn.eval()
            kind = "linear" if isinstance(layer, side.nn.Linear) else "conv"
            one = getattr(side.nn.utils, f"fuse_{kind}_bn_eval")(layer, bn, *options)
            fused += [one, one(side.ones(*x)) - bn(layer(side.ones(*x)))]
        return fused

    both(run)


def test_skipped_initial_values() -> None:
    layer = rushlight.nn.utils.skip_init(rushlight.nn.Linear, 3, 4)
    assert layer.weight.shape == (4, 3)
    assert layer.weight.device.type == "cpu"
    assert layer.weight.requires_grad
    with pytest.raises(RuntimeError, match="device"):
        rushlight.nn.utils.skip_init(rushlight.nn.ReLU)
