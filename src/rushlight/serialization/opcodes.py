"""What each opcode of a pickle does: it moves values on the stack, builds containers, or asks the world."""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import LoadError
from .keys import checked_key

if TYPE_CHECKING:
    from .machine import Machine

HIGHEST_PROTOCOL = 5
DICTIONARIES = (dict, OrderedDict, Counter, defaultdict)
BYTE, WORD, LONG, UNSIGNED, WIDE, DOUBLE = map(struct.Struct, ("<B", "<H", "<i", "<I", "<Q", ">d"))
STOP = ord(".")
ACTIONS: list[Callable[[Machine], None] | None] = [None] * 256


def opcode(*codes: bytes) -> Callable[[Callable[[Machine], None]], Callable[[Machine], None]]:
    def enter(action: Callable[[Machine], None]) -> Callable[[Machine], None]:
        for code in codes:
            ACTIONS[code[0]] = action
        return action

    return enter


def constant(code: bytes, value: Any) -> None:
    opcode(code)(lambda m: m.stack.append(value))


def empty(code: bytes, make: Callable[[], Any]) -> None:
    opcode(code)(lambda m: m.stack.append(make()))


def scalar(code: bytes, form: struct.Struct) -> None:
    opcode(code)(lambda m: m.stack.append(m.number(form)))


def sized(code: bytes, form: struct.Struct, make: Callable[[Machine, bytes], Any]) -> None:
    """A value of so many bytes, whose number comes first."""

    def action(m: Machine) -> None:
        n = m.number(form)
        if n < 0:
            raise LoadError("a string in the pickle has a negative length")
        m.stack.append(make(m, m.take(n)))

    opcode(code)(action)


def text(m: Machine, data: bytes) -> str:
    return str(data, "utf-8", "surrogatepass")


def old_string(m: Machine, data: bytes) -> str | bytes:
    """A `str` of Python 2: bytes, or text in the encoding that the caller names."""
    return data if m.encoding == "bytes" else str(data, m.encoding, m.errors)


def integer(m: Machine, data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


constant(b"N", None)
constant(b"\x88", True)
constant(b"\x89", False)
constant(b")", ())
empty(b"]", list)
empty(b"}", dict)
empty(b"\x8f", set)
scalar(b"J", LONG)
scalar(b"K", BYTE)
scalar(b"M", WORD)
scalar(b"G", DOUBLE)
sized(b"X", UNSIGNED, text)
sized(b"\x8c", BYTE, text)
sized(b"\x8d", WIDE, text)
sized(b"T", LONG, old_string)
sized(b"U", BYTE, old_string)
sized(b"B", UNSIGNED, lambda m, data: data)
sized(b"C", BYTE, lambda m, data: data)
sized(b"\x8e", WIDE, lambda m, data: data)
sized(b"\x96", WIDE, lambda m, data: bytearray(data))
sized(b"\x8a", BYTE, integer)
sized(b"\x8b", LONG, integer)


@opcode(b"\x80")
def _protocol(m: Machine) -> None:
    m.protocol = m.number(BYTE)
    if m.protocol > HIGHEST_PROTOCOL:
        raise LoadError(f"pickle protocol {m.protocol} is not known; the highest is {HIGHEST_PROTOCOL}")


@opcode(b"\x95")
def _frame(m: Machine) -> None:
    m.number(WIDE)  # frames only help to read ahead


# ---- values in lines of text, as protocol 0 has them


@opcode(b"I")
def _int(m: Machine) -> None:
    line = m.line()
    m.stack.append({b"00": False, b"01": True}[line] if line in (b"00", b"01") else int(line))


@opcode(b"L")
def _long(m: Machine) -> None:
    m.stack.append(int(m.line().removesuffix(b"L")))


@opcode(b"F")
def _float(m: Machine) -> None:
    m.stack.append(float(m.line()))


@opcode(b"V")
def _unicode(m: Machine) -> None:
    m.stack.append(str(m.line(), "raw-unicode-escape"))


@opcode(b"S")
def _string(m: Machine) -> None:
    line = m.line().strip()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
        raise LoadError("a string in the pickle lacks its quotes")
    import codecs

    m.stack.append(old_string(m, codecs.escape_decode(line[1:-1])[0]))  # type: ignore[attr-defined]


# ---- the stack and the memo


@opcode(b"(")
def _mark(m: Machine) -> None:
    m.marks.append(m.stack)
    m.stack = []


@opcode(b"0")
def _pop(m: Machine) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


@opcode(b"1")
def _pop_mark(m: Machine) -> None:
    m.pop_mark()


@opcode(b"2")
def _duplicate(m: Machine) -> None:
    m.stack.append(m.top())


def _remember(code: bytes, place: Callable[[Machine], int]) -> None:
    def action(m: Machine) -> None:
        m.memo[place(m)] = m.top()

    opcode(code)(action)


def _recall(code: bytes, place: Callable[[Machine], int]) -> None:
    def action(m: Machine) -> None:
        i = place(m)
        if i not in m.memo:
            raise LoadError(f"the pickle recalls item {i}, which it has not stored")
        m.stack.append(m.memo[i])

    opcode(code)(action)


for _action, _codes in ((_remember, (b"q", b"r", b"p")), (_recall, (b"h", b"j", b"g"))):
    _action(_codes[0], lambda m: m.number(BYTE))
    _action(_codes[1], lambda m: m.number(UNSIGNED))
    _action(_codes[2], lambda m: int(m.line()))
_remember(b"\x94", lambda m: len(m.memo))


# ---- containers


def _set_items(m: Machine, items: list[Any]) -> None:
    target = m.top()
    if len(items) % 2:
        raise LoadError("a dictionary in the pickle has a key without a value")
    kind = type(target)
    if kind not in DICTIONARIES:
        m.world.add(target, list(zip(items[::2], items[1::2])), "setitem")
        return
    for key, value in zip(items[::2], items[1::2]):
        target[key if type(key) is str else checked_key(key)] = value


@opcode(b"u")
def _setitems(m: Machine) -> None:
    _set_items(m, m.pop_mark())


@opcode(b"s")
def _setitem(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    _set_items(m, [key, value])


def _append(m: Machine, items: list[Any]) -> None:
    target = m.top()
    if type(target) in (list, deque):
        target.extend(items)
    else:
        m.world.add(target, items, "append")


@opcode(b"e")
def _appends(m: Machine) -> None:
    _append(m, m.pop_mark())


@opcode(b"a")
def _append_one(m: Machine) -> None:
    value = m.pop()
    _append(m, [value])


@opcode(b"\x90")
def _additems(m: Machine) -> None:
    items = m.pop_mark()
    target = m.top()
    if type(target) is set:
        target.update(map(checked_key, items))
    else:
        m.world.add(target, items, "add")


@opcode(b"\x91")
def _frozenset(m: Machine) -> None:
    items = m.pop_mark()
    m.stack.append(frozenset(map(checked_key, items)))


@opcode(b"t")
def _tuple(m: Machine) -> None:
    items = m.pop_mark()
    m.stack.append(tuple(items))


@opcode(b"l")
def _list(m: Machine) -> None:
    items = m.pop_mark()
    m.stack.append(items)


@opcode(b"d")
def _dict(m: Machine) -> None:
    items = m.pop_mark()
    m.stack.append({})
    _set_items(m, items)


def _short_tuple(code: bytes, n: int) -> None:
    def action(m: Machine) -> None:
        if len(m.stack) < n:
            raise LoadError("the pickle takes more from its stack than there is")
        m.stack[-n:] = [tuple(m.stack[-n:])]

    opcode(code)(action)


for _n, _code in enumerate((b"\x85", b"\x86", b"\x87"), 1):
    _short_tuple(_code, _n)


# ---- what the world is asked


@opcode(b"c")
def _global(m: Machine) -> None:
    module, name = str(m.line(), "utf-8"), str(m.line(), "utf-8")
    m.stack.append(m.world.find(module, name))


@opcode(b"\x93")
def _stack_global(m: Machine) -> None:
    name, module = m.pop(), m.pop()
    if type(name) is not str or type(module) is not str:
        raise LoadError("the name of a class or function must be text")
    m.stack.append(m.world.find(module, name))


@opcode(b"R")
def _reduce(m: Machine) -> None:
    arguments = m.pop_tuple("the arguments of a call")
    function = m.pop()
    m.stack.append(m.world.call(function, arguments))


@opcode(b"\x81")
def _new_object(m: Machine) -> None:
    arguments = m.pop_tuple("the arguments of a new object")
    cls = m.pop()
    m.stack.append(m.world.instance(cls, arguments, {}))


@opcode(b"\x92")
def _new_object_with_keywords(m: Machine) -> None:
    keywords = m.pop()
    arguments = m.pop_tuple("the arguments of a new object")
    cls = m.pop()
    if type(keywords) is not dict or not all(type(k) is str for k in keywords):
        raise LoadError("the keyword arguments of a new object must be a dict with names")
    m.stack.append(m.world.instance(cls, arguments, keywords))


@opcode(b"b")
def _build(m: Machine) -> None:
    state = m.pop()
    obj = m.pop()
    m.stack.append(m.world.build(obj, state))


@opcode(b"Q")
def _persistent(m: Machine) -> None:
    reference = m.pop()
    m.stack.append(m.world.persistent(reference))


def _refused(what: str) -> Callable[[Machine], None]:
    def action(m: Machine) -> None:
        raise LoadError(f"the pickle has {what}, which no file of PyTorch's has")

    return action


opcode(b"P")(_refused("a persistent id in text form"))
opcode(b"i", b"o")(_refused("an old-style instance"))
opcode(b"\x82", b"\x83", b"\x84")(_refused("an extension code"))
opcode(b"\x97", b"\x98")(_refused("an out-of-band buffer"))
