"""Files that want to do harm, by name. As a script, loads them all under a limit of memory."""

import io
import os
import pickle
import struct
import sys
import zipfile

CANARY = "canary"  # a file that appears in the current folder when something has run
SHOUT = f"open({CANARY!r}, 'w').close()"


def archive(data_pkl, *records, compressed=False, byteorder=b"little"):
    """A zip file with a pickle and records."""
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as packed:
        packed.writestr("x/data.pkl", data_pkl)
        packed.writestr("x/byteorder", byteorder)
        for name, data in records:
            packed.writestr(name, data)
    return buffer.getvalue()


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.parts


def text(s):
    """A string, as an opcode."""
    data = s.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def name(module, attribute):
    return b"c" + f"{module}\n{attribute}\n".encode()


def tensor(
    storage=b"torch\nFloatStorage", key="0", count=4, offset=b"K\0", size=b"K\4\x85", stride=b"K\1\x85"
):
    """The opcodes of a tensor."""
    counted = b"\x8a\x08" + struct.pack("<q", count)
    reference = b"(" + text("storage") + b"c" + storage + b"\n" + text(key) + text("cpu") + counted + b"tQ"
    rest = offset + size + stride + b"\x89" + name("collections", "OrderedDict") + b")R"
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + reference + rest + b"tR"


def pickles():
    """Pickles that call, look up or build something they must not."""
    evil = Calls(exec, SHOUT)
    yield "os.system", pickle.dumps(Calls(os.system, f"touch {CANARY}"), 2)
    for function in (exec, eval):
        yield function.__name__, pickle.dumps(Calls(function, SHOUT), 2)
    yield "import", pickle.dumps(Calls(__import__, "antigravity"), 2)
    yield "open", pickle.dumps(Calls(open, CANARY, "w"), 2)
    yield (
        "subprocess",
        b"\x80\2" + name("subprocess", "Popen") + b"(" + text(f"touch {CANARY}") + b"NNNNNN\x88tR.",
    )
    yield "posix", b"\x80\2" + name("posix", "system") + text(f"touch {CANARY}") + b"\x85R."
    yield "nt names of python 2", b"\x80\2" + name("__builtin__", "execfile") + text(CANARY) + b"\x85R."
    for inner in ("list", "dict", "state", "key"):
        made = {
            "list": [evil],
            "dict": {"a": evil},
            "state": Calls(dict, state={"a": evil}),
            "key": {(1, 2): evil},
        }
        yield f"exec inside of a {inner}", pickle.dumps(made[inner], 2)
    get = name("builtins", "getattr")
    chain = (
        get
        + b"("
        + get
        + b"("
        + name("torch", "Tensor")
        + text("__class__")
        + b"tR"
        + text("__subclasses__")
        + b"tR"
    )
    yield "getattr chain", b"\x80\2" + chain + b")R."
    for owner in (
        ("torch", "Tensor"),
        ("torch.nn", "Module"),
        ("torch.nn.modules.module", "Module"),
        ("sys", "modules"),
    ):
        yield f"getattr of {owner[1]}", b"\x80\2" + get + b"(" + name(*owner) + text("__init__") + b"tR)R."
    yield "dotted name", b"\x80\4" + b"\x8c\2os\x8c\x06system\x93" + text(f"touch {CANARY}") + b"\x85R."
    yield (
        "dotted path through torch",
        b"\x80\4" + text("torch") + text("os.system") + b"\x93" + text("ls") + b"\x85R.",
    )
    yield "module of ours", b"\x80\2" + name("rushlight.cli.run", "run_python") + b")R."
    yield (
        "our own os",
        b"\x80\2" + name("rushlight.serialization.atomic", "os.system") + text("ls") + b"\x85R.",
    )
    yield "torch.hub", b"\x80\2" + name("torch.hub", "load") + text("a") + b"\x85R."
    yield "torch.load", b"\x80\2" + name("torch", "load") + text("a") + b"\x85R."
    yield "operator called", b"\x80\2" + name("torch", "zeros") + b"\x8a\5\0\0\0\0\1\x85R."
    yield "copyreg", b"\x80\2" + name("copyreg", "__newobj__") + name("os", "_wrap_close") + b"\x85R."
    yield "extension code", b"\x80\2\x82\1."
    yield "old-style instance", b"(" + text(SHOUT) + b"ibuiltins\nexec\n."
    yield "old-style object", b"(" + name("builtins", "exec") + text(SHOUT) + b"o."
    yield "newobj of a function", b"\x80\2" + name("builtins", "exec") + text(SHOUT) + b"\x85\x81."
    yield "newobj of type", b"\x80\2" + name("builtins", "type") + text("X") + b")}\x87\x81."
    yield "module with arguments", b"\x80\2" + name("torch.nn.modules.linear", "Linear") + b"K\1K\1\x86R."
    yield "state of a list", b"\x80\2]}" + text("append") + b"K\1sb."
    yield (
        "state of a class",
        b"\x80\2" + name("torch.nn.modules.linear", "Linear") + b"}" + text("forward") + b"Nsb.",
    )
    yield "state of a function", b"\x80\2" + name("torch", "relu") + b"}" + text("__code__") + b"Nsb."
    yield (
        "defaultdict that calls",
        b"\x80\2" + name("collections", "defaultdict") + name("os", "getcwd") + b"\x85R.",
    )
    part, norm = name("functools", "partial"), name("torch.nn.modules.normalization", "LayerNorm")
    yield "partial of exec", b"\x80\2" + part + name("builtins", "exec") + text(SHOUT) + b"\x86R."
    yield "partial of a function", b"\x80\2" + part + name("torch", "relu") + b"\x85R."
    yield "partial of a module of the program", b"\x80\2" + part + name("__main__", "Looped") + b"\x85R."
    yield "partial with arguments at once", b"\x80\2" + part + norm + b"K\1\x86R."
    swapped = b"(" + name("os", "system") + b")}Ntb"
    yield "partial that becomes another", b"\x80\2" + part + norm + b"\x85R" + swapped + b"."
    relu = b"(" + norm + b")}" + text("eps") + name("torch", "relu") + b"sNtb"
    yield "partial with a function inside", b"\x80\2" + part + norm + b"\x85R" + relu + b"."
    own = b"(" + norm + b")}}" + text("__call__") + b"Nstb"
    yield "partial with attributes", b"\x80\2" + part + norm + b"\x85R" + own + b"."
    yield "array of objects", b"\x80\2" + name("numpy", "dtype") + text("O8") + b"\x89\x88\x87R."
    yield "reduced class of the program", b"\x80\2" + name("__main__", "Trap") + b")R."
    yield (
        "instance of a class of the program",
        b"\x80\2" + name("__main__", "Trap") + b")\x81}" + text("a") + b"K\1sb.",
    )
    yield (
        "module with setstate",
        b"\x80\2" + name("__main__", "Woken") + b")\x81}" + text("_modules") + b"}sb.",
    )
    yield "module with del", b"\x80\2" + name("__main__", "Dying") + b")\x81."
    yield "module as a key", b"\x80\2}" + name("__main__", "Hashed") + b")\x81" + b"Ns."
    looped = name("__main__", "Looped") + b")\x81}(" + text("_modules") + b"}ub"
    for key in (
        "_non_persistent_buffers_set",
        "_forward_hooks",
        "_forward_hooks_with_kwargs",
        "_all_weights",
    ):
        lstm = (
            name("torch.nn.modules.rnn", "LSTM") + b")\x81}(" + text("_modules") + b"}" + text(key) + looped
        )
        yield f"module that iterates as {key}", b"\x80\2" + lstm + b"ub."
    yield "module as part of a path", b"\x80\2" + name("pathlib", "PosixPath") + looped + b"\x85R."
    yield "module as a layout", b"\x80\2" + name("torch.serialization", "_get_layout") + looped + b"\x85R."
    yield "module as a list", b"\x80\2" + name("builtins", "set") + looped + b"\x85R."
    yield "module as a shape", b"\x80\2" + name("torch", "Size") + looped + b"\x85R."
    yield "persistent text", b"\x80\2Pos\n."
    yield "buffer", b"\x80\5\x97."


def memory_eaters():
    """Pickles that declare much and bring little."""
    yield "long text", b"\x80\2X\xff\xff\xff\xff."
    yield "longest bytes", b"\x80\4\x8e" + struct.pack("<Q", 2**62) + b"."
    yield "bytearray of a size", b"\x80\2" + name("builtins", "bytearray") + b"\x8a\6\0\0\0\0\0\1\x85R."
    yield "bytes of a size", b"\x80\2" + name("builtins", "bytes") + b"\x8a\6\0\0\0\0\0\1\x85R."
    yield (
        "list of a range",
        b"\x80\2" + name("builtins", "list") + name("builtins", "range") + b"J\xff\xff\xff\x7f\x85R\x85R.",
    )
    yield "memo far away", b"\x80\2Nr\xff\xff\xff\xff" + b"X\xff\xff\xff\x7f."
    yield "long integer", b"\x80\2\x8b\xff\xff\xff\x7f."
    yield "digits", b"I" + b"9" * 100_000 + b"\n."
    yield "frame", b"\x80\4\x95" + struct.pack("<Q", 2**63) + b"X\xff\xff\xff\xff."
    halves = b"".join(b"\x86q" + bytes([i]) + b"h" + bytes([i]) for i in range(200))
    yield "key of doubled tuples", b"\x80\2})N" + halves + b"0" + b"Ns."
    yield "set of doubled tuples", b"\x80\4\x8f(NN" + halves + b"0\x90."
    yield "nested deeply", b"\x80\2" + b"]" * 200_000 + b"a" * 199_999 + b"X\xff\xff\xff\xff."
    pairs = name("numpy", "ndarray") + b"K\0\x85" + text("b") + b"\x87R"
    shape = (
        b"(K\1\x8a\6\0\0\0\0\0\1\x85"
        + name("numpy", "dtype")
        + text("f8")
        + b"\x89\x88\x87R\x89"
        + text("")
        + b"tb."
    )
    yield "numpy array of a shape", b"\x80\2" + name("numpy._core.multiarray", "_reconstruct") + pairs + shape


def archives():
    """Archives that lie about themselves."""
    four = b"\0\0\x80\x3f" * 4
    good = b"\x80\2" + tensor() + b"."
    yield (
        "storage larger than its record",
        archive(b"\x80\2" + tensor(count=2**40) + b".", ("x/data/0", four)),
    )
    yield "negative count", archive(b"\x80\2" + tensor(count=-1) + b".", ("x/data/0", four))
    yield (
        "tensor larger than its storage",
        archive(b"\x80\2" + tensor(size=b"M\xff\xff\x85") + b".", ("x/data/0", four)),
    )
    yield "offset behind the end", archive(b"\x80\2" + tensor(offset=b"K\5") + b".", ("x/data/0", four))
    yield (
        "negative stride",
        archive(b"\x80\2" + tensor(stride=b"J\xff\xff\xff\xff\x85") + b".", ("x/data/0", four)),
    )
    yield (
        "negative offset",
        archive(b"\x80\2" + tensor(offset=b"J\xf0\xff\xff\xff") + b".", ("x/data/0", four)),
    )
    huge = b"\x8a\x08" + struct.pack("<q", 2**62) + b"\x85"
    yield "stride that overflows", archive(b"\x80\2" + tensor(stride=huge) + b".", ("x/data/0", four))
    yield (
        "size that overflows",
        archive(b"\x80\2" + tensor(size=huge, stride=huge) + b".", ("x/data/0", four)),
    )
    yield "key that climbs", archive(b"\x80\2" + tensor(key="../../etc/passwd") + b".", ("x/data/0", four))
    yield "absolute key", archive(b"\x80\2" + tensor(key="/etc/passwd") + b".", ("x/data/0", four))
    yield "record that climbs", archive(good, ("x/data/0", four), ("x/../../evil", b"x"))
    yield "absolute record", archive(good, ("x/data/0", four), ("/evil", b"x"))
    yield "missing record", archive(good)
    yield (
        "no storage class",
        archive(b"\x80\2" + tensor(storage=b"collections\nOrderedDict") + b".", ("x/data/0", four)),
    )
    yield "odd byte order", archive(good, ("x/data/0", four), byteorder=b"middle")
    yield "bomb", archive(b"\x80\2" + tensor(count=2**26) + b".", ("x/data/0", bytes(2**28)), compressed=True)
    yield "compressed pickle", archive(b"N" * 10**6, compressed=True)
    yield "no pickle", archive(good).replace(b"data.pkl", b"data.plk")
    yield "script", archive(good, ("x/constants.pkl", b"\x80\2)."))
    yield "overlapping records", overlapping(archive(good, ("x/data/0", four), ("x/data/1", four)))
    yield (
        "two records of one name",
        archive(good, ("x/data/0", four), ("x/data/1", four)).replace(b"data/1", b"data/0"),
    )
    whole = archive(good, ("x/data/0", four))
    end = whole.rindex(b"PK\5\6")
    yield (
        "directory of a billion",
        whole[:end] + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65535, 65535, 2**31, 0, 0),
    )
    yield "directory outside", whole[: end + 16] + struct.pack("<I", 2**31) + whole[end + 20 :]


def overlapping(data):
    """The directory's last entry points to the place of the one before."""
    last = data.rindex(b"PK\1\2")
    before = data.rindex(b"PK\1\2", 0, last)
    return data[: last + 42] + data[before + 42 : before + 46] + data[last + 46 :]


def old_files():
    """Files of the old format that declare too much."""
    head = (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        + pickle.dumps(1001, 2)
        + pickle.dumps({"little_endian": True}, 2)
    )
    old = tensor(count=2**40).replace(b"tQ", b"NtQ")
    yield (
        "old: huge storage",
        head + b"\x80\2" + old + b"." + pickle.dumps(["0"], 2) + struct.pack("<q", 2**40),
    )
    other = tensor().replace(b"tQ", b"NtQ")
    yield (
        "old: two sizes",
        head + b"\x80\2" + other + b"." + pickle.dumps(["0"], 2) + struct.pack("<q", 5) + bytes(20),
    )
    yield (
        "old: unknown key",
        head + b"\x80\2" + other + b"." + pickle.dumps(["1"], 2) + struct.pack("<q", 4) + bytes(16),
    )
    yield "old: no data", head + b"\x80\2" + other + b"." + pickle.dumps([], 2)
    yield "old: evil magic", pickle.dumps(Calls(exec, SHOUT), 2)
    yield "old: evil keys", head + b"\x80\2N." + pickle.dumps(Calls(exec, SHOUT), 2)
    source = text("module") + name("torch.nn.modules.linear", "Linear") + text("a.py") + text(SHOUT)
    yield "old: source of a module", head + b"\x80\2(" + source + b"tQ)R."
    yield "tar", bytes(257) + b"ustar" + bytes(250)
    yield "empty", b""
    yield "text", b"hello, world\n"


def everything():
    """All hostile files by name."""
    found = {}
    for make in (pickles, memory_eaters):
        for title, data in make():
            found[title] = archive(data)
            found[f"{title} (old format)"] = (
                pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + data
            )
    found.update(archives())
    found.update(old_files())
    return found


def run_all():
    """Loads every file with little memory to spare, and prints what was said."""
    import resource

    import rushlight as torch

    torch.load(
        io.BytesIO(archive(b"\x80\2" + tensor() + b".", ("x/data/0", bytes(16))))
    )  # everything is imported

    class Trap:
        def __init__(self, *arguments):
            exec(SHOUT)

        __setstate__ = __new__ = __init__

    class Woken(torch.nn.Module):
        def __setstate__(self, state):
            exec(SHOUT)

    class Dying(torch.nn.Module):
        def __del__(self):
            exec(SHOUT)

    class Hashed(torch.nn.Module):
        def __hash__(self):
            exec(SHOUT)
            return 0

    class Looped(torch.nn.Module):
        def shout(self, *arguments):
            exec(SHOUT)
            return iter(())

        __iter__ = __len__ = __bool__ = __repr__ = __str__ = __getattr__ = __eq__ = __index__ = keys = shout
        extra_repr = _get_name = __format__ = __lt__ = __contains__ = __getitem__ = __setattr__ = shout
        __hash__ = object.__hash__

    for cls in (Trap, Woken, Dying, Hashed, Looped):
        setattr(sys.modules["__main__"], cls.__name__, cls)
    files = everything()
    with open("/proc/self/statm") as told:
        used = int(told.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (128 << 20), resource.RLIM_INFINITY))
    for title, data in files.items():
        for options in ({}, {"weights_only": False}, {"weights_only": True}):
            try:
                torch.load(io.BytesIO(data), **options)
                said = "LOADED"
            except Exception as error:
                said = f"{type(error).__name__}: {str(error)[:200]}"
            if os.path.exists(CANARY):
                said = "RAN"
                os.unlink(CANARY)
            print(title, said.replace("\n", " "), sep="\t")


if __name__ == "__main__":
    run_all()
