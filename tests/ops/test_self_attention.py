"""Attention of a batch to itself: queries, keys and values in one array give what they give apart."""

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.ops.self_attention import packed_attention


def layer(batch_first, dtype=rushlight.float64):
    rushlight.manual_seed(0)
    return nn.MultiheadAttention(12, 3, batch_first=batch_first, dtype=dtype)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("masked", [None, "added", "causal"])
def test_the_layer_gives_what_its_general_way_gives(batch_first, masked):
    net = layer(batch_first)
    x = rushlight.randn(4, 5, 12, dtype=rushlight.float64)
    places = x.shape[1 if batch_first else 0]
    mask = None if masked is None else nn.Transformer.generate_square_subsequent_mask(places).double()
    found = []
    for need_weights in (False, True):
        net.zero_grad()
        mine = x.clone().requires_grad_()
        how = {"attn_mask": mask, "is_causal": masked == "causal", "need_weights": need_weights}
        out, _ = net(mine, mine, mine, **how)
        (out * out).sum().backward()
        found.append([out.detach(), mine.grad, *(p.grad for p in net.parameters())])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("is_causal", [True, False])
def test_gradients_of_two_orders(batch_first, is_causal):
    rushlight.manual_seed(1)
    packed = rushlight.randn(2, 3, 12, dtype=rushlight.float64, requires_grad=True)
    places = 3 if batch_first else 2
    mask = None if is_causal else rushlight.randn(places, places, dtype=rushlight.float64, requires_grad=True)
    inputs = (packed,) if mask is None else (packed, mask)

    def of(packed, mask=None):
        return packed_attention(packed, mask, 2, batch_first, is_causal, [])

    assert rushlight.autograd.gradcheck(of, inputs)
    assert rushlight.autograd.gradgradcheck(of, inputs)


def test_beside_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.TransformerEncoderLayer(32, 4, 48, batch_first=True, dropout=0.0)
    ours = nn.TransformerEncoderLayer(32, 4, 48, batch_first=True, dropout=0.0)
    ours.load_state_dict({k: rushlight.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((3, 70, 32)).astype("float32")
    a, b = torch.tensor(x, requires_grad=True), rushlight.tensor(x, requires_grad=True)
    one, other = theirs(a), ours(b)
    np.testing.assert_allclose(other.detach().numpy(), one.detach().numpy(), atol=2e-5)
    one.square().sum().backward()
    other.square().sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), rtol=1e-4, atol=2e-4)
