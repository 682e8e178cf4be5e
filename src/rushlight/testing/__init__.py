"""Helpers for tests: `assert_close` compares results, `make_tensor` draws inputs."""

from .comparison import assert_allclose, assert_close
from .creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
