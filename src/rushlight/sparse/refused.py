"""Sparse layouts that are not there: their constructors say so, and what to use instead."""

from __future__ import annotations

from typing import Any


def _refused(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{name}(): of the sparse layouts torch.sparse_coo alone is there. Build a matrix with "
            "torch.sparse_coo_tensor(indices, values, size), or a dense one with "
            "torch.zeros(size).index_put(tuple(indices), values, accumulate=True)"
        )

    call.__name__ = name
    call.__doc__ = "Refused: use `sparse_coo_tensor`."
    return call


CONSTRUCTORS = [f"sparse_{kind}_tensor" for kind in ("csr", "csc", "bsr", "bsc", "compressed")]
for _name in CONSTRUCTORS:
    globals()[_name] = _refused(_name)
