"""The digits that ship are there, whole and in the split that is promised."""

import rushlight
from rushlight.data import DIGITS_LICENCE, digits


def test_the_digits_are_split_for_good():
    (train, labels), (test, others) = digits().tensors, digits(train=False).tensors
    assert train.shape == (1437, 1, 8, 8)
    assert test.shape == (360, 1, 8, 8)
    assert labels.dtype == others.dtype == rushlight.int64
    counts = labels.bincount() + others.bincount()
    assert counts.tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]  # the table of the data's authors
    assert (train.min().item(), train.max().item()) == (0.0, 1.0)


def test_the_first_picture_is_a_nought():
    picture, label = digits(train=False)[0]
    assert label.item() == 0
    assert (picture[0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_larger_pictures_are_interpolated():
    small, large = digits(train=False).tensors[0], digits(train=False, size=16).tensors[0]
    assert large.shape == (360, 1, 16, 16)
    assert abs(small.mean().item() - large.mean().item()) < 0.01


def test_the_licence_is_with_the_data():
    text = DIGITS_LICENCE.read_text(encoding="utf8")
    assert "CC BY 4.0" in text
    assert "Alpaydin" in text
