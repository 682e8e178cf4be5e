"""What stands for the array of a tensor inside `vmap`: its shape and type, but no values."""

from __future__ import annotations

from typing import Any

import numpy as np


class DataRead(RuntimeError):
    """The values of a batch were asked for one sample's value."""


def refuse(what: str) -> Any:
    raise DataRead(
        f"vmap: {what} asks for the value of a tensor that stands for a whole batch. The function runs "
        "once for all samples, so what "
        "it does cannot depend on their values: use torch.where in place of `if`, keep numbers as tensors "
        "instead of .item(), and leave "
        "operations whose result has a size that depends on the values (nonzero, unique, masks as indices) "
        "out of it"
    )


class Hidden(np.ndarray):
    """Shape and type of one sample. Checks of ranges (min, max, any, all, comparisons with numbers) see
    the whole batch.
    """

    full: Any = None  # the values of all samples; None where only the shape is known

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        comparison = ufunc in _COMPARISONS and method == "__call__" and not kwargs
        if comparison and all(isinstance(x, (Hidden, int, float, complex, np.generic)) for x in inputs):
            full = ufunc(*(x._whole() if isinstance(x, Hidden) else x for x in inputs))
            return hidden(self.shape, full)
        return refuse(f"numpy.{ufunc.__name__}")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return refuse(f"numpy.{func.__name__}")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Hidden):  # a mask of wrong values, for the text of an error
            return self._whole()[index._whole()]
        part = np.ndarray.__getitem__(self, index)  # for its shape
        return part if isinstance(part, np.ndarray) else refuse("an element")

    def reshape(self, *shape: Any, **_: Any) -> Any:
        return self._whole().reshape(-1) if shape == (-1,) else np.ndarray.reshape(self, *shape)

    def view(self, *args: Any) -> Any:
        return hidden(self.shape, self._whole().view(*args))

    def _whole(self) -> Any:
        return refuse("an element") if self.full is None else self.full

    def __bool__(self) -> bool:
        return refuse("`if`, `while`, `and`, `or` or bool()")

    def min(self) -> Any:
        return self._whole().min()

    def max(self) -> Any:
        return self._whole().max()

    def any(self) -> Any:
        return self._whole().any()

    def all(self) -> Any:
        return self._whole().all()


_COMPARISONS = (
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isnan, np.logical_or,
    np.logical_and, np.bitwise_or, np.bitwise_and, np.logical_not,
)  # fmt: skip


def _refusal(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return refuse(f".{name}()")

    return method


for _name in ("item", "tolist", "tobytes", "copy", "astype", "ravel", "flatten", "squeeze",
              "sum", "mean", "prod", "argmax", "argmin", "nonzero", "take", "sort", "fill", "__setitem__",
              "__iter__", "__int__", "__float__", "__index__"):  # fmt: skip
    setattr(Hidden, _name, _refusal(_name.strip("_")))


def hidden(shape: tuple[int, ...], full: np.ndarray) -> Hidden:
    """An array of this shape whose elements are all one and the same poison, in case somebody reads them
    unnoticed.
    """
    a: Any = np.ndarray.__new__(Hidden, shape, full.dtype, _poison(full.dtype), 0, (0,) * len(shape))
    a.full = full
    return a


def _poison(dt: np.dtype) -> np.ndarray:
    if dt.kind in "iu":
        return np.array(np.iinfo(dt).min if dt.kind == "i" else np.iinfo(dt).max, dt)
    return np.array(np.nan if dt.kind in "fc" or dt.kind == "V" else 1, dt)
