"""Fourier transforms, short-time transforms and windows: as in numpy and PyTorch, and by their inverses."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight
from rushlight import fft
from rushlight.signal import windows

NORMS = ["backward", "forward", "ortho"]


def values(shape, complex=False, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=shape)
    return x + 1j * generator.normal(size=shape) if complex else x


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 4, 5, 9])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_dimension_is_numpys(name, n, norm):
    x = values((2, 6, 3), complex=name not in ("rfft", "ihfft"))
    found = getattr(fft, name)(rushlight.from_numpy(x), n, 1, norm)
    np.testing.assert_allclose(found.numpy(), getattr(np.fft, name)(x, n, 1, norm), atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"])
def test_several_dimensions_are_numpys(name, norm):
    x = values((3, 4, 5), complex="r" not in name)
    for s, dim in (((4, 6), (0, 2)), (None, (1, 2)), ((3, 3), (2, 1))):
        found = getattr(fft, name)(rushlight.from_numpy(x), s, dim, norm)
        np.testing.assert_allclose(found.numpy(), getattr(np.fft, name)(x, s, dim, norm), atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_inverses_give_the_signal_back(norm):
    x = rushlight.from_numpy(values((4, 6)))
    pairs = [(fft.fftn, fft.ifftn), (fft.rfftn, fft.irfftn), (fft.ihfft2, fft.hfft2)]
    for there, back in pairs:
        y = back(there(x, norm=norm), norm=norm)
        y = y.real if y.is_complex() else y
        np.testing.assert_allclose(y.numpy(), x.numpy(), atol=1e-12)


def test_types_keep_their_precision():
    assert fft.fft(rushlight.ones(4)).dtype == rushlight.complex64
    assert fft.irfft(rushlight.ones(4, dtype=rushlight.complex64)).dtype == rushlight.float32
    assert fft.fft(rushlight.ones(4, dtype=rushlight.int64)).dtype == rushlight.complex64


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    "name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "rfftn", "irfftn", "hfftn"]
)
def test_gradients_of_two_orders(name, norm):
    pytest.importorskip("torch")
    from support.against_torch import same

    kind = name not in ("rfft", "ihfft", "rfftn")
    for shape, arguments in (((2, 5), {}), ((3, 6), {}), ((2, 6), {"s": (2, 4)}), ((1, 4), {"s": (3, 7)})):
        if arguments and not name.endswith("n"):
            arguments = {"n": arguments["s"][-1]}
        x = values(shape, kind)
        same(lambda t, a, k=arguments: getattr(t.fft, name)(a, norm=norm, **k) ** 2, x, order=2)


def test_frequencies_and_shifts():
    for n in (1, 4, 5):
        np.testing.assert_allclose(fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), rtol=1e-6)
        np.testing.assert_allclose(fft.rfftfreq(n, 0.5).numpy(), np.fft.rfftfreq(n, 0.5), rtol=1e-6)
    x = values((3, 4, 5))
    for dim in (None, 1, (0, 2)):
        shifted = fft.fftshift(rushlight.from_numpy(x), dim)
        np.testing.assert_array_equal(shifted.numpy(), np.fft.fftshift(x, dim))
        np.testing.assert_array_equal(fft.ifftshift(shifted, dim).numpy(), x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda t: t.fft.fft(t.ones(3), 0), ("Invalid number of data points (0)",)),
        (lambda t: t.fft.rfft(t.ones(3, dtype=t.complex64)), ("real input", "x.real")),
        (lambda t: t.fft.fftn(t.ones(3, 3), s=(2,), dim=(0, 1)), ("same length",)),
        (lambda t: t.fft.fftn(t.ones(3, 3), dim=(0, 0)), ("unique",)),
        (lambda t: t.fft.fft(t.ones(3), norm="both"), ("both", "'ortho'")),
        (lambda t: t.fft.fft(t.ones(3, dtype=t.float16)), ("float16", "float()")),
        (lambda t: t.stft(t.ones(3), 8, return_complex=True), ("padding (4, 4)", "length 3")),
        (lambda t: t.stft(t.ones(30), 8, window=t.ones(7), return_complex=True), ("win_length=8", "[7]")),
        (lambda t: t.istft(t.ones(5, 3), 8), ("complex",)),
    ],
)
def test_messages(call, words):
    with pytest.raises(RuntimeError) as caught:
        call(rushlight)
    assert all(w in str(caught.value) for w in words), str(caught.value)


# ---- short-time transforms


@pytest.mark.parametrize("onesided", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_short_time_transform_and_back(center, normalized, onesided):
    x = rushlight.from_numpy(values((2, 50)))
    window = rushlight.hamming_window(10, dtype=rushlight.float64)
    options = {
        "hop_length": 3,
        "win_length": 10,
        "window": window,
        "center": center,
        "normalized": normalized,
    }
    bins = rushlight.stft(x, 14, onesided=onesided, return_complex=True, **options)
    assert bins.shape[1] == (8 if onesided else 14)
    if not center:
        return  # the ends are covered by no window
    back = rushlight.istft(bins, 14, onesided=onesided, length=50, **options)
    np.testing.assert_allclose(back.numpy(), x.numpy(), atol=1e-10)


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
def test_short_time_gradients(pad_mode):
    pytest.importorskip("torch")
    from support.against_torch import same

    same(
        lambda t, x, w: t.stft(x, 8, 3, window=w, pad_mode=pad_mode, return_complex=True).abs(),
        values((2, 20)),
        values(8, seed=1),
        order=2,
    )


# ---- windows

RECORDED = {  # by hand, from the definitions
    "hann": [0.0, 0.5, 1.0, 0.5, 0.0],
    "bartlett": [0.0, 0.5, 1.0, 0.5, 0.0],
    "hamming": [0.08, 0.54, 1.0, 0.54, 0.08],
    "blackman": [0.0, 0.34, 1.0, 0.34, 0.0],
}


@pytest.mark.parametrize("name", RECORDED)
def test_symmetric_windows_by_hand(name):
    found = getattr(windows, name)(5, dtype=rushlight.float64)
    np.testing.assert_allclose(found.numpy(), RECORDED[name], atol=1e-12)


@pytest.mark.parametrize("name", sorted(windows.__all__))
@pytest.mark.parametrize("size", [0, 1, 2, 7, 8])
def test_windows_are_pytorchs(name, size):
    torch = pytest.importorskip("torch")
    extra = {"a": [0.3, 0.5, 0.2]} if name == "general_cosine" else {}
    for sym in (True, False):
        theirs = getattr(torch.signal.windows, name)(size, sym=sym, dtype=torch.float64, **extra)
        ours = getattr(windows, name)(size, sym=sym, dtype=rushlight.float64, **extra)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-12)


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
@pytest.mark.parametrize("periodic", [True, False])
def test_older_windows_are_pytorchs(name, periodic):
    torch = pytest.importorskip("torch")
    for size in (0, 1, 2, 7):
        theirs = getattr(torch, name + "_window")(size, periodic)
        ours = getattr(rushlight, name + "_window")(size, periodic)
        assert ours.dtype == rushlight.float32
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=2e-6)
