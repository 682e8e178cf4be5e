"""Nothing in a file runs, and nothing takes more memory than the file has bytes; each refusal says why."""

import io
import random
import sys
import tracemalloc

import numpy as np
import pytest

import rushlight as torch
from rushlight.serialization import LoadError
from support.paths import ROOT, run_python

HERE = ROOT / "tests" / "serialization"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What was said to each hostile file, by a process with 128 MB to spare."""
    folder = tmp_path_factory.mktemp("hostile")
    script = HERE / "hostile.py"
    code = (
        f"import os, runpy; os.chdir({str(folder)!r}); runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(lines) > 300
    return lines


def test_nothing_runs(told):
    assert [line for line in told if line[1] == "RAN"] == []


def test_everything_is_refused_with_a_reason(told):
    kinds = ("LoadError: torch.load(", "NotAllowedError: torch.load(", "EmptyFileError: torch.load(")
    assert [line for line in told if not line[1].startswith(kinds)] == []


def test_nothing_needs_the_memory_that_it_declares(told):
    assert [line for line in told if "MemoryError" in line[1]] == []


def test_the_error_is_what_programs_expect(tmp_path):
    import pickle

    (tmp_path / "bad.pt").write_bytes(b"")
    with pytest.raises(EOFError, match=r"bad\.pt"):
        torch.load(tmp_path / "bad.pt")
    (tmp_path / "bad.pt").write_bytes(b"PK\3\4")
    for kind in (RuntimeError, pickle.UnpicklingError):
        with pytest.raises(kind, match=r"bad\.pt.*cut off"):
            torch.load(tmp_path / "bad.pt")


def a_file(**options):
    """A file with a bit of everything."""
    buffer = io.BytesIO()
    base = torch.arange(40.0)
    layer = torch.nn.Linear(3, 2)
    torch.save(
        {"a": base, "b": base[3:9], "net": torch.nn.Sequential(layer, layer), "c": {1, (2, "x")}},
        buffer,
        **options,
    )
    return buffer.getvalue()


OPTIONS = [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}]


@pytest.mark.parametrize("options", OPTIONS, ids=["zip", "old", "protocol 4"])
def test_every_shorter_file_is_refused(options):
    data = a_file(**options)
    for n in range(0, len(data), 7):
        with pytest.raises(LoadError):
            torch.load(io.BytesIO(data[:n]))


WATCHED = ("exec", "compile", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")
watching = False
seen = []


@sys.addaudithook
def notice(event, arguments):
    if watching and event in WATCHED:
        seen.append(event)


@pytest.mark.parametrize("options", OPTIONS, ids=["zip", "old", "protocol 4"])
def test_flipped_bits_give_an_error_or_a_value(options):
    global watching
    data = a_file(**options)
    draw = random.Random(11)
    torch.load(io.BytesIO(data))
    torch.relu_(torch.ones(1))  # all parts of the library are imported now
    good = 0
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(draw.choice((1, 1, 3))):
            damaged[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        watching = True
        try:
            torch.load(io.BytesIO(bytes(damaged)))
            good += 1
        except LoadError:
            pass
        finally:
            watching = False
    assert seen == []
    assert good < 1500


def test_damaged_data_of_a_tensor_are_noticed():
    data = bytearray(a_file())
    at = data.index(np.arange(40, dtype=np.float32).tobytes())
    data[at + 50] ^= 1
    with pytest.raises(LoadError, match="checksum"):
        torch.load(io.BytesIO(bytes(data)))


def test_loading_takes_the_memory_of_the_tensors_and_little_more(tmp_path):
    path = tmp_path / "big.pt"
    tensors = [torch.zeros(1 << 20) for _ in range(8)]
    tracemalloc.start()
    torch.save(tensors, path)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20  # nothing is copied
    tracemalloc.stop()
    code = (
        "import resource, rushlight as torch; torch.load(PATH, mmap=True); "
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (used + (80 << 20), -1)); "
        "print(len(torch.load(PATH)), len(torch.load(PATH, mmap=True)))"
    ).replace("PATH", repr(str(path)))
    done = run_python("-c", code)
    assert done.stdout.split() == ["8", "8"], done.stderr


if sys.platform != "linux":
    pytestmark = pytest.mark.skip(reason="limits of memory are set as Linux has them")
