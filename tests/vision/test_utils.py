"""Grids and drawings are torchvision's, pixel for pixel; pictures survive files."""

import numpy as np
import pytest

import rushlight
from rushlight.vision import io, utils
from support.pictures import pixels

Image = pytest.importorskip("PIL.Image")


def both(real, draw):
    """What `draw(library, utils, tensor)` gives with torchvision and with ours, as arrays."""
    results = []
    for library, module in ((real.torch, real.vision.utils), (rushlight, utils)):
        results.append(
            draw(library, module, lambda a, library=library: library.from_numpy(np.array(a))).numpy()
        )
    return results


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nrow": 2, "padding": 3, "pad_value": 0.5},
        {"normalize": True},
        {"normalize": True, "scale_each": True},
        {"normalize": True, "value_range": (-0.5, 1.0)},
    ],
)
def test_make_grid(channels, count, options, real):
    values = np.random.default_rng(0).standard_normal((count, channels, 6, 7)).astype(np.float32)
    want, got = both(real, lambda library, module, tensor: module.make_grid(tensor(values), **options))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
    want, got = both(real, lambda library, module, tensor: module.make_grid(list(tensor(values)), **options))
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def test_save_image(tmp_path, real):
    values = np.random.default_rng(0).random((3, 3, 6, 7)).astype(np.float32)
    real.vision.utils.save_image(real.torch.from_numpy(values), tmp_path / "theirs.png", nrow=2)
    utils.save_image(rushlight.from_numpy(values), tmp_path / "ours.png", nrow=2)
    theirs, ours = (Image.open(tmp_path / f"{name}.png") for name in ("theirs", "ours"))
    assert theirs.tobytes() == ours.tobytes()


BOXES = np.array([[2, 3, 20, 15], [10, 5, 35, 30], [1, 20, 12, 38]])


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"colors": "red", "width": 3},
        {"colors": ["red", (1, 2, 3), "#00ff88"], "fill": True},
        {"labels": ["a", "dog", "car"], "colors": "blue"},
        {"labels": ["a", "dog", "car"], "fill_labels": True, "label_background_colors": "yellow"},
    ],
)
def test_draw_bounding_boxes(kind, options, real):
    image = pixels(1, 3, 40, 40)
    image = image if kind == "uint8" else image.astype(np.float32) / 255
    want, got = both(
        real, lambda lib, m, tensor: m.draw_bounding_boxes(tensor(image), tensor(BOXES), **options)
    )
    np.testing.assert_allclose(got, want, atol=1e-6 if kind == "float32" else 0)


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_draw_masks_and_keypoints(kind, real):
    image = pixels(1, 3, 40, 40)
    image = image if kind == "uint8" else image.astype(np.float32) / 255
    masks = np.random.default_rng(2).random((3, 40, 40)) > 0.7
    for options in ({}, {"alpha": 0.4, "colors": ["red", "green", "blue"]}):
        want, got = both(
            real,
            lambda lib, m, tensor, o=options: m.draw_segmentation_masks(tensor(image), tensor(masks), **o),
        )
        np.testing.assert_allclose(got, want, atol=1e-6)
    points = np.random.default_rng(3).uniform(3, 37, (2, 4, 2))
    seen = np.array([[1, 1, 0, 1], [1, 0, 1, 1]])
    for options in ({}, {"colors": "red", "connectivity": [(0, 1), (1, 3)], "radius": 3}):
        want, got = both(
            real,
            lambda lib, m, tensor, o=options: m.draw_keypoints(
                tensor(image), tensor(points), visibility=tensor(seen), **o
            ),
        )
        np.testing.assert_allclose(got, want, atol=1e-6 if kind == "float32" else 0)


def test_flow_to_image(real):
    flow = np.random.default_rng(4).standard_normal((2, 2, 9, 8)).astype(np.float32)
    want, got = both(real, lambda lib, m, tensor: m.flow_to_image(tensor(flow)))
    assert np.abs(want.astype(int) - got).max() <= 1
    want, got = both(real, lambda lib, m, tensor: m.flow_to_image(tensor(flow[0])))
    assert want.shape == got.shape


def test_what_cannot_be_drawn_is_said():
    image = rushlight.zeros(3, 5, 5, dtype=rushlight.uint8)
    with pytest.raises(ValueError, match="2 labels"):
        utils.draw_bounding_boxes(image, rushlight.tensor(BOXES), labels=["a", "b"])
    with pytest.raises(ValueError, match="box_convert"):
        utils.draw_bounding_boxes(image, rushlight.tensor([[3, 1, 1, 3]]))
    with pytest.raises(ValueError, match="bool"):
        utils.draw_segmentation_masks(image, rushlight.zeros(1, 5, 5))
    with pytest.warns(UserWarning, match="no boxes"):
        assert utils.draw_bounding_boxes(image, rushlight.zeros(0, 4)) is image


def test_pictures_through_files(tmp_path):
    picture = rushlight.from_numpy(pixels(1, 3, 20, 30))
    io.write_png(picture, tmp_path / "a.png")
    assert io.read_image(tmp_path / "a.png").equal(picture)
    assert io.decode_image(io.encode_png(picture)).equal(picture)
    assert io.decode_png(io.encode_png(picture[:1])).equal(picture[:1])
    assert io.read_image(str(tmp_path / "a.png"), io.ImageReadMode.GRAY).shape == (1, 20, 30)
    assert io.read_image(tmp_path / "a.png", "RGB_ALPHA").shape == (4, 20, 30)
    flat = rushlight.full((3, 16, 16), 90, dtype=rushlight.uint8)
    io.write_jpeg(flat, tmp_path / "a.jpg")
    assert (io.read_image(tmp_path / "a.jpg").int() - 90).abs().max() <= 2
    with pytest.raises(RuntimeError, match="JPEG picture, not PNG"):
        io.decode_png(io.read_file(tmp_path / "a.jpg"))
    with pytest.raises(RuntimeError, match="float32"):
        io.encode_png(rushlight.zeros(3, 4, 4))
