"""Each function of the second version does to each kind of input what torchvision does to it."""

import importlib

import numpy as np
import pytest

import rushlight
from rushlight.vision import tv_tensors
from rushlight.vision.transforms.v2 import functional as F
from support.pictures import as_array, pixels

Image = pytest.importorskip("PIL.Image")

CANVAS = (23, 31)
UNTURNED = ("XYXY", "XYWH", "CXCYWH")
TURNED = ("XYWHR", "CXCYWHR", "XYXYXYXY")
WAVES = np.random.default_rng(5).uniform(-0.2, 0.2, (1, *CANVAS, 2)).astype(np.float32)
COEFFICIENTS = [0.9, 0.1, 2.0, -0.1, 1.1, 1.0, 0.001, -0.002]
PLACES = {
    "horizontal_flip": {},
    "vertical_flip": {},
    "crop": {"top": 3, "left": -2, "height": 18, "width": 25},
    "center_crop": {"output_size": [15, 40]},
    "pad": {"padding": [1, 2, 3, 4], "fill": 7},
    "resize": {"size": [12], "max_size": 14},
    "resize both": {"size": [40, 17]},
    "resized_crop": {"top": 2, "left": 3, "height": 18, "width": 20, "size": [30, 11]},
    "affine": {"angle": 20.0, "translate": [2, -3], "scale": 1.2, "shear": [5.0, -3.0]},
    "rotate": {"angle": 35.0},
    "rotate all": {"angle": 35.0, "expand": True},
    "rotate round": {"angle": -20.0, "center": [3, 4], "fill": 3},
    "rotate quarter": {"angle": 90.0, "expand": True},
    "perspective": {"startpoints": None, "endpoints": None, "coefficients": COEFFICIENTS},
    "elastic": {"displacement": WAVES},
}
COLOURS = {
    "rgb_to_grayscale": {"num_output_channels": 3},
    "grayscale_to_rgb": {},
    "adjust_brightness": {"brightness_factor": 1.4},
    "adjust_contrast": {"contrast_factor": 0.6},
    "adjust_saturation": {"saturation_factor": 1.7},
    "adjust_hue": {"hue_factor": 0.23},
    "adjust_gamma": {"gamma": 1.6, "gain": 1.1},
    "adjust_sharpness": {"sharpness_factor": 2.5},
    "posterize": {"bits": 3},
    "invert": {},
    "autocontrast": {},
    "equalize": {},
    "permute_channels": {"permutation": [2, 0, 1]},
    "gaussian_blur": {"kernel_size": [5, 3], "sigma": [1.2, 0.7]},
}


@pytest.fixture(scope="module")
def theirs(real):
    importlib.import_module("torchvision.transforms.v2")
    return real


def made(library, kinds, kind, data, **told):
    """The input on one side; `kind` may be a plain "tensor" or a "picture"."""
    if kind == "picture":
        return Image.fromarray(data.transpose(1, 2, 0))
    tensor = library.from_numpy(data.copy())
    return tensor if kind == "tensor" else getattr(kinds, kind)(tensor, **told)


def both(theirs, name, kind, data, options, **told):
    """What the function gives on both sides."""
    results = []
    vision = theirs.vision
    for library, kinds, module in (
        (theirs.torch, vision.tv_tensors, vision.transforms.v2.functional),
        (rushlight, tv_tensors, F),
    ):
        given = {k: library.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        results.append(getattr(module, name.split()[0])(made(library, kinds, kind, data, **told), **given))
    return results


def agree(want, got, atol=0.0):
    """The same kind, size and numbers; of bytes, one in a hundred may differ by one step."""
    assert type(want).__name__ == type(got).__name__
    assert getattr(want, "canvas_size", None) == getattr(got, "canvas_size", None)
    want, got = as_array(want), as_array(got)
    assert (want.shape, want.dtype) == (got.shape, got.dtype)
    if want.dtype == np.uint8:
        apart = np.abs(want.astype(int) - got)
        assert apart.max(initial=0) <= 1
        assert (apart != 0).mean() <= 0.01
    else:
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=atol or 2e-6)


@pytest.mark.parametrize("kind", ["Image", "Video", "tensor", "picture", "float"])
@pytest.mark.parametrize("name", [*PLACES, *COLOURS])
def test_pictures(name, kind, theirs):
    shape = (2, 3, *CANVAS) if kind == "Video" else (3, *CANVAS)
    data = pixels(3, *shape)
    if kind == "float":
        data, kind = (data / 255).astype(np.float32), "tensor"
    if kind == "Video" and name in ("grayscale_to_rgb", "rgb_to_grayscale"):
        pytest.skip("not for videos")
    want, got = both(theirs, name, kind, data, {**PLACES, **COLOURS}[name])
    warped = name.split()[0] in ("affine", "rotate", "perspective", "elastic") and data.dtype != np.uint8
    agree(want, got, atol=1e-4 if warped else 0)


@pytest.mark.parametrize("shape", [CANVAS, (4, *CANVAS)])
@pytest.mark.parametrize("name", PLACES)
def test_masks(name, shape, theirs):
    want, got = both(theirs, name, "Mask", pixels(4, *shape) // 30, PLACES[name])
    agree(want, got)


def boxes_in(format, integers=False, n=6):
    """Boxes, some of which reach out of the canvas."""
    rng = np.random.default_rng(8)
    start = rng.uniform(-6, 20, (n, 2))
    size = rng.uniform(2, 15, (n, 2))
    angle = rng.uniform(-170, 170, (n, 1))
    corner = np.concatenate([start, size, angle], 1).astype(np.float32)
    if format in TURNED:
        if format == "XYXYXYXY":
            turned = F.convert_bounding_box_format(rushlight.from_numpy(corner), "XYWHR", "XYXYXYXY")
            return turned.numpy()
        return corner
    boxes = np.concatenate([start, start + size], 1) if format == "XYXY" else corner[:, :4]
    return boxes.astype(np.int64 if integers else np.float32)


@pytest.mark.parametrize("mode", ["soft", "hard", None])
@pytest.mark.parametrize("format", [*UNTURNED, *TURNED, "int XYXY", "int XYWH", "int CXCYWH"])
@pytest.mark.parametrize("name", PLACES)
def test_boxes(name, format, mode, theirs):
    form = format.split()[-1]
    data = boxes_in(form, format.startswith("int"))
    told = {"format": form, "canvas_size": CANVAS, "clamping_mode": mode}
    want, got = both(theirs, name, "BoundingBoxes", data, PLACES[name], **told)
    assert got.format.value == form
    want_numbers, got_numbers = as_array(want), as_array(got)
    if data.dtype == np.int64:  # a coordinate on the edge of two numbers may fall to either side
        assert np.abs(want_numbers - got_numbers).max() <= 1
        assert (want_numbers != got_numbers).mean() <= 0.05
    else:
        np.testing.assert_allclose(got_numbers, want_numbers, rtol=1e-4, atol=2e-3)
    assert want.canvas_size == got.canvas_size


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize("name", PLACES)
def test_points(name, dtype, theirs):
    data = np.random.default_rng(2).uniform(0, 22, (3, 4, 2)).astype(dtype)
    want, got = both(theirs, name, "KeyPoints", data, PLACES[name], canvas_size=CANVAS)
    np.testing.assert_allclose(as_array(got), as_array(want), rtol=1e-5, atol=1e-4)
    assert want.canvas_size == got.canvas_size


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("old", [*UNTURNED, *TURNED])
def test_formats(old, integers, theirs):
    group = UNTURNED if old in UNTURNED else TURNED
    data = boxes_in(old, integers) if old in UNTURNED or not integers else None
    if data is None:
        pytest.skip("turned boxes are floats")
    for new in group:
        want, got = both(
            theirs, "convert_bounding_box_format", "tensor", data, {"old_format": old, "new_format": new}
        )
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["soft", "hard", None])
@pytest.mark.parametrize("format", [*UNTURNED, *TURNED])
def test_clamping_and_sanitizing(format, mode, theirs):
    data = boxes_in(format, n=40)
    told = {"format": format, "canvas_size": CANVAS, "clamping_mode": mode}
    want, got = both(theirs, "clamp_bounding_boxes", "BoundingBoxes", data, {}, **told)
    np.testing.assert_allclose(as_array(got), as_array(want), rtol=1e-4, atol=2e-3)
    want, got = both(theirs, "sanitize_bounding_boxes", "BoundingBoxes", data, {"min_size": 3}, **told)
    assert as_array(want[1]).tolist() == as_array(got[1]).tolist()
    agree(want[0], got[0])
    points = data[:, :2]
    want, got = both(theirs, "clamp_keypoints", "KeyPoints", points, {}, canvas_size=CANVAS)
    agree(want, got)
    want, got = both(theirs, "sanitize_keypoints", "KeyPoints", points, {}, canvas_size=CANVAS)
    assert as_array(want[1]).tolist() == as_array(got[1]).tolist()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_channel_and_levels(dtype, theirs):
    for channels in (1, 3):
        data = pixels(1, channels, 9, 8)
        data = data if dtype == "uint8" else (data / 255).astype(np.float32)
        for name, options in COLOURS.items():
            if name != "permute_channels":
                agree(*both(theirs, name, "Image", data, options))
        agree(*both(theirs, "solarize", "Image", data, {"threshold": 100 if dtype == "uint8" else 0.4}))
        fill = [1, 2, 3][:channels]
        agree(*both(theirs, "pad", "Image", data, {"padding": 2, "fill": fill}))
        for mode in ("edge", "reflect", "symmetric"):
            agree(*both(theirs, "pad", "Image", data, {"padding": [1, 2], "padding_mode": mode}))


def test_types_of_numbers(theirs):
    torch = theirs.torch
    module = theirs.vision.transforms.v2.functional
    values = {
        "uint8": [0, 1, 99, 255],
        "int16": [0, 5, 999, 32767],
        "uint16": [0, 9, 65535],
        "int32": [0, 7, 2**31 - 1],
    }
    for start, numbers in {**values, "float32": [0.0, 0.3, 0.999, 1.0]}.items():
        data = np.array(numbers, start).reshape(1, 1, -1)
        for end in ("uint8", "int16", "uint16", "int32", "float32", "float64"):
            if start == "float32" and end in ("int32", "uint16"):
                continue  # the one is refused by both; of the other torchvision makes 0 of full light
            want = module.to_dtype(torch.from_numpy(data), getattr(torch, end), scale=True)
            got = F.to_dtype(rushlight.from_numpy(data), getattr(rushlight, end), scale=True)
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
            assert got.numpy().dtype == want.numpy().dtype


def test_sizes_frames_and_noise(theirs):
    video = pixels(1, 7, 3, 5, 6)
    for name in ("get_size", "get_dimensions", "get_num_channels", "get_num_frames"):
        want, got = both(theirs, name, "Video", video, {})
        assert want == got
    agree(*both(theirs, "uniform_temporal_subsample", "Video", video, {"num_samples": 4}))
    results = []
    for library, module in ((theirs.torch, theirs.vision.transforms.v2.functional), (rushlight, F)):
        library.manual_seed(4)
        picture = library.from_numpy(video[0])
        results.append([module.gaussian_noise(x, 0.1, 0.2).numpy() for x in (picture, picture / 255)])
    assert np.array_equal(results[0][0], results[1][0])
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-6, atol=1e-7)


def test_kernels_of_ones_own():
    class Depth(tv_tensors.TVTensor):
        pass

    @F.register_kernel("horizontal_flip", Depth)
    def flipped(depth):
        return tv_tensors.wrap(-depth.flip(-1), like=depth)

    result = F.horizontal_flip(Depth([[1.0, 2.0]]))
    assert (type(result), result.tolist()) == (Depth, [[-2.0, -1.0]])
    with pytest.raises(ValueError, match="has its kernels"):
        F.register_kernel(F.crop, tv_tensors.Image)
    with pytest.raises(ValueError, match="no function 'nothing'"):
        F.register_kernel("nothing", Depth)
    with pytest.raises(TypeError, match="crop is for"):
        F.crop("text", 1, 2, 3, 4)
    with pytest.raises(TypeError, match="takes top"):
        F.crop(rushlight.ones(3, 4, 4), 1, 2, 3, widht=4)
