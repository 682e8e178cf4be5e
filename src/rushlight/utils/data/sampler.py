"""The order of samples: samplers go through indices, batch samplers through lists of indices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

from ...tensor.core import Tensor
from ...tensor.create import as_tensor
from ...tensor.dtype import float64
from ...tensor.generator import Generator, default_generator
from ...tensor.sampling import multinomial, randint, randperm

T_co = TypeVar("T_co", covariant=True)
DRAWN_AT_ONCE = 32  # random indices with replacement; part of the order in which numbers are used up
LAST_63_BITS = 2**63 - 1


def draw_seed(generator: Any = None) -> int:
    """A seed from the default stream of random numbers or from `generator`: 63 bits."""
    high, low = (default_generator if generator is None else generator).raw32(2).tolist()
    return (high << 32 | low) & LAST_63_BITS


class Sampler(Generic[T_co]):
    """The base class of samplers: subclasses define `__iter__`, and `__len__` where the number is known."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(
            f"{type(self).__name__} has no __iter__: a Sampler defines __iter__(self), which goes through "
            "the indices of samples"
        )


class SequentialSampler(Sampler[int]):
    """All samples in their own order."""

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All samples in random order, or `num_samples` of them, with `replacement` perhaps several times."""

    data_source: Sized
    replacement: bool

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        self._spare: list[Generator] = []  # making one takes ten times longer than seeding it
        _check_flag("replacement", replacement, TypeError)
        count = self.num_samples
        if not isinstance(count, int) or count <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={count}"
                + ("; is the dataset empty?" if num_samples is None else "")
            )

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        if self.generator is not None:
            yield from self._indices(self.generator)
            return
        own = self._spare.pop() if self._spare else Generator()
        own.manual_seed(draw_seed())
        try:
            yield from self._indices(own)
        finally:
            self._spare.append(own)

    def _indices(self, generator: Any) -> Iterator[int]:
        n, count = len(self.data_source), self.num_samples
        if self.replacement:
            for _ in range(count // DRAWN_AT_ONCE):
                yield from _numbers_below(n, DRAWN_AT_ONCE, generator)
            yield from _numbers_below(n, count % DRAWN_AT_ONCE, generator)
            return
        for _ in range(count // n):
            yield from randperm(n, generator=generator).tolist()  # type: ignore[attr-defined]
        if (
            count % n or generator is self.generator
        ):  # the user's stream moves on even if nothing is left over
            yield from randperm(n, generator=generator).tolist()[: count % n]  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return self.num_samples

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_spare": []}


def _numbers_below(n: int, count: int, generator: Any) -> list[int]:
    return randint(0, n, (count,), generator=generator).tolist()  # type: ignore[attr-defined]


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order."""

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():  # type: ignore[attr-defined]
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """`num_samples` indices drawn in proportion to `weights`, which need not add up to one."""

    weights: Tensor
    num_samples: int
    replacement: bool

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        _check_count("num_samples", num_samples)
        _check_flag("replacement", replacement)
        self.weights = as_tensor(weights, dtype=float64)
        if self.weights._a.ndim != 1:
            raise ValueError(
                "weights should be a 1d sequence (one number for each sample) but given weights have shape "
                f"{tuple(self.weights._a.shape)}"
            )
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from drawn.tolist()  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list]):
    """Groups what another sampler gives into lists of `batch_size`; `drop_last` leaves out a shorter rest."""

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_count("batch_size", batch_size)
        _check_flag("drop_last", drop_last)
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list]:
        indices, size = iter(self.sampler), self.batch_size
        if size == 1:
            for index in indices:
                yield [index]
            return
        while len(batch := list(islice(indices, size))) == size:
            yield batch
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _check_flag(name: str, value: Any, error: type[Exception] = ValueError) -> None:
    if not isinstance(value, bool):
        raise error(f"{name} should be a boolean value, but got {name}={value}")


__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]
