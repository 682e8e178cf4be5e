"""The reference: every public callable of the library, as the library itself describes it."""

import importlib
import inspect
import re
from dataclasses import dataclass
from pathlib import Path

from pages import Heading, Page, fragment, signature

NAMESPACES = (
    "rushlight",
    "rushlight.Tensor",
    "rushlight.nn.functional",
    "rushlight.linalg",
    "rushlight.fft",
    "rushlight.special",
    "rushlight.autograd",
    "rushlight.autograd.functional",
    "rushlight.func",
)


@dataclass
class Entry:
    """A public callable: its full name, signature, docstring, and the family of operators it belongs to."""

    name: str
    signature: str
    text: str
    family: str


def resolve(path):
    """The module or class of a dotted name, or None where the library has none of that name (yet)."""
    thing = importlib.import_module("rushlight")
    for name in path.split(".")[1:]:
        try:
            thing = getattr(thing, name)
        except AttributeError:
            return None
    return thing


def entries(path, namespace):
    """The public callables of a namespace, by name."""
    found = []
    for name in sorted(dir(namespace)):
        thing = getattr(namespace, name, None)
        if is_public(name, thing):
            found.append(Entry(f"{path}.{name}", signature_of(thing), text_of(thing), family_of(thing)))
    return found


def is_public(name, thing):
    """Whether a name is for users: no underscore, can be called, and is ours."""
    if name.startswith("_") or inspect.ismodule(thing) or not callable(thing):
        return False
    return (getattr(thing, "__module__", None) or "").startswith("rushlight")


def signature_of(thing):
    """How a callable is called, as it would be typed."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    text = str(found.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    if getattr(thing, "accepts_out", False):
        text = text[:-1] + (", " if parameters else "") + ("out=None)" if "*" in text else "*, out=None)")
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def text_of(thing):
    """The docstring of a callable itself, not of its type."""
    text = getattr(thing, "__doc__", None)
    if not isinstance(text, str) or (not inspect.isclass(thing) and text is type(thing).__doc__):
        return ""
    return inspect.cleandoc(text)


def family_of(thing):
    """The file of operators that a callable is declared in, as a heading."""
    name = getattr(thing, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        return "In place"
    module = getattr(inspect.unwrap(thing), "__module__", None) or ""
    if not module.startswith("rushlight.ops."):
        return "Others"
    return module.removeprefix("rushlight.ops.").replace(".", ", ").replace("_", " ").strip().capitalize()


def make_pages():
    """A page for each namespace that exists, and the names of those that do not."""
    found, missing = [], []
    for path in NAMESPACES:
        namespace = resolve(path)
        if namespace is None:
            missing.append(path)
        else:
            found.append(page_of(path, entries(path, namespace)))
    return found, missing


def page_of(path, listed):
    """The page of a namespace: its entries by family, each with its signature and docstring."""
    page = Page(
        Path(f"<{path}>"), f"reference-{path}.html", path, f"<h1>{path}</h1>\n<p>{len(listed)} names.</p>\n"
    )
    families = sorted({entry.family for entry in listed}, key=lambda family: (family == "Others", family))
    for family in families:
        anchor = "family-" + family.lower().replace(" ", "-")
        page.headings.append(Heading(2, family, anchor))
        page.body += f'<h2 id="{anchor}">{family}</h2>\n'
        for entry in listed:
            if entry.family == family:
                page.headings.append(Heading(3, entry.name, entry.name))
                page.body += section(entry)
    return page


def section(entry):
    """An entry as HTML."""
    short = entry.name.rpartition(".")[2]
    return (
        f'<section id="{entry.name}">{signature(short + entry.signature)}\n{fragment(entry.text)}</section>\n'
    )
