"""Sequences of different lengths: packed into one tensor, or padded to the same length."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

from ...ops.operator import OPERATORS
from ...tensor.core import Tensor
from ...tensor.create import as_tensor
from ...tensor.dtype import int64
from ...tensor.sequences import arange

PackedSequence_ = namedtuple(
    "PackedSequence_", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"], defaults=(None, None)
)


def _converting(name: str) -> Callable[..., Any]:
    """A method that has the data converted by the tensor's method of the same name."""

    def convert(self: Any) -> Any:
        return self._replace_data(getattr(self.data, name)())

    convert.__name__ = name
    return convert


class PackedSequence(PackedSequence_):
    """All steps of several sequences, time after time: at time `t` there are `batch_sizes[t]` of them."""

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Any = None,
        unsorted_indices: Any = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # the two things that matter, given as a pair
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a tuple or list of length 2: (data, batch_sizes)")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
                "manually. They should be instantiated by functions like pack_sequence and "
                "pack_padded_sequence"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _replace_data(self, data: Any) -> PackedSequence:
        if data is self.data:
            return self
        order = [
            None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *order)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data converted or moved as `Tensor.to` does it."""
        return self._replace_data(self.data.to(*args, **kwargs))

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data moved to a GPU."""
        return self._replace_data(self.data.cuda(*args, **kwargs))

    pin_memory, cpu, double, float, half, long, int, short, char, byte = map(
        _converting,
        ("pin_memory", "cpu", "double", "float", "half", "long", "int", "short", "char", "byte"),
    )

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data's memory is pinned."""
        return self.data.is_pinned()


PackedSequence_.__module__ = PackedSequence.__module__


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes this one."""
    if permutation is None:
        return None
    return permutation.new_empty(permutation.shape).scatter_(
        0, permutation, arange(permutation.numel(), device=permutation.device, dtype=permutation.dtype)
    )


def _inside(lengths: Tensor, steps: int) -> Tensor:
    """For each time and each sequence, whether it has not ended yet."""
    return arange(steps).unsqueeze(1) < lengths.unsqueeze(0)


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs padded sequences of the given lengths, which must fall unless `enforce_sorted` is False."""
    lengths = _as_lengths(lengths)
    if batch_first:
        input = input.transpose(0, 1)
    order = None
    if not enforce_sorted:
        lengths, order = lengths.sort(descending=True)
        order = order.to(input.device)
        input = input.index_select(1, order)
    _check_lengths(input, lengths)
    inside = _inside(lengths, int(lengths[0]))
    return PackedSequence(input[: inside.shape[0]][inside], inside.sum(1), order, None)


def _as_lengths(lengths: Any) -> Tensor:
    if not isinstance(lengths, Tensor):
        lengths = as_tensor(lengths, dtype=int64)
    if lengths.device.type != "cpu" or lengths.dtype is not int64:
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{lengths.dim()}D {lengths.device.type} {lengths.dtype} tensor"
        )
    return lengths


def _check_lengths(input: Any, lengths: Any) -> None:
    if input.dim() < 2 or lengths.dim() != 1 or lengths.shape[0] != input.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {lengths.numel()} "
            f"(batch_size={input.shape[1] if input.dim() > 1 else None})"
        )
    if int(lengths.min()) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if int(lengths.max()) > input.shape[0]:
        raise RuntimeError(
            f"Expected the longest of 'lengths' ({int(lengths.max())}) to be within the {input.shape[0]} "
            "steps of "
            f"the input of shape {tuple(input.shape)}"
        )
    if bool((lengths[1:] > lengths[:-1]).any()):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if "
            "you do not need ONNX exportability."
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sequences padded to one length, in the order they were given in, and their lengths."""
    data, batch_sizes, _, back = sequence
    steps, batch = batch_sizes.shape[0], int(batch_sizes[0])
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {steps}"
        )
    inside = arange(batch).unsqueeze(0) < batch_sizes.unsqueeze(1)
    lengths = inside.sum(0)
    padded = data.new_full((total_length or steps, batch, *data.shape[1:]), padding_value)
    times, places = inside.nonzero(as_tuple=True)
    padded = padded.index_put((times, places), data)
    if back is not None:
        padded, lengths = padded.index_select(1, back), lengths[back.cpu()]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """The sequences as one tensor, the short ones padded."""
    if isinstance(sequences, Tensor):
        sequences = sequences.unbind(0)
    elif not hasattr(sequences, "__iter__"):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    sequences = tuple(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(s.shape[0] for s in sequences)
    rest = tuple(sequences[0].shape[1:])
    for s in sequences:
        if tuple(s.shape[1:]) != rest:
            raise RuntimeError(
                f"pad_sequence: all sequences must have the same sizes after the first dimension; got {rest} "
                "and "
                f"{tuple(s.shape[1:])}"
            )
    pad, left = OPERATORS["nn.functional.pad"].call, padding_side == "left"

    def filled(s: Tensor) -> Tensor:
        missing = longest - s.shape[0]
        sides = [0, 0] * len(rest) + ([missing, 0] if left else [0, missing])
        return pad(s, sides, value=padding_value) if missing else s

    return OPERATORS["stack"].call([filled(s) for s in sequences], 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, each of its own length."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [s[: int(n)] for s, n in zip(padded_sequences, lengths)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of sequences."""
    lengths = as_tensor([s.shape[0] for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed, as a list."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]
