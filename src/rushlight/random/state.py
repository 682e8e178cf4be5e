"""The byte layout in which PyTorch saves its CPU generator, so that states can be exchanged both ways."""

import numpy as np

WORDS = 624
BLOCKS_AHEAD = 16  # that generated code makes before it tempers their words: 40 KB

# The saved structure of the 32-bit Mersenne twister followed by the cached normal samples.
LAYOUT = np.dtype(
    {
        "names": [
            "seed",
            "left",
            "seeded",
            "next",
            "key",
            "normal_x",
            "normal_y",
            "normal_rho",
            "normal_is_valid",
            "float_normal",
            "float_normal_is_valid",
        ],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", WORDS), "<f8", "<f8", "<f8", "<i4", "<f4", "u1"],
        "offsets": [0, 8, 12, 16, 24, 5016, 5024, 5032, 5040, 5048, 5052],
        "itemsize": 5056,
    }
)


def pack(seed, key, position, untouched, double_normal, float_normal):
    """The state as 5056 bytes. `position` counts the words of the current block already drawn."""
    record = np.zeros((), LAYOUT)
    record["seed"] = seed
    record["seeded"] = 1
    record["left"] = 1 if untouched else WORDS + 1 - position
    record["next"] = 0 if untouched else position
    record["key"] = key
    if double_normal is not None:
        record["normal_y"] = double_normal
        record["normal_is_valid"] = 1
    if float_normal is not None:
        record["float_normal"] = float_normal
        record["float_normal_is_valid"] = 1
    return np.frombuffer(record.tobytes(), np.uint8).copy()


def unpack(state):
    """The parts given to `pack`, from the bytes it made (or that PyTorch saved)."""
    record = _as_record(state)
    left, position = int(record["left"]), int(record["next"])
    untouched = left == 1 and position == 0
    if record["seeded"] != 1 or not (untouched or (0 < position <= WORDS and left == WORDS + 1 - position)):
        raise RuntimeError(
            f"Invalid mt19937 state: seeded={int(record['seeded'])}, left={left}, next={position}; expected "
            f"seeded=1 and left = {WORDS + 1} - next, as Generator.get_state() saves it"
        )
    return (
        int(record["seed"]),
        record["key"].astype(np.uint32),
        position,
        untouched,
        float(record["normal_y"]) if record["normal_is_valid"] else None,
        float(record["float_normal"]) if record["float_normal_is_valid"] else None,
    )


def _as_record(state):
    array = np.asarray(state)
    if array.dtype != np.uint8:
        raise TypeError(f"RNG state must be an array of uint8 (a ByteTensor), got dtype {array.dtype}")
    if array.size != LAYOUT.itemsize:
        raise RuntimeError(
            f"Expected a CPU generator state of {LAYOUT.itemsize} bytes but found {array.size}; "
            "pass what Generator.get_state() returned"
        )
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), LAYOUT)[0]
