"""Modules that learn the size of their parameters from the first input."""

from __future__ import annotations

from typing import Any

from ...autograd.modes import no_grad
from ..uninitialized import is_lazy


class LazyModuleMixin:
    """Mixed in before a module's class: `initialize_parameters(input)` makes what could not be made before,
    and the module becomes one of `cls_to_become`.
    """

    cls_to_become: type | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)  # type: ignore[attr-defined]
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)  # type: ignore[attr-defined]

    def _own(self) -> list[tuple[str, Any]]:
        return [*self._parameters.items(), *self._buffers.items()]  # type: ignore[attr-defined]

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer still waits for its size."""
        return any(is_lazy(value) for _, value in self._own())

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Makes the parameters for inputs like these; each lazy class defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def _lazy_load_hook(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        """Takes the sizes from the state that is being loaded."""
        for name, value in self._own():
            given = state_dict.get(prefix + name)
            if is_lazy(value) and given is not None and not is_lazy(given):
                with no_grad():
                    value.materialize(given.shape)

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"module {type(module).__name__} has not been fully initialized: its initialize_parameters "
                "left "
                f"{[name for name, value in module._own() if is_lazy(value)]} without a size"
            )
        for hook in ("_initialize_hook", "_load_hook"):
            getattr(module, hook).remove()
            delattr(module, hook)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _replicate_for_data_parallel(self) -> Any:
        raise RuntimeError(
            "Modules with uninitialized parameters can't be used with `DataParallel`: call the module once "
            "with "
            "an example first"
        )


__all__ = ["LazyModuleMixin"]
