"""The messages of TensorBoard's files: the number and the kind of every field that is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from .protobuf import BYTES, DOUBLE, DOUBLES, FLOAT, INT, INTS, MESSAGE, STRING, message

# --- the file
Event = message(
    wall_time=(1, DOUBLE),
    step=(2, INT),
    file_version=(3, STRING),
    graph_def=(4, BYTES),
    summary=(5, MESSAGE),
    session_log=(7, MESSAGE),
)
SessionLog = message(status=(1, INT))
SESSION_START = 1

# --- summaries
Summary = message(value=(1, MESSAGE))
Value = message(
    tag=(1, STRING),
    simple_value=(2, FLOAT),
    image=(4, MESSAGE),
    histo=(5, MESSAGE),
    audio=(6, MESSAGE),
    tensor=(8, MESSAGE),
    metadata=(9, MESSAGE),
)
Image = message(height=(1, INT), width=(2, INT), colorspace=(3, INT), encoded_image_string=(4, BYTES))
Audio = message(
    sample_rate=(1, FLOAT),
    num_channels=(2, INT),
    length_frames=(3, INT),
    encoded_audio_string=(4, BYTES),
    content_type=(5, STRING),
)
Histogram = message(
    min=(1, DOUBLE),
    max=(2, DOUBLE),
    num=(3, DOUBLE),
    sum=(4, DOUBLE),
    sum_squares=(5, DOUBLE),
    bucket_limit=(6, DOUBLES),
    bucket=(7, DOUBLES),
)
Metadata = message(plugin_data=(1, MESSAGE), summary_description=(3, STRING), data_class=(4, INT))
PluginData = message(plugin_name=(1, STRING), content=(2, BYTES))
CLASS_SCALAR, CLASS_TENSOR = 1, 2

# --- tensors
Tensor = message(dtype=(1, INT), tensor_shape=(2, MESSAGE), tensor_content=(4, BYTES), string_val=(8, BYTES))
Shape = message(dim=(2, MESSAGE), unknown_rank=(3, INT))
Dim = message(size=(1, INT))
STRING_DTYPE = 7
DTYPES = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
}

# --- graphs
Graph = message(node=(1, MESSAGE), versions=(4, MESSAGE))
Versions = message(producer=(1, INT))
Node = message(name=(1, STRING), op=(2, STRING), input=(3, STRING), device=(4, STRING), attr=(5, MESSAGE))
Attribute = message(list=(1, MESSAGE), s=(2, BYTES), type=(6, INT), shape=(7, MESSAGE))
AttributeList = message(shape=(7, MESSAGE))

# --- hyper-parameters
HParams = message(experiment=(2, MESSAGE), session_start_info=(3, MESSAGE), session_end_info=(4, MESSAGE))
SessionStart = message(hparams=(1, MESSAGE))
SessionEnd = message(status=(1, INT))
STATUS_SUCCESS = 1
Experiment = message(hparam_infos=(4, MESSAGE), metric_infos=(5, MESSAGE))
HParamInfo = message(name=(1, STRING), type=(4, INT), domain_discrete=(5, MESSAGE))
HPARAM_STRING, HPARAM_BOOL, HPARAM_NUMBER = 1, 2, 3
MetricInfo = message(name=(1, MESSAGE))
MetricName = message(tag=(2, STRING))
Variant = message(number_value=(2, DOUBLE), string_value=(3, STRING), bool_value=(4, INT))
VariantList = message(values=(1, MESSAGE))

# --- the other plugins
PrCurve = message(num_thresholds=(2, INT))
Mesh = message(
    name=(2, STRING),
    content_type=(3, INT),
    json_config=(5, STRING),
    shape=(6, INTS),
    components=(7, INT),
)
MESH_PARTS = {"VERTEX": 1, "FACE": 2, "COLOR": 3}
Layout = message(category=(2, MESSAGE))
Category = message(title=(1, STRING), chart=(2, MESSAGE))
Chart = message(title=(1, STRING), multiline=(2, MESSAGE), margin=(3, MESSAGE))
MultilineChart = message(tag=(1, STRING))
MarginChart = message(series=(1, MESSAGE))
MarginSeries = message(value=(1, STRING), lower=(2, STRING), upper=(3, STRING))


def shape(sizes: tuple[int, ...]) -> bytes:
    """The shape of a tensor."""
    return Shape(dim=[Dim(size=size) for size in sizes])


def tensor(array: np.ndarray) -> bytes:
    """An array of numbers."""
    try:
        kind = DTYPES[array.dtype.name]
    except KeyError:
        raise TypeError(
            f"TensorBoard has no tensors of {array.dtype}; convert it to one of {', '.join(DTYPES)}"
        ) from None
    content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return Tensor(dtype=kind, tensor_shape=shape(array.shape), tensor_content=content)


def texts(strings: list[bytes], sizes: tuple[int, ...] = ()) -> bytes:
    """A tensor of strings."""
    return Tensor(dtype=STRING_DTYPE, tensor_shape=shape(sizes), string_val=strings)


def summary(tag: str, **content: Any) -> bytes:
    """A summary of one value."""
    return Summary(value=Value(tag=str(tag), **content))


def metadata(plugin: str, content: bytes = b"", data_class: int | None = None) -> bytes:
    """Which part of TensorBoard shows a value."""
    return Metadata(plugin_data=PluginData(plugin_name=plugin, content=content), data_class=data_class)
