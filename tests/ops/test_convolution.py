"""Convolutions: any stride, padding, dilation and groups, gradients of two orders, types, and messages."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F
from support.spatial_draws import Draw, agrees


def drawn_weights(draw, count, transposed):
    """Groups, channels, and the arrays of a convolution."""
    groups = draw.choice([1, 1, 2, 3])
    channels, outputs = groups * draw.randint(1, 2), groups * draw.randint(1, 2)
    taps = draw.each(count, 1, 3)
    x = draw.array(*draw.images(count, channels, 7 if count < 3 else 4))
    own = (channels, outputs // groups) if transposed else (outputs, channels // groups)
    arrays = [x, draw.array(*own, *taps)]
    return groups, arrays + [draw.array(outputs)] * draw.randrange(2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_convolutions_of_any_options_with_gradients_of_two_orders(count):
    pytest.importorskip("torch")
    draw = Draw(count)
    for _ in range(25):
        groups, arrays = drawn_weights(draw, count, False)
        padding = draw.choice([draw.each(count, 0, 3), draw.randint(0, 2), "valid"])
        agrees(
            f"conv{count}d",
            *arrays,
            stride=draw.each(count, 1, 3),
            padding=padding,
            dilation=draw.each(count, 1, 2),
            groups=groups,
        )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_transposed_convolutions_of_any_options_with_gradients_of_two_orders(count):
    pytest.importorskip("torch")
    draw = Draw(10 + count)
    for _ in range(25):
        groups, arrays = drawn_weights(draw, count, True)
        stride, dilation = draw.each(count, 1, 3), draw.each(count, 1, 3)
        agrees(
            f"conv_transpose{count}d",
            *arrays,
            stride=stride,
            padding=draw.each(count, 0, 2),
            output_padding=[draw.randrange(max(s, d)) for s, d in zip(stride, dilation)],
            dilation=dilation,
            groups=groups,
        )


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_padding_keeps_the_size_and_puts_the_odd_one_last():
    x = rushlight.arange(5.0).reshape(1, 1, 5)
    weight = rushlight.tensor([[[1.0, 10.0]]])
    assert F.conv1d(x, weight, padding="same").tolist() == [[[10.0, 21.0, 32.0, 43.0, 4.0]]]
    pytest.importorskip("torch")
    draw = Draw(20)
    for _ in range(10):
        arrays = [draw.array(2, 2, 6, 5), draw.array(3, 2, *draw.each(2, 1, 4))]
        agrees("conv2d", *arrays, padding="same", dilation=draw.randint(1, 2))


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128", "int64"])
def test_types_are_those_of_pytorch(dtype):
    pytest.importorskip("torch")
    draw = Draw(30)
    shapes = (2, 4, 7, 7), (6, 2, 3, 3), (6,)
    arrays = [np.round(draw.array(*shape, dtype=dtype)) for shape in shapes]  # so that float32 is exact
    order = 2 if dtype == "complex128" else 0
    agrees("conv2d", *arrays, groups=2, padding=1, order=order)


def test_a_large_batch_goes_through_in_blocks():
    x, weight = rushlight.randn(40, 8, 30, 30), rushlight.randn(16, 8, 3, 3)
    whole = F.conv2d(x, weight, padding=1)
    assert whole[37:38].allclose(F.conv2d(x[37:38], weight, padding=1), atol=1e-4)


def test_a_batch_of_nothing_has_a_gradient_of_zeros():
    x = rushlight.zeros(0, 3, 5, 5, requires_grad=True)
    weight = rushlight.randn(4, 3, 3, 3, requires_grad=True)
    y = F.conv2d(x, weight)
    y.sum().backward()
    assert y.shape == (0, 4, 3, 3)
    assert x.grad.shape == x.shape
    assert not weight.grad.any()


def test_by_hand():
    x = rushlight.arange(9.0).reshape(1, 1, 3, 3)
    weight = rushlight.tensor([[[[1.0, 0.0], [0.0, -1.0]]]], requires_grad=True)
    bias = rushlight.tensor([0.5], requires_grad=True)
    y = F.conv2d(x, weight, bias)
    assert y.tolist() == [[[[-3.5, -3.5], [-3.5, -3.5]]]]
    assert type(y.grad_fn).__name__ == "ConvolutionBackward0"
    y.sum().backward()
    assert weight.grad.tolist() == [[[[8.0, 12.0], [20.0, 24.0]]]]
    assert bias.grad.tolist() == [4.0]


def test_a_transposed_convolution_is_the_gradient_of_a_convolution():
    x = rushlight.randn(2, 3, 8, 8, dtype=rushlight.float64).requires_grad_()
    weight = rushlight.randn(4, 3, 3, 3, dtype=rushlight.float64)
    y = F.conv2d(x, weight, stride=2, padding=1)
    (gradient,) = rushlight.autograd.grad(y, x, rushlight.ones_like(y))
    spread = F.conv_transpose2d(rushlight.ones_like(y), weight, stride=2, padding=1, output_padding=1)
    assert gradient.allclose(spread)


def test_an_input_in_any_layout_gives_the_same():
    x, weight = rushlight.randn(2, 9, 8, 4), rushlight.randn(5, 4, 3, 3)
    view = x.permute(0, 3, 2, 1)[..., 1::2]
    assert F.conv2d(view, weight).allclose(F.conv2d(view.contiguous(), weight), atol=1e-5)


def test_channels_that_are_last_in_memory_stay_there():
    x = rushlight.randn(2, 3, 8, 8).to(memory_format=rushlight.channels_last)
    weight = rushlight.randn(4, 3, 3, 3)
    for y in (F.conv2d(x, weight), F.max_pool2d(x, 2), F.avg_pool2d(x, 2)):
        assert y.is_contiguous(memory_format=rushlight.channels_last)
    assert F.conv2d(x, weight).allclose(F.conv2d(x.contiguous(), weight), atol=1e-5)


def test_sequences_with_time_first():
    pytest.importorskip("torch")
    draw = Draw(40)
    agrees("conv_tbc", draw.array(6, 2, 3), draw.array(3, 3, 4), draw.array(4), pad=1)


@pytest.mark.parametrize(
    ("shape", "weight", "options", "words"),
    [
        ((1, 3, 8, 8), (4, 2, 3, 3), {}, "expected input[1, 3, 8, 8] to have 2 channels, but got 3"),
        ((3, 8), (4, 3, 3, 3), {}, "Expected 3D (unbatched) or 4D (batched) input"),
        ((1, 3, 2, 2), (4, 3, 3, 3), {}, "Kernel size can't be greater than actual input size"),
        ((1, 4, 8, 8), (3, 2, 3, 3), {"groups": 2}, "3 to be divisible by 2"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"stride": 0}, "stride must be at least 1"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "same", "stride": 2}, "not supported for strided"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "round"}, "'same', 'valid', or numbers"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"stride": (1, 1, 1)}, "a tuple of two ints"),
    ],
)
def test_an_error_says_what_does_not_fit(shape, weight, options, words):
    with pytest.raises(RuntimeError) as caught:
        F.conv2d(rushlight.zeros(shape), rushlight.zeros(weight), **options)
    assert "conv2d" in str(caught.value)
    assert words in str(caught.value)


def test_types_must_agree():
    with pytest.raises(RuntimeError, match=r"weight type \(torch.float64\)|weight type"):
        F.conv1d(rushlight.zeros(1, 1, 4), rushlight.zeros(1, 1, 2, dtype=rushlight.float64))
    with pytest.raises(TypeError, match="argument 'weight' must be Tensor, not NoneType"):
        F.conv1d(rushlight.zeros(1, 1, 4), None)


def test_half_precision_is_rounded_once():
    x, weight = rushlight.randn(1, 16, 9, 9).bfloat16(), rushlight.randn(4, 16, 3, 3).bfloat16()
    exact = F.conv2d(x.float(), weight.float()).bfloat16()
    assert np.array_equal(F.conv2d(x, weight).float().numpy(), exact.float().numpy())
