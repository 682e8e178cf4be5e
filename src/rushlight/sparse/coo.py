"""Sparse tensors in coordinates: the indices of the elements that are there, and their values.

Values are ordinary tensors, and everything goes through ordinary operators on them: so gradients reach the
values and whatever they are multiplied with. An operator that is not written for sparse tensors says so.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

from ..ops import OPERATORS
from ..tensor.core import CPU, Tensor
from ..tensor.create import as_tensor, tensor
from ..tensor.dtype import int64
from ..tensor.factories import empty, zeros
from ..tensor.layout import sparse_coo
from ..tensor.options import checked_device
from ..tensor.size import Size


class SparseTensor(Tensor):
    """A tensor most of whose elements are zero. `sparse_coo_tensor` and `x.to_sparse()` make them."""

    __slots__ = ("_at", "_held", "_size", "_sorted")
    is_sparse = True

    shape = property(lambda self: self._size)
    ndim = property(lambda self: len(self._size))
    dtype = property(lambda self: self._held.dtype)
    layout = property(lambda self: sparse_coo)
    grad_fn = property(lambda self: self._held.grad_fn)
    requires_grad = property(lambda self: self._held.requires_grad)

    @property
    def _a(self) -> Any:
        raise NotImplementedError(
            f"this is not there for sparse tensors (this one has size {tuple(self._size)}); make it dense "
            "first: x.to_dense()"
        )

    @staticmethod
    def _intercept(op: Any, call: Any, values: Any) -> tuple[bool, Any]:
        from .products import OPERATIONS

        if op.path not in OPERATIONS:
            raise NotImplementedError(
                f"{op.path}: not there for sparse tensors; make them dense first: x.to_dense()"
            )
        return True, OPERATIONS[op.path](*values)

    # ---- what it holds

    def _indices(self) -> Tensor:
        return self._at

    def _values(self) -> Tensor:
        return self._held

    def _nnz(self) -> int:
        return self._at.shape[1]

    def _known(self, what: str, found: Tensor) -> Tensor:
        if not self._sorted:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")
        return found

    def indices(self) -> Tensor:
        """Where the elements are, [dimensions, elements], in order."""
        return self._known("indices", self._at)

    def values(self) -> Tensor:
        """The elements, in the order of the indices."""
        return self._known("values", self._held)

    def is_coalesced(self) -> bool:
        """Is each place there once, and in order?"""
        return self._sorted

    def sparse_dim(self) -> int:
        """The number of dimensions that are sparse."""
        return self._at.shape[0]

    def dense_dim(self) -> int:
        """The number of dimensions of each value."""
        return self._held.ndim - 1

    def size(self, dim: int | None = None) -> Any:
        return self._size if dim is None else self._size[dim]

    def dim(self) -> int:
        return len(self._size)

    ndimension = dim

    def numel(self) -> int:
        return prod(self._size)

    nelement = numel

    def __len__(self) -> int:
        return self._size[0]

    # ---- others like it

    def like(self, values: Tensor) -> SparseTensor:
        """Other values at the same places."""
        return make(self._at, values, self._size, self._sorted)

    def coalesce(self) -> SparseTensor:
        """Each place once, in order, with the sum of its values."""
        if self._sorted:
            return self
        sparse = self._size[: self.sparse_dim()]
        places, which = _numbers(self._at, sparse).unique(return_inverse=True)
        total = zeros(len(places), *self._held.shape[1:], dtype=self.dtype).index_add(0, which, self._held)
        return make(_coordinates(places, sparse), total, self._size, True)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
        """The same numbers with all the zeros."""
        empty_places = zeros(self._size, dtype=self.dtype)
        dense = empty_places.index_put(tuple(self._at), self._held, accumulate=True)
        return dense if dtype is None else dense.to(dtype)

    def to_sparse(self, *args: Any, **kwargs: Any) -> SparseTensor:
        return self

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        return self.like(self._held.to(*args, **kwargs))

    def type(self, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        found = self._held.type(dtype, *args, **kwargs)
        return found.replace("torch.", "torch.sparse.") if dtype is None else self.like(found)

    def float(self) -> SparseTensor:
        return self.like(self._held.float())

    def double(self) -> SparseTensor:
        return self.like(self._held.double())

    def cpu(self) -> SparseTensor:
        return self

    def clone(self, **_: Any) -> SparseTensor:
        return make(self._at.clone(), self._held.clone(), self._size, self._sorted)

    def detach(self) -> SparseTensor:
        return self.like(self._held.detach())

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        self._held.requires_grad_(requires_grad)
        return self

    def __deepcopy__(self, memo: Any) -> SparseTensor:
        return self.clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise NotImplementedError("sparse tensors are not saved; save x.indices(), x.values() and x.shape")

    def __repr__(self, **_: Any) -> str:
        rows = [("indices", repr(self._at)), ("values", repr(self._held.detach()))]
        parts = [f"{name}={text}".replace("\n", "\n" + " " * (8 + len(name))) for name, text in rows]
        how = f"size={tuple(self._size)}, nnz={self._nnz()}, layout={sparse_coo}"
        if self.grad_fn is not None:
            how += f", grad_fn=<{self.grad_fn.name()}>"
        elif self.requires_grad:
            how += ", requires_grad=True"
        return "tensor(" + ",\n       ".join([*parts, how]) + ")"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec)


def make(indices: Tensor, values: Tensor, size: Any, coalesced: bool) -> SparseTensor:
    """A sparse tensor of parts that are known to fit."""
    t: Any = object.__new__(SparseTensor)
    t._at, t._held, t._size, t._sorted = indices, values, Size(size), coalesced
    t._rg = False
    t._node = t._grad = t._s = t._base = t._hooks = None
    t._out = 0
    return t


def _numbers(indices: Tensor, sizes: Any) -> Tensor:
    """The number of each place in row-major order."""
    return reduce(lambda number, d: number * sizes[d] + indices[d], range(1, len(sizes)), indices[0])


def _coordinates(numbers: Tensor, sizes: Any) -> Tensor:
    found = []
    for n in reversed(sizes):
        found.append(numbers % n)
        numbers = numbers // n
    return OPERATORS["stack"].call(found[::-1])


def sparse_coo_tensor(
    indices: Any,
    values: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
    pin_memory: bool = False,
) -> SparseTensor:
    """A sparse tensor of `values` at `indices` [dimensions, elements]; values at one place add up."""
    if values is None:  # a size alone: no elements
        size, indices = indices, empty(len(indices), 0, dtype=int64)
        values = empty(0, dtype=dtype)
    if checked_device(device) is not CPU:
        raise NotImplementedError(f"sparse_coo_tensor(): sparse tensors are on the CPU, not on {device}")
    at = as_tensor(indices).to(int64).detach()
    held = values if isinstance(values, Tensor) else tensor(values, dtype=dtype)
    held = held if dtype is None else held.to(dtype)
    if at.ndim != 2 or not held.ndim or held.shape[0] != at.shape[1]:
        raise RuntimeError(
            "sparse_coo_tensor(): indices are [dimensions, elements] and values begin with as many elements, "
            f"but the shapes are {list(at.shape)} and {list(held.shape)}"
        )
    if size is None:
        longest = at.amax(1).tolist() if at.shape[1] else [-1] * at.shape[0]
        size = (*(n + 1 for n in longest), *held.shape[1:])
    _check_places(at, held, tuple(size))
    t = make(at, held, size, bool(is_coalesced))
    return t.detach().requires_grad_() if requires_grad else t


def _check_places(at: Tensor, held: Tensor, size: tuple[int, ...]) -> None:
    sparse = len(at)
    if len(size) != sparse + held.ndim - 1 or tuple(held.shape[1:]) != size[sparse:]:
        raise RuntimeError(
            f"number of dimensions must be sparse_dim ({sparse}) + dense_dim ({held.ndim - 1}), but size is "
            f"{list(size)} and values have the shape {list(held.shape)}"
        )
    for d in range(sparse if at.shape[1] else 0):
        low, high = int(at[d].min()), int(at[d].max())
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {d}")
        if high >= size[d]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {size[d]} but found index {high}"
            )


def of_dense(x: Tensor, dims: int | None = None) -> SparseTensor:
    """The elements of a dense tensor that are not zero; dimensions after the first `dims` stay dense."""
    dims = x.ndim if dims is None else dims
    there = x.detach() != 0
    rows = there.flatten(dims).any(-1) if dims < x.ndim else there
    at = rows.nonzero().t().contiguous()
    return make(at, x[tuple(at)], x.shape, True)
