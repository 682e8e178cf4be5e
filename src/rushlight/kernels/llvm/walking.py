"""The backward pass from node to node, in generated code.

`advance(node, heap, pending, leaves, sums, arrive, keep, at)` visits nodes as `Run.visit` of
`autograd.engine` does, which is its meaning: `node` first, then whatever waits in `heap`, as long as no node
has hooks. It returns None when all is done, or the node that Python is to visit; `at[0]` is the node of an
error. `deposit(leaves, pending, accumulate)` puts gradients where there are none yet and has Python do the
rest.
"""

from __future__ import annotations

from ...runtime.ir import Function, Module, Value, i1, i32, i64, ptr
from . import frame
from .objects import Places, Reader, argument, builtin
from .summing import add_summing

FAILED, VISITED, DECLINED = 0, 1, 2
PREHOOKS, HOOKS = "prehooks", "hooks"


def add_walking(module: Module, places: Places) -> None:
    add_summing(module, places)
    _is_true_attribute(module, places)
    _checked(module, places)
    _push(module, places)
    _wait(module, places)
    _add_to(module, places)
    _pass_on(module, places)
    _visit(module, places)
    _next(module, places)
    _advance(module, places)
    _is_alone(module, places)
    _deposit(module, places)


def _is_true_attribute(module: Module, places: Places) -> None:
    """1 where the attribute is true, 0 where not, -1 with an exception."""
    with module.function("is_true_attribute", i32, exported=False, thing=ptr, attribute=ptr) as f:
        r = Reader(f, places)
        found = f.call("PyObject_GetAttr", ptr, f.thing, f.attribute)
        with f.when(r.is_null(found)):
            f.ret(f.constant(i32, -1))
        with f.when(r.is_none(found)):
            r.drop(found)
            f.ret(f.constant(i32, 0))
        answer = f.call("PyObject_IsTrue", i32, found)
        r.drop(found)
        f.ret(answer)


def _checked(module: Module, places: Places) -> None:
    """Is what a node has saved still there, and as it was? Its `check` knows, where there may be doubt."""
    with module.function("checked", i1, exported=False, node=ptr) as f:
        r = Reader(f, places)
        kept = r.is_none(r.slot(f.node, "leases"))
        with f.when(kept & (r.is_same(r.slot(f.node, "saved"), r.constant("released")) ^ 1)):
            f.ret(f.constant(i1, 1))
        answer = r.call_method(r.constant("name_check"), f.node)
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i1, 0))
        r.drop(answer)
        f.ret(f.constant(i1, 1))


def _wait(module: Module, places: Places) -> None:
    """Puts a node among those that wait: the only one stays beside the heap, which has the youngest first."""
    with module.function("wait", i1, exported=False, heap=ptr, beside=ptr, node=ptr) as f:
        r = Reader(f, places)
        with f.when(_is_empty(f, f.heap) & r.is_null(f.load(ptr, f.beside))):
            f.store(r.hold(f.node), f.beside)
            f.ret(f.constant(i1, 1))
        f.ret(f.call("push", i1, f.heap, f.node))


def _is_empty(f: Function, items: Value) -> Value:
    return f.load(i64, items, frame.HEADER).equals(0)


def _push(module: Module, places: Places) -> None:
    with module.function("push", i1, exported=False, heap=ptr, node=ptr) as f:
        r = Reader(f, places)
        place = f.call("PyNumber_Negative", ptr, r.slot(f.node, "sequence"))
        with f.when(r.is_null(place)):
            f.ret(f.constant(i1, 0))
        pair = f.call("PyTuple_Pack", ptr, f.constant(i64, 2), place, f.node, variadic=1)
        r.drop(place)
        with f.when(r.is_null(pair)):
            f.ret(f.constant(i1, 0))
        answer = r.call(r.constant("heappush"), f.heap, pair)
        r.drop(pair)
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i1, 0))
        r.drop(answer)
        f.ret(f.constant(i1, 1))


def _pass_on(module: Module, places: Places) -> None:
    """A gradient goes along an edge: to a leaf or node that has none yet, or by `arrive` to any other."""
    names = ("edge", "grad", "heap", "beside", "pending", "leaves", "sums", "arrive")
    with module.function("pass_on", i1, exported=False, **dict.fromkeys(names, ptr)) as f:
        r = Reader(f, places)
        target = r.item(f.edge, 0)
        plain = f.variable(i1, r.is_array(f.grad))
        leaf = f.call("is_quick", i1, target)
        with f.when(plain.get() & (leaf ^ 1)):
            kind = f.call("PyType_IsSubtype", i32, r.type_of(target), r.constant("node_type"))
            plain.set(kind.differs(0))
            with f.when(plain.get()):
                plain.set(r.is_same(r.slot(target, "outputs"), r.constant("one")))
        with f.when(plain.get()):
            held = f.call("PyDict_GetItemWithError", ptr, f.pending, target)
            with f.when(r.is_null(held)):
                failed = f.call("PyDict_SetItem", i32, f.pending, target, f.grad).differs(0)
                with f.when(failed):
                    f.ret(f.constant(i1, 0))
                with f.when(leaf):
                    f.ret(f.call("PyList_Append", i32, f.leaves, target).equals(0))
                f.ret(f.call("wait", i1, f.heap, f.beside, target))
            with f.when(f.call("is_summable", i1, held, f.grad)):
                f.ret(f.call("add_to", i1, f.pending, f.sums, target, held, f.grad))
        answer = r.call(f.arrive, f.edge, f.grad)
        with f.when(r.is_null(answer)):
            f.ret(f.constant(i1, 0))
        r.drop(answer)
        f.ret(f.constant(i1, 1))


def _add_to(module: Module, places: Places) -> None:
    """A gradient is added to the one that is waiting: on the spot where nobody else holds one of the two."""
    names = dict.fromkeys(("pending", "sums", "target", "held", "grad"), ptr)
    with module.function("add_to", i1, exported=False, **names) as f:
        r = Reader(f, places)
        free = f.call("PySet_Contains", i32, f.sums, f.target).equals(1) | f.call("is_alone", i1, f.held)
        with f.when(free):
            f.ret(f.call("add_into", i1, f.held, f.held, f.grad))
        total = f.variable(ptr, f.grad)
        with f.either(f.call("is_alone", i1, f.grad)) as (alone, shared):
            with alone:
                with f.when(f.call("add_into", i1, f.grad, f.held, f.grad) ^ 1):
                    f.ret(f.constant(i1, 0))
                r.hold(f.grad)
            with shared:
                total.set(f.call("sum_of", ptr, f.held, f.grad))
                with f.when(r.is_null(total.get())):
                    f.ret(f.constant(i1, 0))
        failed = f.call("PySet_Add", i32, f.sums, f.target).differs(0)
        failed = failed | f.call("PyDict_SetItem", i32, f.pending, f.target, total.get()).differs(0)
        r.drop(total.get())
        f.ret(failed ^ 1)


def _visit(module: Module, places: Places) -> None:
    """One node: its gradients, and where they go. FAILED, VISITED, or DECLINED where hooks are to be run."""
    names = ("node", "heap", "beside", "pending", "leaves", "sums", "arrive", "keep")
    with module.function("visit", i32, exported=False, **dict.fromkeys(names, ptr)) as f:
        r = Reader(f, places)
        for name in (PREHOOKS, HOOKS):
            hooked = f.call("is_true_attribute", i32, f.node, r.constant(f"name_{name}"))
            with f.when(hooked.differs(0)):
                f.ret(f.select(hooked < 0, f.constant(i32, FAILED), DECLINED))
        with f.when(f.call("checked", i1, f.node) ^ 1):
            f.ret(f.constant(i32, FAILED))
        results = _apply(f, r)
        _release(f, r)
        edges = f.call("PySequence_Tuple", ptr, r.slot(f.node, "edges"))
        ok = f.variable(i1, r.is_null(edges) ^ 1)
        with f.when(ok.get()):
            _distribute(f, r, edges, results, ok)
            r.drop(edges)
        r.drop(results)
        f.ret(f.select(ok.get(), f.constant(i32, VISITED), FAILED))


def _apply(f: Function, r: Reader) -> Value:
    """What the node's `apply` gives, as a tuple; the function ends where it fails."""
    grads = f.variable(ptr, r.hold(f.call("PyDict_GetItemWithError", ptr, f.pending, f.node)))
    _fail_if(f, f.call("PyDict_DelItem", i32, f.pending, f.node).differs(0))
    with f.when(r.is_same(r.slot(f.node, "outputs"), r.constant("one"))):
        alone = f.call("PyList_New", ptr, f.constant(i64, 1))
        f.call("PyList_SetItem", i32, alone, f.constant(i64, 0), grads.get())
        grads.set(alone)
    answer = r.call_method(r.constant("name_apply"), f.node, grads.get(), r.constant("false"))
    r.drop(grads.get())
    _fail_if(f, r.is_null(answer))
    results = f.call("PySequence_Tuple", ptr, answer)
    r.drop(answer)
    _fail_if(f, r.is_null(results))
    return results


def _release(f: Function, r: Reader) -> None:
    """Lets a node forget what it has saved, unless the graph is kept."""
    saved = r.slot(f.node, "saved")
    with f.when((r.is_none(saved) | r.is_same(f.keep, r.constant("true"))) ^ 1):
        answer = r.call_method(r.constant("name_release"), f.node)
        _fail_if(f, r.is_null(answer))
        r.drop(answer)


def _distribute(f: Function, r: Reader, edges: Value, results: Value, ok) -> None:
    count = f.minimum(f.load(i64, edges, frame.HEADER), f.load(i64, results, frame.HEADER))
    with f.loop(0, count) as k:
        edge, grad = r.item(edges, k), r.item(results, k)
        with f.when(ok.get() & ((r.is_none(edge) | r.is_none(grad)) ^ 1)):
            places = (f.heap, f.beside, f.pending, f.leaves, f.sums, f.arrive)
            ok.set(f.call("pass_on", i1, edge, grad, *places))


def _fail_if(f: Function, condition: Value) -> None:
    with f.when(condition):
        f.ret(f.constant(i32, FAILED))


def _next(module: Module, places: Places) -> None:
    """The youngest of the nodes that wait, as ours; NULL where none does."""
    with module.function("next_node", ptr, exported=False, heap=ptr, beside=ptr) as f:
        r = Reader(f, places)
        only = f.load(ptr, f.beside)
        f.store(f.constant(ptr, 0), f.beside)
        with f.when(_is_empty(f, f.heap)):
            f.ret(only)
        with f.when(r.is_null(only) ^ 1):
            pushed = f.call("push", i1, f.heap, only)
            r.drop(only)
            with f.when(pushed ^ 1):
                f.ret(f.constant(ptr, 0))
        pair = r.or_fail(r.call(r.constant("heappop"), f.heap))
        node = r.hold(r.item(pair, 1))
        r.drop(pair)
        f.ret(node)


def _advance(module: Module, places: Places) -> None:
    with builtin(module, "advance") as f:
        r = Reader(f, places)
        first, heap, pending, leaves, sums, arrive, keep, at = (argument(f, k) for k in range(8))
        node, beside = f.variable(ptr, r.hold(first)), f.stack(8, 8)
        f.store(f.constant(ptr, 0), beside)
        with f.forever() as nodes:
            nodes.leave_if(r.is_null(node.get()))
            how = f.call("visit", i32, node.get(), heap, beside, pending, leaves, sums, arrive, keep)
            with f.when(how.equals(DECLINED)):
                f.ret(node.get())
            with f.when(how.equals(FAILED)):
                f.call("PyList_SetItem", i32, at, f.constant(i64, 0), node.get())
                f.ret(f.constant(ptr, 0))
            r.drop(node.get())
            node.set(f.call("next_node", ptr, heap, beside))
        with f.when(r.is_null(f.call("PyErr_Occurred", ptr)) ^ 1):
            f.ret(f.constant(ptr, 0))
        f.ret(r.hold(r.constant("none")))


# ---- the leaves


def _is_alone(module: Module, places: Places) -> None:
    """Does nobody but us hold this array, and the memory it is on, in C order?"""
    with module.function("is_alone", i1, exported=False, array=ptr) as f:
        r = Reader(f, places)
        with f.when(r.count(f.array).differs(1)):
            f.ret(f.constant(i1, 0))
        with f.when((f.load(i32, f.array, frame.ARRAY_FLAGS) & frame.C_CONTIGUOUS).equals(0)):
            f.ret(f.constant(i1, 0))
        base = f.load(ptr, f.array, frame.ARRAY_BASE)
        with f.when(r.is_null(base)):
            f.ret(f.constant(i1, 1))
        f.ret(r.is_array(base) ^ 1)


def _deposit(module: Module, places: Places) -> None:
    with builtin(module, "deposit") as f:
        r = Reader(f, places)
        leaves, pending, accumulate = (argument(f, k) for k in range(3))
        hooked = r.or_fail(f.call("PyList_New", ptr, f.constant(i64, 0)))
        with f.loop(0, f.load(i64, leaves, frame.HEADER)) as k:
            leaf = f.call("PyList_GetItem", ptr, leaves, k)
            plain = r.is_none(r.slot(leaf, "_hooks"))
            with f.either(plain) as (without, withal):
                with without:
                    _add(f, r, leaf, pending, accumulate, hooked)
                with withal:
                    f.call("PyList_Append", i32, hooked, leaf)
        f.ret(hooked)


def _add(f: Function, r: Reader, leaf: Value, pending: Value, accumulate: Value, hooked: Value) -> None:
    """A leaf without a gradient takes this one, if it is nobody else's; else Python adds or copies it."""
    grad = r.hold(f.call("PyDict_GetItemWithError", ptr, pending, leaf))
    f.call("PyDict_DelItem", i32, pending, leaf)
    before = r.slot(leaf, "_grad")
    first, more = f.variable(i1, r.is_array(grad) & r.is_none(before)), f.variable(i1, 0)
    with f.when(first.get()):
        first.set(f.call("is_alone", i1, grad))
    with f.when(r.is_same(r.type_of(before), r.constant("tensor_type"))):
        own = r.is_none(r.slot(before, "_s")) & r.is_none(r.slot(before, "_node"))
        with f.when(own & r.count(r.slot(before, "_a")).equals(1)):
            more.set(f.call("is_summable", i1, r.slot(before, "_a"), grad))
    with f.when(first.get()):
        r.replace(leaf, "_grad", r.or_fail(f.call("new_tensor", ptr, grad, r.slot(leaf, "dtype"))))
    with f.when(more.get()):
        array = r.slot(before, "_a")
        with f.when(f.call("add_into", i1, array, array, grad) ^ 1):
            r.drop(grad)
            r.drop(hooked)
            f.ret(f.constant(ptr, 0))
    with f.when((first.get() | more.get()) ^ 1):
        answer = r.call(accumulate, leaf, grad)
        with f.when(r.is_null(answer)):
            r.drop(grad)
            r.drop(hooked)
            f.ret(f.constant(ptr, 0))
        r.drop(answer)
    r.drop(grad)
