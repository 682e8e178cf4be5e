"""Transforms of whole samples: pictures and videos together with the masks, boxes and points in them.

Random numbers are drawn as torchvision's second version draws them.
"""

from .. import AutoAugmentPolicy, InterpolationMode
from . import functional
from ._queries import check_type, get_bounding_boxes, get_keypoints, has_all, has_any, query_chw, query_size
from ._transform import Transform
from .autoaugment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from .boxes import (
    ClampBoundingBoxes,
    ClampKeyPoints,
    ConvertBoundingBoxFormat,
    SanitizeBoundingBoxes,
    SanitizeKeyPoints,
    SetClampingMode,
)
from .colour import (
    RGB,
    ColorJitter,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomChannelPermutation,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPhotometricDistort,
    RandomPosterize,
    RandomSolarize,
)
from .containers import Compose, Identity, Lambda, RandomApply, RandomChoice, RandomOrder
from .conversion import ConvertImageDtype, PILToTensor, ToDtype, ToImage, ToPILImage, ToPureTensor, ToTensor
from .geometry import (
    CenterCrop,
    ElasticTransform,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomIoUCrop,
    RandomPerspective,
    RandomResize,
    RandomResizedCrop,
    RandomRotation,
    RandomShortestSize,
    RandomVerticalFlip,
    RandomZoomOut,
    Resize,
    ScaleJitter,
    TenCrop,
)
from .mixtures import CutMix, MixUp
from .pixels import (
    JPEG,
    GaussianBlur,
    GaussianNoise,
    LinearTransformation,
    Normalize,
    RandomErasing,
    UniformTemporalSubsample,
)
