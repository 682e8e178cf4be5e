"""Datasets read the files that torchvision reads, and give the same samples."""

import bz2
import gzip
import pickle
import struct

import numpy as np
import pytest

import rushlight
import rushlight.vision.transforms as T
from rushlight.utils.data import DataLoader
from rushlight.vision import datasets
from support.pictures import as_array, pixels

Image = pytest.importorskip("PIL.Image")


def idx(array):
    kinds = {"uint8": 8, "int32": 12}
    head = struct.pack(">BBBB", 0, 0, kinds[array.dtype.name], array.ndim)
    return (
        head
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


def write_mnist(root, name="MNIST", prefix=""):
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 12), ("t10k", 7)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels(count, count, 28, 28)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))


def write_cifar(root):
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}, 2))
    for i, name in enumerate(names):
        batch = {"data": pixels(i, 4, 3072), "labels": [int(k) for k in (np.arange(4) + i) % 10]}
        (folder / name).write_bytes(pickle.dumps(batch, 2))


def unchecked(cls):
    """The class without checksums: the files of the tests are not the published ones."""
    lists = {name: [[entry[0], None] for entry in getattr(cls, name)] for name in ("train_list", "test_list")}
    return type(cls.__name__, (cls,), {**lists, "meta": {**cls.meta, "md5": None}})


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_mnist_and_its_kin(name, train, tmp_path, real):
    write_mnist(tmp_path, name)
    theirs = getattr(real.vision.datasets, name)(tmp_path, train, transform=real.T.ToTensor())
    ours = getattr(datasets, name)(tmp_path, train, transform=T.ToTensor())
    assert repr(ours) == repr(theirs)
    assert (ours.classes, ours.class_to_idx) == (theirs.classes, theirs.class_to_idx)
    assert len(ours) == len(theirs)
    assert np.array_equal(ours.data.numpy(), theirs.data.numpy())
    for i in range(len(ours)):
        assert np.array_equal(ours[i][0].numpy(), theirs[i][0].numpy())
        assert ours[i][1] == theirs[i][1]


def test_emnist_and_qmnist(tmp_path, real):
    raw = tmp_path / "EMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "emnist-letters-train-images-idx3-ubyte").write_bytes(idx(pixels(1, 5, 28, 28)))
    (raw / "emnist-letters-train-labels-idx1-ubyte").write_bytes(idx(np.arange(5, dtype=np.uint8)))
    raw = tmp_path / "QMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "qmnist-test-images-idx3-ubyte").write_bytes(idx(pixels(1, 6, 28, 28)))
    (raw / "qmnist-test-labels-idx2-int").write_bytes(idx(np.arange(48, dtype=np.int32).reshape(6, 8)))
    for make in (
        lambda d: d.EMNIST(tmp_path, "letters"),
        lambda d: d.QMNIST(tmp_path, train=False),
        lambda d: d.QMNIST(tmp_path, "test10k", compat=False),
    ):
        theirs, ours = make(real.vision.datasets), make(datasets)
        assert repr(ours) == repr(theirs)
        assert ours.classes == theirs.classes
        for a, b in zip(ours, theirs):
            assert np.array_equal(as_array(a[0]), as_array(b[0]))
            assert np.array_equal(as_array(a[1]), as_array(b[1]))


@pytest.mark.parametrize("train", [True, False])
def test_cifar(train, tmp_path, real):
    write_cifar(tmp_path)
    theirs = unchecked(real.vision.datasets.CIFAR10)(tmp_path, train)
    ours = unchecked(datasets.CIFAR10)(tmp_path, train)
    assert np.array_equal(ours.data, theirs.data)
    assert ours.targets == theirs.targets
    assert ours.class_to_idx == theirs.class_to_idx
    assert ours[3][0].tobytes() == theirs[3][0].tobytes()
    with pytest.raises(RuntimeError, match="corrupted"):
        datasets.CIFAR10(tmp_path)


class _Harmful:
    def __reduce__(self):
        return (print, ("this must not run",))


def test_a_pickle_that_calls_something_is_refused(tmp_path, capsys):
    write_cifar(tmp_path)
    bad = tmp_path / "cifar-10-batches-py" / "test_batch"
    bad.write_bytes(pickle.dumps({"data": _Harmful()}, 2))
    with pytest.raises(pickle.UnpicklingError, match="print"):
        unchecked(datasets.CIFAR10)(tmp_path, train=False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "transform",
    [
        T.ToTensor(),
        T.Compose([T.ToTensor(), T.Normalize((0.1307,), (0.3081,))]),
        T.Compose([T.ToTensor(), T.RandomErasing(p=1, value=0.5)]),
    ],
)
def test_batches_are_those_of_single_samples(transform, tmp_path):
    write_mnist(tmp_path)
    write_cifar(tmp_path)
    for dataset in (
        datasets.MNIST(tmp_path, transform=transform),
        unchecked(datasets.CIFAR10)(tmp_path, transform=transform),
    ):
        rushlight.manual_seed(1)
        singly = [dataset[i] for i in range(8)]
        rushlight.manual_seed(1)
        together = dataset.__getitems__(list(range(8)))
        for (a, b), (c, d) in zip(singly, together):
            assert a.equal(c)
            assert (b, type(b)) == (d, type(d))
        images, labels = next(iter(DataLoader(dataset, batch_size=8)))
        assert images.shape[0] == len(labels) == 8


def test_a_changed_getitem_is_what_batches_use(tmp_path):
    write_mnist(tmp_path)

    class WithIndex(datasets.MNIST):
        raw_folder = str(tmp_path / "MNIST" / "raw")

        def __getitem__(self, index):
            return (*super().__getitem__(index), index)

    _, _, places = next(iter(DataLoader(WithIndex(tmp_path, transform=T.ToTensor()), batch_size=4)))
    assert places.tolist() == [0, 1, 2, 3]


def test_svhn_of_a_matlab_file(tmp_path):
    io = pytest.importorskip("scipy.io")
    images = pixels(1, 32, 32, 3, 5)
    labels = np.array([[1], [2], [10], [3], [10]], np.uint8)
    for compress in (False, True):
        io.savemat(
            tmp_path / "train_32x32.mat", {"X": images, "y": labels, "note": "text"}, do_compression=compress
        )

        class Unchecked(datasets.SVHN):
            split_list = {"train": [*datasets.SVHN.split_list["train"][:2], None]}  # noqa: RUF012

        dataset = Unchecked(tmp_path)
        assert [label for _, label in dataset] == [1, 2, 0, 3, 0]
        assert np.array_equal(as_array(dataset[2][0]), images[:, :, :, 2])


def test_stl10(tmp_path, real):
    folder = tmp_path / "stl10_binary"
    folder.mkdir()
    for name, count in (("train", 4), ("test", 3), ("unlabeled", 2)):
        (folder / f"{name}_X.bin").write_bytes(pixels(count, count, 3 * 96 * 96).tobytes())
        (folder / f"{name}_y.bin").write_bytes(bytes(range(1, count + 1)))
    (folder / "class_names.txt").write_text("airplane\nbird\n")
    (folder / "fold_indices.txt").write_text("0 2 \n1 3 \n")
    for split, folds in (
        ("train", None),
        ("train", 1),
        ("train+unlabeled", None),
        ("unlabeled", None),
        ("test", None),
    ):
        made = []
        for library in (real.vision.datasets, datasets):
            cls = library.STL10
            lists = {n: [[e[0], None] for e in getattr(cls, n)] for n in ("train_list", "test_list")}
            made.append(type("STL10", (cls,), lists)(tmp_path, split, folds))
        theirs, ours = made
        assert np.array_equal(ours.data, theirs.data)
        assert list(map(int, ours.labels)) == list(map(int, theirs.labels))
        assert (ours.classes, ours[0][1]) == (theirs.classes, theirs[0][1])


def test_usps(tmp_path, real):
    rows = ["3 " + " ".join(f"{i + 1}:{np.sin(i + k):.4f}" for i in range(256)) for k in range(4)]
    (tmp_path / "usps.bz2").write_bytes(bz2.compress("\n".join(rows).encode()))
    theirs, ours = real.vision.datasets.USPS(tmp_path), datasets.USPS(tmp_path)
    assert np.array_equal(ours.data, theirs.data)
    assert ours[0][1] == theirs[0][1]


def test_folders(tmp_path, real):
    for name in ("cat/b.png", "cat/a.PNG", "ant/deep/c.jpg", "ant/note.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no picture")
        else:
            Image.fromarray(pixels(len(name), 5, 6, 3)).save(path)
    theirs, ours = real.vision.datasets.ImageFolder(tmp_path), datasets.ImageFolder(tmp_path)
    assert (ours.samples, ours.classes, ours.targets) == (theirs.samples, theirs.classes, theirs.targets)
    assert ours[0][0].tobytes() == theirs[0][0].tobytes()
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True)) == 3


def test_fake_data_is_torchvision_s_fake_data(real):
    theirs = real.vision.datasets.FakeData(5, (3, 9, 8), 4, real.T.ToTensor(), random_offset=2)
    ours = datasets.FakeData(5, (3, 9, 8), 4, T.ToTensor(), random_offset=2)
    for i in range(5):
        assert np.array_equal(ours[i][0].numpy(), theirs[i][0].numpy())
        assert ours[i][1] == theirs[i][1]
    assert repr(ours) == repr(theirs)


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(RuntimeError, match="download=True"):
        datasets.MNIST(tmp_path)
    with pytest.raises(RuntimeError, match="download=True"):
        datasets.CIFAR10(tmp_path)
    (tmp_path / "x").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="IDX"):
        datasets.mnist.read_idx(tmp_path / "x")


def test_download_from_a_mirror(tmp_path, monkeypatch):
    files = tmp_path / "mirror" / "host.invalid" / "digits"
    files.mkdir(parents=True)
    resources = []
    write_mnist(tmp_path / "made")
    for path in sorted((tmp_path / "made" / "MNIST" / "raw").iterdir()):
        packed = files / (path.name + ".gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        resources.append((packed.name, datasets.utils.calculate_md5(packed)))

    class Mirrored(datasets.MNIST):
        mirrors = ["https://host.invalid/digits/"]  # noqa: RUF012

    Mirrored.resources = resources
    monkeypatch.setenv("RUSHLIGHT_MIRROR", (tmp_path / "mirror").as_uri())
    assert len(Mirrored(tmp_path / "here", download=True)) == 12


def test_old_names_of_what_mnist_holds(tmp_path):
    write_mnist(tmp_path)
    data = datasets.MNIST(tmp_path)
    with pytest.warns(UserWarning, match="train_data has been renamed data"):
        assert data.train_data is data.data
    with pytest.warns(UserWarning, match="test_labels has been renamed targets"):
        assert data.test_labels is data.targets
