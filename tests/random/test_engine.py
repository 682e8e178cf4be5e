"""The generator: seeds, the saved state and what it refuses."""

import copy
import pickle
import threading

import numpy as np
import pytest

from rushlight.random import Generator, default_generator, normal, uniform
from rushlight.random.state import LAYOUT, WORDS

# The twister's published first outputs for the seed 5489.
FIRST_OF_5489 = [3499211612, 581869302, 3890346734, 3586334585, 545404204]


def test_the_twister_is_the_published_one():
    assert Generator().manual_seed(5489).raw32(5).tolist() == FIRST_OF_5489
    assert Generator().manual_seed(5489).raw32(10000)[-1] == 4123659995


def test_raw64_has_the_first_word_above():
    words = Generator().manual_seed(5489).raw64(2).tolist()
    assert words == [FIRST_OF_5489[0] << 32 | FIRST_OF_5489[1], FIRST_OF_5489[2] << 32 | FIRST_OF_5489[3]]


@pytest.mark.parametrize("take", ["raw32", "raw64", "floats", "doubles"])
def test_pieces_are_the_whole_cut_up(take):
    """However draws fall on the blocks of 624 words, from either parity, the stream is one."""
    counts = [1, 0, 311, 2, 310, 1, 313, 623, 624, 625, 5, 1249, 3, 70000, 1]
    whole, pieces = Generator().manual_seed(1), Generator().manual_seed(1)
    for generator in (whole, pieces):
        generator.raw32(1)
    expected = getattr(whole, take)(sum(counts))
    np.testing.assert_array_equal(np.concatenate([getattr(pieces, take)(n) for n in counts]), expected)
    np.testing.assert_array_equal(whole.get_state(), pieces.get_state())


def test_numpy_and_generated_code_take_turns_in_one_stream(monkeypatch):
    """The key of the twister moves with whoever draws; the numbers are the same."""
    from rushlight.runtime import settings

    stream, plain = Generator().manual_seed(3), Generator().manual_seed(3)
    monkeypatch.setattr(settings, "kernel_mode", "off")
    expected = plain.raw32(400_000)
    drawn = []
    for mode, count in (
        ("force", 90_000),
        ("off", 110_000),
        ("force", 100),
        ("force", 99_900),
        ("off", 100_000),
    ):
        monkeypatch.setattr(settings, "kernel_mode", mode)
        drawn.append(stream.raw32(count))
        stream = copy.deepcopy(stream)
    np.testing.assert_array_equal(np.concatenate(drawn), expected)


def test_draws_cannot_be_spoilt_from_outside():
    generator = Generator()
    for drawn in (generator.raw32(3), generator.floats(3), generator.doubles(3)):
        with pytest.raises(ValueError, match="read-only"):
            drawn[0] = 0


@pytest.mark.parametrize(
    ("seed", "kept"), [(0, 0), (-1, 2**64 - 1), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1), (np.int64(7), 7)]
)
def test_seeds(seed, kept):
    generator = Generator().manual_seed(seed)
    assert generator.initial_seed() == kept
    np.testing.assert_array_equal(generator.raw32(9), Generator().manual_seed(kept % 2**32).raw32(9))


@pytest.mark.parametrize(
    ("seed", "error", "text"),
    [
        (2**64, ValueError, "Overflow"),
        (-(2**63) - 1, ValueError, "Overflow"),
        (1.5, RuntimeError, "got float"),
    ],
)
def test_seeds_refused(seed, error, text):
    with pytest.raises(error, match=text):
        Generator().manual_seed(seed)


def test_seed_is_fresh_and_told():
    generator = Generator()
    first, second = generator.seed(), generator.seed()
    assert first != second
    assert generator.initial_seed() == second
    np.testing.assert_array_equal(generator.raw32(4), Generator().manual_seed(second).raw32(4))


def test_device():
    assert "cpu" in repr(Generator(device="cpu"))
    with pytest.raises(RuntimeError, match="cuda"):
        Generator(device="cuda")


def test_manual_seed_forgets_the_waiting_normal_number():
    generator = Generator().manual_seed(4)
    normal(generator, 1)
    assert generator.double_normal is not None
    assert generator.manual_seed(4).double_normal is None


@pytest.mark.parametrize("words", [0, 1, 5, 623, 624, 625, 3000])
@pytest.mark.parametrize("normals", [0, 1, 2])
@pytest.mark.parametrize(
    "copied",
    [
        lambda g: Generator().set_state(g.get_state()),
        lambda g: g.clone(),
        lambda g: pickle.loads(pickle.dumps(g)),
        copy.deepcopy,
    ],
    ids=["state", "clone", "pickle", "deepcopy"],
)
def test_copies_go_on_alike(words, normals, copied):
    generator = Generator().manual_seed(12)
    generator.raw32(words)
    normal(generator, normals)
    other = copied(generator)
    np.testing.assert_array_equal(other.get_state(), generator.get_state())
    np.testing.assert_array_equal(normal(other, 5, "float64"), normal(generator, 5, "float64"))
    np.testing.assert_array_equal(uniform(other, 2000), uniform(generator, 2000))
    assert other.initial_seed() == 12


def test_layout_of_the_state():
    generator = Generator().manual_seed(2**40 + 3)
    state = generator.get_state()
    assert (state.dtype, state.shape) == (np.uint8, (5056,))
    record = state.view(LAYOUT)[0]
    assert (record["seed"], record["left"], record["seeded"], record["next"]) == (2**40 + 3, 1, 1, 0)
    assert record["key"][:2].tolist() == [3, 1142332464]
    normal(generator, 1)
    record = generator.get_state().view(LAYOUT)[0]
    assert (record["left"], record["next"], record["normal_is_valid"]) == (WORDS + 1 - 4, 4, 1)
    assert record["normal_y"] == generator.double_normal


@pytest.mark.parametrize(
    ("spoil", "error", "text"),
    [
        (lambda s: s[:-8], RuntimeError, "5056 bytes but found 5048"),
        (lambda s: s.astype(np.float32), TypeError, "uint8"),
        (lambda s: s * 0, RuntimeError, "Invalid mt19937 state"),
        (lambda s: np.concatenate([s[:8], s[8:9] + 7, s[9:]]), RuntimeError, "left=8, next=0"),
    ],
)
def test_states_refused(spoil, error, text):
    generator = Generator().manual_seed(0)
    before = generator.get_state()
    with pytest.raises(error, match=text):
        generator.set_state(spoil(before.copy()))
    np.testing.assert_array_equal(generator.get_state(), before)


def test_states_are_torchs():
    torch = pytest.importorskip("torch")
    mine, theirs = Generator(), torch.Generator()
    np.testing.assert_array_equal(mine.get_state(), theirs.get_state().numpy())
    for seed in (0, -1, 2**40, 2**64 - 1):
        mine.manual_seed(seed)
        theirs.manual_seed(seed)
        assert mine.initial_seed() == theirs.initial_seed()
        for count in (0, 1, 622, 1, 1, 5000):
            mine.raw32(count)
            torch.rand(count, generator=theirs)
            np.testing.assert_array_equal(mine.get_state(), theirs.get_state().numpy())


def test_threads_share_one_stream():
    """Every word is given to one thread, none twice and none to nobody."""
    generator, drawn = Generator().manual_seed(9), []
    workers = [
        threading.Thread(target=lambda: drawn.extend(generator.raw32(7).tolist() for _ in range(500)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    expected = Generator().manual_seed(9).raw32(4 * 500 * 7).reshape(-1, 7).tolist()
    assert sorted(drawn) == sorted(expected)


def test_there_is_a_default_generator():
    assert isinstance(default_generator, Generator)
