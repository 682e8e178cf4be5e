"""Scripts of tools/, for tests."""

import importlib.util

from support.paths import ROOT


def load_tool(path):
    """A script of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(
        path.replace("/", "_").removesuffix(".py"), ROOT / "tools" / path
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
