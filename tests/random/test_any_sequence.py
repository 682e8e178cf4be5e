"""Whatever is drawn in whatever order and amount, the stream stays PyTorch's."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

import rushlight.random as ours
from support.random_draws import DRAWS, as_numpy, widened

COUNTS = st.lists(st.integers(0, 1300), max_size=12)
# Draws that end in float64 may differ in the last bit, those without replacement in the order of ties.
LOOSE = ("float64", "complex128", "without replacement")
EXACT = [name for name in DRAWS if not any(part in name for part in LOOSE)]
STEPS = st.lists(st.tuples(st.sampled_from(EXACT), st.integers(2, 700)), max_size=8)


@given(
    COUNTS, st.integers(0, 2**64 - 1), st.sampled_from(["raw32", "raw64", "floats", "doubles"]), st.booleans()
)
def test_cutting_a_stream_up_changes_nothing(counts, seed, take, odd):
    whole, pieces = ours.Generator().manual_seed(seed), ours.Generator().manual_seed(seed)
    for generator in (whole, pieces):
        generator.raw32(int(odd))
    expected = getattr(whole, take)(sum(counts))
    drawn = [np.zeros(0, expected.dtype), *(getattr(pieces, take)(n) for n in counts)]
    np.testing.assert_array_equal(np.concatenate(drawn), expected)
    np.testing.assert_array_equal(whole.get_state(), pieces.get_state())


@given(STEPS, st.integers(0, 2**64 - 1))
def test_any_draws_in_any_order(steps, seed):
    torch = pytest.importorskip("torch")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("the last bits of normal numbers are those of PyTorch's AVX2 and AVX-512 code")
    mine, theirs = ours.Generator().manual_seed(seed), torch.Generator()
    theirs.set_state(torch.from_numpy(mine.get_state()))
    for name, n in steps:
        n = min(n, DRAWS[name].largest)
        np.testing.assert_array_equal(
            widened(DRAWS[name].ours(mine, n)), as_numpy(DRAWS[name].torchs(torch, theirs, n))
        )
    np.testing.assert_array_equal(
        mine.raw32(5), ours.Generator().set_state(theirs.get_state().numpy()).raw32(5)
    )
