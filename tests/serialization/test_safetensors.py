"""Files of the safetensors format: every dtype there and back, and what is said when something is missing."""

import sys

import pytest

import rushlight as torch
from rushlight.serialization import LoadError
from rushlight.serialization import safetensors as ours

NAMES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "float8_e4m3fn",
]


def examples():
    found = {name: (torch.arange(12) % 2).view(3, 4).to(getattr(torch, name)) for name in NAMES}
    return {
        **found,
        "transposed": torch.arange(6.0).view(2, 3).t(),
        "number": torch.tensor(1.5),
        "empty": torch.ones(0, 2),
    }


def test_tensors_come_back(tmp_path):
    pytest.importorskip("safetensors")
    given = examples()
    ours.save_file(given, tmp_path / "x.safetensors", {"made": "here"})
    loaded = ours.load_file(tmp_path / "x.safetensors")
    assert sorted(loaded) == sorted(given)
    for name, t in given.items():
        assert loaded[name].dtype is t.dtype
        assert loaded[name].shape == t.shape
        assert loaded[name].double().tolist() == t.double().tolist()
    loaded["float32"] += 1.0
    assert ours.load(ours.save(loaded))["float32"][0, 0] == 1


def test_pytorch_reads_and_writes_the_same(tmp_path):
    theirs = pytest.importorskip("torch")
    library = pytest.importorskip("safetensors.torch")
    ours.save_file(examples(), tmp_path / "x.safetensors")
    loaded = library.load_file(tmp_path / "x.safetensors")
    assert loaded["bfloat16"].dtype == theirs.bfloat16
    assert loaded["transposed"].tolist() == [[0, 3], [1, 4], [2, 5]]
    library.save_file(loaded, tmp_path / "y.safetensors")
    assert ours.load_file(tmp_path / "y.safetensors")["float64"].tolist() == loaded["float64"].tolist()


def test_what_cannot_be_done_is_said(tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    with pytest.raises(ValueError, match="'a' is a int"):
        ours.save({"a": 1})
    with pytest.raises(ValueError, match="complex128"):
        ours.save({"a": torch.ones(1, dtype=torch.complex128)})
    (tmp_path / "bad.safetensors").write_bytes(ours.save(examples())[:100])
    with pytest.raises(LoadError, match=r"bad\.safetensors"):
        ours.load_file(tmp_path / "bad.safetensors")
    with pytest.raises(RuntimeError, match="cuda"):
        ours.load_file(tmp_path / "bad.safetensors", device="cuda")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        ours.save({"a": torch.ones(1)})
