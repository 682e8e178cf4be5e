"""Nested containers of tensors, taken apart into a list of leaves and put together again.

Dictionaries, lists, tuples, named tuples, OrderedDict, defaultdict and deque are containers; whatever else
there is, None included, is a leaf. `register_pytree_node` adds a class of one's own.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

Pair = tuple[list[Any], Any]


class TreeSpec:
    """The shape of a nest: what is left when the leaves are taken out."""

    __slots__ = ("children", "context", "kind", "num_leaves")

    def __init__(self, kind: Any, context: Any, children: list[TreeSpec]) -> None:
        self.kind, self.context, self.children = kind, context, children
        self.num_leaves = sum(c.num_leaves for c in children) if kind is not None else 1

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TreeSpec)
            and self.kind is other.kind
            and self.context == other.context
            and self.children == other.children
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inner = ", ".join(map(repr, self.children))
        return (
            f"{self.kind.__name__}({inner})"
            if self.context is None
            else f"{self.kind.__name__}({self.context}, [{inner}])"
        )

    def is_leaf(self) -> bool:
        return self.kind is None


LEAF = TreeSpec(None, None, [])
_REGISTERED: dict[type, tuple[Callable[[Any], Pair], Callable[[list, Any], Any]]] = {}


@lru_cache(maxsize=256)
def _kind_of(cls: type) -> Any:
    return cls if cls in _REGISTERED or _is_namedtuple(cls) or _is_result(cls) else None


def register_pytree_node(
    cls: type, flatten_fn: Callable[[Any], Pair], unflatten_fn: Callable[[list, Any], Any], **_: Any
) -> None:
    """Makes `cls` a container: `flatten_fn(x)` gives (children, context), `unflatten_fn(children,
    context)` makes one again.
    """
    if cls in _REGISTERED:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _REGISTERED[cls] = (flatten_fn, unflatten_fn)
    _kind_of.cache_clear()


def _dict_of(kind: type) -> tuple[Any, Any]:
    def join(children: list, keys: Any) -> Any:
        return kind(zip(keys, children))

    return lambda d: (list(d.values()), list(d)), join


register_pytree_node(dict, *_dict_of(dict))
register_pytree_node(OrderedDict, *_dict_of(OrderedDict))
register_pytree_node(list, lambda x: (list(x), None), lambda children, _: list(children))
register_pytree_node(tuple, lambda x: (list(x), None), lambda children, _: tuple(children))
register_pytree_node(
    defaultdict,
    lambda d: (list(d.values()), (d.default_factory, list(d))),
    lambda children, context: defaultdict(context[0], zip(context[1], children)),
)
register_pytree_node(deque, lambda d: (list(d), d.maxlen), lambda children, maxlen: deque(children, maxlen))


def _is_namedtuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def _kind(x: Any) -> Any:
    return _kind_of(type(x))


def _is_result(cls: type) -> bool:
    """The named results of operators, which are tuples too."""
    return issubclass(cls, tuple) and cls.__module__.endswith("return_types")


def _children(x: Any, kind: Any) -> Pair:
    return _REGISTERED[kind][0](x) if kind in _REGISTERED else (list(x), None)


def _join(kind: Any, children: list, context: Any) -> Any:
    return _REGISTERED[kind][1](children, context) if kind in _REGISTERED else kind(*children)


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves, in order, and the shape of the nest."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(x: Any, leaves: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeSpec:
    kind = None if is_leaf is not None and is_leaf(x) else _kind(x)
    if kind is None:
        leaves.append(x)
        return LEAF
    children, context = _children(x, kind)
    return TreeSpec(kind, context, [_flatten(c, leaves, is_leaf) for c in children])


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The nest of this shape with these leaves."""
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten: the nest {treespec} has {treespec.num_leaves} leaves, but {len(leaves)} were "
            "given"
        )
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(leaves)
    return _join(spec.kind, [_build(leaves, c) for c in spec.children], spec.context)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    """The leaves, in order."""
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    """The shape of a nest."""
    return tree_flatten(tree, is_leaf)[1]


def tree_map(
    func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None
) -> Any:
    """The nest with `func` of each leaf (and of those at the same place in `rests`)."""
    leaves, spec = tree_flatten(tree, is_leaf)
    columns = [leaves] + [broadcast_prefix(r, spec, exact=True) for r in rests]
    return tree_unflatten([func(*row) for row in zip(*columns)], spec)


def tree_map_only(kinds: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """The nest with `func` of those leaves that are of one of `kinds`."""
    return tree_map(lambda x: func(x) if isinstance(x, kinds) else x, tree)


def tree_all(predicate: Callable[[Any], bool], tree: Any) -> bool:
    """Does this hold for all leaves?"""
    return all(predicate(x) for x in tree_leaves(tree))


def tree_any(predicate: Callable[[Any], bool], tree: Any) -> bool:
    """Does this hold for one of the leaves?"""
    return any(predicate(x) for x in tree_leaves(tree))


def broadcast_prefix(prefix: Any, spec: TreeSpec, exact: bool = False) -> list[Any]:
    """One value for each leaf of `spec`, from a nest that may stop short of the leaves: what it has
    there holds for all below.
    """
    if spec.kind is None:
        return [prefix]
    if _kind(prefix) is None and not exact:
        return [prefix] * spec.num_leaves
    kind = _kind(prefix)
    children, context = _children(prefix, kind) if kind is not None else ([], None)
    if (kind is not spec.kind and not _both_sequences(kind, spec.kind)) or len(children) != len(
        spec.children
    ):
        raise ValueError(f"the nest {prefix!r} does not fit the structure {spec}")
    if isinstance(context, list) and context != spec.context:
        children = (
            [dict(zip(context, children))[k] for k in spec.context]
            if set(context) == set(spec.context)
            else _misfit(prefix, spec)
        )
    return [v for c, s in zip(children, spec.children) for v in broadcast_prefix(c, s, exact)]


def _both_sequences(a: Any, b: Any) -> bool:
    return a is not None and issubclass(a, (list, tuple)) and issubclass(b, (list, tuple))


def _misfit(prefix: Any, spec: TreeSpec) -> list:
    raise ValueError(f"the keys of {prefix!r} are not those of {spec}")


__all__ = [
    "TreeSpec",
    "broadcast_prefix",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]
