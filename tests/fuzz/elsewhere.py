"""Compiles what the families need for another machine: `python -m fuzz.elsewhere neon --cases 4`.

Every module of generated code is made for that machine, compiled and relocated, and then said not to be
available, so that nothing of it runs. A module that LLVM does not take ends the process, after its name.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import sys
from typing import Any

from rushlight.runtime import loader, native, session

MACHINES = {  # triple, CPU, machine, bytes of a vector
    "neon": ("aarch64-unknown-linux-gnu", "", "aarch64", 16),
    "avx2": ("x86_64-unknown-linux-gnu", "haswell", "x86_64", 32),
    "avx512": ("x86_64-unknown-linux-gnu", "skylake-avx512", "x86_64", 64),
}
BASES = ("pool", "dispatch", "invoke")  # what kernels link to: a stand-in is needed to get as far as them


class StandIn:
    """In the place of loaded code: addresses of memory, functions that do nothing and answer 1."""

    def __init__(self) -> None:
        self.memory = ctypes.create_string_buffer(64)
        self.address = collections.defaultdict(lambda: ctypes.addressof(self.memory))

    def function(self, *_: Any) -> Any:
        return lambda *_: 1


class Elsewhere(session._Compiler):
    """A compiler for another machine, in the place of `native.module`."""

    def __init__(self, level: str) -> None:
        super().__init__()
        triple, cpu, machine, vector_bytes = MACHINES[level]
        self.binding.initialize_all_targets()
        self.binding.initialize_all_asmprinters()
        target = self.binding.Target.from_triple(triple)
        model = "small" if machine == "aarch64" else "jitdefault"
        self.machine = target.create_target_machine(cpu=cpu, opt=3, reloc="static", codemodel=model, jit=True)
        self.host = session.Host("linux", machine, vector_bytes, level, level)
        self.made: dict[tuple, StandIn] = {}

    def install(self) -> None:
        native.module, session.host = self.module, lambda: self.host
        session.instructions = frozenset  # none beyond the level

    def module(self, name: str, arguments: tuple, generate: Any, **_: Any) -> StandIn:
        key = (name, str(arguments))
        if key not in self.made:
            print(f"compiling {name}", flush=True)
            symbols = collections.defaultdict(lambda: 0x7F1234567890)
            image = loader._Image(self.object_code(generate()), symbols)
            image._relocate()
            assert image.machine == self.host.machine
            self.made[key] = StandIn()
        if name in BASES:
            return self.made[key]
        raise session.Unavailable(f"{name} is for another machine")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz.elsewhere", description=__doc__)
    parser.add_argument("machine", choices=MACHINES)
    parser.add_argument("--cases", type=int, default=4, help="drawn for each family (4)")
    options = parser.parse_args()
    elsewhere = Elsewhere(options.machine)
    elsewhere.install()
    from . import families
    from .draw import CASES_OF_ONE_KERNEL, Draw

    for name, case in families.load().items():
        before = len(elsewhere.made)
        for number in range(options.cases):
            try:
                case(Draw(number * CASES_OF_ONE_KERNEL, *name.encode()))
            except (session.Unavailable, AssertionError):  # nothing is computed here
                continue
        print(f"{name}: {len(elsewhere.made) - before} modules", flush=True)
    print(f"{len(elsewhere.made)} modules compile for {options.machine}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
