"""Where samples come from: things that have an item for each index, and streams of items."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ...tensor.core import Tensor
from ...tensor.generator import default_generator
from ...tensor.sampling import randperm
from ...warned import warn

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Dataset(Generic[T_co]):
    """Samples by index: subclasses define `__getitem__`, and `__len__` for the usual samplers.

    `__getitems__(indices)`, which gives a list of samples, is used instead where a subclass has it.
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(
            f"{type(self).__name__} has no __getitem__: a Dataset defines __getitem__(self, index), which "
            "gives one sample (a stream without indices is an IterableDataset and defines __iter__)"
        )

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples: subclasses define `__iter__`.

    Each worker process of a DataLoader has its own copy and goes through all of it, unless `__iter__` asks
    `get_worker_info()` which part of the stream is its own.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(
            f"{type(self).__name__} has no __iter__: an IterableDataset defines __iter__(self), which goes "
            "through its samples"
        )

    def __add__(self, other: Dataset[Any]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple]):
    """Sample `i` is the i-th slice of each tensor: TensorDataset(inputs, targets)."""

    tensors: tuple[Tensor, ...]

    def __init__(
        self, *tensors: Tensor, data_tensor: Tensor | None = None, target_tensor: Tensor | None = None
    ) -> None:
        tensors += tuple(t for t in (data_tensor, target_tensor) if t is not None)  # the names of PyTorch 0.3
        for i, t in enumerate(tensors):
            _check_rows(t, i)
        lengths = [len(t._a) for t in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(
                f"Size mismatch between tensors: TensorDataset pairs their rows, but they have "
                f"{lengths} rows (shapes {[tuple(t._a.shape) for t in tensors]})"
            )
        self.tensors = tensors

    @property
    def data_tensor(self) -> Tensor:
        """The first tensor, by its name in PyTorch 0.3."""
        return self.tensors[0]

    @property
    def target_tensor(self) -> Tensor:
        """The second tensor, by its name in PyTorch 0.3."""
        return self.tensors[1]

    def __getitem__(self, index: Any) -> tuple:
        return tuple([t[index] for t in self.tensors])  # type: ignore[index]

    def __len__(self) -> int:
        return len(self.tensors[0]._a)


def _check_rows(t: Any, position: int) -> None:
    if not isinstance(t, Tensor):
        raise TypeError(
            f"TensorDataset expects tensors, but argument {position} is {type(t).__name__}; convert it with "
            "torch.as_tensor(...)"
        )
    if t._a.ndim == 0:
        raise IndexError(
            f"TensorDataset takes sample i from row i of each tensor, but argument {position} is a number "
            "without dimensions"
        )


class StackDataset(Dataset[Any]):
    """Several datasets side by side: sample `i` has sample `i` of each, as a tuple or (by name) a dict."""

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError(
                "StackDataset takes datasets as positional arguments (samples are tuples) or by name "
                f"(samples are dicts), but got {len(args)} positional and {len(kwargs)} named ones"
            )
        self.datasets = args or kwargs
        parts = args or tuple(kwargs.values())
        self._length = len(parts[0])
        if any(len(d) != self._length for d in parts):
            raise ValueError(f"Size mismatch between datasets: they have {[len(d) for d in parts]} samples")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)

    def __getitems__(self, indices: Sequence[Any]) -> list:
        """The samples at all of `indices`."""
        if isinstance(self.datasets, dict):
            columns = [samples_of(d, indices) for d in self.datasets.values()]
            return [dict(zip(self.datasets, sample)) for sample in zip(*columns)]
        return list(zip(*[samples_of(d, indices) for d in self.datasets]))

    def __len__(self) -> int:
        return self._length


def batch_getter(dataset: Any) -> Callable[[Any], Any] | None:
    """What gives many samples of a dataset at once, if it has that."""
    getter = getattr(dataset, "__getitems__", None)
    return getter if callable(getter) else None


def samples_of(dataset: Any, indices: Sequence[Any]) -> Sequence[Any]:
    """The samples of a dataset at all of `indices`, at once if the dataset knows how."""
    getter = batch_getter(dataset)
    if getter is None:
        return [dataset[i] for i in indices]
    samples = getter(indices)
    if len(samples) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ was asked for {len(indices)} samples and gave "
            f"{len(samples)}"
        )
    return samples


class ConcatDataset(Dataset[T_co]):
    """Datasets one after another, as one."""

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        for d in self.datasets:
            if isinstance(d, IterableDataset):
                raise AssertionError(
                    f"ConcatDataset does not support IterableDataset, but got a {type(d).__name__}; join "
                    "streams with ChainDataset"
                )
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """How many samples there are up to the end of each dataset."""
        return list(itertools.accumulate(len(d) for d in sequence))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < 0:
            if -idx > len(self):
                raise ValueError(
                    "absolute value of index should not exceed dataset length: "
                    f"index {idx} of {len(self)} samples"
                )
            idx += len(self)
        which = bisect.bisect_right(self.cumulative_sizes, idx)
        if which == len(self.datasets):
            raise IndexError(f"index {idx} is out of range for a ConcatDataset of {len(self)} samples")
        return self.datasets[which][idx - self.cumulative_sizes[which - 1] if which else idx]

    @property
    def cummulative_sizes(self) -> list[int]:
        """The old spelling of `cumulative_sizes`."""
        warn("write cumulative_sizes (with one m)", FutureWarning)
        return self.cumulative_sizes


class ChainDataset(IterableDataset):
    """Streams one after another, as one."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for d in self._checked():
            yield from d

    def __len__(self) -> int:
        return sum(len(d) for d in self._checked())

    def _checked(self) -> Iterator[Any]:
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset, but got a {type(d).__name__}; join "
                    "datasets with indices by ConcatDataset"
                )
            yield d


class Subset(Dataset[T_co]):
    """The samples of a dataset that `indices` names, in that order."""

    dataset: Dataset[T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        cls = type(self)
        if cls.__getitem__ is not Subset.__getitem__ and cls.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{cls.__name__} overrides __getitem__ but not __getitems__, which a DataLoader would call "
                "instead; add\n\n"
                "    def __getitems__(self, indices):\n        return [self[i] for i in indices]"
            )

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """The samples at all of `indices`."""
        own = [self.indices[i] for i in indices]
        getter = batch_getter(self.dataset)
        return [self.dataset[i] for i in own] if getter is None else getter(own)

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Any = default_generator
) -> list[Subset[T]]:
    """Cuts a dataset at random into parts of the given lengths, or of fractions that add up to one."""
    count = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of(lengths, count)
    if sum(lengths) != count:
        raise ValueError(
            f"random_split: Sum of input lengths does not equal the length of the input dataset! "
            f"{list(lengths)} add up to {sum(lengths)}, and there are {count} samples; fractions have to add "
            "up to 1"
        )
    order = randperm(count, generator=generator).tolist()  # type: ignore[attr-defined]
    return [
        Subset(dataset, order[end - length : end])  # type: ignore[operator, misc]
        for end, length in zip(itertools.accumulate(lengths), lengths)
    ]


def _lengths_of(fractions: Sequence[float], count: int) -> list[int]:
    """Whole lengths for fractions; the parts take turns with the samples that rounding down leaves over."""
    for i, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1: {fraction}")
    lengths = [math.floor(count * fraction) for fraction in fractions]
    for i in range(count - sum(lengths)):
        lengths[i % len(lengths)] += 1
    for i, length in enumerate(lengths):
        if length == 0:
            warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset: "
                f"{fractions[i]} of {count} samples",
            )
    return lengths


__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]
