"""The object cache survives damage, read-only folders and many processes, at the price of a slower start."""

import errno
import os
import subprocess
import sys

import pytest

from rushlight.runtime.cache import ObjectCache, default_folder, key_of


def test_what_is_put_is_found_by_another_cache(tmp_path):
    assert ObjectCache(str(tmp_path / "new"), 1 << 20).put("key", b"object code")
    assert ObjectCache(str(tmp_path / "new"), 1 << 20).get("key") == b"object code"
    assert ObjectCache(str(tmp_path / "new"), 1 << 20).get("other") is None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_a_damaged_entry_is_gone(tmp_path, damage):
    cache = ObjectCache(str(tmp_path), 1 << 20)
    cache.put("key", b"object code" * 100)
    path = tmp_path / "key.o"
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[500] ^= 1
    damaged = {"cut": content[:-1], "flip": content, "empty": b"", "foreign": b"something else entirely"}[
        damage
    ]
    path.write_bytes(bytes(damaged))
    assert cache.get("key") is None
    assert not path.exists()
    assert cache.put("key", b"new")
    assert cache.get("key") == b"new"


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    cache = ObjectCache(str(tmp_path / "file" / "folder"), 1 << 20)
    assert not cache.put("key", b"data")
    assert cache.get("key") is None


def test_a_folder_that_can_only_be_read_is_read(tmp_path, monkeypatch):
    ObjectCache(str(tmp_path), 1 << 20).put("key", b"object code")

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    for name in ("makedirs", "replace", "unlink"):
        monkeypatch.setattr(os, name, refuse)
    cache = ObjectCache(str(tmp_path), 1 << 20)
    assert cache.get("key") == b"object code"
    assert not cache.put("other", b"data")
    (tmp_path / "key.o").write_bytes(b"damaged")
    assert cache.get("key") is None  # and is compiled again in each process


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_a_folder_others_can_write_to_is_not_trusted(tmp_path):
    cache = ObjectCache(str(tmp_path), 1 << 20)
    cache.put("key", b"data")
    tmp_path.chmod(0o777)
    assert ObjectCache(str(tmp_path), 1 << 20).get("key") is None


def test_the_folder_stays_within_its_limit(tmp_path):
    cache = ObjectCache(str(tmp_path), 100_000)
    for number in range(40):
        cache.put(f"key{number}", bytes(5000))
        os.utime(tmp_path / f"key{number}.o", (number, number))
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 110_000
    assert cache.get("key39") is not None
    assert cache.get("key0") is None


def test_processes_look_at_all_files_once_in_a_sixteenth_of_the_limit(tmp_path, monkeypatch):
    """With tens of thousands of files a look takes longer than compiling a kernel."""
    looks = []
    monkeypatch.setattr(ObjectCache, "trim", lambda self: looks.append(self))
    for k in range(64):  # each as in a process of its own
        ObjectCache(str(tmp_path), 1 << 20).put(f"key{k}", bytes(4000))
    assert 4 <= len(looks) <= 6  # 256 KB written, 64 KB each


def test_no_folder_keeps_nothing(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_CACHE", "off")
    assert default_folder() is None
    assert not ObjectCache(None, 1).put("key", b"data")


def test_keys_keep_their_parts_apart():
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", 1) == key_of("a", "1")


USE_A_KERNEL = """
import sys
import numpy as np
from rushlight import kernels
x = kernels.input_node(0, "float32")
double = kernels.elementwise(kernels.Node("add", (x, x), "float32"), name="double")
a = np.arange(100, dtype=np.float32)
assert (double(np.empty_like(a), a) == 2 * a).all()
print("compiled" if "llvmlite" in sys.modules else "loaded")
"""


def start(folder):
    environment = dict(os.environ, RUSHLIGHT_CACHE=str(folder), PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", USE_A_KERNEL]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.split()[-1]


needs_kernels = pytest.mark.skipif("not __import__('rushlight.runtime').runtime.available()")


@needs_kernels
def test_the_second_process_does_not_import_the_compiler(tmp_path):
    assert finish(start(tmp_path)) == "compiled"
    assert finish(start(tmp_path)) == "loaded"


@needs_kernels
def test_damaged_objects_are_compiled_again(tmp_path):
    finish(start(tmp_path))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-20])
    assert finish(start(tmp_path)) == "compiled"
    assert finish(start(tmp_path)) == "loaded"


@needs_kernels
def test_processes_at_once_share_the_folder(tmp_path):
    processes = [start(tmp_path) for _ in range(4)]
    assert [finish(process) for process in processes]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".new-")]
    assert finish(start(tmp_path)) == "loaded"


@needs_kernels
def test_without_a_folder_kernels_live_in_memory():
    assert finish(start("off")) == "compiled"
    assert finish(start("off")) == "compiled"
