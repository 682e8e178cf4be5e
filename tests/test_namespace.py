"""The root namespace: what is there at once, what comes on first use, and what says that it is not there."""

from __future__ import annotations

import pytest

import rushlight as rl
from support.paths import run_python

HEAVY = (
    "llvmlite",
    "multiprocessing",
    "ml_dtypes",
    "rushlight.cuda",
    "rushlight.testing",
    "rushlight.tensor.printing",
    "rushlight.sparse",
)


def test_heavy_parts_are_loaded_on_use():
    done = run_python("-c", f"import sys, rushlight; print([m for m in {HEAVY} if m in sys.modules])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_lazy_names_are_found_and_kept():
    assert rl.cuda.device_count() == 0
    assert rl.cuda is rl.cuda
    assert rl.get_printoptions()["precision"] == 4
    assert {"cuda", "nn", "zeros", "set_num_threads"} <= set(dir(rl))


def test_absent_names_raise_attribute_errors():
    assert not hasattr(rl, "no_such_name")
    with pytest.raises(AttributeError, match="no_such_name"):
        rl.no_such_name  # noqa: B018
    assert not hasattr(rl.cuda, "no_such_name")
    assert not hasattr(rl.utils, "no_such_name")


def test_tensor_is_the_function_and_submodules_still_import():
    from rushlight.tensor.core import Tensor

    assert rl.tensor([1]).tolist() == [1]
    assert Tensor is rl.Tensor


def test_threads_can_be_set():
    before = rl.get_num_threads()
    rl.set_num_threads(1)
    assert rl.get_num_threads() == 1
    rl.set_num_threads(before)


def test_determinism_is_remembered():
    rl.use_deterministic_algorithms(True, warn_only=True)
    assert rl.are_deterministic_algorithms_enabled()
    assert rl.get_deterministic_debug_mode() == 1
    rl.set_deterministic_debug_mode("default")
    assert not rl.are_deterministic_algorithms_enabled()


def test_cuda_names_answer_or_refuse():
    assert rl.cuda.get_rng_state_all() == []
    assert rl.cuda.max_memory_allocated() == 0
    for call in (rl.cuda.Stream, rl.cuda.get_device_properties, rl.ones(1).cuda):
        with pytest.raises(AssertionError, match="CUDA"):
            call()


def test_cuda_device_blocks():
    with rl.cuda.device(None), rl.cuda.device(-1):
        pass
    with pytest.raises(AssertionError, match="CUDA"):
        rl.cuda.device(0)
    rl.cuda.set_rng_state_all([])
    with pytest.raises(AssertionError):
        rl.cuda.set_rng_state_all([1])


def test_switches_remember():
    rl.set_float32_matmul_precision("high")
    assert rl.get_float32_matmul_precision() == "high"
    rl.set_float32_matmul_precision("highest")
    with pytest.raises(RuntimeError, match="'medium'"):
        rl.set_float32_matmul_precision("low")
    rl.set_num_interop_threads(2)
    assert rl.get_num_interop_threads() == 2
    rl.set_num_interop_threads(1)
    rl.set_warn_always(False)
    assert not rl.is_warn_always_enabled()
    assert not rl.set_flush_denormal(True)
    with pytest.raises(RuntimeError, match="debug_mode"):
        rl.set_deterministic_debug_mode("loud")
    rl.set_deterministic_debug_mode(2)
    assert rl.get_deterministic_debug_mode() == 2
    assert not rl.is_deterministic_algorithms_warn_only_enabled()
    rl.set_deterministic_debug_mode(0)


def test_backends_are_not_there():
    assert not rl.backends.mkl.is_available()
    assert rl.backends.cudnn.version() is None
    assert not rl.backends.mps.is_built()
    rl.backends.cudnn.benchmark = True
    assert rl.backends.cudnn.benchmark


def test_methods_that_wait_are_found_on_the_class_and_on_tensors():
    for asked in ("Tensor.resize_", "ones(2).resize_", "Tensor.digamma", "nn.Parameter.logcumsumexp"):
        done = run_python("-c", f"import rushlight as rl; print(callable(rl.{asked}))")
        assert (done.stdout, done.stderr) == ("True\n", "")
    assert not hasattr(rl.Tensor, "no_such_method")
    assert not hasattr(rl.ones(1), "no_such_method")
