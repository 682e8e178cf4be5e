"""Special functions: the error function, gamma and Bessel functions, orthogonal polynomials."""

from .ops import OPERATORS as _OPERATORS

globals().update(
    {path.removeprefix("special."): op.call for path, op in _OPERATORS.items() if path.startswith("special.")}
)

__all__ = sorted(name for name in globals() if not name.startswith("_"))
