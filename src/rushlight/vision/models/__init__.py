"""Networks for pictures, with torchvision's names, parameters and published weights."""

from importlib import import_module as _import_module

from ...shown import shown_module as _shown_module
from ._api import (
    Weights,
    WeightsEnum,
    get_model,
    get_model_builder,
    get_model_weights,
    get_weight,
    list_models,
)

_FAMILIES = """
    alexnet convnext densenet efficientnet googlenet inception maxvit mnasnet mobilenetv2 mobilenetv3 regnet
    resnet shufflenetv2 squeezenet swin_transformer vgg vision_transformer
"""


def _publish(family: str) -> None:
    """Makes the classes, builders and weights of a module names of this package too."""
    module = _import_module(f"{__name__}.{family}")
    homes = (module.__name__, _shown_module(module.__name__))
    own = {n: v for n, v in vars(module).items() if getattr(v, "__module__", None) in homes}
    globals().update({n: v for n, v in own.items() if not n.startswith("_")})


for _family in _FAMILIES.split():
    _publish(_family)
for _task in ("segmentation", "video"):  # their names stay in packages of their own
    _import_module(f"{__name__}.{_task}")
