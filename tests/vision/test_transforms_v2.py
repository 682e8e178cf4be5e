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
    _, cut, moved = v2.CenterCrop(4)(image, mask, boxes)
    assert (cut.shape, type(cut)) == ((1, 4, 4), tv_tensors.Mask)
    assert (moved.canvas_size, moved.tolist()) == ((4, 4), [[0, 0, 1, 1]])


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


def sample_for(library, kinds, dtype):
    """A picture with all that may go with it."""
    data = pixels(4, 3, 30, 37)
    data = data if dtype == "uint8" else (data / 255).astype(np.float32)
    boxes = np.array([[2, 3, 20, 18], [10, 5, 30, 28], [25, 20, 40, 35]], np.float32)
    points = np.array([[[3, 4], [20, 12]], [[30, 25], [36, 29]]], np.float32)
    size = (30, 37)
    return {
        "image": kinds.Image(library.from_numpy(data)),
        "mask": kinds.Mask(library.from_numpy(pixels(5, 3, 30, 37) // 100)),
        "boxes": kinds.BoundingBoxes(library.from_numpy(boxes), format="XYXY", canvas_size=size),
        "points": kinds.KeyPoints(library.from_numpy(points), canvas_size=size),
        "labels": library.tensor([3, 1, 2]),
        "name": "sample",
    }


OF_SAMPLES = {
    "Resize": lambda T: T.Resize((20, 50)),
    "Resize to max": lambda T: T.Resize(None, max_size=25),
    "CenterCrop": lambda T: T.CenterCrop((12, 44)),
    "RandomResizedCrop": lambda T: T.RandomResizedCrop(24),
    "RandomCrop": lambda T: T.RandomCrop((35, 20), pad_if_needed=True, padding=2),
    "Pad": lambda T: T.Pad([1, 2, 3, 4], fill={"others": 5}),
    "ZoomOut": lambda T: T.RandomZoomOut(fill=3, p=0.8),
    "Rotation": lambda T: T.RandomRotation(40, expand=True),
    "Affine": lambda T: T.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), (5, 10, -5, 5), fill=1),
    "Perspective": lambda T: T.RandomPerspective(0.4, p=0.8, interpolation="nearest"),
    "Elastic": lambda T: T.ElasticTransform(alpha=20.0),
    "IoUCrop": lambda T: T.RandomIoUCrop(),
    "ScaleJitter": lambda T: T.ScaleJitter((40, 40)),
    "ShortestSize": lambda T: T.RandomShortestSize([20, 25, 33], max_size=45),
    "RandomResize": lambda T: T.RandomResize(12, 40),
    "Flips": lambda T: T.Compose([T.RandomHorizontalFlip(), T.RandomVerticalFlip()]),
    "Photometric": lambda T: T.RandomPhotometricDistort(p=0.7),
    "Channels": lambda T: T.RandomChannelPermutation(),
    "Erasing": lambda T: T.RandomErasing(p=1),
    "Jitter": lambda T: T.ColorJitter(0.4, (0.7, 1.2), 0.3, 0.1),
    "Grayscale": lambda T: T.RandomGrayscale(p=0.5),
    "Sanitize": lambda T: T.Compose([T.RandomIoUCrop(), T.SanitizeBoundingBoxes()]),
    "Points": lambda T: T.Compose([T.RandomCrop(20), T.SanitizeKeyPoints()]),
    "Formats": lambda T: T.Compose([T.ConvertBoundingBoxFormat("CXCYWH"), T.ClampBoundingBoxes()]),
    "Clamping": lambda T: T.Compose([T.SetClampingMode(None), T.RandomCrop(20), T.ClampKeyPoints()]),
    "Dtypes": lambda T: T.Compose([T.RGB(), T.Grayscale(3), T.Identity()]),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("name", OF_SAMPLES)
def test_samples_same_as_torchvision(name, dtype, real):
    theirs = importlib.import_module("torchvision.transforms.v2")
    results, shown = [], []
    for library, module, kinds in (
        (real.torch, theirs, real.vision.tv_tensors),
        (rushlight, v2, tv_tensors),
    ):
        library.manual_seed(11)
        transform = OF_SAMPLES[name](module)
        results.append([transform(sample_for(library, kinds, dtype)) for _ in range(6)])
        shown.append(repr(transform))
    assert shown[0] == shown[1]
    for want, got in zip(*results):
        assert [type(v).__name__ for v in want.values()] == [type(v).__name__ for v in got.values()]
        assert want["boxes"].canvas_size == got["boxes"].canvas_size
        assert want["points"].canvas_size == got["points"].canvas_size
        assert want["labels"].tolist() == got["labels"].tolist()
        for part in ("boxes", "points"):
            np.testing.assert_allclose(as_array(got[part]), as_array(want[part]), rtol=1e-4, atol=2e-3)
        for part in ("image", "mask"):
            a, b = as_array(want[part]).astype(float), as_array(got[part]).astype(float)
            assert a.shape == b.shape
            apart = np.abs(a - b)
            assert (apart > (1 if dtype == "uint8" else 2e-4)).mean() <= 0.004
            assert (apart > 2e-4).mean() <= 0.01


AUGMENTS = {
    "auto": lambda T: T.AutoAugment(),
    "auto cifar": lambda T: T.AutoAugment(T.AutoAugmentPolicy.CIFAR10, fill=5),
    "auto svhn": lambda T: T.AutoAugment(T.AutoAugmentPolicy.SVHN, "bilinear"),
    "rand": lambda T: T.RandAugment(3, 12),
    "trivial": lambda T: T.TrivialAugmentWide(),
    "mix": lambda T: T.AugMix(),
    "jpeg": lambda T: T.JPEG((20, 80)),
}


@pytest.mark.parametrize("kind", ["picture", "Image", "tensor"])
@pytest.mark.parametrize("name", AUGMENTS)
def test_augmentations_same_as_torchvision(name, kind, real):
    if name == "jpeg" and kind != "picture":
        pytest.skip("this torchvision has no decoder of its own")
    theirs = importlib.import_module("torchvision.transforms.v2")
    data = pixels(7, 3, 32, 29)
    results, shown = [], []
    for library, module, kinds in (
        (real.torch, theirs, real.vision.tv_tensors),
        (rushlight, v2, tv_tensors),
    ):
        library.manual_seed(5)
        transform = AUGMENTS[name](module)
        tensor = library.from_numpy(data)
        picture = {"picture": Image.fromarray(data.transpose(1, 2, 0)), "Image": None, "tensor": tensor}[kind]
        picture = kinds.Image(tensor) if picture is None else picture
        results.append([as_array(transform(picture, 3)[0]) for _ in range(12)])
        shown.append(repr(transform))
    assert shown[0] == shown[1]
    for want, got in zip(*results):
        apart = np.abs(want.astype(int) - got)
        assert (apart > 1).mean() <= 0.004
        assert (apart > 0).mean() <= (0.03 if name == "mix" else 0.01)


@pytest.mark.parametrize("labels", ["numbers", "shares"])
@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_mixtures_same_as_torchvision(name, labels, real):
    theirs = importlib.import_module("torchvision.transforms.v2")
    results = []
    for library, module in ((real.torch, theirs), (rushlight, v2)):
        library.manual_seed(2)
        mix = getattr(module, name)(alpha=0.6, num_classes=5)
        batch = library.from_numpy(np.random.default_rng(0).random((4, 3, 8, 9), np.float32))
        target = library.tensor([0, 3, 2, 1])
        if labels == "shares":
            target = library.eye(5)[target]
        results.append([x.numpy() for _ in range(4) for x in mix(batch, target)])
    for want, got in zip(*results):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="num_classes is needed"):
        v2.MixUp()(rushlight.rand(2, 3, 4, 4), rushlight.tensor([0, 1]))


def test_samples_that_a_transform_is_not_for():
    image = rushlight.rand(3, 8, 8)
    boxes = tv_tensors.BoundingBoxes([[0, 0, 3, 3]], format="XYXY", canvas_size=(8, 8))
    for transform in (v2.FiveCrop(3), v2.AutoAugment()):
        with pytest.raises(TypeError):
            transform(image, boxes)
    with pytest.raises(TypeError, match="boxes"):
        v2.RandomIoUCrop()(image)
    with pytest.raises(ValueError, match="differ"):
        v2.RandomCrop(3)(tv_tensors.Image(image), tv_tensors.Mask(rushlight.ones(4, 4)))
    with pytest.raises(ValueError, match="labels"):
        v2.SanitizeBoundingBoxes()({"boxes": boxes, "class": 3})
    with pytest.raises(ValueError, match="floating"):
        tv_tensors.BoundingBoxes([[0, 0, 3, 3, 1]], format="XYWHR", canvas_size=(8, 8))
