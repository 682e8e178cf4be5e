"""Pools: any windows, adaptive and fractional ones, unpooling; gradients, NaN, ties, messages."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
import rushlight.nn.functional as F
from support.spatial_draws import Draw, agree, agrees


@pytest.mark.parametrize("count", [1, 2, 3])
def test_max_pools_of_any_windows(count):
    pytest.importorskip("torch")
    draw = Draw(count)
    for _ in range(25):
        x = draw.array(*draw.images(count, 2))
        x = np.round(x) if draw.random() < 0.5 else x  # ties: the first one wins
        kernel = draw.each(count, 1, 3)
        options = {
            "stride": draw.choice([None, draw.each(count, 1, 3)]),
            "padding": 0 if 1 in kernel else draw.randint(0, 1),
            "ceil_mode": draw.random() < 0.5,
            "return_indices": draw.random() < 0.5,
        }
        agrees(f"max_pool{count}d", x, kernel_size=kernel, dilation=1, **options)


def test_dilated_max_pools():
    pytest.importorskip("torch")
    draw = Draw(4)
    for _ in range(10):
        x = draw.array(2, 2, *draw.each(2, 6, 9))
        agrees(
            "max_pool2d",
            x,
            kernel_size=3,
            stride=draw.randint(1, 3),
            padding=1,
            dilation=2,
            return_indices=True,
        )


def test_the_largest_of_numbers_with_nan_is_the_last_nan():
    x = rushlight.tensor(
        [[[1.0, float("nan"), float("nan"), 3.0, -float("inf"), -float("inf")]]], requires_grad=True
    )
    values, places = F.max_pool1d(x, 3, return_indices=True)
    assert places.tolist() == [[[2, 3]]]
    assert rushlight.isnan(values[0, 0, 0])
    F.max_pool1d(x, 3).sum().backward()
    assert x.grad.tolist() == [[[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]]


def test_windows_of_nothing_but_minus_infinity_have_a_place():
    _, places = F.max_pool2d(rushlight.full((1, 1, 4, 4), -float("inf")), 2, 2, 1, return_indices=True)
    assert places.flatten().tolist() == [0, 1, 3, 4, 5, 7, 12, 13, 15]


def test_a_window_that_lies_between_all_elements_has_none():
    assert F.max_pool1d(rushlight.ones(1, 1, 1), 2, 1, 1, 2).tolist() == [[[-float("inf")]]]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_average_pools_of_any_windows(count):
    pytest.importorskip("torch")
    draw = Draw(10 + count)
    for _ in range(25):
        options = {"ceil_mode": draw.random() < 0.5, "count_include_pad": draw.random() < 0.5}
        if count > 1:
            options["divisor_override"] = draw.choice([None, None, 3, -2])
        agrees(
            f"avg_pool{count}d",
            draw.array(*draw.images(count, 2)),
            kernel_size=draw.each(count, 2, 4),
            stride=draw.choice([None, draw.each(count, 1, 3)]),
            padding=draw.randint(0, 1),
            **options,
        )


@pytest.mark.parametrize("divisor", [None, 3, -2])
def test_whole_numbers_are_divided_towards_zero(divisor):
    pytest.importorskip("torch")
    x = Draw(14).array(2, 2, 6, 6, dtype="int64")
    agrees("avg_pool2d", x, kernel_size=2, padding=1, ceil_mode=True, divisor_override=divisor, order=0)


@pytest.mark.parametrize("kind", ["adaptive_avg_pool", "adaptive_max_pool"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_adaptive_pools_to_any_size(kind, count):
    pytest.importorskip("torch")
    draw = Draw(20 + count)
    for _ in range(20):
        size = draw.each(count, 1, 9) if count > 1 else draw.randint(1, 9)
        agrees(f"{kind}{count}d", draw.array(*draw.images(count, 2)), output_size=size)


def test_adaptive_windows_by_hand():
    x = rushlight.tensor([[[1.0, 2.0, 3.0, 4.0, 10.0]]])
    assert F.adaptive_avg_pool1d(x, 3).tolist() == [[[1.5, 3.0, 7.0]]]
    assert F.adaptive_max_pool1d(x, 2, return_indices=True)[1].tolist() == [[[2, 4]]]
    assert F.adaptive_avg_pool2d(rushlight.ones(2, 3, 5), (None, 1)).shape == (2, 3, 1)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_power_average_pools(count):
    pytest.importorskip("torch")
    draw = Draw(30 + count)
    for norm_type in (1, 2, 3.0):
        x = np.abs(draw.array(2, 2, *draw.each(count, 4, 7))) + 0.1
        agrees(
            f"lp_pool{count}d", x, norm_type=norm_type, kernel_size=2, ceil_mode=draw.random() < 0.5, order=1
        )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_unpooling_undoes_a_pool(count):
    pytest.importorskip("torch")
    draw = Draw(40 + count)
    for _ in range(8):
        x = draw.array(2, 2, *draw.each(count, 3, 8))
        kernel, stride = draw.randint(2, 3), draw.choice([None, 2])

        def there_and_back(functions, t, kernel=kernel, stride=stride):
            values, places = getattr(functions, f"max_pool{count}d")(t, kernel, stride, return_indices=True)
            unpool = getattr(functions, f"max_unpool{count}d")
            return unpool(values, places, kernel, stride, output_size=tuple(t.shape[2:]))

        agree(there_and_back, x, order=1)


@pytest.mark.parametrize("count", [2, 3])
def test_fractional_pools_of_given_samples(count):
    pytest.importorskip("torch")
    draw = Draw(50 + count)
    for _ in range(12):
        x = draw.array(2, 2, *draw.each(count, 5, 8))
        samples = np.abs(np.modf(draw.array(2, 2, count))[0])
        options = {"kernel_size": 2, "output_size": draw.randint(1, 5), "return_indices": True}

        def call(functions, t, s, options=options):
            pool = getattr(functions, f"fractional_max_pool{count}d")
            return pool(t, _random_samples=s.detach(), **options)

        agree(call, x, samples, order=1)


def test_fractional_pools_draw_as_pytorch_does():
    torch = pytest.importorskip("torch")
    x = Draw(60).array(2, 3, 9, 9, dtype="float32")
    for framework in (torch, rushlight):
        framework.manual_seed(5)
    theirs = torch.nn.functional.fractional_max_pool2d(torch.from_numpy(x), 2, output_ratio=(0.5, 0.7))
    ours = F.fractional_max_pool2d(rushlight.from_numpy(x), 2, output_ratio=(0.5, 0.7))
    assert np.array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: F.max_pool2d(x, 2, padding=2), "at most half of effective kernel size"),
        (lambda x: F.max_pool2d(x, 9), "Output size is too small"),
        (lambda x: F.max_pool2d(x, (2, 2, 2)), "a tuple of two ints"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "divisor must be not zero"),
        (lambda x: F.max_pool3d(x[0, 0], 2), "Expected 4D (unbatched) or 5D (batched)"),
        (lambda x: F.max_unpool2d(x, x.long() + 999, 2), "Found an invalid max index: 999"),
        (lambda x: F.fractional_max_pool2d(x, 5, output_size=6), "too large relative to input"),
    ],
)
def test_an_error_says_what_does_not_fit(call, words):
    with pytest.raises(RuntimeError) as caught:
        call(rushlight.zeros(1, 2, 8, 8))
    assert words in str(caught.value)
