"""What happens around every operator, in generated code: a Tensor for the result, a node for the graph.

`wrap(array, dtype)`, `node(node_class, array, saved, held, *inputs)` and `record(node_class, array, saved,
held, dtype, *inputs)` do what `wrap` of `tensor.core`, `new_node` and `recorded` of `ops.operator` do, which
are their meaning.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr
from . import frame
from .objects import Places, Reader, argument, builtin


def add_recording(module: Module, places: Places) -> None:
    add_is_quick(module, places)
    add_new_tensor(module, places)
    add_view_tensor(module, places)
    add_same_shape(module)
    _edge(module, places)
    _leases(module, places)
    _new_node(module, places)
    with builtin(module, "wrap") as f:
        f.ret(f.call("new_tensor", ptr, argument(f, 0), argument(f, 1)))
    _node(module, places)
    _record(module, places)
    _view(module, places)


def add_new_tensor(module: Module, places: Places) -> None:
    """A Tensor around an array, outside of the graph."""
    with module.function("new_tensor", ptr, exported=False, array=ptr, dtype=ptr) as f:
        r = Reader(f, places)
        t = r.new(r.constant("tensor_type"))
        r.give(t, "_a", r.hold(f.array))
        r.give(t, "dtype", r.hold(f.dtype))
        r.give(t, "_rg", r.hold(r.constant("false")))
        r.give(t, "_out", r.hold(r.constant("zero")))
        none = r.constant("none")
        for name in ("_node", "_grad", "_s", "_base", "_hooks"):
            r.give(t, name, r.hold(none))
        f.ret(t)


def add_is_quick(module: Module, places: Places) -> None:
    """Is this a tensor of one of the plain classes?"""
    with module.function("is_quick", i1, exported=False, thing=ptr) as f:
        r = Reader(f, places)
        kind = r.type_of(f.thing)
        f.ret(r.is_same(kind, r.constant("tensor_type")) | r.is_same(kind, r.constant("parameter_type")))


def add_same_shape(module: Module) -> None:
    with module.function("same_shape", i1, exported=False, a=ptr, b=ptr) as f:
        rank = f.load(i32, f.a, frame.ARRAY_RANK)
        with f.when(rank.differs(f.load(i32, f.b, frame.ARRAY_RANK))):
            f.ret(f.constant(i1, 0))
        one, other = f.load(ptr, f.a, frame.ARRAY_DIMS), f.load(ptr, f.b, frame.ARRAY_DIMS)
        same = f.variable(i1, 1)
        with f.loop(0, rank.convert("sext", i64)) as d:
            same.set(same.get() & f.load(i64, one.offset(d * 8)).equals(f.load(i64, other.offset(d * 8))))
        f.ret(same.get())


def _edge(module: Module, places: Places) -> None:
    """Where the gradient of `x` goes, as a new pair: its node and output, or the leaf itself."""
    with module.function("edge_of", ptr, exported=False, x=ptr) as f:
        r = Reader(f, places)
        source, output = r.slot(f.x, "_node"), r.slot(f.x, "_out")
        leaf = r.is_none(source)
        pair = r.new_tuple(2)
        r.put(pair, 0, r.hold(f.select(leaf, f.x, source)))
        r.put(pair, 1, r.hold(f.select(leaf, r.constant("zero"), output)))
        f.ret(pair)


def _leases(module: Module, places: Places) -> None:
    """What protects the memory of the inputs that are saved (the bits of `held`): None, or a list of
    leases.
    """
    with module.function("leases_of", ptr, exported=False, inputs=ptr, count=i64, held=i64) as f:
        r = Reader(f, places)
        none = r.constant("none")
        found = f.variable(ptr, r.hold(none))
        with f.loop(0, f.count) as k, f.when((f.held.lshr(k) & 1).differs(0)):
            x = f.load(ptr, f.inputs.offset(k * 8))
            with f.when(f.call("is_quick", i1, x)):
                storage = r.slot(x, "_s")
                with f.when(r.is_none(storage) ^ 1):
                    with f.when(r.is_none(found.get())):
                        r.drop(none)
                        found.set(r.or_fail(f.call("PyList_New", ptr, f.constant(i64, 0))))
                    f.call("PyList_Append", i32, found.get(), r.slot(storage, "_lease"))
        f.ret(found.get())


def _new_node(module: Module, places: Places) -> None:
    """A node for a call on `inputs` that gave `array`; `saved` and `leases` are kept, the latter as ours."""
    arguments = {"kind": ptr, "array": ptr, "saved": ptr, "leases": ptr, "inputs": ptr, "count": i64}
    with module.function("new_node", ptr, exported=False, **arguments) as f:
        r = Reader(f, places)
        node, edges, shapes = r.new(f.kind), r.new_tuple(f.count), r.new_tuple(f.count)
        with f.loop(0, f.count) as k:
            _connect(f, r, edges, shapes, k)
        r.give(node, "edges", edges)
        r.give(node, "shapes", shapes)
        r.give(node, "outputs", r.hold(r.constant("one")))
        r.give(node, "saved", r.hold(f.saved))
        r.give(node, "leases", f.leases)
        r.give(node, "sequence", r.or_fail(r.call(r.constant("next_sequence"))))
        f.ret(node)


def _connect(f: Function, r: Reader, edges: Value, shapes: Value, k: Value) -> None:
    """The edge to input `k`, and its shape where the gradient may have another; None for what has none."""
    x = f.load(ptr, f.inputs.offset(k * 8))
    none = r.constant("none")
    edge, shape = f.variable(ptr, none), f.variable(ptr, none)
    wanted = f.variable(i1, 0)
    with f.when(f.call("is_quick", i1, x)):
        wanted.set(r.is_same(r.slot(x, "_rg"), r.constant("true")))
    with f.either(wanted.get()) as (yes, no):
        with yes:
            edge.set(r.or_fail(f.call("edge_of", ptr, x)))
            own = r.slot(x, "_a")
            with f.either(f.call("same_shape", i1, own, f.array)) as (same, other):
                with same:
                    r.hold(none)
                with other:
                    shape.set(r.or_fail(f.call("PyObject_GetAttr", ptr, own, r.constant("shape"))))
        with no:
            r.hold(none)
            r.hold(none)
    r.put(edges, k, edge.get())
    r.put(shapes, k, shape.get())


def _node(module: Module, places: Places) -> None:
    with builtin(module, "node") as f:
        kind, array, saved, held = (argument(f, k) for k in range(4))
        f.ret(_made(f, Reader(f, places), 4, kind, array, saved, held))


def _record(module: Module, places: Places) -> None:
    with builtin(module, "record") as f:
        r = Reader(f, places)
        kind, array, saved, held, dtype = (argument(f, k) for k in range(5))
        node = _made(f, r, 5, kind, array, saved, held)
        t = r.or_fail(f.call("new_tensor", ptr, array, dtype))
        r.replace(t, "_node", node)
        r.replace(t, "_rg", r.hold(r.constant("true")))
        f.ret(t)


def _view(module: Module, places: Places) -> None:
    """`view(x, own, array, storage)`: a tensor on `array`, which looks at the memory of `x`."""
    with builtin(module, "view") as f:
        r = Reader(f, places)
        x, own, array, storage = (argument(f, k) for k in range(4))
        base = f.load(ptr, array, frame.ARRAY_BASE)
        plain = r.is_same(base, r.slot(storage, "owner")) & (r.is_same(array, own) ^ 1)
        same = r.is_same(*(f.load(ptr, each, frame.ARRAY_DESCR) for each in (own, array)))
        with f.when((plain & same) ^ 1):
            f.ret(r.call(r.constant("python_view"), x, own, array, storage))
        f.ret(f.call("view_tensor", ptr, x, array, storage, r.slot(x, "dtype")))


def add_shared_tensor(module: Module, places: Places) -> None:
    """A tensor on an array that looks at memory of which `storage` keeps account."""
    arguments = {"array": ptr, "storage": ptr, "dtype": ptr}
    with module.function("shared_tensor", ptr, exported=False, **arguments) as f:
        r = Reader(f, places)
        t = r.or_fail(f.call("new_tensor", ptr, f.array, f.dtype))
        r.replace(t, "_s", r.hold(f.storage))
        members = r.slot(f.storage, "_members")
        reference = r.or_fail(f.call("PyWeakref_NewRef", ptr, t, f.constant(ptr, 0)))
        f.call("PyList_Append", i32, members, reference)
        r.drop(reference)
        many = f.load(i64, members, frame.HEADER)
        with f.when(many > f.call("PyLong_AsLongLong", i64, r.slot(f.storage, "_prune_at"))):
            r.drop(r.or_fail(r.call_method(r.constant("name_prune"), f.storage)))
        f.ret(t)


def add_view_tensor(module: Module, places: Places) -> None:
    """The same for a view of `x`."""
    add_shared_tensor(module, places)
    arguments = {"x": ptr, "array": ptr, "storage": ptr, "dtype": ptr}
    with module.function("view_tensor", ptr, exported=False, **arguments) as f:
        r = Reader(f, places)
        t = r.or_fail(f.call("shared_tensor", ptr, f.array, f.storage, f.dtype))
        before = r.slot(f.x, "_base")
        r.replace(t, "_base", r.hold(f.select(r.is_none(before), f.x, before)))
        f.ret(t)


def _made(
    f: Function, r: Reader, leading: int, kind: Value, array: Value, saved: Value, held: Value
) -> Value:
    """The node of a call whose inputs are the arguments after the `leading` ones."""
    inputs, count = f.arguments.offset(8 * leading), f.count - leading
    bits = f.call("PyLong_AsLongLong", i64, held)
    leases = r.or_fail(f.call("leases_of", ptr, inputs, count, bits))
    return r.or_fail(f.call("new_node", ptr, kind, array, saved, leases, inputs, count))
