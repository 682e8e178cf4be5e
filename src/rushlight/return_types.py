"""The named tuples that some functions return: `x.max(0).values`, `rushlight.return_types.max`."""

from __future__ import annotations

from operator import itemgetter
from typing import Any


class Result(tuple):
    """Several results of one function, by number or by name."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    def __new__(cls, *parts: Any) -> Result:
        if len(parts) == 1 and len(cls._fields) > 1 and isinstance(parts[0], (tuple, list)):
            parts = tuple(parts[0])
        if len(parts) != len(cls._fields):
            raise TypeError(
                f"{cls.__name__}() takes {len(cls._fields)} values ({', '.join(cls._fields)}), not "
                f"{len(parts)}"
            )
        return tuple.__new__(cls, parts)

    def __repr__(self) -> str:
        lines = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
        return f"torch.return_types.{type(self).__name__}(\n{lines})"

    def __reduce__(self) -> tuple:
        return type(self), tuple(self)


def named(name: str, *fields: str) -> type[Result]:
    """A tuple class with these field names."""
    members: dict[str, Any] = {f: property(itemgetter(i)) for i, f in enumerate(fields)}
    members.update(
        _fields=fields, __match_args__=fields, n_fields=len(fields), __slots__=(), __module__=__name__
    )
    cls = type(name, (Result,), members)
    globals()[name] = cls
    return cls


for _name in ("max", "min", "median", "nanmedian", "mode", "kthvalue", "sort", "topk", "cummax", "cummin"):
    named(_name, "values", "indices")
named("aminmax", "min", "max")
named("frexp", "mantissa", "exponent")
named("histogram", "hist", "bin_edges")
named("histogramdd", "hist", "bin_edges")
