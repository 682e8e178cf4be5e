"""Functions with a kernel for each kind of input: pictures, plain tensors, videos, masks, boxes, points."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import rushlight as rl

from .... import tv_tensors
from ....pictures import is_pil
from ....tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, TVTensor, Video

Kernel = Callable[..., Any]
PIL = "a picture of Pillow's"
BUILT_IN = (TVTensor, Image, Video, Mask, BoundingBoxes, KeyPoints)
PICTURES = (rl.Tensor, Image, Video)


def is_pure_tensor(inpt: Any) -> bool:
    """Is this a tensor that does not say what it is?"""
    return isinstance(inpt, rl.Tensor) and not isinstance(inpt, TVTensor)


def dispatched(declared: Callable[..., Any]) -> Any:
    """A function of the declared arguments, which asks the kernel for the kind of its first one.

    Kernels are given with `register`; each takes of the arguments those that it names.
    """
    names = tuple(inspect.signature(declared).parameters)[1:]
    known = frozenset(names)

    @functools.wraps(declared)
    def call(inpt: Any, *args: Any, **options: Any) -> Any:
        if args:
            options.update(zip(names, args, strict=False))
        if len(args) > len(names) or not options.keys() <= known:
            raise TypeError(f"{call.__name__}() takes {', '.join(names)}; got {args} and {sorted(options)}")
        return needed_kernel(call, inpt)(inpt, **options)

    call.names = known  # type: ignore[attr-defined]
    call.kernels = {}  # type: ignore[attr-defined]
    return call


def kernel_for(functional: Any, inpt: Any) -> Kernel | None:
    """The kernel of a function for this input, if there is one."""
    kernels = functional.kernels
    found = kernels.get(type(inpt))
    if found is not None or type(inpt) in kernels:
        return found
    if is_pil(inpt):
        return kernels.get(PIL)
    for kind in type(inpt).__mro__:
        if kind is TVTensor:
            return None
        if kind in kernels:
            return kernels[kind]
    return None


def needed_kernel(functional: Any, inpt: Any) -> Kernel:
    kernel = kernel_for(functional, inpt)
    if kernel is None:
        kinds = ", ".join(k if isinstance(k, str) else k.__name__ for k in functional.kernels)
        raise TypeError(f"{functional.__name__} is for {kinds}; got {type(inpt)}")
    return kernel


def register(functional: Any, *kinds: Any, wraps: bool = True) -> Callable[[Kernel], Kernel]:
    """Makes a kernel the one of these kinds. Kernels see plain tensors; results are of the kind again."""

    def decorate(kernel: Kernel) -> Kernel:
        for kind in kinds:
            is_kind = kind is not PIL and kind is not rl.Tensor
            functional.kernels[kind] = _for_kind(functional, kind, kernel, wraps) if is_kind else kernel
        return kernel

    return decorate


def _for_kind(functional: Any, kind: Any, kernel: Kernel, wraps: bool) -> Kernel:
    taken = frozenset(inspect.signature(kernel).parameters)
    told = [name for name in kind._told if name in taken]
    drops = not functional.names <= taken

    @functools.wraps(kernel)
    def on_kind(inpt: Any, **options: Any) -> Any:
        if drops:
            options = {name: value for name, value in options.items() if name in taken}
        for name in told:
            options[name] = getattr(inpt, name)
        result = kernel(inpt.as_subclass(rl.Tensor), **options)
        return _wrapped(result, inpt) if wraps else result

    return on_kind


def _wrapped(result: Any, like: Any) -> Any:
    if not isinstance(result, tuple):
        return tv_tensors.wrap(result, like=like)
    if "canvas_size" in like._told:
        return tv_tensors.wrap(result[0], like=like, canvas_size=tuple(result[1]))
    return tuple(tv_tensors.wrap(part, like=like) for part in result)


def register_kernel(functional: Any, tv_tensor_cls: type) -> Callable[[Kernel], Kernel]:
    """Makes a function the kernel of a functional (given as such or by name) for a class of the user's."""
    if isinstance(functional, str):
        name, functional = functional, getattr(import_module(__package__), functional, None)
        if functional is None:
            raise ValueError(f"transforms.v2.functional has no function {name!r}")
    if not hasattr(functional, "kernels"):
        raise ValueError(f"kernels are for functions of transforms.v2.functional, got {functional}")
    if not (isinstance(tv_tensor_cls, type) and issubclass(tv_tensor_cls, TVTensor)):
        raise ValueError(f"kernels are for subclasses of tv_tensors.TVTensor, got {tv_tensor_cls}")
    if tv_tensor_cls in BUILT_IN:
        raise ValueError(f"{tv_tensor_cls.__name__} has its kernels; new ones are for classes of your own")
    if tv_tensor_cls in functional.kernels:
        raise ValueError(f"{functional.__name__} has a kernel for {tv_tensor_cls.__name__} already")

    def decorate(kernel: Kernel) -> Kernel:
        functional.kernels[tv_tensor_cls] = kernel
        return kernel

    return decorate


def mask_kernel(on_picture: Kernel, *without: str, **fixed: Any) -> Kernel:
    """What a kernel for pictures does to masks [H, W] or [..., H, W], some of its arguments fixed or left
    out.
    """
    given = inspect.signature(on_picture)
    kept = [p for p in given.parameters.values() if p.name not in (*fixed, *without)]

    def kernel(mask: Any, *args: Any, **options: Any) -> Any:
        options.update(zip(names, args, strict=False))
        flat = mask.ndim < 3
        result = on_picture(mask[None] if flat else mask, **fixed, **options)
        return result.squeeze(0) if flat else result

    names = [p.name for p in kept][1:]
    kernel.__signature__ = given.replace(parameters=[kept[0].replace(name="mask"), *kept[1:]])  # type: ignore[attr-defined]
    kernel.__name__ = kernel.__qualname__ = on_picture.__name__.replace("_image", "_mask")
    kernel.__doc__ = f"`{on_picture.__name__}` for masks [..., H, W]."
    return kernel


def video_kernels(namespace: dict[str, Any]) -> dict[str, Kernel]:
    """Under names of their own: kernels for pictures do the same to each picture of a video."""
    pictures = [name for name in namespace if name.endswith("_image") and not name.startswith("_")]
    return {name.replace("_image", "_video"): namespace[name] for name in pictures}
