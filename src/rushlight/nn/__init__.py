"""What networks are made of."""

from .parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter"]
