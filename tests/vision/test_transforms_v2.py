"""The second version: samples of several parts, and torchvision's numbers."""

import importlib

import numpy as np
import pytest

import rushlight
from rushlight.vision import tv_tensors
from rushlight.vision.transforms import v2
from support.pictures import as_array, pixels

Image = pytest.importorskip("PIL.Image")

SAME = {
    "resize": lambda T: T.Resize(20),
    "resize bicubic": lambda T: T.Resize((50, 21), T.InterpolationMode.BICUBIC),
    "jitter": lambda T: T.ColorJitter(0.4, 0.4, 0.4, 0.3),
    "crop": lambda T: T.RandomCrop((12, 20), padding=3),
    "crop one side": lambda T: T.RandomCrop((32, 20)),
    "resized crop": lambda T: T.RandomResizedCrop(24),
    "flip": lambda T: T.RandomHorizontalFlip(),
    "rotation": lambda T: T.RandomRotation(30),
    "affine": lambda T: T.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), 10),
    "perspective": lambda T: T.RandomPerspective(p=1),
    "blur": lambda T: T.GaussianBlur(5),
    "elastic": lambda T: T.ElasticTransform(),
    "equalize": lambda T: T.RandomEqualize(p=1),
    "sharp": lambda T: T.RandomAdjustSharpness(2, p=1),
    "apply": lambda T: T.RandomApply([T.Pad(2)], p=0.5),
    "order": lambda T: T.RandomOrder([T.Pad(2), T.RandomCrop(20), T.RandomInvert()]),
    "choice": lambda T: T.RandomChoice([T.Pad(2), T.RandomCrop(20)], p=[0.3, 0.7]),
}


@pytest.mark.parametrize("kind", ["picture", "tensor"])
@pytest.mark.parametrize("name", SAME)
def test_same_as_torchvision(name, kind, real):
    theirs = importlib.import_module("torchvision.transforms.v2")
    data = pixels(1, 32, 41, 3)
    results = []
    for library, module in ((real.torch, theirs), (rushlight, v2)):
        library.manual_seed(3)
        transform = SAME[name](module)
        image = (
            Image.fromarray(data) if kind == "picture" else library.from_numpy(data.transpose(2, 0, 1).copy())
        )
        results.append([as_array(transform(image)) for _ in range(4)])
    for want, got in zip(*results):
        assert want.shape == got.shape
        apart = np.abs(want.astype(int) - got.astype(int))
        assert apart.max() <= 1  # bytes are rounded once or twice on the way
        assert kind == "tensor" or apart.max() == 0 or name in ("elastic", "blur")


def test_the_usual_pipeline(real):
    theirs = importlib.import_module("torchvision.transforms.v2")
    results = []
    for library, module in ((real.torch, theirs), (rushlight, v2)):
        library.manual_seed(1)
        steps = [module.ToImage(), module.RandomResizedCrop(16), module.RandomHorizontalFlip()]
        steps += [module.ToDtype(library.float32, scale=True), module.Normalize([0.5] * 3, [0.25] * 3)]
        result = module.Compose(steps)(Image.fromarray(pixels(2, 30, 31, 3)), {"label": 7})
        assert result[1] == {"label": 7}
        assert type(result[0]).__name__ == "Image"
        results.append(result[0].numpy())
    np.testing.assert_allclose(results[1], results[0], atol=0.02)


def test_pictures_of_a_sample_change_alike():
    picture = tv_tensors.Image(rushlight.from_numpy(pixels(3, 3, 20, 20)))
    both = v2.RandomCrop(7)({"left": picture, "right": picture, "name": "x"})
    assert both["left"].equal(both["right"])
    assert both["name"] == "x"


def test_only_the_first_plain_tensor_is_a_picture():
    picture, other = rushlight.rand(3, 8, 8), rushlight.rand(5)
    cut, same = v2.CenterCrop(4)(picture, other)
    assert cut.shape == (3, 4, 4)
    assert same is other


def test_masks_and_boxes():
    mask = tv_tensors.Mask(rushlight.ones(1, 8, 8, dtype=rushlight.uint8))
    boxes = tv_tensors.BoundingBoxes([[0, 0, 3, 3]], format="xyxy", canvas_size=(8, 8))
    image = tv_tensors.Image(rushlight.rand(3, 8, 8))
    _, kept, same = v2.ColorJitter(0.5)(image, mask, boxes)
    assert kept is mask
    assert same.canvas_size == (8, 8)
    with pytest.raises(NotImplementedError, match="Mask"):
        v2.CenterCrop(4)(image, mask)


def test_a_tensor_keeps_saying_what_it_is_where_it_stays_that():
    image = tv_tensors.Image(rushlight.rand(3, 8, 8))
    assert type(image + 1) is rushlight.Tensor
    assert type(image.clone()) is type(image.to(rushlight.float64)) is tv_tensors.Image
    boxes = tv_tensors.BoundingBoxes([[0.0, 0, 3, 3]], format="XYXY", canvas_size=(8, 9))
    assert boxes.clone().canvas_size == (8, 9)


def test_a_transform_of_ones_own():
    class Darker(v2.Transform):
        def make_params(self, flat_inputs):
            return {"factor": 0.5}

        def transform(self, inpt, params):
            return inpt * params["factor"]

    image, label = Darker()(rushlight.ones(3, 4, 4), 3)
    assert float(image.max()) == 0.5
    assert label == 3
