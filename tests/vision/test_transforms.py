"""Every transform makes of a picture what torchvision makes of it, with the same random draws."""

import random

import numpy as np
import pytest

import rushlight
import rushlight.vision.transforms as T
from support.pictures import as_array, pixels

Image = pytest.importorskip("PIL.Image")

BOTH = {
    "resize one": lambda T, M: T.Resize(20),
    "resize two": lambda T, M: T.Resize((19, 50)),
    "resize max": lambda T, M: T.Resize(30, max_size=40),
    "resize bicubic": lambda T, M: T.Resize((50, 21), M.BICUBIC),
    "resize nearest": lambda T, M: T.Resize((50, 21), M.NEAREST),
    "resize nearest exact": lambda T, M: T.Resize((50, 21), M.NEAREST_EXACT),
    "center crop": lambda T, M: T.CenterCrop((15, 22)),
    "center crop larger": lambda T, M: T.CenterCrop((45, 22)),
    "pad": lambda T, M: T.Pad((1, 2, 3, 4), fill=7),
    "pad edge": lambda T, M: T.Pad((5, 2), padding_mode="edge"),
    "pad reflect": lambda T, M: T.Pad(4, padding_mode="reflect"),
    "pad symmetric": lambda T, M: T.Pad((1, 2, 3, 4), padding_mode="symmetric"),
    "pad less": lambda T, M: T.Pad((-3, 2, 4, -1), padding_mode="symmetric"),
    "pad less constant": lambda T, M: T.Pad((3, 2, 4, 1)),
    "five crop": lambda T, M: T.FiveCrop(12),
    "ten crop": lambda T, M: T.TenCrop((12, 14), vertical_flip=True),
    "random crop": lambda T, M: T.RandomCrop((12, 20), padding=3),
    "random crop needed": lambda T, M: T.RandomCrop(60, pad_if_needed=True, padding_mode="edge"),
    "hflip": lambda T, M: T.RandomHorizontalFlip(),
    "vflip": lambda T, M: T.RandomVerticalFlip(),
    "resized crop": lambda T, M: T.RandomResizedCrop(24),
    "resized crop thin": lambda T, M: T.RandomResizedCrop(24, scale=(0.9, 1), ratio=(3, 4)),
    "grayscale": lambda T, M: T.Grayscale(),
    "grayscale 3": lambda T, M: T.Grayscale(3),
    "jitter": lambda T, M: T.ColorJitter(0.4, 0.4, 0.4, 0.3),
    "brighter": lambda T, M: T.Lambda(lambda x: T.functional.adjust_brightness(x, 2)),
    "jitter light": lambda T, M: T.ColorJitter(brightness=(0.5, 2)),
    "rotation": lambda T, M: T.RandomRotation(40),
    "rotation bilinear": lambda T, M: T.RandomRotation(40, M.BILINEAR, fill=9),
    "rotation expand": lambda T, M: T.RandomRotation((10, 60), expand=True),
    "affine": lambda T, M: T.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), 10),
    "affine bilinear": lambda T, M: T.RandomAffine(30, (0.1, 0.2), None, (-5, 5, -9, 9), M.BILINEAR),
    "perspective": lambda T, M: T.RandomPerspective(p=1, fill=3),
    "perspective nearest": lambda T, M: T.RandomPerspective(0.3, p=1, interpolation=M.NEAREST),
    "blur": lambda T, M: T.GaussianBlur(5),
    "blur uneven": lambda T, M: T.GaussianBlur((3, 7), sigma=(1, 1.5)),
    "elastic": lambda T, M: T.ElasticTransform(alpha=60.0, sigma=2.0),
    "invert": lambda T, M: T.RandomInvert(),
    "posterize": lambda T, M: T.RandomPosterize(3, p=1),
    "solarize": lambda T, M: T.RandomSolarize(120, p=1),
    "sharp": lambda T, M: T.RandomAdjustSharpness(1.8, p=1),
    "soft": lambda T, M: T.RandomAdjustSharpness(0.2, p=1),
    "autocontrast": lambda T, M: T.RandomAutocontrast(p=1),
    "equalize": lambda T, M: T.RandomEqualize(p=1),
    "gray by chance": lambda T, M: T.RandomGrayscale(0.5),
    "apply": lambda T, M: T.RandomApply([T.Pad(2), T.RandomCrop(20)], p=0.4),
    "order": lambda T, M: T.RandomOrder([T.Pad(2), T.CenterCrop(20), T.RandomInvert()]),
    "choice": lambda T, M: T.RandomChoice([T.Pad(2), T.RandomCrop(20)], p=[0.3, 0.7]),
    "autoaugment": lambda T, M: T.AutoAugment(T.AutoAugmentPolicy.IMAGENET),
    "autoaugment cifar": lambda T, M: T.AutoAugment(T.AutoAugmentPolicy.CIFAR10, fill=5),
    "autoaugment svhn": lambda T, M: T.AutoAugment(T.AutoAugmentPolicy.SVHN),
    "randaugment": lambda T, M: T.RandAugment(3, 12),
    "trivialaugment": lambda T, M: T.TrivialAugmentWide(interpolation=M.BILINEAR),
    "augmix": lambda T, M: T.AugMix(),
}


@pytest.mark.parametrize("kind", ["picture", "tensor"])
@pytest.mark.parametrize("name", BOTH)
def test_same_as_torchvision(name, kind, real):
    data = pixels(1, 32, 41, 3)
    made = []
    for library, vision, make in (
        (real.torch, real.vision.transforms, lambda a: real.torch.from_numpy(a)),
        (rushlight, T, lambda a: rushlight.from_numpy(a)),
    ):
        transform = BOTH[name](vision, vision.InterpolationMode)
        library.manual_seed(3)
        random.seed(5)
        if kind == "picture":
            img = Image.fromarray(data)
        else:
            img = make(data.transpose(2, 0, 1).copy())
        made.append([as_array(transform(img)) for _ in range(4)])
    for theirs, ours in zip(*made):
        for want, got in zip(theirs, ours) if isinstance(theirs, list) else [(theirs, ours)]:
            assert want.shape == got.shape
            assert want.dtype == got.dtype
            apart = np.abs(want.astype(int) - got.astype(int))
            assert apart.mean() <= 0.01, f"{(apart > 0).mean():.3%} of the pixels differ"


ON_TENSORS = {
    "erasing": lambda T: T.RandomErasing(p=0.8),
    "erasing random": lambda T: T.RandomErasing(p=1, value="random"),
    "erasing colour": lambda T: T.RandomErasing(p=1, value=(0.1, 0.2, 0.3)),
    "normalize": lambda T: T.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    "jitter": lambda T: T.ColorJitter(0.4, 0.4, 0.4, 0.3),
    "blur": lambda T: T.GaussianBlur(5),
    "resize": lambda T: T.Resize((17, 60)),
    "affine": lambda T: T.RandomAffine(30, (0.1, 0.2), (0.7, 1.4), 10, fill=0.5),
    "autocontrast": lambda T: T.RandomAutocontrast(p=1),
    "crop": lambda T: T.RandomCrop(20, padding=2, padding_mode="reflect"),
}


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("name", ON_TENSORS)
def test_fractions_as_torchvision(name, batched, real):
    data = pixels(2, *([2] if batched else []), 3, 32, 41).astype(np.float32) / 255
    made = []
    for library, vision in ((real.torch, real.vision.transforms), (rushlight, T)):
        library.manual_seed(4)
        made.append(ON_TENSORS[name](vision)(library.from_numpy(data.copy())).numpy())
    np.testing.assert_allclose(made[1], made[0], rtol=1e-4, atol=2e-5)


def test_to_tensor_of_every_mode_and_back(real):
    colour = Image.fromarray(pixels(3, 9, 7, 3))
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "HSV", "I", "F"):
        picture = colour.convert("L").convert(mode) if mode in ("I", "F", "LA") else colour.convert(mode)
        want, got = real.T.ToTensor()(picture), T.ToTensor()(picture)
        assert np.array_equal(want.numpy(), got.numpy())
        assert str(want.dtype) == str(got.dtype)
        if mode in ("1", "P", "F"):
            continue
        back = T.ToPILImage(None if mode in ("L", "LA", "I") else mode)(T.PILToTensor()(picture))
        assert (back.mode, back.tobytes()) == (picture.mode, picture.tobytes())


def test_arrays_that_are_no_bytes_keep_their_numbers():
    array = np.random.default_rng(0).random((4, 6, 3))
    tensor = T.Compose([T.ToTensor(), T.Normalize((0.5,) * 3, (0.5,) * 3)])(array)
    assert tensor.dtype == rushlight.float64
    np.testing.assert_allclose(tensor.numpy(), (array.transpose(2, 0, 1) - 0.5) / 0.5)


@pytest.mark.parametrize("start", ["float32", "float64", "uint8", "int16", "int32", "bool"])
@pytest.mark.parametrize("end", ["float32", "float64", "uint8", "int16", "int32"])
def test_convert_image_dtype(start, end, real):
    values = np.array([0, 0.1, 0.5, 1]) if start.startswith("float") else np.array([0, 1, 99, 127])
    values = values.astype(start)
    results = []
    for library, vision in ((real.torch, real.vision.transforms), (rushlight, T)):
        try:
            change = vision.ConvertImageDtype(getattr(library, end))
            results.append(change(library.from_numpy(values)).numpy())
        except RuntimeError:
            results.append(None)
    want, got = results
    assert (want is None) == (got is None)
    assert want is None or (np.array_equal(want, got) and want.dtype == got.dtype)


def test_messages_say_what_was_wrong():
    with pytest.raises(TypeError, match="PIL Image or an ndarray"):
        T.ToTensor()("a path")
    with pytest.raises(ValueError, match="division by zero"):
        T.Normalize((0.0,), (0.0,))(rushlight.rand(1, 3, 3))
    with pytest.raises(TypeError, match="ToTensor"):
        T.Normalize((0.0,), (1.0,))(rushlight.ones(1, 3, 3, dtype=rushlight.uint8))
    with pytest.raises(ValueError, match="more than the picture"):
        T.RandomCrop(9)(rushlight.rand(1, 3, 3))
    with pytest.raises(ValueError, match=r"to 0\.5, got"):
        T.functional.adjust_hue(rushlight.rand(3, 3, 3), 0.7)
