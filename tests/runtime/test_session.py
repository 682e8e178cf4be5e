"""Without llvmlite or a generator the answer is "no kernels" with a reason, never a crash."""

import os
import re
import subprocess
import sys

import pytest

from rushlight import kernels, runtime
from rushlight.runtime import session, settings
from support.paths import run_python


@pytest.fixture
def forgetful():
    """The cached answers are asked anew, and forgotten afterwards."""
    caches = (session.host, session.available, session._compiler_identity, session._compiler)
    for cache in caches:
        cache.cache_clear()
    yield
    session._broken = ""
    for cache in caches:
        cache.cache_clear()


def test_importing_the_runtime_is_light():
    program = """
import sys, numpy
before = set(sys.modules)
import rushlight.runtime, rushlight.kernels
heavy = {"llvmlite", "multiprocessing", "tempfile", "subprocess"} & set(sys.modules) - before
assert not heavy, heavy
"""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)


@pytest.mark.usefixtures("forgetful")
def test_missing_llvmlite_is_said(monkeypatch):
    monkeypatch.setattr(session.importlib.util, "find_spec", lambda name: None)
    assert not runtime.available()
    assert "pip install llvmlite" in runtime.available().reason
    node = kernels.Node("exp", (kernels.input_node(0, "float32"),), "float32")
    assert not kernels.supports(node)
    assert "llvmlite is not installed" in kernels.why_not(node)
    unseen = kernels.Node(
        "exp", (kernels.Node("exp2", (kernels.input_node(0, "float32"),), "float32"),), "float32"
    )
    with pytest.raises(runtime.Unavailable, match="llvmlite is not installed"):
        kernels.elementwise(unseen)


@pytest.mark.usefixtures("forgetful")
def test_llvmlite_that_does_not_import_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(runtime.Unavailable, match="llvmlite cannot be imported"):
        session._compiler()
    assert not runtime.available()


@pytest.mark.usefixtures("forgetful")
def test_an_old_llvmlite_is_said(monkeypatch):
    binding = pytest.importorskip("llvmlite.binding")
    monkeypatch.setattr(binding, "llvm_version_info", (15, 0, 7))
    with pytest.raises(runtime.Unavailable, match="too old for these kernels"):
        session._compiler()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    ("machine", "reason"),
    [("riscv64", "riscv64 without AVX2 and FMA"), ("x86_64", "x86_64 without AVX2 and FMA")],
)
def test_machines_without_a_generator_are_said(monkeypatch, machine, reason):
    monkeypatch.setattr(session.platform, "machine", lambda: machine)
    monkeypatch.setattr(session, "_processor_text", lambda: "flags : sse2")
    assert reason in session.available().reason


@pytest.mark.usefixtures("forgetful")
def test_the_instruction_set_follows_the_flags(monkeypatch):
    monkeypatch.delenv("RUSHLIGHT_CPU", raising=False)
    avx512 = {"avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl"}
    assert session._instruction_set("x86_64", avx512) == ("avx512", 64)
    assert session._instruction_set("x86_64", avx512 - {"avx512dq"}) == ("avx2", 32)
    assert session._instruction_set("aarch64", set()) == ("neon", 16)
    monkeypatch.setenv("RUSHLIGHT_CPU", "avx2")
    assert session._instruction_set("x86_64", avx512) == ("avx2", 32)


def test_the_environment_is_checked(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_DEBUG", "loud")
    with pytest.raises(ValueError, match="RUSHLIGHT_DEBUG='loud': expected a whole number"):
        settings.integer("RUSHLIGHT_DEBUG", 0)
    with pytest.raises(ValueError, match="expected one of off, auto, force"):
        runtime.set_kernel_mode("fast")


def test_the_kernel_mode_decides_what_is_worthwhile():
    before = runtime.set_kernel_mode("force")
    try:
        assert kernels.policy.worthwhile(1)
        runtime.set_kernel_mode("off")
        assert not kernels.policy.worthwhile(1 << 30)
        runtime.set_kernel_mode("auto")
        assert kernels.policy.worthwhile(1 << 30)
        assert not kernels.policy.worthwhile(1)
    finally:
        runtime.set_kernel_mode(before)


@pytest.mark.skipif("not __import__('rushlight.runtime').runtime.available()")
def test_debugging_shows_the_calls_of_kernels():
    program = "import rushlight as t; t.ones(5000).exp(); t.nn.functional.max_pool2d(t.ones(1, 1, 70, 70), 2)"
    shown = run_python("-c", program, RUSHLIGHT_DEBUG="4").stderr
    assert re.search(r"exp\(float32\[5000\], float32\[5000\]\) in [0-9.]+ us", shown)
    assert re.search(r"pooling_\w+\(.*float32\[1, 1, 70, 70\].*\) in [0-9.]+ us", shown)
    assert " us\n" not in run_python("-c", program, RUSHLIGHT_DEBUG="2").stderr


@pytest.mark.skipif("not __import__('rushlight.runtime').runtime.available()")
def test_debugging_shows_what_is_compiled(tmp_path):
    program = (
        "import rushlight.kernels as k\n"
        "x = k.input_node(0, 'float32')\n"
        "k.elementwise(k.Node('neg', (x,), 'float32'), name='negate')"
    )
    environment = dict(os.environ, RUSHLIGHT_CACHE=str(tmp_path), PYTHONPATH=os.pathsep.join(sys.path))
    for level, expected in (("3", "fneg <"), ("1", ""), ("0", "")):
        environment["RUSHLIGHT_DEBUG"] = level
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True
        )
        assert expected in done.stderr
        assert ("compiled negate in" in done.stderr) == (level == "3")  # the others find it on disk
