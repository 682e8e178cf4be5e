"""The thread pool's machine code: how chunks are handed out, how workers wait and how they are woken.

A job is a function `body(argument, chunk, thread)` and a number of chunks.  Each thread owns a word with
its range of chunks and a 32-bit epoch; it takes chunks from its own word first (the same data stays in the
same cache), then from the others'.  The caller works too and waits for chunks that are done, never for
threads that are awake.  A worker spins for a fraction of a millisecond, then sleeps on a futex.  One job
runs at a time: who finds the pool busy (another Python thread, a nested call) simply runs its chunks
itself.

Epochs tell a new job from an old one.  A worker that wakes late finds the words of the old job used up, or
those of the new job, both of which are right: the job's function is published before its words, and cannot
change while a chunk that somebody took is not done.
"""

from __future__ import annotations

from typing import NamedTuple

from .ir import Function, Module, Value, constant, i1, i32, i64, ptr, void

MAX_THREADS = 256
MAX_CHUNKS = 1 << 15
LINE = 128
AFFINITY_BYTES = 128
SIGNAL_SET_BYTES = 128
SIG_SETMASK = 2
FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE = 128, 129
CALLER_SPINS = 300


class System(NamedTuple):
    """What differs between the machines the pool runs on."""

    futex: int
    gettid: int
    pause: tuple  # an intrinsic and its arguments
    clock: str
    spin: int  # in units of the clock, about 200 microseconds


SYSTEMS = {
    "x86_64": System(202, 186, ("llvm.x86.sse2.pause",), "llvm.readcyclecounter", 500_000),
    "aarch64": System(98, 178, ("llvm.aarch64.hint", constant(i32, 1)), "llvm.readsteadycounter", 10_000),
}


class Words(NamedTuple):
    """The pool's shared memory."""

    epoch: Value  # i32 in the upper half of an i64 line; workers sleep on it
    done: Value
    parked: Value
    lock: Value
    stop: Value
    job: Value
    ranges: Value
    threads: Value  # wanted, with the caller
    started: Value  # workers running
    kernel_ids: Value
    handles: Value
    all_cpus: Value
    other_cpus: Value
    steering: Value


def serial_ir() -> str:
    """The same interface without threads, for systems the pool is not written for."""
    module = Module()
    with module.function("rl_parallel_for", void, body=ptr, argument=ptr, count=i64) as f:
        _run_alone(f)
    return module.text()


def pool_ir(machine: str) -> str:
    module = Module()
    words = _declare_words(module)
    system = SYSTEMS[machine]
    _claim_chunks(module, words)
    _worker(module, words, system)
    _start_workers(module, words)
    _keep_off_this_cpu(module, words)
    _parallel_for(module, words, system)
    _administration(module, words, system)
    return module.text()


def _declare_words(module: Module) -> Words:
    def line(name: str, size: int = LINE) -> Value:
        return module.variable(name, f"[{size} x i8]", align=LINE)

    return Words(
        epoch=line("epoch"),
        done=line("done"),
        parked=line("parked"),
        lock=line("lock"),
        stop=line("stop"),
        job=line("job"),
        ranges=line("ranges", LINE * MAX_THREADS),
        threads=module.variable("threads", "i64", "1"),
        started=module.variable("started", "i64", "0"),
        kernel_ids=line("kernel_ids", 4 * MAX_THREADS),
        handles=line("handles", 8 * MAX_THREADS),
        all_cpus=line("all_cpus", AFFINITY_BYTES),
        other_cpus=line("other_cpus", AFFINITY_BYTES),
        steering=module.variable("steering", "i32", "0"),
    )


def _pause(f: Function, system: System) -> None:
    name, *arguments = system.pause
    f.call(name, void, *arguments)


def _clock(f: Function, system: System) -> Value:
    return f.call(system.clock, i64)


def _system_call(f: Function, number: int, *arguments: Value) -> Value:
    return f.call("syscall", i64, constant(i64, number), *arguments, variadic=1)


def _futex(f: Function, words: Words, system: System, operation: int, value: Value) -> None:
    nothing = constant(ptr, 0)
    word = f.at(words.epoch)
    _system_call(f, system.futex, word, constant(i32, operation), value, nothing, nothing, constant(i32, 0))


def _epoch(f: Function, words: Words, order: str = "acquire") -> Value:
    return f.load(i32, words.epoch, atomic=order)


def _fields(word: Value) -> tuple[Value, Value]:
    """The next chunk and the end of a range word."""
    return word & 0xFFFF, word.lshr(16) & 0xFFFF


def _claim_chunks(module: Module, words: Words) -> None:
    """Run chunks until no thread's range has any left, then report how many."""
    with module.function("claim_chunks", void, exported=False, thread=i64) as f:
        threads = f.load(i64, words.threads)
        finished = f.variable(i64, 0)
        with f.loop(0, threads) as step:
            owner = (f.thread + step) % threads
            word = f.at(words.ranges).offset(owner * LINE)
            with f.forever() as chunks:
                upcoming, end = _fields(f.load(i64, word, atomic="acquire"))
                chunks.leave_if(upcoming >= end)  # looking first leaves a used-up line clean
                mine, end = _fields(f.atomic("add", word, 1))
                chunks.leave_if(mine >= end)
                body, argument = f.load(ptr, words.job), f.load(ptr, words.job, 8)
                f.call_pointer(body, void, argument, mine, f.thread)
                finished.set(finished.get() + 1)
        with f.when(finished.get() > 0):
            f.atomic("add", f.at(words.done), finished.get(), "release")


def _worker(module: Module, words: Words, system: System) -> None:
    """A worker's life; its argument is its number and the epoch it was started in."""
    with module.function("worker", ptr, exported=False, argument=ptr) as f:
        packed = f.argument.convert("ptrtoint", i64)
        number = packed.lshr(32)
        seen = f.variable(i32, packed.convert("trunc", i32))
        kernel_id = _system_call(f, system.gettid).convert("trunc", i32)
        f.store(kernel_id, f.at(words.kernel_ids).offset(number * 4), atomic="release")
        with f.forever() as life:
            _wait_for_job(f, words, system, seen)
            life.leave_if(f.load(i32, words.stop, atomic="acquire").differs(0))
            f.call("claim_chunks", void, number)
        f.ret(constant(ptr, 0))


def _wait_for_job(f: Function, words: Words, system: System, seen) -> None:
    """Spin, then sleep, until the epoch is another than `seen`; then remember it."""
    started = f.variable(i64, _clock(f, system))
    with f.forever() as waiting:
        now = _epoch(f, words)
        with f.when(now.differs(seen.get())):
            seen.set(now)
            waiting.leave()
        _pause(f, system)
        waiting.again_if((_clock(f, system) - started.get()) < system.spin)
        _sleep(f, words, system, seen)
        started.set(_clock(f, system))


def _sleep(f: Function, words: Words, system: System, seen) -> None:
    f.atomic("add", f.at(words.parked), constant(i32, 1))
    with f.when(_epoch(f, words, "seq_cst").equals(seen.get())):
        _futex(f, words, system, FUTEX_WAIT_PRIVATE, seen.get())
        with f.when(f.load(i32, words.steering).differs(0)):
            _set_affinity(f, constant(i32, 0), words.all_cpus)
    f.atomic("sub", f.at(words.parked), constant(i32, 1))


def _set_affinity(f: Function, kernel_id: Value, cpus: Value) -> None:
    f.call("sched_setaffinity", i32, kernel_id, constant(i64, AFFINITY_BYTES), f.at(cpus))


def _keep_off_this_cpu(module: Module, words: Words) -> None:
    """Bar sleeping workers from the caller's CPU before they are woken.

    Linux likes to put a woken thread where its waker runs, and there it waits for the next tick, 2 to 4 ms;
    the worker lifts the bar itself as soon as it runs.
    """
    with module.function("keep_off_this_cpu", void, exported=False) as f:
        with f.when(f.load(i32, words.steering).equals(0)):
            f.ret()
        cpu = f.call("sched_getcpu", i32).convert("zext", i64)
        for place in range(0, AFFINITY_BYTES, 8):
            f.store(f.load(i64, words.all_cpus, place), words.other_cpus, place)
        word = f.at(words.other_cpus).offset(cpu.lshr(6) * 8)
        f.store(f.load(i64, word) & ~(f.constant(i64, 1) << (cpu & 63)), word)
        with f.loop(0, f.load(i64, words.started)) as worker:
            place = f.at(words.kernel_ids).offset((worker + 1) * 4)
            kernel_id = f.load(i32, place, atomic="acquire")
            with f.when(kernel_id > 0):
                _set_affinity(f, kernel_id, words.other_cpus)


def _start_workers(module: Module, words: Words) -> None:
    """Create the threads that are wanted and not there yet, with every signal left to Python's threads."""
    with module.function("start_workers", void, exported=False) as f:
        every, before = f.stack(SIGNAL_SET_BYTES), f.stack(SIGNAL_SET_BYTES)
        for place in range(0, SIGNAL_SET_BYTES, 8):
            f.store(constant(i64, -1), every, place)
        f.call("pthread_sigmask", i32, constant(i32, SIG_SETMASK), every, before)
        epoch = _epoch(f, words).convert("zext", i64)
        wanted = f.load(i64, words.threads)
        with f.forever() as creating:
            number = f.load(i64, words.started) + 1
            creating.leave_if(number >= wanted)
            argument = (number << 32 | epoch).convert("inttoptr", ptr)
            handle = f.at(words.handles).offset(number * 8)
            start = Value(f, ptr, "@worker")
            status = f.call("pthread_create", i32, handle, constant(ptr, 0), start, argument)
            with f.when(status.differs(0)):  # no more threads to be had: go on with those there are
                f.store(number, words.threads)
                creating.leave()
            f.store(number, words.started)
        f.call("pthread_sigmask", i32, constant(i32, SIG_SETMASK), before, constant(ptr, 0))


def _run_alone(f: Function) -> None:
    with f.loop(0, f.count) as chunk:
        f.call_pointer(f.body, void, f.argument, chunk, f.constant(i64, 0))


def _parallel_for(module: Module, words: Words, system: System) -> None:
    """Run `body(argument, chunk, thread)` for each chunk of `count`, on all threads when the pool is free."""
    with module.function("rl_parallel_for", void, body=ptr, argument=ptr, count=i64) as f:
        fits = (f.count > 1) & (f.count <= MAX_CHUNKS) & (f.load(i64, words.threads) > 1)
        shared = f.variable(i1, 0)
        with f.when(fits):
            shared.set(f.exchange_if(f.at(words.lock), 0, 1))
        with f.either(shared.get()) as (free, busy):
            with free:
                with f.when(f.load(i64, words.started) + 1 < f.load(i64, words.threads)):
                    f.call("start_workers", void)
                _publish(f, words, system)
                f.call("claim_chunks", void, f.constant(i64, 0))
                _wait_until_done(f, words, system)
                f.store(constant(i32, 0), words.lock, atomic="release")
            with busy:
                _run_alone(f)


def _publish(f: Function, words: Words, system: System) -> None:
    f.store(f.body, words.job)
    f.store(f.argument, words.job, 8)
    f.store(constant(i64, 0), words.done, atomic="monotonic")
    threads = f.load(i64, words.threads)
    with f.loop(0, threads) as thread:
        low = (thread * f.count) // threads
        high = ((thread + 1) * f.count) // threads
        place = f.at(words.ranges).offset(thread * LINE)
        f.store(high << 16 | low, place, atomic="release")
    f.atomic("add", f.at(words.epoch), constant(i32, 1))
    _wake(f, words, system)


def _wake(f: Function, words: Words, system: System) -> None:
    with f.when(f.load(i32, words.parked, atomic="seq_cst").differs(0)):
        f.call("keep_off_this_cpu", void)
        _futex(f, words, system, FUTEX_WAKE_PRIVATE, constant(i32, 0x7FFFFFFF))


def _wait_until_done(f: Function, words: Words, system: System) -> None:
    spins = f.variable(i64, 0)
    with f.forever() as waiting:
        waiting.leave_if(f.load(i64, words.done, atomic="acquire").equals(f.count))
        _pause(f, system)
        spins.set(spins.get() + 1)
        waiting.again_if(spins.get() < CALLER_SPINS)
        f.call("sched_yield", i32)


def _administration(module: Module, words: Words, system: System) -> None:
    """What Python calls: take and give the pool, set it up, stop its threads, forget them after a fork."""
    with module.function("rl_pool_take", i32) as f:
        f.ret(f.exchange_if(f.at(words.lock), 0, 1).convert("zext", i32))
    with module.function("rl_pool_give", void) as f:
        f.store(constant(i32, 0), words.lock, atomic="release")
    with module.function("rl_pool_set", void, threads=i64, cpus=ptr, steering=i32) as f:
        f.store(f.threads, words.threads)
        f.store(f.steering, words.steering)
        for place in range(0, AFFINITY_BYTES, 8):
            f.store(f.load(i64, f.cpus, place), words.all_cpus, place)
    with module.function("rl_pool_started", i64) as f:
        f.ret(f.load(i64, words.started))
    with module.function("rl_pool_stop", void) as f:
        f.store(constant(i32, 1), words.stop, atomic="seq_cst")
        f.atomic("add", f.at(words.epoch), constant(i32, 1))
        _futex(f, words, system, FUTEX_WAKE_PRIVATE, constant(i32, 0x7FFFFFFF))
        with f.loop(0, f.load(i64, words.started)) as worker:
            handle = f.load(i64, f.at(words.handles).offset((worker + 1) * 8))
            f.call("pthread_join", i32, handle, constant(ptr, 0))
        f.call("rl_pool_forget", void)
    with module.function("rl_pool_forget", void) as f:
        for word in (words.parked, words.lock, words.stop):
            f.store(constant(i32, 0), word, atomic="seq_cst")
        f.store(constant(i64, 0), words.started)
        with f.loop(0, MAX_THREADS) as thread:
            f.store(constant(i64, 0), f.at(words.ranges).offset(thread * LINE), atomic="seq_cst")
            f.store(constant(i32, 0), f.at(words.kernel_ids).offset(thread * 4), atomic="seq_cst")
