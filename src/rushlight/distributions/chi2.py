"""The distribution of sums of squares."""

from .gamma import Chi2

__all__ = ["Chi2"]
