"""What the machine can do at most: multiplications and additions a second, and bytes to and from memory.

Measured by generated kernels on the same threads that the library uses.
"""

from __future__ import annotations

import ctypes
import time

import numpy as np

from rushlight.runtime import ir, native, pool, session

SUMS = {"avx512": 24, "neon": 24, "avx2": 12}  # independent chains: more than a unit's latency can hide
ROUNDS = 200_000  # of all sums, in a chunk
CHUNK = 1 << 20  # bytes that a thread takes at a time
MEMORY = 256 << 20  # bytes: beyond every cache


def limits_ir(level: str, vector_bytes: int) -> str:
    """A module with `multiply`, `read` and `copy`, each `(argument, chunks)`."""
    module = ir.Module()
    vector = ir.f32.vector(vector_bytes // 4)
    with module.function("sums", exported=False, out=ir.ptr, chunk=ir.i64, thread=ir.i64) as f:
        sums = [f.variable(vector, k) for k in range(SUMS[level])]
        factor = f.load(vector, f.out)
        with f.loop(0, ROUNDS):
            for s in sums:
                s.set(f.fma(s.get(), factor, factor))
        total = sums[0].get()
        for s in sums[1:]:
            total = total + s.get()
        f.store(total, f.out, vector_bytes)
    with module.function("reads", exported=False, out=ir.ptr, chunk=ir.i64, thread=ir.i64) as f:
        start = f.load(ir.ptr, f.out).offset(f.chunk * CHUNK)
        sums = [f.variable(vector, 0) for _ in range(8)]
        with f.loop(0, CHUNK, 8 * vector_bytes) as at:
            for k, s in enumerate(sums):
                s.set(s.get() + f.load(vector, start.offset(at), k * vector_bytes))
        total = sums[0].get()
        for s in sums[1:]:
            total = total + s.get()
        f.store(total, f.load(ir.ptr, f.out, 16).offset(f.chunk * vector_bytes))
    with module.function("copies", exported=False, out=ir.ptr, chunk=ir.i64, thread=ir.i64) as f:
        source, target = (f.load(ir.ptr, f.out, place).offset(f.chunk * CHUNK) for place in (0, 8))
        with f.loop(0, CHUNK, 4 * vector_bytes) as at:
            for k in range(4):
                f.store(
                    f.load(vector, source.offset(at), k * vector_bytes), target.offset(at), k * vector_bytes
                )
    for name, body in (("multiply", "sums"), ("read", "reads"), ("copy", "copies")):
        with module.function(name, argument=ir.ptr, chunks=ir.i64) as f:
            f.call(pool.PARALLEL_FOR, ir.void, ir.Value(f, ir.ptr, f"@{body}"), f.argument, f.chunks)
    return module.text()


def measure() -> dict[str, float]:
    """GFLOP/s in float32 and GB/s with the threads that are set."""
    host = session.host()
    text = limits_ir(host.level, host.vector_bytes)
    symbols = {pool.PARALLEL_FOR: pool.parallel_for_address()}
    code = native.module("limits", (text,), lambda: text, symbols=symbols)
    run = {
        name: code.function(name, None, ctypes.c_void_p, ctypes.c_int64)
        for name in ("multiply", "read", "copy")
    }
    threads = pool.get_num_threads()
    factors = np.full(64, 0.5, np.float32)
    work = 2 * ROUNDS * SUMS[host.level] * host.vector_bytes / 4 * threads
    found = {"gflops": work / _best(run["multiply"], factors, threads) / 1e9}
    source, target = np.ones(MEMORY, np.uint8), np.zeros(MEMORY, np.uint8)
    chunks = MEMORY // CHUNK
    totals = np.zeros(chunks * host.vector_bytes, np.uint8)
    places = np.array([a.ctypes.data for a in (source, target, totals)], np.int64)
    found["read_gbs"] = MEMORY / _best(run["read"], places, chunks) / 1e9
    found["copy_gbs"] = 2 * MEMORY / _best(run["copy"], places, chunks) / 1e9
    return found


def _best(function, argument: np.ndarray, chunks: int) -> float:
    """The shortest of several runs: the limit is what the machine does undisturbed."""
    times = []
    for _ in range(12):
        began = time.perf_counter()
        function(argument.ctypes.data, chunks)
        times.append(time.perf_counter() - began)
    return min(times)
