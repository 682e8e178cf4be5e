"""Every operator, each declared once, in the module of its subject; importing this package declares them all.

`OPERATORS` has them by their public path: `OPERATORS["nn.functional.relu"].call` is the function.
"""

import importlib
import pkgutil

from .operator import OPERATORS

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

from . import python  # noqa: E402  (when all operators are declared)

python.attach()

__all__ = ["OPERATORS"]
