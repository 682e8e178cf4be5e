"""Pruning: parts of a tensor set to zero, and kept there by a mask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any

from ...ops.operator import OPERATORS
from ...tensor.core import Tensor
from ...tensor.factories import ones_like, zeros_like
from ...tensor.sampling import rand, rand_like
from ..module import Module
from .convert_parameters import parameters_to_vector


class BasePruningMethod(ABC):
    """A way to choose what is pruned: a subclass defines `compute_mask` and `PRUNING_TYPE`.

    On a module it is a hook that computes `weight` as `weight_orig * weight_mask` before each call.
    """

    PRUNING_TYPE = ""
    _tensor_name: str | None = None

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._name(), self.apply_mask(module))

    def _name(self) -> str:
        if self._tensor_name is None:
            raise AssertionError("the module has to be pruned first: use the class method `apply`")
        return self._tensor_name

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Ones for what stays of `t`, zeros for what goes; what `default_mask` has at zero stays there."""

    def apply_mask(self, module: Module) -> Tensor:
        """The tensor without what is pruned."""
        mask, original = (getattr(module, self._name() + part) for part in ("_mask", "_orig"))
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prunes a tensor of a module; one that is pruned already is pruned further."""
        method = _joined(module, name, cls(*args, **kwargs))
        original = getattr(module, name)
        scores = original if importance_scores is None else importance_scores
        if scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}: "
                f"{tuple(scores.shape)} and {tuple(original.shape)}"
            )
        if isinstance(method, PruningContainer):
            mask = method.compute_mask(scores, getattr(module, name + "_mask").detach().clone())
        else:
            mask = method.compute_mask(scores, ones_like(original))
            del module._parameters[name]
            module.register_parameter(name + "_orig", original)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Tensor:
        """`t` without what this method would prune."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t: "
                f"{tuple(scores.shape)} and {tuple(t.shape)}"
            )
        return t * self.compute_mask(scores, ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Makes the pruned tensor an ordinary parameter; what was pruned stays zero."""
        name = self._name()
        weight = self.apply_mask(module)
        delattr(module, name)
        original = module._parameters.pop(name + "_orig")
        original.data = weight.detach()
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _joined(module: Module, name: str, method: BasePruningMethod) -> BasePruningMethod:
    """`method`, after those that prune the tensor already."""
    method._tensor_name = name
    number = _find(module, name)
    if number is None:
        return method
    before = module._forward_pre_hooks.pop(number)
    container = before if isinstance(before, PruningContainer) else PruningContainer(before)
    container.add_pruning_method(method)
    return container


def _find(module: Module, name: str) -> int | None:
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return number
    return None


class PruningContainer(BasePruningMethod):
    """Several methods on one tensor: each prunes what those before it left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Adds a method for the same tensor."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Any, default_mask: Any) -> Tensor:
        """The mask after the last method, applied to what is left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype).clone()
        left = self._left(method, t, default_mask)
        part = method.compute_mask(t.detach()[left], default_mask[left])
        mask[left] = part.to(dtype=mask.dtype)
        return mask

    def _left(self, method: Any, t: Tensor, mask: Tensor) -> Any:
        """Where `method` may still prune."""
        kind = method.PRUNING_TYPE
        if kind == "unstructured":
            return mask == 1
        if kind == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
                )
            _check_dim(t, method.dim)
            dim = method.dim % t.dim()
            channels = mask.sum([d for d in range(t.dim()) if d != dim]) != 0
            return (slice(None),) * dim + (channels,)
        if kind == "global":
            return (slice(None),) * t.dim()
        raise ValueError(f"Unrecognized PRUNING_TYPE {kind}; it is 'unstructured', 'structured' or 'global'")


class Identity(BasePruningMethod):
    """Prunes nothing, but has the mask."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask as it was."""
        return default_mask


class _Amount(BasePruningMethod):
    """Prunes a number (an int) or a share (a float) of what there is."""

    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount

    def _count(self, size: int) -> int:
        n = int(self.amount) if isinstance(self.amount, Integral) else round(self.amount * size)
        if n > size:
            raise ValueError(f"amount={n} should be smaller than the number of parameters to prune={size}")
        return n


class RandomUnstructured(_Amount):
    """Prunes elements by chance."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask with that many more zeros, anywhere."""
        n = self._count(t.numel())
        if n == 0:
            return default_mask.clone()
        return _without(default_mask, rand_like(t).reshape(-1).topk(n).indices)


class L1Unstructured(_Amount):
    """Prunes the elements nearest to zero."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask with that many more zeros, where the tensor is smallest."""
        n = self._count(t.numel())
        if n == 0:
            return default_mask.clone()
        return _without(default_mask, t.detach().abs().reshape(-1).topk(n, largest=False).indices)


def _without(mask: Tensor, places: Tensor) -> Tensor:
    flat = mask.reshape(-1).clone()
    flat[places] = 0
    return flat.reshape(mask.shape)


class _Structured(_Amount):
    """Prunes whole slices along `dim`."""

    PRUNING_TYPE = "structured"
    dim = -1

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask with that many more slices of zeros."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{tuple(t.shape)} with {t.dim()} dims"
            )
        _check_dim(t, self.dim)
        n = self._count(t.shape[self.dim])
        if n == 0:
            return default_mask
        mask = zeros_like(t)
        mask[(slice(None),) * (self.dim % t.dim()) + (self._kept(t, n),)] = 1
        return mask * default_mask.to(dtype=mask.dtype)

    def _kept(self, t: Tensor, n: int) -> Tensor:
        raise NotImplementedError


class RandomStructured(_Structured):
    """Prunes slices by chance."""

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, n: int) -> Tensor:
        drawn = rand(t.shape[self.dim])
        return drawn > drawn.kthvalue(n).values


class LnStructured(_Structured):
    """Prunes the slices of smallest n-norm."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def _kept(self, t: Tensor, n: int) -> Tensor:
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = t.detach().norm(p=self.n, dim=others)
        return norms.topk(t.shape[self.dim] - n).indices


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask has at zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Both masks together."""
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# ---- what is called


def identity(module: Module, name: str) -> Module:
    """Prunes nothing, but makes the mask."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prunes `amount` elements by chance."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Any = None) -> Module:
    """Prunes the `amount` elements nearest to zero."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prunes `amount` slices along `dim` by chance."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Module:
    """Prunes the `amount` slices along `dim` of smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prunes what `mask` has at zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: type, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prunes elements of several tensors, given as pairs (module, name), as if they were one."""
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    given = {} if importance_scores is None else importance_scores
    if not isinstance(given, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    tensors = [getattr(module, name) for module, name in pairs]
    scores = parameters_to_vector([given.get(pair, t) for pair, t in zip(pairs, tensors)])
    masks = [getattr(m, name + "_mask", ones_like(t)) for (m, name), t in zip(pairs, tensors)]
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    mask = PruningContainer(method).compute_mask(scores, parameters_to_vector(masks))
    parts = OPERATORS["split"].call(mask, [t.numel() for t in tensors])
    for (module, name), t, part in zip(pairs, tensors, parts):
        custom_from_mask(module, name, part.reshape(t.shape))


def remove(module: Module, name: str) -> Module:
    """Makes a pruned tensor an ordinary parameter; what was pruned stays zero."""
    number = _find(module, name)
    if number is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    module._forward_pre_hooks.pop(number).remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether anything in the network is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for m in module.modules()
        for hook in m._forward_pre_hooks.values()
    )


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    share = not isinstance(amount, Integral)
    if amount < 0 or (share and amount > 1.0):  # type: ignore[operator]
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )


def _check_dim(t: Tensor, dim: int) -> None:
    if not -t.dim() <= dim < t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {tuple(t.shape)}")
