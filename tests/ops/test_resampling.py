"""Pads, resizing, sampling at points, patches and shuffles against PyTorch, with gradients; and by hand."""

from __future__ import annotations

import pytest

import rushlight
import rushlight.nn.functional as F
from support.spatial_draws import Draw, agree, agrees

DIMENSIONS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pads_of_any_width(mode):
    pytest.importorskip("torch")
    draw = Draw(1)
    for _ in range(30):
        count = draw.randint(1, 3)
        x = draw.array(*draw.images(count, 2))
        widths = draw.each(2 * count, 0 if mode == "circular" else -2, 3)
        value = draw.choice([None, 1.5]) if mode == "constant" else None
        agrees("pad", x, pad=widths, mode=mode, value=value)


def test_pads_by_hand():
    x = rushlight.tensor([[1.0, 2.0, 3.0]])
    assert F.pad(x, (1, 2), value=9.0).tolist() == [[9, 1, 2, 3, 9, 9]]
    assert F.pad(x, (2, 1), "reflect").tolist() == [[3, 2, 1, 2, 3, 2]]
    assert F.pad(x, (2, 1), "replicate").tolist() == [[1, 1, 1, 2, 3, 3]]
    assert F.pad(x, (2, 1), "circular").tolist() == [[2, 3, 1, 2, 3, 1]]
    assert F.pad(x, (-1, 1), "circular").tolist() == [[2, 3, 2]]
    assert F.pad(x, (-1, -1)).tolist() == [[2]]
    with pytest.raises(
        RuntimeError, match="Padding size should be less than the corresponding input dimension"
    ):
        F.pad(x, (3, 0), "reflect")


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area", *DIMENSIONS])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sizes_and_scale_factors(mode, dtype):
    pytest.importorskip("torch")
    draw = Draw(2)
    for _ in range(12):
        count = DIMENSIONS.get(mode) or 2
        x = abs(draw.array(2, 2, *draw.each(count, 3, 10), dtype=dtype)) + 1
        options = {"mode": mode, "size": draw.each(count, 2, 20)}
        if draw.random() < 0.5:
            factors = [draw.choice([0.5, 0.7, 1.1, 1.5, 2, 2.4]) for _ in range(count)]
            options = {
                "mode": mode,
                "scale_factor": factors,
                "recompute_scale_factor": draw.choice([None, True]),
            }
        if mode in DIMENSIONS:
            options["align_corners"] = draw.choice([True, False])
        if count == 2 and mode in DIMENSIONS:
            options["antialias"] = draw.random() < 0.5
        agrees("interpolate", x, order=2 if dtype == "float64" else 0, **options)


def test_an_image_twice_as_large_by_hand():
    x = rushlight.tensor([[[1.0, 3.0]]], requires_grad=True)
    assert F.interpolate(x, scale_factor=2).tolist() == [[[1, 1, 3, 3]]]
    assert F.interpolate(x, size=4, mode="linear").tolist() == [[[1.0, 1.5, 2.5, 3.0]]]
    assert F.interpolate(x, size=3, mode="linear", align_corners=True).tolist() == [[[1.0, 2.0, 3.0]]]
    F.interpolate(x, scale_factor=2).sum().backward()
    assert x.grad.tolist() == [[[2.0, 2.0]]]


def test_an_infinite_pixel_spoils_only_what_it_is_part_of():
    x = rushlight.zeros(1, 1, 8, 8)
    x[0, 0, 0, 0] = float("inf")
    small = F.interpolate(x, size=(4, 4), mode="bilinear", antialias=True)
    assert rushlight.isfinite(small).sum().item() == 15
    assert not rushlight.isnan(small).any()


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [True, False])
def test_samples_at_points(mode, padding_mode, align_corners):
    pytest.importorskip("torch")
    draw = Draw(3)
    for count in (2, 2, 3):
        if count == 3 and mode == "bicubic":
            continue
        x, grid = draw.array(2, 2, *draw.each(count, 1, 5)), draw.array(2, *draw.each(count, 1, 4), count)
        agrees(
            "grid_sample", x, grid, mode=mode, padding_mode=padding_mode, align_corners=align_corners, order=1
        )


@pytest.mark.parametrize("align_corners", [True, False])
def test_an_identity_map_samples_the_image_itself(align_corners):
    x = rushlight.randn(2, 3, 4, 5)
    identity = rushlight.eye(2, 3).expand(2, 2, 3)
    grid = F.affine_grid(identity, x.shape, align_corners)
    assert F.grid_sample(x, grid, align_corners=align_corners).allclose(x, atol=1e-5)


@pytest.mark.parametrize("count", [2, 3])
def test_affine_grids(count):
    pytest.importorskip("torch")
    draw = Draw(4)
    for align_corners in (True, False):
        size = [2, 1, *draw.each(count, 2, 4)]
        agrees("affine_grid", draw.array(2, count, count + 1), size=size, align_corners=align_corners)


def test_patches_and_what_is_folded_of_them():
    pytest.importorskip("torch")
    draw = Draw(5)
    for _ in range(20):
        x = draw.array(*draw.images(2, 2))
        options = {"kernel_size": draw.each(2, 1, 3), "dilation": draw.randint(1, 2)}
        options.update(padding=draw.each(2, 0, 2), stride=draw.each(2, 1, 3))
        agrees("unfold", x, **options)
        agree(lambda f, t, o=options: f.fold(f.unfold(t, **o), t.shape[-2:], **o), x)


@pytest.mark.parametrize("name", ["pixel_shuffle", "pixel_unshuffle", "channel_shuffle"])
def test_shuffles(name):
    pytest.importorskip("torch")
    call = lambda f, t: getattr(f, name)(t, 2)  # noqa: E731
    agree(call, Draw(6).array(2, 8, 4, 6))
    agree(call, Draw(6).array(2, 9, 3, 5))  # refused


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, ValueError, "either size or scale_factor"),
        ({"size": 2, "scale_factor": 2}, ValueError, "only one of size or scale_factor"),
        ({"size": 2, "mode": "linear"}, NotImplementedError, "linear mode needs 3D input"),
        ({"size": (2, 2, 2)}, ValueError, "same number of spatial dimensions"),
        ({"size": 2, "align_corners": True}, ValueError, "align_corners option can only be set"),
        ({"size": 2, "mode": "round"}, NotImplementedError, "it is one of nearest"),
        ({"size": 0}, RuntimeError, "should be greater than 0"),
    ],
)
def test_an_error_says_what_interpolate_needs(options, error, words):
    with pytest.raises(error) as caught:
        F.interpolate(rushlight.zeros(1, 1, 4, 4), **options)
    assert words in str(caught.value)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
def test_pixels_of_one_byte_are_rounded_as_pytorch_rounds_them(mode):
    pytest.importorskip("torch")
    draw = Draw(7)
    for size in ((13, 17), (40, 5), (1, 7), (24, 24)):
        pixels = (draw.array(2, 3, 20, 24) * 90 + 120).clip(0, 255).astype("uint8")
        for antialias in (False, True) if mode != "nearest" else (False,):
            agrees("interpolate", pixels, size=size, mode=mode, antialias=antialias, order=0)
