"""Datasets of pictures, in the folders and files that torchvision keeps them in."""

from .arrays import PCAM, SEMEION, Caltech101, Caltech256, MovingMNIST, Omniglot
from .cifar import CIFAR10, CIFAR100
from .classified import (
    DTD,
    FER2013,
    GTSRB,
    SUN397,
    CLEVRClassification,
    Country211,
    EuroSAT,
    FGVCAircraft,
    Flowers102,
    Food101,
    Imagenette,
    RenderedSST2,
)
from .described import (
    SBU,
    CelebA,
    CocoCaptions,
    CocoDetection,
    Flickr8k,
    Flickr30k,
    Kitti,
    OxfordIIITPet,
    VOCDetection,
    VOCSegmentation,
)
from .fakedata import FakeData
from .folder import DatasetFolder, ImageFolder
from .mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST
from .stl10 import STL10
from .svhn import SVHN
from .usps import USPS
from .vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CLEVRClassification",
    "Caltech101",
    "Caltech256",
    "CelebA",
    "CocoCaptions",
    "CocoDetection",
    "Country211",
    "DTD",
    "DatasetFolder",
    "EMNIST",
    "EuroSAT",
    "FER2013",
    "FGVCAircraft",
    "FakeData",
    "FashionMNIST",
    "Flickr30k",
    "Flickr8k",
    "Flowers102",
    "Food101",
    "GTSRB",
    "ImageFolder",
    "Imagenette",
    "KMNIST",
    "Kitti",
    "MNIST",
    "MovingMNIST",
    "Omniglot",
    "OxfordIIITPet",
    "PCAM",
    "QMNIST",
    "RenderedSST2",
    "SBU",
    "SEMEION",
    "STL10",
    "SUN397",
    "SVHN",
    "USPS",
    "VOCDetection",
    "VOCSegmentation",
    "VisionDataset",
]
