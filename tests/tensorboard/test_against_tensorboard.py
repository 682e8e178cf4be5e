"""TensorBoard's own reader finds in our files what it finds in those that PyTorch writes."""

import io

import numpy as np
import pytest

pytest.importorskip("tensorboard.backend")  # and not this folder, which goes by the same name
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

import rushlight
from rushlight import nn
from rushlight.tensorboard import SummaryWriter
from rushlight.tensorboard.summary import hparams

from .reader import event_file

draws = np.random.default_rng(0)
PICTURE = draws.random((3, 12, 10), dtype=np.float32)
LABELS, SCORES = draws.integers(0, 2, 200), draws.random(200)
HPARAMS = {"lr": 0.1, "layers": 3, "name": "small"}
CASES = {
    "scalar": lambda w: w.add_scalar("a", 0.25, 3),
    "scalar, infinite": lambda w: w.add_scalar("a", float("inf"), 3),
    "scalar, new style": lambda w: w.add_scalar("a", 0.25, 3, new_style=True),
    "scalar, double": lambda w: w.add_scalar("a", 0.1, 3, new_style=True, double_precision=True),
    "histogram": lambda w: w.add_histogram("h", draws_of(0).standard_normal(1000), 1),
    "histogram, auto": lambda w: w.add_histogram("h", draws_of(1).standard_normal(100), 1, bins="auto"),
    "histogram, fewer": lambda w: w.add_histogram("h", draws_of(2).random(500), 1, bins=90, max_bins=30),
    "histogram, one value": lambda w: w.add_histogram("h", np.zeros(3), 1),
    "histogram, integers": lambda w: w.add_histogram("h", np.arange(10), 1, bins=[0, 2, 4, 20]),
    "histogram, raw": lambda w: w.add_histogram_raw("h", 0, 2, 3, 4, 6, [1.0, 2.0], [1, 2]),
    "text": lambda w: w.add_text("t", "**bold** é", 2),
    "picture": lambda w: w.add_image("i", PICTURE, 1),
    "picture, HWC": lambda w: w.add_image("i", PICTURE.transpose(1, 2, 0), 1, dataformats="HWC"),
    "picture, HW": lambda w: w.add_image("i", PICTURE[0], 1, dataformats="HW"),
    "picture, bytes": lambda w: w.add_image("i", (PICTURE * 255).astype(np.uint8), 1),
    "pictures": lambda w: w.add_images("i", draws_of(3).random((10, 1, 4, 5)), 1),
    "pictures, NHWC": lambda w: w.add_images("i", draws_of(3).random((3, 4, 5, 3)), 1, dataformats="NHWC"),
    "pr curve": lambda w: w.add_pr_curve("p", LABELS, SCORES, 1),
    "pr curve, weights": lambda w: w.add_pr_curve("p", LABELS, SCORES, 1, 50, weights=SCORES),
    "sound": lambda w: w.add_audio("s", np.sin(np.arange(400) / 9), 1, 8000),
    "mesh": lambda w: w.add_mesh("m", *mesh_parts(), config_dict={"a": 1}),
    "tensor": lambda w: w.add_tensor("t", tensor_of(w, np.arange(6.0).reshape(2, 3)), 1),
    "layout": lambda w: w.add_custom_scalars(
        {"c": {"x": ["Multiline", ["a", "b"]], "y": ["Margin", ["a", "b", "c"]]}}
    ),
}


def draws_of(seed):
    return np.random.default_rng(seed)


def mesh_parts():
    vertices = np.arange(12.0).reshape(1, 4, 3)
    return [tensor_like(vertices), tensor_like(vertices * 20), tensor_like(np.arange(6).reshape(1, 2, 3))]


def tensor_like(array):
    torch = pytest.importorskip("torch")
    return torch.from_numpy(array)


def tensor_of(writer, array):
    return array if isinstance(writer, SummaryWriter) else tensor_like(array)


def written(make, folder, case):
    """The summaries of the events that a writer made."""
    with make(str(folder)) as writer:
        case(writer)
    loaded = LegacyEventFileLoader(str(event_file(folder))).Load()
    return [(event.step, event.summary) for event in loaded if event.HasField("summary")]


def content(value):
    """A value as plain data: pictures as pixels, tensors as arrays, everything else as its fields."""
    plain = {"tag": value.tag, "plugin": value.metadata.plugin_data.plugin_name}
    plain["about"] = value.metadata.plugin_data.content
    if value.HasField("image"):
        plain["size"] = value.image.height, value.image.width
        plain["pixels"] = pixels(value.image.encoded_image_string)
    elif value.HasField("tensor"):
        array = tensor_util.make_ndarray(value.tensor)
        plain["array"] = array.dtype, array.tolist()
    elif value.HasField("histo"):
        plain["histo"] = np.concatenate(
            [[x] if np.isscalar(x) else list(x) for _, x in value.histo.ListFields()]
        )
    elif value.HasField("audio"):
        plain["audio"] = value.audio
    else:
        plain["number"] = value.simple_value
    return plain


def pixels(data):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(data))).tolist()


@pytest.mark.parametrize("name", CASES)
def test_the_events_are_those_of_pytorch(name, tmp_path):
    theirs_module = pytest.importorskip("torch.utils.tensorboard")
    ours = written(SummaryWriter, tmp_path / "ours", CASES[name])
    theirs = written(theirs_module.SummaryWriter, tmp_path / "theirs", CASES[name])
    assert [step for step, _ in ours] == [step for step, _ in theirs]
    ours = [content(value) for _, summary in ours for value in summary.value]
    theirs = [content(value) for _, summary in theirs for value in summary.value]
    assert len(ours) == len(theirs)
    for mine, expected in zip(ours, theirs):
        if "histo" in mine:
            np.testing.assert_allclose(mine.pop("histo"), expected.pop("histo"), rtol=1e-12, atol=1e-300)
        if "array" in mine and name.startswith(("pr curve", "mesh")):  # PyTorch's meshes are all of floats
            np.testing.assert_allclose(mine.pop("array")[1], expected.pop("array")[1], rtol=1e-6)
        assert mine == expected


def test_the_table_of_hyper_parameters_is_that_of_pytorch(tmp_path):
    theirs_module = pytest.importorskip("torch.utils.tensorboard")
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    def parts(make, folder):
        with make(str(folder)) as writer:
            writer.add_hparams(HPARAMS, {"accuracy": 0.5}, {"lr": [0.1, 0.2]}, run_name="run", global_step=4)
        loaded = LegacyEventFileLoader(str(event_file(folder / "run"))).Load()
        values = [value for event in loaded for value in event.summary.value]
        read = [HParamsPluginData.FromString(value.metadata.plugin_data.content) for value in values[:3]]
        return [value.tag for value in values], read, values[3].simple_value

    assert parts(SummaryWriter, tmp_path / "ours") == parts(theirs_module.SummaryWriter, tmp_path / "theirs")


def test_the_projector_finds_the_files_of_pytorch(tmp_path):
    theirs_module = pytest.importorskip("torch.utils.tensorboard")
    pytest.importorskip("PIL")
    points, images = draws_of(5).random((5, 3)).astype(np.float32), draws_of(6).random((5, 3, 4, 4))

    def files(make, folder, to_tensor):
        with make(str(folder)) as writer:
            writer.add_embedding(to_tensor(points), list("abcde"), to_tensor(images), 3, "tag")
        from google.protobuf import text_format
        from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

        text = (folder / "projector_config.pbtxt").read_text(encoding="utf8")
        place = folder / "00003" / "tag"
        config = text_format.Parse(text, ProjectorConfig())
        table = np.loadtxt(place / "tensors.tsv", delimiter="\t")
        return (
            config,
            table.tolist(),
            (place / "metadata.tsv").read_text(),
            pixels((place / "sprite.png").read_bytes()),
        )

    theirs = files(theirs_module.SummaryWriter, tmp_path / "theirs", tensor_like)
    ours = files(SummaryWriter, tmp_path / "ours", rushlight.from_numpy)
    assert ours == theirs


def test_a_yes_or_no_stays_one_in_the_table_of_hyper_parameters():
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    _, start, _ = hparams({"dropout": True}, {})
    (value,) = Summary.FromString(start).value
    read = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    assert read.session_start_info.hparams["dropout"].bool_value is True


class Network(nn.Module):
    """A network with an operator of its own between its modules."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        self.head = nn.Linear(2, 3)
        self.dropout = nn.Dropout()

    def forward(self, x):
        return self.head(self.dropout(self.body(x)).mean((2, 3)))


def test_a_graph_has_modules_operators_parameters_and_shapes(tmp_path):
    network = Network()
    network.dropout.eval()
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(network, rushlight.ones(2, 1, 5, 5))
    assert network.training
    assert not network.dropout.training
    reader = EventAccumulator(str(tmp_path)).Reload()
    nodes = {node.name: node for node in reader.Graph().node}
    parameters = {"Network/" + name.replace(".", "/"): p.shape for name, p in network.named_parameters()}
    for name, shape in parameters.items():
        (listed,) = nodes[name].attr["_output_shapes"].list.shape
        assert tuple(dim.size for dim in listed.dim) == tuple(shape)
    assert set(parameters) | {"input/0", "output/0"} <= set(nodes)
    assert all(before in nodes for node in nodes.values() for before in node.input)
    operators = {
        name: node for name, node in nodes.items() if node.op not in ("Parameter", "Input", "Output")
    }
    inside = {name.rpartition("/")[0] for name in operators}
    assert inside == {"Network", "Network/body/0", "Network/body/1", "Network/head"}
    assert {"Network/head/weight", "Network/head/bias"} <= ancestors(nodes, "output/0")
    assert "input/0" in ancestors(nodes, "output/0")


def ancestors(nodes, name):
    """The names of everything that a node depends on."""
    found, waiting = set(), [name]
    while waiting:
        for before in nodes[waiting.pop()].input:
            if before not in found:
                found.add(before)
                waiting.append(before)
    return found


def test_tensorboard_shows_figures_boxes_and_videos(tmp_path):
    pytest.importorskip("PIL")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    with SummaryWriter(tmp_path) as writer:
        figure = pyplot.figure(figsize=(2, 1), dpi=50)
        writer.add_figure("figure", figure, 1)
        writer.add_image_with_boxes("boxes", np.zeros((3, 40, 50)), [[5, 6, 20, 30]], 1, labels="it")
        writer.add_video("video", draws_of(7).random((2, 3, 3, 8, 9)), 1)
    reader = EventAccumulator(str(tmp_path)).Reload()
    images = {tag: reader.Images(tag)[0] for tag in reader.Tags()["images"]}
    sizes = {tag: (image.height, image.width) for tag, image in images.items()}
    assert sizes == {"figure": (50, 100), "boxes": (40, 50), "video": (8, 18)}
    framed = np.asarray(pixels(images["boxes"].encoded_image_string))
    assert framed[6, 10].tolist() == [255, 0, 0]
    assert framed[35, 45].tolist() == [0, 0, 0]
    assert images["video"].encoded_image_string[:3] == b"GIF"
    assert not pyplot.fignum_exists(figure.number)


def test_purged_steps_are_forgotten(tmp_path):
    for writer, steps in (
        (SummaryWriter(tmp_path), range(6)),
        (SummaryWriter(tmp_path, purge_step=3, filename_suffix=".b"), [3]),
    ):
        for step in steps:
            writer.add_scalar("x", step, step, walltime=1000 + step)
        writer.close()
    read = EventAccumulator(str(tmp_path)).Reload().Scalars("x")
    assert [scalar.step for scalar in read] == [0, 1, 2, 3]
