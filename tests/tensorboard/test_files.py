"""Event files: their frames, when they reach the disk, where they are and what goes wrong with them."""

import os
import threading
import time

import numpy as np
import pytest

import rushlight
from rushlight.tensorboard import FileWriter, SummaryWriter, crc32c, messages, protobuf, records
from support.paths import run_python

from .reader import crc32c as slow_crc32c
from .reader import event_file, events, fields, scalars


def test_the_checksum_of_the_standard():
    assert crc32c.crc32c(b"123456789") == 0xE3069283
    assert crc32c.crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


@pytest.mark.parametrize("size", [0, 1, 3, 511, 512, 513, 1000, 1024, 1025, 4097, 20_011])
def test_checksums_of_all_lengths(size):
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    assert crc32c.crc32c(data) == slow_crc32c(data)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**63 - 1])
def test_integers_of_all_lengths(value):
    assert fields(messages.Event(step=value)) == {2: [value]}


def test_a_negative_integer_is_its_complement():
    assert fields(messages.Event(step=-1)) == {2: [2**64 - 1]}


def test_a_message_refuses_fields_it_does_not_have():
    with pytest.raises(KeyError):
        protobuf.message(x=(1, protobuf.INT))(y=1)


def test_scalars_come_back(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in range(5):
            writer.add_scalar("loss", rushlight.tensor(1.0 / (step + 1)), step)
    read = scalars(tmp_path)
    assert [(tag, step) for tag, step, _ in read] == [("loss", step) for step in range(5)]
    assert [value for *_, value in read] == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


def test_the_first_event_names_the_format(tmp_path):
    SummaryWriter(tmp_path).close()
    (first,) = events(tmp_path)
    assert first[3] == [b"brain.Event:2"]
    assert first[1][0] == pytest.approx(time.time(), abs=60)


def test_the_name_of_the_file(tmp_path):
    SummaryWriter(tmp_path, filename_suffix=".mine").close()
    name = event_file(tmp_path).name
    assert name.startswith("events.out.tfevents.")
    assert f".{os.getpid()}." in name
    assert name.endswith(".mine")


def test_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="_lr0.1") as writer:
        assert writer.get_logdir() == writer.log_dir
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("_lr0.1")
    assert writer.log_dir == os.path.join("runs", folder.name)


def test_purging_announces_a_restart(tmp_path):
    SummaryWriter(tmp_path, purge_step=7).close()
    _, version, start = events(tmp_path)
    assert version[2] == start[2] == [7]
    assert fields(start[7][0]) == {1: [1]}


def test_a_flush_puts_everything_on_the_disk(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in range(100):
            writer.add_scalar("x", step, step)
        writer.flush()
        assert len(scalars(tmp_path)) == 100


def test_time_flushes_too(tmp_path):
    with SummaryWriter(tmp_path, flush_secs=0.05) as writer:
        writer.add_scalar("x", 1, 1)
        until = time.monotonic() + 20
        while time.monotonic() < until and not (event_file(tmp_path).stat().st_size and scalars(tmp_path)):
            time.sleep(0.02)
        assert scalars(tmp_path) == [("x", 1, 1.0)]


def test_a_program_that_does_not_close_loses_nothing(tmp_path):
    program = f"""
from rushlight.tensorboard import SummaryWriter
writer = SummaryWriter({str(tmp_path)!r})
for step in range(50):
    writer.add_scalar('x', step, step)
"""
    done = run_python("-c", program)
    assert done.returncode == 0, done.stderr
    assert len(scalars(tmp_path)) == 50


def test_a_writer_that_is_forgotten_ends_its_thread(tmp_path):
    before = threading.active_count()
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("x", 1, 1)
    del writer
    assert threading.active_count() == before
    assert scalars(tmp_path) == [("x", 1, 1.0)]


def test_writing_after_close_opens_a_new_file(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.close()
    writer.close()
    writer.add_scalar("x", 1, 1)
    writer.close()
    assert len(list(tmp_path.glob("events.*"))) == 2


def test_a_closed_file_says_so(tmp_path):
    writer = FileWriter(tmp_path)
    writer.close()
    with pytest.raises(ValueError, match="is closed"):
        writer.add_event(1, file_version="x")


def test_scalar_groups_are_runs_of_their_own(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("a/loss", {"train": 1, "test": 2}, 3)
        assert len(writer.all_writers) == 3
    assert scalars(tmp_path / "a_loss_train") == [("a/loss", 3, 1.0)]
    assert scalars(tmp_path / "a_loss_test") == [("a/loss", 3, 2.0)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_of_the_next_call(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "builtins.open", lambda path, *rest, _open=open, **named: _open("/dev/full", *rest, **named)
    )
    file = records.EventFile(tmp_path)
    monkeypatch.undo()
    with pytest.raises(OSError, match="could not be written"):
        file.flush()
    with pytest.raises(OSError, match="could not be written"):
        file.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_another_process_is_told_to_make_its_own_writer(tmp_path):
    program = f"""
import os
from rushlight.tensorboard import SummaryWriter
writer = SummaryWriter({str(tmp_path)!r})
if os.fork() == 0:
    try:
        writer.add_scalar('x', 1, 1)
    except RuntimeError as error:
        print(error)
else:
    os.wait()
    writer.add_scalar('x', 2, 2)
"""
    done = run_python("-W", "ignore", "-c", program)
    assert "make a SummaryWriter in each one that logs" in done.stdout, done.stderr
    assert scalars(tmp_path) == [("x", 2, 2.0)]
