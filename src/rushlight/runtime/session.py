"""The compiler session: what this machine is, and LLVM IR text to object code for it.

llvmlite is imported on the first compilation only.  `available()` says whether kernels can be had at all
and, if not, why; everything above then stays with numpy.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import time
from functools import lru_cache
from typing import NamedTuple

from . import settings
from .cache import key_of
from .locks import fork_safe_lock

OPTIMISATION = 3
OLDEST_LLVM = (20, 0, 0)  # llvmlite 0.45
_lock = fork_safe_lock()
_broken = ""  # why the compiler did not start, once that was tried


class Unavailable(RuntimeError):
    """Kernels cannot be generated or loaded here; the message says why."""


class Availability(NamedTuple):
    """True when kernels can be generated; otherwise `reason` says what is missing."""

    ok: bool
    reason: str

    def __bool__(self):
        return self.ok


class Host(NamedTuple):
    """What generators need to know of the machine."""

    system: str
    machine: str
    vector_bytes: int
    level: str
    identity: str


@lru_cache(maxsize=1)
def host() -> Host:
    """The CPU of this process, found without llvmlite so that a warm start does not import it."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    text = _processor_text()
    level, vector_bytes = _instruction_set(machine, set(text.split()))
    return Host(sys.platform, machine, vector_bytes, level, key_of(sys.platform, machine, level, text))


def _processor_text() -> str:
    """The lines of /proc/cpuinfo that describe the first CPU's model and instruction sets."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read().split("\n\n", 1)[0]
    except OSError:
        return f"{platform.processor()} {platform.version()}"
    wanted = (
        "vendor_id",
        "cpu family",
        "model",
        "stepping",
        "flags",
        "features",
        "cpu implementer",
        "cpu part",
    )
    return "\n".join(line for line in first.splitlines() if line.split(":")[0].strip().lower() in wanted)


def _instruction_set(machine: str, flags: set[str]) -> tuple[str, int]:
    """The vector instructions to generate for, and the bytes of their registers (0: none we support)."""
    if machine == "aarch64":
        return "neon", 16
    if machine != "x86_64":
        return "none", 0
    wanted = settings.choice("RUSHLIGHT_CPU", ("", "avx2"), "")
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags and wanted != "avx2":
        return "avx512", 64
    if {"avx2", "fma", "f16c"} <= flags:
        return "avx2", 32
    return "none", 0


@lru_cache(maxsize=1)
def instructions() -> frozenset[str]:
    """Instructions beyond the level that generators may use, by the names that the processor gives them."""
    flags = set(_processor_text().split()) if host().level == "avx512" else set()
    return frozenset(flags & {"avx512_bf16", "avx512_vnni"})


@lru_cache(maxsize=1)
def available() -> Availability:
    """Whether kernels can be generated and run on this machine, decided without importing llvmlite."""
    if sys.implementation.name != "cpython":
        return Availability(False, f"kernels call CPython's C interface; this is {sys.implementation.name}")
    if os.name != "posix":
        return Availability(False, f"kernels are not loaded on {sys.platform} yet")
    if sys.platform == "darwin":
        return Availability(False, "the object loader has not been written for macOS's memory protection yet")
    if host().vector_bytes == 0:
        return Availability(False, f"{host().machine} without AVX2 and FMA has no generator")
    if not _compiler_identity():
        return Availability(False, "llvmlite is not installed (pip install llvmlite)")
    return Availability(not _broken, _broken)


@lru_cache(maxsize=1)
def _compiler_identity() -> str:
    """Changes whenever another llvmlite is installed; empty when there is none."""
    try:
        spec = importlib.util.find_spec("llvmlite")
    except (ImportError, ValueError):
        return ""
    if spec is None or not spec.origin:
        return ""
    try:
        status = os.stat(spec.origin)
    except OSError:
        return "unknown"
    return f"{status.st_size}.{status.st_mtime_ns}"


@lru_cache(maxsize=1)
def versions() -> str:
    """What else an object depends on: interpreter and numpy layouts, the compiler."""
    import numpy

    interpreter = f"{sys.version_info[0]}.{sys.version_info[1]}.{object.__basicsize__}"
    arrays = f"numpy {numpy.__version__.split('.')[0]}"
    return f"{interpreter}|{arrays}|llvmlite {_compiler_identity()}|O{OPTIMISATION}"


class _Compiler:
    """llvmlite with its target machine; made once."""

    def __init__(self):
        started = time.perf_counter()
        try:
            import llvmlite.binding as binding
        except ImportError as error:
            raise Unavailable(f"llvmlite cannot be imported: {error}") from error
        if binding.llvm_version_info < OLDEST_LLVM:
            version = ".".join(map(str, binding.llvm_version_info))
            raise Unavailable(
                f"llvmlite has LLVM {version}, too old for these kernels (pip install -U llvmlite)"
            )
        self.binding = binding
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        cpu, features = _target_features(binding)
        target = binding.Target.from_default_triple()
        self.machine = target.create_target_machine(
            cpu=cpu, features=features, opt=OPTIMISATION, reloc="static", codemodel="jitdefault", jit=True
        )
        settings.log(1, f"llvmlite for {cpu} in {1e3 * (time.perf_counter() - started):.1f} ms")

    def object_code(self, text: str) -> bytes:
        binding = self.binding
        # closed here: Python drops a Ctrl-C that arrives while a `__del__` of llvmlite's does it
        with (
            binding.parse_assembly(text) as module,
            binding.create_pipeline_tuning_options(speed_level=1) as options,
            binding.create_pass_builder(self.machine, options) as builder,
            binding.create_new_module_pass_manager() as passes,
        ):
            module.verify()
            passes.add_always_inliner_pass()
            passes.add_sroa_pass()
            passes.add_simplify_cfg_pass()
            passes.add_new_gvn_pass()
            passes.run(module, builder)
            return self.machine.emit_object(module)


def _target_features(binding) -> tuple[str, str]:
    if host().level == "avx2":
        return "haswell", ""
    features = binding.get_host_cpu_features().flatten()
    if host().level == "avx512":
        features += ",-prefer-256-bit"  # else Intel's 512-bit vectors are split in two
    return binding.get_host_cpu_name(), features


@lru_cache(maxsize=1)
def _compiler() -> _Compiler:
    """The session's compiler; when it cannot be had, `available()` says so from then on."""
    global _broken
    try:
        return _Compiler()
    except (Unavailable, OSError, RuntimeError) as error:
        _broken = str(error)
        available.cache_clear()
        raise Unavailable(_broken) from error


def compile_object(name: str, text: str) -> bytes:
    """Object code of a module of LLVM IR for this machine."""
    answer = available()
    if not answer:
        raise Unavailable(answer.reason)
    if settings.debug_level >= 3:
        settings.log(3, f"IR of {name}\n{text}")
    with _lock:
        compiler = _compiler()
        started = time.perf_counter()
        code = compiler.object_code(text)
    settings.log(1, f"compiled {name} in {1e3 * (time.perf_counter() - started):.1f} ms, {len(code)} bytes")
    return code
