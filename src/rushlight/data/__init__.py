"""Data that ship with Rushlight, to learn from and to try things on without a download."""

from .digits import DIGITS_LICENCE, digits

__all__ = ["DIGITS_LICENCE", "digits"]
