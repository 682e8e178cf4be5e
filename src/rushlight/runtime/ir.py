"""A small builder of LLVM IR text: typed values with operators, loops and branches as context managers.

    module = Module()
    with module.function("scale", void, x=ptr, factor=f32, n=i64) as f:
        with f.loop(0, f.n) as i:
            place = f.x.offset(i * 4)
            f.store(f.load(f32, place) * f.factor, place)
    print(module.text())

Numbers beside a `Value` become constants of its type (splatted when it is a vector).  Local variables
(`f.variable`) are stack slots that LLVM's `sroa` pass turns into registers, so loops that carry values need
no phi by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from itertools import zip_longest

from .values import (
    Type,
    Value,
    Variable,
    bf16,
    constant,
    f16,
    f32,
    f64,
    i1,
    i8,
    i16,
    i32,
    i64,
    lane_numbers,
    ptr,
    void,
)


class Module:
    """Functions and globals under construction; `level` is the instruction set that may be used."""

    def __init__(self, level: str = ""):
        self.level = level
        self.functions: dict[str, Function] = {}
        self.declarations: dict[str, str] = {}
        self.globals: list[str] = []
        self.metadata: set[str] = set()

    def variable(
        self, name: str, type: str, initial: str = "zeroinitializer", align: int = 8, exported=False
    ) -> Value:
        """A global; `type` and `initial` are LLVM text: arrays have no other use here."""
        linkage = "dso_local " if exported else "internal "
        self.globals.append(f"@{name} = {linkage}global {type} {initial}, align {align}")
        return Value(None, ptr, f"@{name}")

    @contextmanager
    def function(
        self,
        name: str,
        result: Type = void,
        *,
        exported: bool = True,
        inline: bool | None = None,
        **arguments,
    ):
        made = Function(self, name, result, arguments, exported, inline)
        self.functions[name] = made
        yield made
        if not made.ended:
            made.ret()

    def declare(self, name: str, text: str) -> None:
        self.declarations.setdefault(name, text)

    def text(self) -> str:
        needed = [text for name, text in self.declarations.items() if name not in self.functions]
        functions = [f.text() for f in self.functions.values()]
        return "\n".join([*self.globals, *needed, *functions, *sorted(self.metadata), ""])


class Function:
    """A function under construction; its arguments are attributes (`f.n` for the argument `n`)."""

    def __init__(
        self, module: Module, name: str, result: Type, arguments: dict, exported: bool, inline: bool | None
    ):
        self.module, self.name, self.result, self.exported = module, name, result, exported
        self.signature = ", ".join(f"{type} %{argument}" for argument, type in arguments.items())
        self.inline = {None: "", True: " alwaysinline", False: " noinline"}[inline]
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.counter = 0
        self.ended = False
        self.medium = False  # float64 arithmetic needs no more than half of its digits
        for argument, type in arguments.items():
            if hasattr(self, argument):
                raise ValueError(
                    f"{name}: an argument cannot be called {argument!r}, the builder has that name"
                )
            setattr(self, argument, Value(self, type, f"%{argument}"))

    def text(self) -> str:
        linkage = "" if self.exported else "internal "
        head = f"define {linkage}{self.result} @{self.name}({self.signature}) nounwind{self.inline} {{"
        return "\n".join([head, "entry:", *self.slots, *self.lines, "}"])

    # -- instructions

    def emit(self, line: str) -> None:
        self.lines.append("  " + line)

    def value(self, type: Type, instruction: str) -> Value:
        self.counter += 1
        name = f"%v{self.counter}"
        self.lines.append(f"  {name} = {instruction}")
        return Value(self, type, name)

    def constant(self, type: Type, number) -> Value:
        made = constant(type, number)
        made.function = self
        return made

    def stack(self, size: int, align: int = 64) -> Value:
        """A pointer to `size` bytes that live as long as the call."""
        self.counter += 1
        name = f"%s{self.counter}"
        self.slots.append(f"  {name} = alloca [{size} x i8], align {align}")
        return Value(self, ptr, name)

    def variable(self, type: Type, initial=None) -> Variable:
        self.counter += 1
        name = f"%x{self.counter}"
        self.slots.append(f"  {name} = alloca {type}")
        made = Variable(self, Value(self, ptr, name), type)
        if initial is not None:
            made.set(initial)
        return made

    def load(self, type: Type, place: Value, offset=0, align: int = 0, atomic: str = "") -> Value:
        place = self.at(place).offset(offset)
        align = align or max(1, type.scalar.size)
        if atomic:
            return self.value(type, f"load atomic {type}, {place} {atomic}, align {align}")
        return self.value(type, f"load {type}, {place}, align {align}")

    def store(self, value: Value, place: Value, offset=0, align=0, atomic="", stream=False) -> None:
        """`stream` is a non-temporal store of a whole, aligned vector."""
        place = self.at(place).offset(offset)
        align = align or max(1, value.type.scalar.size)
        if stream:
            self.module.metadata.add("!0 = !{i32 1}")
            self.emit(f"store {value}, {place}, align {min(64, value.type.size)}, !nontemporal !0")
            return
        if atomic:
            self.emit(f"store atomic {value}, {place} {atomic}, align {align}")
        else:
            self.emit(f"store {value}, {place}, align {align}")

    def at(self, place: Value) -> Value:
        """A global as a pointer of this function."""
        return place if place.function is self else Value(self, ptr, place.text)

    def atomic(self, operation: str, place: Value, value, order: str = "seq_cst", type: Type = i64) -> Value:
        """`operation` is add, sub, xchg, or...; the value before is returned."""
        value = value if isinstance(value, Value) else constant(type, value)
        return self.value(value.type, f"atomicrmw {operation} {place}, {value} {order}")

    def exchange_if(self, place: Value, expected: int, replacement: int, type: Type = i32) -> Value:
        """Compare and swap; true when it happened."""
        pair = self.value(type, f"cmpxchg {place}, {type} {expected}, {type} {replacement} acquire monotonic")
        return self.value(i1, f"extractvalue {{ {type}, i1 }} {pair.text}, 1")

    def select(self, condition: Value, yes: Value, no) -> Value:
        if not isinstance(yes, Value):
            yes = constant(no.type, yes)
        no = no if isinstance(no, Value) else constant(yes.type, no)
        return self.value(yes.type, f"select {condition}, {yes}, {no}")

    def minimum(self, left: Value, right) -> Value:
        """The smaller of two integers."""
        return self.select(left < right, left, right)

    def maximum(self, left: Value, right) -> Value:
        return self.select(left > right, left, right)

    def call(self, name: str, result: Type, *arguments: Value, variadic: int | None = None) -> Value | None:
        types = [str(a.type) for a in arguments]
        if variadic is not None:
            types = [*types[:variadic], "..."]
        self.module.declare(name, f"declare {result} @{name}({', '.join(types)})")
        shape = f"{result} ({', '.join(types)})" if variadic is not None else str(result)
        return self._call(f"call {shape} @{name}", result, arguments)

    def call_pointer(self, target: Value, result: Type, *arguments: Value) -> Value | None:
        return self._call(f"call {result} {target.text}", result, arguments)

    def _call(self, head: str, result: Type, arguments) -> Value | None:
        text = f"{head}({', '.join(map(str, arguments))})"
        if result is void:
            self.emit(text)
            return None
        return self.value(result, text)

    def intrinsic(self, name: str, *arguments: Value, result: Type | None = None) -> Value:
        """`llvm.<name>` overloaded on the type of its first argument."""
        type = arguments[0].type
        suffix = f"{'f' if type.kind == 'float' else 'i'}{type.bits}"
        lanes = f"v{type.lanes}" if type.lanes > 1 else ""
        return self.call(f"llvm.{name}.{lanes}{suffix}", result or type, *arguments)

    def hidden(self, place: Value) -> Value:
        """The same place, of which the compiler does not know that it is: it loads from it again."""
        return self.value(ptr, f'call ptr asm "", "=r,0"({place})')

    def prefetch(self, place: Value) -> None:
        """Has the line at `place`, which need not be memory, brought to the caches."""
        self.module.declare("llvm.prefetch.p0", "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.emit(f"call void @llvm.prefetch.p0({place}, i32 0, i32 3, i32 1)")

    def fma(self, a: Value, b, c) -> Value:
        """a*b + c rounded once."""
        b, c = (x if isinstance(x, Value) else constant(a.type, x) for x in (b, c))
        return self.intrinsic("fma", a, b, c)

    def splat(self, value: Value, lanes: int) -> Value:
        if lanes == 1:
            return value
        vector = value.type.vector(lanes)
        one = self.value(vector, f"insertelement {vector} poison, {value}, i32 0")
        return self.value(vector, f"shufflevector {one}, {vector} poison, <{lanes} x i32> zeroinitializer")

    def shuffle(self, a: Value, b: Value | None, lanes: list[int]) -> Value:
        other = b.text if b is not None else "poison"
        pattern = ", ".join(f"i32 {k}" for k in lanes)
        return self.value(
            a.type.vector(len(lanes)),
            f"shufflevector {a}, {a.type} {other}, <{len(lanes)} x i32> <{pattern}>",
        )

    def extract(self, vector: Value, lane: int) -> Value:
        return self.value(vector.type.scalar, f"extractelement {vector}, i32 {lane}")

    def side_by_side(self, makers: list[Callable[[], object]]) -> list:
        """What each of them makes, with their instructions in turn: none waits for what is just begun.

        Those with branches come one after the other.
        """
        parts, made = [], []
        for make in makers:
            start = len(self.lines)
            made.append(make())
            parts.append(self.lines[start:])
            del self.lines[start:]
        if all(line.startswith("  ") for part in parts for line in part):
            parts = [[line for line in turn if line] for turn in zip_longest(*parts, fillvalue="")]
        self.lines += [line for part in parts for line in part]
        return made

    # -- control flow

    def label(self, name: str) -> str:
        self.counter += 1
        return f"{name}{self.counter}"

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.ended = False

    def jump(self, label: str) -> None:
        if not self.ended:
            self.emit(f"br label %{label}")
            self.ended = True

    def branch(self, condition: Value, yes: str, no: str) -> None:
        self.emit(f"br {condition}, label %{yes}, label %{no}")
        self.ended = True

    def ret(self, value: Value | None = None) -> None:
        self.emit("ret void" if value is None else f"ret {value}")
        self.ended = True

    @contextmanager
    def loop(self, low, high, step: int | Value = 1):
        """`for i in range(low, high, step)`; yields i."""
        low, high = (x if isinstance(x, Value) else self.constant(i64, x) for x in (low, high))
        index = self.variable(low.type, low)
        head, body, done = self.label("head"), self.label("body"), self.label("done")
        self.jump(head)
        self.start(head)
        i = index.get()
        self.branch(i < high, body, done)
        self.start(body)
        yield i
        if not self.ended:
            index.set(i + step)
        self.jump(head)
        self.start(done)

    @contextmanager
    def forever(self):
        """Loops until `leave` or `ret`; yields the loop's handle."""
        head, done = self.label("again"), self.label("left")
        self.jump(head)
        self.start(head)
        yield Loop(self, head, done)
        self.jump(head)
        self.start(done)

    @contextmanager
    def when(self, condition: Value):
        yes, done = self.label("then"), self.label("end")
        self.branch(condition, yes, done)
        self.start(yes)
        yield
        self.jump(done)
        self.start(done)

    @contextmanager
    def either(self, condition: Value):
        """`with f.either(c) as (yes, no):`, then `with yes:` and `with no:` inside."""
        labels = self.label("yes"), self.label("no")
        done = self.label("end")
        self.branch(condition, *labels)
        yield tuple(self._arm(label, done) for label in labels)
        self.start(done)

    @contextmanager
    def _arm(self, label: str, done: str):
        self.start(label)
        yield
        self.jump(done)


class Loop:
    """A loop that ends from inside."""

    def __init__(self, function: Function, head: str, done: str):
        self.function, self.head, self.done = function, head, done

    def leave(self) -> None:
        self.function.jump(self.done)

    def leave_if(self, condition: Value) -> None:
        go_on = self.function.label("stay")
        self.function.branch(condition, self.done, go_on)
        self.function.start(go_on)

    def again_if(self, condition: Value) -> None:
        go_on = self.function.label("stay")
        self.function.branch(condition, self.head, go_on)
        self.function.start(go_on)


__all__ = [
    "Function",
    "Loop",
    "Module",
    "Type",
    "Value",
    "Variable",
    "bf16",
    "constant",
    "f16",
    "f32",
    "f64",
    "i1",
    "i16",
    "i32",
    "i64",
    "i8",
    "lane_numbers",
    "ptr",
    "void",
]
