"""Where tensors go, which files are taken, what `torch.serialization` has, what is not loaded."""

import argparse
import enum
import io
import pathlib
import sys
import types

import pytest

import rushlight as torch
from rushlight.serialization import LoadError, NotAllowedError
from support.paths import run_python


def saved(obj, **options):
    buffer = io.BytesIO()
    torch.save(obj, buffer, **options)
    buffer.seek(0)
    return buffer


def again(obj, **options):
    return torch.load(saved(obj), **options)


class Net(torch.nn.Module):
    """A user's module: neither its `__init__` nor its `__new__` runs when it is loaded."""

    made = 0

    class Part(torch.nn.Module):
        def __init__(self, size):
            super().__init__()
            self.size = size

    def __new__(cls, *args):
        Net.made += 1
        return super().__new__(cls)

    def __init__(self, size):
        super().__init__()
        self.layer = torch.nn.Linear(size, 2)
        self.part = Net.Part(size)
        self.tied = self.layer
        self.act = torch.nn.functional.relu
        self.options = argparse.Namespace(lr=0.1, path=pathlib.Path("a/b"))
        self.register_buffer("steps", torch.zeros(1), persistent=False)

    def forward(self, x):
        return self.act(self.layer(x))


class Colour(enum.Enum):
    RED = 1


class Settings:
    def __init__(self, lr):
        self.lr = lr


class Stateful(torch.nn.Module):
    def __setstate__(self, state):
        self.woken = True
        super().__setstate__(state)


def test_modules_of_the_program_load_without_running_its_code():
    net = Net(3).eval()
    Net.made = 0
    new = again(net)
    assert Net.made == 0
    assert type(new) is Net
    assert type(new.part) is Net.Part
    assert not new.training
    assert new.tied is new.layer
    assert new._non_persistent_buffers_set == {"steps"}
    assert (new.options.lr, new.options.path) == (0.1, pathlib.Path("a/b"))
    x = torch.ones(1, 3)
    assert new(x).tolist() == net(x).tolist()
    new.layer.weight.data.fill_(0)  # members are attributes and entries of the tables alike
    assert new._modules["layer"].weight.sum() == 0


def test_weights_only_leaves_modules_out():
    with pytest.raises(NotAllowedError, match="weights_only"):
        again(torch.nn.Linear(1, 1), weights_only=True)
    assert again(torch.nn.Linear(1, 1).state_dict(), weights_only=True)["bias"].shape == (1,)
    assert type(again(torch.nn.Linear(1, 1), weights_only=False)) is torch.nn.Linear


def test_other_classes_need_to_be_allowed():
    for value in (Settings(0.5), Colour.RED):
        with pytest.raises(NotAllowedError, match="add_safe_globals"):
            again(value, weights_only=False)
    with torch.serialization.safe_globals([Settings, Colour]):
        assert again(Settings(0.5)).lr == 0.5
        assert again(Colour.RED) is Colour.RED
        assert torch.serialization.get_safe_globals() == [Settings, Colour]
    assert torch.serialization.get_safe_globals() == []
    torch.serialization.add_safe_globals([(Settings, f"{Settings.__module__}.Settings")])
    assert again(Settings(2)).lr == 2
    torch.serialization.clear_safe_globals()
    with pytest.raises(NotAllowedError):
        again(Settings(0.5))


def test_a_setstate_of_the_program_runs_only_when_allowed():
    with pytest.raises(NotAllowedError, match="__setstate__ of its own"):
        again(Stateful())
    with torch.serialization.safe_globals([Stateful]):
        assert again(Stateful()).woken


def test_what_allowed_code_raises_is_its_own_affair():
    class Failing:
        def __reduce__(self):
            return Failing, (1,)

    Failing.__qualname__ = "Failing"
    sys.modules[__name__].Failing = Failing
    with torch.serialization.safe_globals([Failing]), pytest.raises(TypeError, match="argument"):
        again(Failing())


def test_names_that_a_file_needs(tmp_path):
    path = tmp_path / "x.pt"
    torch.save([Settings(1), torch.ones(1), torch.nn.ReLU()], path)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == [f"{__name__}.Settings"]
    torch.save([Settings(1)], path, pickle_protocol=4)
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == [f"{__name__}.Settings"]


def test_a_class_that_is_nowhere_says_what_to_do():
    module = types.ModuleType("elsewhere")
    exec("import rushlight\nclass Gone(rushlight.nn.Module): pass", module.__dict__)
    sys.modules["elsewhere"] = module
    buffer = saved(module.Gone())
    del sys.modules["elsewhere"]
    with pytest.raises(NotAllowedError, match="from elsewhere import Gone"):
        torch.load(buffer)


# ---- where storages go


def test_map_location_in_all_its_forms():
    seen = []
    x = torch.arange(3.0)

    def keep(storage, location):
        seen.append((len(storage), location))
        return storage

    for where in ("cpu", torch.device("cpu"), {"cpu": "cpu"}, keep, lambda s, _: None, None):
        assert again([x, x[1:]], map_location=where)[1].tolist() == [1, 2]
    assert seen == [(12, "cpu")]
    assert again(x, map_location="meta").is_meta
    with pytest.raises(ValueError, match="mine"):
        again(x, map_location=fails)


def fails(storage, location):
    raise ValueError("mine")


def test_a_file_from_a_gpu_says_how_to_load_it():
    data = saved(torch.ones(2)).getvalue().replace(b"X\x03\x00\x00\x00cpu", b"X\x04\x00\x00\x00cuda")
    # one byte more in the pickle: the old format has no sizes to keep in step
    old = saved(torch.ones(2), _use_new_zipfile_serialization=False).getvalue()
    old = old.replace(b"X\x03\x00\x00\x00cpu", b"X\x04\x00\x00\x00cuda")
    with pytest.raises(RuntimeError, match=r"map_location=torch\.device"):
        torch.load(io.BytesIO(old))
    for where in ("cpu", {"cuda": "cpu"}, lambda s, _: s):
        assert torch.load(io.BytesIO(old), map_location=where).tolist() == [1, 1]
    with pytest.raises(RuntimeError):
        torch.load(io.BytesIO(data))


def test_a_device_can_be_registered():
    from rushlight.serialization import locations

    before = list(locations._devices)
    torch.serialization.register_package(5, lambda s: None, lambda s, where: s if where == "moon" else None)
    assert again(torch.ones(2), map_location="moon").sum() == 2
    locations._devices[:] = before
    assert torch.serialization.location_tag(torch.ones(1).untyped_storage()) == "cpu"
    with pytest.raises(RuntimeError, match="moon"):
        again(torch.ones(2), map_location="moon")


# ---- files


class Plain:
    """A file with nothing but what loading needs."""

    def __init__(self, data):
        self.file = io.BytesIO(data)
        for name in ("read", "readline", "seek", "tell"):
            setattr(self, name, getattr(self.file, name))


class Pipe:
    """A file that can only be written to."""

    def __init__(self):
        self.parts = []

    def write(self, data):
        self.parts.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("new", [True, False])
def test_files_that_can_little(new):
    pipe = Pipe()
    torch.save({"a": torch.arange(4)}, pipe, _use_new_zipfile_serialization=new)
    data = b"".join(pipe.parts)
    assert torch.load(Plain(data))["a"].tolist() == [0, 1, 2, 3]
    with pytest.raises(AttributeError, match="seekable"):
        torch.load(pipe)


@pytest.mark.parametrize("new", [True, False])
def test_files_that_begin_in_the_middle(new):
    data = b"header" + saved(torch.arange(4), _use_new_zipfile_serialization=new).getvalue()
    file = io.BytesIO(data)
    file.seek(6)
    assert torch.load(file).tolist() == [0, 1, 2, 3]


def test_old_files_may_follow_each_other():
    file = io.BytesIO()
    for i in range(3):
        torch.save(torch.full((2,), i), file, _use_new_zipfile_serialization=False)
    file.seek(0)
    assert [torch.load(file)[0].item() for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"mmap": True}, ValueError, "file path"),
        ({"pickle_module": types}, ValueError, "pickle_module"),
        ({"bogus": 1}, TypeError, "bogus"),
        ({"map_location": 3}, TypeError, "map_location"),
    ],
)
def test_arguments_that_make_no_sense(arguments, error, said):
    with pytest.raises(error, match=said):
        again(torch.ones(1), **arguments)


def test_things_that_are_not_saved(tmp_path):
    with pytest.raises(RuntimeError, match="Parent directory"):
        torch.save(1, tmp_path / "no" / "x.pt")
    with pytest.raises(AttributeError, match="write"):
        torch.save(1, 5)
    with pytest.raises(ValueError, match="protocol"):
        torch.save(1, io.BytesIO(), pickle_protocol=0)
    with pytest.raises(Exception, match="pickle"):
        torch.save(lambda: 1, io.BytesIO())
    with pytest.raises(IsADirectoryError):
        torch.save(1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_settings_of_torch_serialization():
    s = torch.serialization
    assert s.get_default_load_endianness() is None
    s.set_default_load_endianness(s.LoadEndianness.BIG)
    try:
        swapped = torch.load(saved(torch.tensor([1, 256], dtype=torch.int16), _disable_byteorder_record=True))
    finally:
        s.set_default_load_endianness(None)
    assert swapped.tolist() == [256, 1]
    s.set_crc32_options(False)
    try:
        assert again(torch.ones(2)).sum() == 2
    finally:
        s.set_crc32_options(True)
    for name in s.__all__:
        assert getattr(s, name) is not None
    with pytest.raises(AttributeError):
        s.nothing  # noqa: B018


def test_a_mapped_file_can_be_changed_through_its_tensors(tmp_path):
    import mmap

    path = tmp_path / "x.pt"
    torch.save(torch.zeros(4), path)
    with torch.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        torch.load(path, mmap=True).fill_(3.0)
    data = path.read_bytes()
    assert b"\x00\x00\x40\x40" * 4 in data
    with pytest.raises(LoadError, match="checksum"):
        torch.load(path)


def test_saved_by_a_script_and_loaded_by_another(tmp_path):
    define = "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return x + 1\n"
    (tmp_path / "a.py").write_text(define + "torch.save(Net(), 'net.pt')\n")
    (tmp_path / "b.py").write_text(define + "print(torch.load('net.pt')(torch.ones(1)))\n")
    (tmp_path / "c.py").write_text("import torch\ntorch.load('net.pt')\n")
    start = "import os, runpy, sys; os.chdir(FOLDER); sys.argv = ['rushlight', 'run', 'NAME.py']; "
    start = (
        start.replace("FOLDER", repr(str(tmp_path))) + "runpy.run_module('rushlight', run_name='__main__')"
    )
    runs = [run_python("-c", start.replace("NAME", name)) for name in "abc"]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[1].stdout.strip() == "tensor([2.])"
    assert runs[2].returncode == 1
    assert "from __main__ import Net" in runs[2].stderr
