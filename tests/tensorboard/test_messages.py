"""What the writer refuses, in words that help."""

import sys

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.tensorboard import SummaryWriter


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        yield writer


def test_a_scalar_is_one_number(writer):
    with pytest.raises(ValueError, match=r"shape \(3,\); reduce it first"):
        writer.add_scalar("x", rushlight.ones(3))


def test_text_is_no_number(writer):
    with pytest.raises(TypeError, match="expected a tensor, an array or numbers; got str"):
        writer.add_scalar("x", "high")


def test_a_picture_in_another_order(writer):
    with pytest.raises(ValueError, match="try dataformats='HWC'"):
        writer.add_image("x", np.zeros((20, 30, 3)))
    with pytest.raises(ValueError, match="try dataformats='HW'"):
        writer.add_image("x", np.zeros((20, 30)))
    with pytest.raises(ValueError, match="expected H, W"):
        writer.add_image("x", np.zeros((20, 30)), dataformats="XY")


def test_pictures_without_pillow(writer, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pillow"):
        writer.add_image("x", np.zeros((1, 2, 2)))


def test_a_histogram_needs_a_value(writer):
    with pytest.raises(ValueError, match="no finite value among the 2"):
        writer.add_histogram("x", [np.nan, np.inf])
    with pytest.raises(ValueError, match="no value lies between"):
        writer.add_histogram("x", [5.0], bins=[0.0, 1.0])
    with pytest.raises(ValueError, match="2 bucket_limits and 3 bucket_counts"):
        writer.add_histogram_raw("x", 0, 1, 2, 3, 4, [1, 2], [1, 2, 3])


def test_predictions_are_probabilities(writer):
    with pytest.raises(ValueError, match="use sigmoid or softmax"):
        writer.add_pr_curve("x", [0, 1], [-1.0, 3.0])
    with pytest.raises(ValueError, match="2 labels and 1 predictions"):
        writer.add_pr_curve("x", [0, 1], [0.5])


def test_hyper_parameters_are_plain(writer):
    with pytest.raises(TypeError, match="not list"):
        writer.add_hparams({"layers": [1, 2]}, {})
    with pytest.raises(TypeError, match="metric_dict is a dictionary"):
        writer.add_hparams({}, ["accuracy"])


def test_a_graph_needs_an_input(writer):
    with pytest.raises(ValueError, match="give it an input"):
        writer.add_graph(nn.Linear(2, 2))


def test_an_embedding_fits_its_labels(writer):
    with pytest.raises(ValueError, match="3 points and 2 in metadata"):
        writer.add_embedding(rushlight.ones(3, 2), metadata=["a", "b"])
    with pytest.raises(ValueError, match="a point in each row"):
        writer.add_embedding(rushlight.ones(3))


def test_boxes_fit_their_labels(writer):
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match="1 boxes and 2 labels"):
        writer.add_image_with_boxes("x", np.zeros((1, 9, 9)), [[1, 1, 5, 5]], labels=["a", "b"])


def test_onnx_graphs_are_not_there(writer):
    with pytest.raises(NotImplementedError, match="use add_graph"):
        writer.add_onnx_graph("x.onnx")
