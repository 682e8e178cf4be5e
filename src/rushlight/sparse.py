"""Sparse tensors are not there: their constructors say so, and what to use instead."""

from __future__ import annotations

from typing import Any


def _refused(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"{name}(): sparse layouts are not there; all tensors are dense (torch.strided). Build a dense "
            "tensor with "
            "torch.zeros(size).index_put(tuple(indices), values, accumulate=True)"
        )

    call.__name__ = name
    call.__doc__ = "Refused: all tensors are dense."
    return call


CONSTRUCTORS = [f"sparse_{kind}_tensor" for kind in ("coo", "csr", "csc", "bsr", "bsc", "compressed")]
for _name in CONSTRUCTORS:
    globals()[_name] = _refused(_name)
