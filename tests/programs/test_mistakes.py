"""What learners do wrong is told by the type of error that PyTorch has, in words that help."""

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.nn import functional as F


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_targets_of_two_classes_are_floats(dtype):
    target = torch.ones(3, dtype=dtype)
    with pytest.raises(RuntimeError, match="Found dtype"):
        nn.BCELoss()(torch.rand(3), target)
    with pytest.raises(RuntimeError, match="can't be cast"):
        nn.BCEWithLogitsLoss()(torch.randn(3, requires_grad=True), target)


def test_probabilities_and_targets_of_different_floats_are_refused_scores_are_not():
    with pytest.raises(RuntimeError, match="Found dtype float64"):
        F.binary_cross_entropy(torch.rand(3), torch.rand(3, dtype=torch.float64))
    loss = F.binary_cross_entropy_with_logits(torch.rand(3), torch.ones(3, dtype=torch.float64))
    assert loss.dtype is torch.float64
    with pytest.raises(NotImplementedError):
        F.binary_cross_entropy_with_logits(torch.ones(3, dtype=torch.int64), torch.ones(3))


@pytest.mark.parametrize("python", [int, float, complex])
@pytest.mark.parametrize("size", [0, 2])
def test_tensors_of_many_elements_are_no_numbers(python, size):
    with pytest.raises(ValueError, match="only one element tensors can be converted to Python scalars"):
        python(torch.ones(size))
    with pytest.raises(RuntimeError):
        torch.ones(size).item()


def test_a_class_in_the_place_of_a_module():
    with pytest.raises(TypeError, match=r"ReLU, a class, is not a Module subclass; make one: ReLU"):
        nn.Sequential(nn.Linear(1, 1), nn.ReLU)


def test_an_ordinary_tensor_in_the_place_of_a_parameter():
    with pytest.raises(TypeError, match=r"cannot assign 'torch\.FloatTensor' as parameter 'weight'"):
        nn.Linear(1, 1).weight = torch.ones(1, 1)


def test_one_tensor_as_the_state_of_an_lstm():
    with pytest.raises(IndexError, match=r"\(h_0, c_0\)"):
        nn.LSTM(3, 4)(torch.ones(2, 1, 3), torch.zeros(1, 1, 4))
    with pytest.raises(RuntimeError, match=r"\(h_0, c_0\)"):
        nn.LSTM(3, 4, 2)(torch.ones(2, 1, 3), torch.zeros(2, 1, 4))


def test_a_list_as_a_condition():
    with pytest.raises(TypeError, match="'condition' must be Tensor, not list"):
        torch.where([True], 1, 2)


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss])
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_losses_of_half_and_single_precision_are_single(loss, half):
    a, b = torch.rand(3, dtype=half), torch.rand(3)
    assert loss(a, b).dtype is loss(b, a).dtype is torch.float32
    assert loss(a.requires_grad_(), b).dtype is torch.float32
    loss(a, b).backward()
    assert a.grad.dtype is half


def test_einsum_of_half_and_single_precision_is_refused():
    with pytest.raises(RuntimeError, match="dtype"):
        torch.einsum("i,i", torch.ones(2, dtype=torch.float16), torch.ones(2))
