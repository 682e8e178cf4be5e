"""`device` reads, prints and compares as PyTorch's; a `with` block sets the default one for its thread."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

from rushlight.tensor.device import device, get_default_device, set_default_device


@pytest.fixture(autouse=True)
def _restore_default():
    yield
    set_default_device(None)


GOOD = [
    ("cpu",),
    ("cpu:0",),
    ("cuda",),
    ("cuda:1",),
    ("cuda:127",),
    ("meta",),
    ("meta:3",),
    ("mps",),
    ("xpu:2",),
    ("privateuseone:1",),
    ("hpu",),
    ("vulkan",),
    ("cuda", 0),
    ("cuda", None),
    ("cpu", 5),
]
BAD = [
    ("",),
    ("foo",),
    ("CPU",),
    (" cpu",),
    ("cpu ",),
    ("cpu\n",),
    ("cuda:",),
    ("cuda:x",),
    ("cuda:-1",),
    ("cuda:+1",),
    ("cuda: 1",),
    ("cuda:01",),
    ("cuda:1.",),
    ("cuda:1:2",),
    ("cuda:\u0661",),
    ("cuda0",),
    (":1",),
    ("cuda:1", 1),
    ("cuda", -1),
    ("cuda", "1"),
    ("cuda", True),
    ("cuda", 1.0),
    (-1,),
    (None,),
    (1.5,),
    (True,),
    ([],),
    (),
]


@pytest.mark.parametrize("arguments", GOOD)
def test_reads_and_prints_as_pytorch(arguments):
    torch = pytest.importorskip("torch")
    ours, theirs = device(*arguments), torch.device(*arguments)
    assert (ours.type, ours.index, str(ours), repr(ours)) == (
        theirs.type,
        theirs.index,
        str(theirs),
        repr(theirs),
    )
    assert ours.__reduce__()[1] == theirs.__reduce__()[1]


@pytest.mark.parametrize("arguments", BAD)
def test_refuses_what_pytorch_refuses(arguments):
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as theirs:
        torch.device(*arguments)
    with pytest.raises(theirs.type):
        device(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gpu",), "no device type is called 'gpu'; there are cpu, cuda"),
        (("cuda:x",), "'cuda:x' is no device; write 'cpu', 'cuda:1'"),
        (("cuda:1", 2), "two indices"),
        (("cuda", -1), "from 0 to 127, got -1"),
        (("cuda:128",), "from 0 to 127, got 128"),
        (([],), r"got \[\]; write"),
    ],
)
def test_an_error_says_what_to_write(arguments, words):
    with pytest.raises((RuntimeError, TypeError), match=words):
        device(*arguments)


def test_texts():
    assert (str(device("cpu")), repr(device("cpu"))) == ("cpu", "device(type='cpu')")
    assert (str(device("cuda", 1)), repr(device("cuda", 1))) == ("cuda:1", "device(type='cuda', index=1)")


def test_an_index_alone_is_of_the_accelerator():
    assert device(1) == device("cuda:1")


def test_keywords_and_devices():
    assert device(type="cuda", index=1) == device(device("cuda:1")) == device("cuda", index=1)
    with pytest.raises(TypeError, match="must be a str"):
        device(device("cuda"), 1)


def test_equal_when_type_and_index_are():
    assert device("cuda:1") == device("cuda", 1)
    assert hash(device("cuda:1")) == hash(device("cuda", 1))
    assert device("cuda") != device("cuda:0")
    assert device("cpu") != "cpu"
    assert {device("cpu"): 1}[device("cpu")] == 1
    with pytest.raises(TypeError):
        _ = device("cpu") < device("cuda")


def test_never_changes():
    cpu = device("cpu")
    for change in (
        lambda: setattr(cpu, "type", "x"),
        lambda: setattr(cpu, "name", 1),
        lambda: delattr(cpu, "type"),
    ):
        with pytest.raises(AttributeError, match="never changes"):
            change()
    assert cpu.type == "cpu"


@pytest.mark.parametrize("name", ["cpu", "cuda:1"])
def test_pickles_and_copies(name):
    original = device(name)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(original, protocol)) == original
    assert copy.copy(original) == copy.deepcopy(original) == original


# -- the default device --------------------------------------------------------------------------------------


def test_blocks_nest_and_may_repeat_a_device():
    meta = device("meta")
    assert get_default_device() == device("cpu")
    with meta as entered:
        assert entered == meta
        with device("cpu"):
            assert get_default_device() == device("cpu")
        with meta:
            assert get_default_device() == meta
        assert get_default_device() == meta
    assert get_default_device() == device("cpu")


def test_a_block_that_fails_restores_the_default():
    with pytest.raises(KeyError), device("meta"):
        raise KeyError
    assert get_default_device() == device("cpu")


def test_a_set_default_lies_under_the_blocks():
    set_default_device("meta")
    with device("cpu"):
        assert get_default_device() == device("cpu")
    assert get_default_device() == device("meta")
    set_default_device(None)
    assert get_default_device() == device("cpu")


def test_a_default_set_inside_a_block_ends_with_it():
    with device("cpu"):
        set_default_device("meta")
        assert get_default_device() == device("meta")
    assert get_default_device() == device("cpu")


def test_a_default_that_is_no_device_changes_nothing():
    set_default_device("meta")
    with pytest.raises(RuntimeError, match="gpu"):
        set_default_device("gpu")
    assert get_default_device() == device("meta")


def test_each_thread_has_its_own_default():
    seen = []
    set_default_device("meta")
    thread = threading.Thread(target=lambda: seen.append(get_default_device()))
    thread.start()
    thread.join()
    assert seen == [device("cpu")]


def test_leaving_without_entering_is_an_error():
    with pytest.raises(RuntimeError, match="__enter__"):
        device("cpu").__exit__(None, None, None)
    assert get_default_device() == device("cpu")
