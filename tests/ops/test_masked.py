"""`masked`: what is masked out counts as if it were not there."""

import math

import pytest

import rushlight as torch
from rushlight import masked

X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
MASK = torch.tensor([[True, False, True], [False, False, False]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sum", [4.0, 0.0]),
        ("prod", [3.0, 1.0]),
        ("amax", [3.0, -math.inf]),
        ("amin", [1.0, math.inf]),
        ("mean", [2.0, math.nan]),
        ("logsumexp", [math.log(math.exp(1) + math.exp(3)), -math.inf]),
    ],
)
def test_reductions_of_the_selected_elements(name, expected):
    result = getattr(masked, name)(X, 1, mask=MASK)
    assert result.tolist() == pytest.approx(expected, nan_ok=True)


def test_spread_of_the_selected_elements():
    assert masked.var(X[:1], 1, False, mask=MASK[:1]).tolist() == [1.0]
    assert masked.std(X[:1], 1, True, mask=MASK[:1]).tolist() == pytest.approx([math.sqrt(2)])
    assert masked.median(X[:1], 1, mask=MASK[:1]).tolist() == [1.0]


def test_softmax_gives_nothing_to_what_is_masked_out():
    result = masked.softmax(X[:1], 1, mask=MASK[:1])
    assert result[0, 1].item() == 0.0
    assert result.sum().item() == pytest.approx(1.0)


def test_gradients_reach_the_selected_elements_only():
    x = X.clone().requires_grad_()
    masked.sum(x * x, mask=MASK).backward()
    assert x.grad.tolist() == [[2.0, 0.0, 6.0], [0.0, 0.0, 0.0]]


def test_a_mask_that_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="mask must be Tensor but got list"):
        masked.sum(X, mask=[True])
