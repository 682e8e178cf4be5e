"""What an element-wise function does at once: from operands to result in generated code.

A function learns from the calls that Python has done: which kernel is for operands of which types and sizes.
From then on its builtin does such calls, and answers None to all others. Nothing but time depends on that.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..runtime import settings
from ..tensor.dtype import dtype, of_numpy

MOST_OPERANDS = 3
NEVER, ALWAYS, ALONE = (
    0,
    1,
    2,
)  # may a call be recorded? `ALONE`: calls that are to be recorded are not for it


class AtOnce:
    """The builtins of a function: `run(*operands)` and `into(target, *operands)`; None before it learns."""

    __slots__ = ("calls", "count", "insists", "into", "name", "records", "run", "scopes", "table")

    def __init__(
        self, name: str, count: int, records: int = NEVER, insists: frozenset[int] = frozenset()
    ) -> None:
        self.name, self.count, self.records = name, count, records
        self.insists = insists - {0}  # where only rules give a number, and users may not
        self.table = self.run = self.into = None
        self.scopes: list[tuple[dict[str, Any], str]] = []
        self.calls: dict[Any, int] = {}  # of those that Python does in several steps: see `learning`

    def serve(self, scope: dict[str, Any], name: str) -> None:
        """Has the builtin in a scope of names, from when there is one."""
        scope[name] = self.run
        self.scopes.append((scope, name))

    def learn(
        self, arguments: tuple, key: Any, kernel: Any, small: bool, loop: Any = None, constant: Any = None
    ) -> None:
        """Calls like this one, as small or large, are done by `kernel`, or by a loop of numpy's.

        `key` is the type of the result where the arguments are those of tensors.
        """
        if any(type(arguments[k]) is not np.ndarray for k in self.insists) or not self._has_table():
            return
        of_tensors = isinstance(key, dtype)
        first = next(a.dtype for a in arguments if type(a) is np.ndarray)
        # for one element numpy may choose another of its loops than for several
        least = 0 if loop is None else 1 + sum(type(a) is np.ndarray for a in arguments)
        self.table.teach(
            [_kind(a, of_tensors) for a in arguments],
            kernel,
            key.np if of_tensors else first,
            key if of_tensors else None,
            least=least if small else settings.kernels_from,
            below=settings.kernels_from if small else sys.maxsize,
            records=self.records,
            constant=constant,
            loop=loop,
        )

    def remember(self, kinds: list[Any], kernel: Any, result: dtype, computed: dtype) -> None:
        """Calls with tensors of these types, or numbers (None), are done by `kernel`, in whatever sizes."""
        if self._has_table() and all(kinds[k] is not None for k in self.insists):
            whole = computed.np.kind in "iu"
            records = ALONE if self.records else NEVER
            self.table.teach(kinds, kernel, result.np, result, records=records, whole=whole)

    def _has_table(self) -> bool:
        if self.table is None and self.count <= MOST_OPERANDS:
            from ..kernels.quick import Table

            self.table = Table(self.name, self.count)
            self.table.found.append(self._use)
            settings.when_changed.append(self._forget)
        return self.table is not None

    def _forget(self) -> None:
        self.table.forget()
        self.calls.clear()

    def _use(self, run: Any, into: Any) -> None:
        self.run, self.into = run, into
        for scope, name in self.scopes:
            scope[name] = run


def _kind(argument: Any, of_tensors: bool) -> Any:
    """What a table knows an argument by: its type, or None for a number."""
    if type(argument) is not np.ndarray:
        return None
    return of_numpy(argument.dtype) if of_tensors else argument.dtype
