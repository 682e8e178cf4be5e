"""The short-time Fourier transform and its inverse, and the frequencies of the bins of a transform."""

from __future__ import annotations

from .. import lang
from ..lang.fourier import bin_frequencies
from ..tensor.core import Tensor
from ..tensor.dtype import get_default_dtype
from ..tensor.factories import ones
from ..tensor.options import make
from ..warned import warn
from .declare import composite
from .fourier import fourier, fourier_half, fourier_real
from .operator import OPERATORS


@composite(out=False)
def stft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    pad_mode="reflect",
    normalized=False,
    onesided=None,
    return_complex=None,
    align_to_window=None,
):
    """The Fourier transforms of overlapping stretches of a signal: frequencies by frames."""
    _check_signal(input)
    if align_to_window is not None and center:
        raise RuntimeError("stft: align_to_window should only be set when center = false")
    hop, length = hop_length or n_fft // 4, win_length or n_fft
    complex_input = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    onesided = not complex_input if onesided is None else onesided
    _check_return(return_complex, complex_input)
    if onesided and complex_input:
        raise RuntimeError(
            "stft: Cannot have onesided output if window or input is complex; pass onesided=False"
        )
    vector = input.ndim == 1
    x = lang.reshape(input, (1, -1)) if vector else input
    if center:
        x = _padded(x, n_fft // 2, pad_mode)
    _check_lengths("stft", x.shape[-1], n_fft, hop, length, window)
    frames = lang.unfold(x, 1, n_fft, hop)
    weights = _window(window, length, n_fft, input)
    if weights is not None:
        frames = frames * weights
    norm = "ortho" if normalized else "backward"
    bins = fourier_real(frames, 2, norm) if onesided else fourier(_complex(frames), (2,), norm, False)
    bins = lang.transpose(bins, 1, 2)
    bins = lang.reshape(bins, bins.shape[1:]) if vector else bins
    return bins if return_complex or return_complex is None else OPERATORS["view_as_real"].call(bins)


def _check_signal(x):
    if not isinstance(x, Tensor):
        raise TypeError(f"stft(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        raise RuntimeError(
            f"stft: expected a tensor of floating point or complex values, but got {x.dtype.name}; convert "
            "it with x.float()"
        )
    if x.ndim not in (1, 2):
        raise RuntimeError(
            f"stft: expected a 1D or 2D tensor, but got {x.ndim}D tensor of shape {list(x.shape)}"
        )


def _check_return(return_complex, complex_input):
    if return_complex is None and not complex_input:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require "
            "that return_complex=True in a future PyTorch release."
        )


def _check_lengths(name, size, n_fft, hop, length, window):
    if not 0 < n_fft <= size:
        raise RuntimeError(
            f"{name}: expected 0 < n_fft <= {size} (the length of the signal, padded if center=True), but "
            f"got n_fft={n_fft}"
        )
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft, but got win_length={length} and n_fft={n_fft}"
        )
    if window is not None and tuple(window.shape) != (length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={length}, but got window "
            f"with size {list(window.shape)}"
        )


def _padded(x, pad, mode):
    """The signal continued on both sides, so that the first frame is centered on the first value."""
    if mode == "reflect" and not 0 <= pad < x.shape[-1]:
        raise RuntimeError(
            "stft: Padding size should be less than the corresponding input dimension, but got padding "
            f"({pad}, {pad}) for a signal of length {x.shape[-1]}; use a smaller n_fft, "
            "pad_mode='constant', or center=False"
        )
    if mode == "reflect":
        left, right = (..., slice(1, pad + 1)), (..., slice(x.shape[-1] - pad - 1, x.shape[-1] - 1))
        return lang.cat([lang.flip(lang.pick(x, left), [1]), x, lang.flip(lang.pick(x, right), [1])], 1)
    if mode == "constant":
        return lang.place(x, (x.shape[0], x.shape[1] + 2 * pad), (slice(None), slice(pad, pad + x.shape[1])))
    wide = lang.reshape(x, (1, *x.shape))
    return lang.reshape(OPERATORS["nn.functional.pad"].call(wide, (pad, pad), mode), (x.shape[0], -1))


def _window(window, length, n_fft, like):
    """The weights of a frame, with zeros around a window that is shorter; None where all are one."""
    if window is None:
        if length == n_fft:
            return None
        window = ones(length, dtype=like.dtype.to_real())
    before = (n_fft - length) // 2
    return window if length == n_fft else lang.place(window, (n_fft,), (slice(before, before + length),))


def _complex(x):
    return x if x.dtype.is_complex else x.to(x.dtype.to_complex())


@composite(out=False)
def istft(
    input,
    n_fft,
    hop_length=None,
    win_length=None,
    window=None,
    center=True,
    normalized=False,
    onesided=None,
    length=None,
    return_complex=False,
):
    """The signal that has this short-time Fourier transform: the inverse of `stft`."""
    hop, window_length = hop_length or n_fft // 4, win_length or n_fft
    onesided = not (input.ndim > 1 and input.shape[-2] == n_fft) if onesided is None else onesided
    _check_inverse(input, n_fft, hop, window_length, window, onesided, return_complex)
    vector = input.ndim == 2
    x = lang.transpose(lang.reshape(input, (1, *input.shape)) if vector else input, 1, 2)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        frames = fourier(x, (2,), norm, True)
    else:
        x = x if onesided else lang.pick(x, (..., slice(0, n_fft // 2 + 1)))
        frames = fourier_half(x, n_fft, 2, norm)
    weights = _window(window, window_length, n_fft, input)
    if weights is None:
        weights = ones(n_fft, dtype=input.dtype.to_real())
    y = _overlapped(frames * weights, weights, n_fft, hop, center, length)
    return lang.reshape(y, y.shape[1:]) if vector else y


def _overlapped(frames, weights, n_fft, hop, center, length):
    """Frames added where they overlap, and divided by the weight that each place has got."""
    batch, count, _ = frames.shape
    size = n_fft + hop * (count - 1)
    y = lang.unfold_add(frames, (batch, size), 1, n_fft, hop)
    squares = lang.expand(weights * weights, (1, count, n_fft))
    envelope = lang.unfold_add(squares, (1, size), 1, n_fft, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else size - n_fft // 2 if center else size
    part = (slice(None), slice(start, min(end, size)))
    y, envelope = lang.pick(y, part), lang.pick(envelope, part)
    lowest = abs(envelope.detach()).min().item() if envelope.numel() else 1.0
    if not lowest > 1e-11:
        raise RuntimeError(
            f"istft(...) window overlap add min: {lowest} is too small: some values are covered by no "
            "window; use a smaller hop_length, or a window without zeros at its ends"
        )
    y = y / envelope
    if end > size:
        warn(
            f"The length of signal is shorter than the length parameter ({length}). Result is being padded "
            "with zeros in the tail.",
        )
        y = lang.place(y, (batch, end - start), (slice(None), slice(0, y.shape[1])))
    return y


def _check_inverse(x, n_fft, hop, window_length, window, onesided, return_complex):
    if not isinstance(x, Tensor) or not x.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with "
            "return_complex=True."
        )
    if x.ndim not in (2, 3):
        raise RuntimeError(
            f"istft: expected a tensor with 2 or 3 dimensions (frequencies by frames), but got {x.ndim} of "
            f"shape {list(x.shape)}"
        )
    if 0 in x.shape:
        raise RuntimeError(f"istft: input tensor cannot be empty, but its shape is {list(x.shape)}")
    expected = n_fft // 2 + 1 if onesided else n_fft
    if x.shape[-2] != expected:
        raise RuntimeError(
            "istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft "
            f"/ 2 + 1 when onesided=True, or n_fft: {expected}, but got {x.shape[-2]}"
        )
    if not 0 < hop <= window_length:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got {hop} and {window_length}")
    if not 0 < window_length <= n_fft:
        raise RuntimeError(f"istft: expected 0 < win_length <= n_fft, but got {window_length} and {n_fft}")
    if window is not None and tuple(window.shape) != (window_length,):
        raise RuntimeError(
            f"istft: Invalid window shape. window has to be 1D and length of `win_length`={window_length}, "
            f"but got {list(window.shape)}"
        )
    if return_complex and onesided:
        raise RuntimeError("istft: cannot have onesided output if the result is complex; pass onesided=False")
    if not return_complex and window is not None and window.dtype.is_complex:
        raise RuntimeError("istft: Complex windows are incompatible with return_complex=False")


# ---- frequencies


@composite(namespace="fft")
def fftfreq(n, d=1.0, **options):
    """The frequency of each bin of a transform of `n` values that are `d` apart: zero, positive, negative."""
    return _frequencies("fftfreq", [*range((n + 1) // 2), *range(-(n // 2), 0)], n, d, options)


@composite(namespace="fft")
def rfftfreq(n, d=1.0, **options):
    """The frequency of each bin of the half transform of `n` real values."""
    return _frequencies("rfftfreq", range(n // 2 + 1), n, d, options)


def _frequencies(name, numbers, n, d, options):
    dtype = options.get("dtype") or get_default_dtype()
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"{name} requires a floating point or complex dtype, but got {dtype.name}")
    return make(name, lambda dt: bin_frequencies(numbers, n, d, dt.np), **{**options, "dtype": dtype})
