"""The modules that are not in PyTorch's own database of modules, and what the database does not try."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import rushlight

from .both_sides import both
from .carried import array, carry, tensors

CASES: dict[str, tuple[Callable[[Any], Any], Any]] = {  # how it is made, and the shapes of its inputs
    "Identity": (lambda nn: nn.Identity(3, a=2), [(2, 3)]),
    "Flatten": (lambda nn: nn.Flatten(), [(2, 3, 4)]),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, 3)), [(2, 6)]),
    "Hardsigmoid": (lambda nn: nn.Hardsigmoid(), [(4, 5)]),
    "RReLU": (lambda nn: nn.RReLU(), [(4, 5)]),
    "Softmin": (lambda nn: nn.Softmin(1), [(4, 5)]),
    "Dropout": (lambda nn: nn.Dropout(0.3), [(20, 5)]),
    "Dropout1d": (lambda nn: nn.Dropout1d(0.3), [(4, 5, 6)]),
    "Dropout2d": (lambda nn: nn.Dropout2d(0.3), [(4, 5, 3, 3)]),
    "Dropout3d": (lambda nn: nn.Dropout3d(0.3), [(4, 5, 2, 2, 2)]),
    "AlphaDropout": (lambda nn: nn.AlphaDropout(0.3), [(20, 5)]),
    "FeatureAlphaDropout": (lambda nn: nn.FeatureAlphaDropout(0.3), [(4, 5, 3)]),
    "Fold": (lambda nn: nn.Fold((4, 5), (2, 2)), [(2, 8, 12)]),
    "Unfold": (lambda nn: nn.Unfold((2, 3), padding=1), [(2, 3, 4, 5)]),
    "PixelShuffle": (lambda nn: nn.PixelShuffle(2), [(1, 8, 3, 3)]),
    "PixelUnshuffle": (lambda nn: nn.PixelUnshuffle(2), [(1, 2, 4, 4)]),
    "ChannelShuffle": (lambda nn: nn.ChannelShuffle(2), [(1, 6, 2, 2)]),
    "Upsample": (lambda nn: nn.Upsample(scale_factor=(2, 1.5), mode="bilinear"), [(1, 2, 4, 4)]),
    "Upsample to a size": (lambda nn: nn.Upsample((5, 7)), [(1, 2, 4, 4)]),
    "UpsamplingNearest2d": (lambda nn: nn.UpsamplingNearest2d(scale_factor=2), [(1, 2, 3, 3)]),
    "UpsamplingBilinear2d": (lambda nn: nn.UpsamplingBilinear2d(size=5), [(1, 2, 3, 3)]),
    "CosineSimilarity": (lambda nn: nn.CosineSimilarity(), [(4, 5), (4, 5)]),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(3, keepdim=True), [(4, 5), (4, 5)]),
    "TripletMarginLoss": (lambda nn: nn.TripletMarginLoss(swap=True), [(4, 5)] * 3),
    "TripletMarginWithDistanceLoss": (lambda nn: nn.TripletMarginWithDistanceLoss(margin=2.0), [(4, 5)] * 3),
    "SyncBatchNorm": (lambda nn: nn.SyncBatchNorm(3).eval(), [(2, 3, 4)]),
    "BatchNorm without momentum": (lambda nn: nn.BatchNorm1d(3, momentum=None), [(5, 3)]),
    "BatchNorm without the past": (lambda nn: nn.BatchNorm1d(3, track_running_stats=False), [(5, 3)]),
    "BatchNorm without bias": (lambda nn: nn.BatchNorm2d(3, bias=False), [(5, 3, 2, 2)]),
    "LazyLinear": (lambda nn: nn.LazyLinear(4), [(5, 3)]),
    "LazyBatchNorm1d": (lambda nn: nn.LazyBatchNorm1d(), [(5, 3)]),
    "LazyBatchNorm2d": (lambda nn: nn.LazyBatchNorm2d(affine=False), [(5, 3, 2, 2)]),
    "LazyBatchNorm3d": (lambda nn: nn.LazyBatchNorm3d(), [(5, 3, 2, 2, 2)]),
    "LazyInstanceNorm1d": (lambda nn: nn.LazyInstanceNorm1d(), [(5, 3, 4)]),
    "LazyInstanceNorm2d": (lambda nn: nn.LazyInstanceNorm2d(), [(5, 3, 4, 4)]),
    "LazyInstanceNorm3d": (lambda nn: nn.LazyInstanceNorm3d(), [(5, 3, 2, 2, 2)]),
    "GroupNorm without bias": (lambda nn: nn.GroupNorm(2, 4, bias=False), [(3, 4, 5)]),
    "TransformerDecoder": (
        lambda nn: nn.TransformerDecoder(
            nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), 2, nn.LayerNorm(8)
        ),
        [(2, 3, 8), (2, 4, 8)],
    ),
    "TransformerEncoder with gelu first": (
        lambda nn: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", norm_first=True),
            2,
            enable_nested_tensor=False,
        ),
        [(3, 2, 8)],
    ),
    "MultiheadAttention with biases": (
        lambda nn: nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, kdim=6, vdim=4),
        [(5, 2, 8), (3, 2, 6), (3, 2, 4)],
    ),
    "DataParallel": (lambda nn: nn.DataParallel(nn.Linear(3, 2)), [(4, 3)]),
}


def inputs(side: Any, shapes: Any) -> list[Any]:
    return [side.randn(shape).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name: str) -> None:
    make, shapes = CASES[name]

    def run(side: Any) -> Any:
        module = make(side.nn)
        given = inputs(side, shapes)
        result = module(*given)
        first = result[0] if isinstance(result, tuple) else result
        (first * first.detach().cos()).sum().backward()
        return module, result, [x.grad for x in given], [p.grad for p in module.parameters()]

    both(run)


@pytest.mark.parametrize("size", [1, 3, 4, 9])
def test_normalisation_over_channels(size: int) -> None:
    """PyTorch's own gradient of it is not that of its values (the first channel is missed); ours is."""
    both(lambda side: side.nn.CrossMapLRN2d(size, 0.5, k=2)(side.randn(2, 6, 2, 2)))
    x = rushlight.randn(1, 5, 1, 2, dtype=rushlight.float64).requires_grad_()
    assert rushlight.autograd.gradcheck(rushlight.nn.CrossMapLRN2d(size, 0.5), (x,))


def test_unpooling() -> None:
    def run(side: Any) -> Any:
        found = []
        for n in (1, 2, 3):
            pool = getattr(side.nn, f"MaxPool{n}d")(2, return_indices=True)
            unpool = getattr(side.nn, f"MaxUnpool{n}d")(2)
            values, places = pool(side.randn(1, 2, *[4] * n))
            found += [unpool, unpool(values, places), unpool(values, places, output_size=(1, 2, *[5] * n))]
        return found

    both(run)


def test_embedding_bags() -> None:
    def run(side: Any) -> Any:
        numbers, offsets = side.tensor([1, 2, 4, 5, 4, 3, 2, 9]), side.tensor([0, 4])
        found = []
        for mode in ("sum", "mean", "max"):
            bag = side.nn.EmbeddingBag(10, 3, mode=mode, padding_idx=-1)
            result = bag(numbers, offsets)
            result.sum().backward()
            found += [bag, result, bag.weight.grad, bag(numbers.reshape(2, 4))]
        table = side.nn.Embedding.from_pretrained(side.ones(4, 2), padding_idx=1)
        return found, table, table.weight.requires_grad, table(side.tensor([3, 1]))

    both(run)


def test_adaptive_softmax() -> None:
    def run(side: Any) -> Any:
        module = side.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10, 15], div_value=2.0, head_bias=True)
        x = side.randn(8, 16).requires_grad_()
        output, loss = module(x, side.tensor([0, 17, 4, 14, 9, 15, 19, 2]))
        loss.backward()
        alone = module(x[0], side.tensor(3))
        return module, output, loss, x.grad, module.log_prob(x), module.predict(x), alone

    both(run)


def test_padding_is_left_out_of_inference() -> None:
    """PyTorch's quick path for inference gives zeros at padded places; so do we."""

    def run(side: Any) -> Any:
        layer = side.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        net = side.nn.TransformerEncoder(layer, 2).eval()
        padded = side.tensor([[False, False, True, True], [False, False, False, False]])
        x = side.randn(2, 4, 8)
        with side.no_grad():
            quick = net(x, src_key_padding_mask=padded)
        return quick, net(x, src_key_padding_mask=padded)

    both(run)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_causal_transformer() -> None:
    def run(side: Any) -> Any:
        net = side.nn.Transformer(8, 2, 1, 1, 16, 0.0)
        mask = net.generate_square_subsequent_mask(5)
        result = net(side.randn(4, 2, 8), side.randn(5, 2, 8), tgt_mask=mask)
        result.sum().backward()
        return net, mask, result, [p.grad for p in net.parameters()]

    both(run)


def test_synchronised_form() -> None:
    def run(side: Any) -> Any:
        net = side.nn.Sequential(side.nn.Conv2d(1, 2, 1), side.nn.BatchNorm2d(2, affine=False))
        return side.nn.SyncBatchNorm.convert_sync_batchnorm(net)

    both(run)


def test_gradients_of_convolutions_on_their_own() -> None:
    def run(side: Any) -> Any:
        x, w, g = side.randn(2, 4, 6, 6), side.randn(6, 2, 3, 3), side.randn(2, 6, 3, 3)
        options = {"stride": 2, "padding": 1, "groups": 2}
        return (
            side.nn.grad.conv2d_input(x.shape, w, g, **options),
            side.nn.grad.conv2d_weight(x, w.shape, g, **options),
        )

    both(run)


WHOLE = {
    "Linear": (lambda nn: nn.Linear(3, 4), (2, 3)),
    "Conv2d": (lambda nn: nn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect"), (1, 2, 5, 5)),
    "ConvTranspose1d": (lambda nn: nn.ConvTranspose1d(2, 3, 3), (1, 2, 5)),
    "BatchNorm2d": (lambda nn: nn.BatchNorm2d(3), (2, 3, 4, 4)),
    "LSTM": (lambda nn: nn.LSTM(3, 4, 2, bidirectional=True), (5, 2, 3)),
    "MaxPool2d": (lambda nn: nn.MaxPool2d(2), (1, 1, 4, 4)),
    "Sequential": (
        lambda nn: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.LayerNorm(4)),
        (2, 3),
    ),
    "TransformerEncoderLayer": (lambda nn: nn.TransformerEncoderLayer(4, 2, 8, 0.0), (3, 2, 4)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_attributes_are_exchanged(name: str) -> None:
    """A whole module saved on one side is its attributes; the other side's class works with them."""
    make, shape = WHOLE[name]
    theirs = make(torch.nn)
    x = torch.randn(shape)
    ours = carry(theirs)
    assert repr(ours) == repr(theirs)
    back = returned(ours)
    assert repr(back) == repr(theirs)
    for module in (theirs, ours, back):
        module.eval()
    expected = tensors(theirs(x), torch.Tensor)
    for results in (tensors(ours(carry(x)), rushlight.Tensor), tensors(back(x), torch.Tensor)):
        for a, e in zip(results, expected, strict=True):
            np.testing.assert_allclose(array(a), array(e), rtol=1e-4, atol=1e-5)


def returned(x: Any) -> Any:
    """A module of Rushlight's attributes, of PyTorch's class."""
    if isinstance(x, rushlight.Tensor):
        made = torch.from_numpy(array(x))
        return torch.nn.Parameter(made) if isinstance(x, rushlight.nn.Parameter) else made
    if isinstance(x, rushlight.nn.Module):
        home = importlib.import_module(type(x).__module__.replace("rushlight", "torch"))
        cls = getattr(home, type(x).__name__)
        made = cls.__new__(cls)
        made.__setstate__({k: returned(v) for k, v in x.__getstate__().items()})
        return made
    if isinstance(x, dict):
        return {k: returned(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(returned(v) for v in x)
    return getattr(torch.nn.functional, x.__name__) if callable(x) else x


def public(module: Any) -> dict[str, Any]:
    return {n: v for n, v in vars(module).items() if inspect.isclass(v) and not n.startswith("_")}


def test_every_module_is_there() -> None:
    assert sorted(n for n in public(torch.nn) if not hasattr(rushlight.nn, n)) == []


DIFFERENT = {"LSTM", "GRU", "RNN"}  # PyTorch has (*args, **kwargs)


@pytest.mark.parametrize("name", sorted(public(torch.nn)))
def test_parameters_of_constructors(name: str) -> None:
    """The same names in the same order with the same defaults."""
    ours, theirs = getattr(rushlight.nn, name), getattr(torch.nn, name)
    if name in DIFFERENT or not issubclass(theirs, torch.nn.Module):
        return
    told = [
        [(p.name, p.kind, p.default) for p in list(inspect.signature(cls.__init__).parameters.values())[1:]]
        for cls in (ours, theirs)
    ]
    kept = [
        [(n, k, d if not callable(d) or isinstance(d, type) else d.__name__) for n, k, d in t] for t in told
    ]
    assert kept[0] == kept[1]
