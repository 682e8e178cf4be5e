"""What a file may call: a table of functions of ours under the names that PyTorch and Python give theirs.

Each takes what the pickle hands it with suspicion, and none runs anything that comes from the file.
"""

from __future__ import annotations

import functools
import pathlib
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..nn.module import Module
from ..nn.parameter import Parameter
from ..nn.uninitialized import UninitializedBuffer, UninitializedParameter
from ..tensor.core import Tensor
from ..tensor.device import device
from ..tensor.generator import Generator
from ..tensor.layout import LAYOUTS
from ..tensor.size import Size
from . import numpy_values
from .errors import LoadError, told
from .keys import checked_key
from .names import is_ours


class Builder:
    """A function of ours that stands for one that a file names. Only a file can call it."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self.make = name, make

    def __repr__(self) -> str:
        return f"<what files call {self.name}>"


BUILDERS: dict[str, Builder] = {}
CONSTRUCTORS: dict[int, Callable[..., Any]] = {}  # by id of the class: what files may make with it
PLAIN_STATE = (OrderedDict, Counter, Namespace, SimpleNamespace)  # attributes alone


def builder(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(make: Callable[..., Any]) -> Callable[..., Any]:
        BUILDERS.update({name: Builder(name, make) for name in names})
        return make

    return enter


def constructs(*classes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def enter(make: Callable[..., Any]) -> Callable[..., Any]:
        CONSTRUCTORS.update({id(cls): make for cls in classes})
        return make

    return enter


def refuse(name: str, why: str) -> None:
    """Answers a call with an error that says what the file holds."""

    def make(*arguments: Any) -> Any:
        raise LoadError(f"the file holds {why}")

    builder(name)(make)


def lengths(values: Any, what: str) -> tuple[int, ...]:
    """Sizes or strides, if that is what they are."""
    if not isinstance(values, tuple | list) or not all(type(n) is int and n >= 0 for n in values):
        raise LoadError(f"the {what} of a tensor are {told(values)}")
    return tuple(values)


@builder("torch.serialization._get_layout")
def layout(name: Any) -> Any:
    if type(name) is not str or name.removeprefix("torch.") not in LAYOUTS:
        raise LoadError(f"there is no layout {told(name)}")
    return LAYOUTS[name.removeprefix("torch.")]


# ---- containers and small values


@constructs(OrderedDict)
def ordered_dict(pairs: Any = ()) -> OrderedDict:
    """Also of a list of pairs, as old files have it."""
    made: OrderedDict = OrderedDict()
    for key, value in _pairs(pairs):
        made[checked_key(key)] = value
    return made


@constructs(Counter)
def counter(counts: Any = None) -> Counter:
    made: Counter = Counter()
    for key, value in _pairs(counts or ()):
        made[checked_key(key)] = value
    return made


def _pairs(given: Any) -> Any:
    if type(given) is dict:
        return given.items()
    if type(given) not in (list, tuple) or not all(type(p) in (list, tuple) and len(p) == 2 for p in given):
        raise LoadError("a dictionary is to be made of something that is no list of pairs")
    return given


FACTORIES = (int, float, bool, str, list, dict, set, tuple, OrderedDict)


@constructs(defaultdict)
def default_dict(factory: Any = None) -> defaultdict:
    if factory is not None and not any(factory is f for f in FACTORIES):
        names = ", ".join(f.__name__ for f in FACTORIES)
        raise LoadError(
            f"a defaultdict that makes its values with {told(factory)}; the known ways are {names}"
        )
    return defaultdict(factory)


def _sequence(items: Any) -> Any:
    if type(items) not in (list, tuple, set, frozenset, deque):
        raise LoadError(f"a container is to be made of a {type(items).__name__}")
    return items


constructs(set)(lambda items=(): set(map(checked_key, _sequence(items))))
constructs(frozenset)(lambda items=(): frozenset(map(checked_key, _sequence(items))))
constructs(list)(lambda items=(): list(_sequence(items)))
constructs(tuple)(lambda items=(): tuple(_sequence(items)))
constructs(Size)(lambda shape=(): Size(lengths(shape, "sizes")))


@constructs(deque)
def double_ended(items: Any = (), maxlen: Any = None) -> deque:
    return deque(_sequence(items), maxlen if type(maxlen) is int else None)


def _of_numbers(make: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*numbers: Any) -> Any:
        if not all(n is None or type(n) in (int, float, bool) for n in numbers):
            raise LoadError(f"{make.__name__}() is to be called with something that is no number")
        return make(*numbers)

    return checked


for _cls in (complex, slice, range):
    constructs(_cls)(_of_numbers(_cls))


@constructs(bytes)
def no_bytes(data: Any = b"") -> bytes:
    return bytes(_bytes(data))


@constructs(bytearray)
def byte_array(data: Any = b"", encoding: Any = None) -> bytearray:
    return bytearray(encoded(data, encoding) if encoding is not None else _bytes(data))


def _bytes(data: Any) -> Any:
    if type(data) not in (bytes, bytearray, list) or (
        type(data) is list and not all(type(n) is int for n in data)
    ):
        raise LoadError(f"bytes are to be made of a {type(data).__name__}")
    return data


@builder("_codecs.encode")
def encoded(data: Any, encoding: Any = "utf-8") -> bytes:
    """How protocol 2 has bytes."""
    if type(data) is not str or encoding not in ("latin1", "latin-1"):
        raise LoadError(f"bytes are to be made of a {type(data).__name__} in the encoding {told(encoding)}")
    return data.encode("latin-1")


@constructs(Generator)
def generator(where: Any = None) -> Generator:
    return Generator()


def set_generator(made: Generator, state: Any) -> Generator:
    """Continues from a saved state: (seed, offset, bytes)."""
    if type(state) is not tuple or len(state) != 3 or not isinstance(state[2], Tensor):
        raise LoadError("a generator has a state of an unknown form")
    return made.set_state(state[2])


@constructs(device)
def make_device(kind: Any, index: Any = None) -> device:
    return device(kind, index)


@constructs(functools.partial)
def partly_called(cls: Any = None, *more: Any) -> functools.partial:
    """A layer's class with some of its options, as vision transformers keep their normalisation. Loading does
    not call it.
    """
    if not _is_layer(cls) or more:
        raise LoadError(f"a partial of {told(cls)}; files may have partials of the library's modules alone")
    return functools.partial(cls)


def _is_layer(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Module) and is_ours(cls)


def set_partial(made: functools.partial, state: Any) -> functools.partial:
    """Gives a partial its options: numbers, texts and classes of modules."""
    if type(state) is not tuple or len(state) != 4 or state[0] is not made.func:
        raise LoadError("a partial has a state of an unknown form")
    _, args, options, attributes = state
    if type(args) is not tuple or type(options) not in (dict, type(None)) or attributes:
        raise LoadError("a partial has a state of an unknown form")
    for value in (*args, *(options or {}), *(options or {}).values()):
        if not _is_option(value):
            raise LoadError(f"a partial of {made.func.__name__} has the option {told(value)}")
    made.__setstate__((made.func, args, options or {}, None))
    return made


def _is_option(value: Any) -> bool:
    if type(value) in (tuple, list):
        return all(map(_is_option, value))
    return value is None or type(value) in (bool, int, float, str, functools.partial) or _is_layer(value)


constructs(Namespace)(lambda: Namespace())
constructs(SimpleNamespace)(lambda: SimpleNamespace())
constructs(UninitializedParameter)(lambda rg=True, *_: UninitializedParameter(bool(rg)))
constructs(UninitializedBuffer)(lambda rg=False, *_: UninitializedBuffer(bool(rg)))


@builder(
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath")
)
def path(*parts: Any) -> pathlib.Path:
    """A path is only a name: nothing is opened."""
    if not all(type(part) is str for part in parts):
        raise LoadError("a path is to be made of something that is no text")
    return pathlib.Path(*parts)


@builder("builtins.getattr")
def member_of_pytorch(owner: Any, name: Any) -> Any:
    """An operator such as torch.relu, which PyTorch's files name in this roundabout way; nothing else."""
    from .names import operator_named

    found = None
    if isinstance(owner, Builder) and owner.name in OWNERS and type(name) is str:
        found = operator_named("torch", name)
    if found is None:
        raise LoadError(
            f"the file asks for the attribute {told(name)} of {told(owner)}; loading looks up none"
        )
    return found


OWNERS = ("torch._C._VariableFunctionsClass", "torch._C.TensorBase")
for _name in OWNERS:
    refuse(_name, f"a call of {_name}")
builder("torch.nn.backends.thnn._get_thnn_function_backend")(lambda: None)  # in layers of versions below 1.0

# ---- numpy

constructs(np.dtype)(numpy_values.dtype)
for _home in ("numpy.core", "numpy._core"):
    builder(f"{_home}.multiarray.scalar")(numpy_values.scalar)
    builder(f"{_home}.multiarray._reconstruct")(numpy_values.empty_array)
    builder(f"{_home}.numeric._frombuffer")(numpy_values.from_buffer)

# classes that files may name, by the names they have there
CLASSES: dict[str, Any] = {
    **{
        f"builtins.{cls.__name__}": cls
        for cls in (*FACTORIES[:-1], frozenset, bytes, bytearray, complex, slice, range)
    },
    **{f"collections.{cls.__name__}": cls for cls in (OrderedDict, Counter, defaultdict, deque)},
    "argparse.Namespace": Namespace,
    "functools.partial": functools.partial,
    "types.SimpleNamespace": SimpleNamespace,
    "torch.Size": Size,
    "torch.device": device,
    "torch.nn.parameter.Parameter": Parameter,
    "torch.nn.parameter.UninitializedParameter": UninitializedParameter,
    "torch.nn.parameter.UninitializedBuffer": UninitializedBuffer,
    "numpy.dtype": np.dtype,
    "numpy.ndarray": np.ndarray,
}
