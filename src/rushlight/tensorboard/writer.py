"""SummaryWriter: what happens in training, as files that TensorBoard shows."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import embedding, pictures
from . import summary as make
from .graph import network_graph
from .hparams import hparams
from .messages import SESSION_START, Event, SessionLog
from .records import FILE_VERSION, EventFile
from .values import to_array, to_number


class FileWriter:
    """One event file in a folder; SummaryWriter is the comfortable way to write to it."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        self._log_dir = str(log_dir)
        self.event_writer = EventFile(self._log_dir, max_queue, flush_secs, filename_suffix)

    def get_logdir(self) -> str:
        """The folder of the file."""
        return self._log_dir

    def add_event(
        self, step: Any = None, walltime: float | None = None, **content: bytes | str | None
    ) -> None:
        """Writes an event: `content` is one of its fields, as a message."""
        when = time.time() if walltime is None else walltime
        self.event_writer.put(Event(wall_time=when, step=None if step is None else int(step), **content))

    def add_summary(self, summary: bytes, global_step: Any = None, walltime: float | None = None) -> None:
        """Writes a summary, as the functions of `rushlight.tensorboard.summary` make it."""
        self.add_event(global_step, walltime, summary=summary)

    def add_graph(self, graph: bytes, walltime: float | None = None) -> None:
        """Writes the message of a graph."""
        self.add_event(None, walltime, graph_def=graph)

    def flush(self) -> None:
        """Waits until everything is in the file."""
        self.event_writer.flush()

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self.event_writer.close()


class SummaryWriter:
    """Writes scalars, pictures, histograms and more into a folder that TensorBoard shows.

    with SummaryWriter("logs") as writer:
        writer.add_scalar("loss", loss, step)

    and then `tensorboard --logdir logs`. Without a folder it makes one: runs/<date and time>_<host><comment>.
    After `purge_step`, TensorBoard forgets what an earlier run wrote from that step on.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            log_dir = os.path.join("runs", time.strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment)
        self.log_dir = str(log_dir)
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.default_bins = make.tensorflow_bins().tolist()
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        """The writer of the folder itself; opened anew after `close()`."""
        if self.file_writer is None or self.all_writers is None:
            self.file_writer = self._open(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
            if self.purge_step is not None:
                self.file_writer.add_event(self.purge_step, file_version=FILE_VERSION)
                self.file_writer.add_event(self.purge_step, session_log=SessionLog(status=SESSION_START))
                self.purge_step = None
        return self.file_writer

    def _open(self, folder: str) -> FileWriter:
        return FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)

    def get_logdir(self) -> str:
        """The folder that the files are in."""
        return self.log_dir

    def _add(self, summary: bytes, global_step: Any, walltime: float | None) -> None:
        self._get_file_writer().add_summary(summary, global_step, walltime)

    # --- numbers

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Any = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A point of a curve."""
        number = to_number(scalar_value)
        self._add(make.scalar(tag, number, new_style, double_precision), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """A point of several curves in one chart; each curve is a run of its own in a folder of its own."""
        walltime = time.time() if walltime is None else walltime
        folder = self._get_file_writer().get_logdir()
        assert self.all_writers is not None
        for tag, value in tag_scalar_dict.items():
            place = os.path.join(folder, f"{main_tag.replace('/', '_')}_{tag}")
            if place not in self.all_writers:
                self.all_writers[place] = self._open(place)
            self.all_writers[place].add_summary(
                make.scalar(main_tag, to_number(value)), global_step, walltime
            )

    def add_tensor(
        self, tag: str, tensor: Any, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """An array of numbers as it is, for programs that read the files."""
        self._add(make.tensor(tag, to_array(tensor)), global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Any = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How the values of a tensor are spread; `bins` is 'tensorflow' or what numpy.histogram takes."""
        self._add(make.histogram(tag, to_array(values), bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: float,
        sum: float,
        sum_squares: float,
        bucket_limits: Sequence[float],
        bucket_counts: Sequence[float],
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """A histogram that has been counted already: the upper limit and the count of each bucket."""
        counted = make.raw_histogram(tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts)
        self._add(counted, global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Precision and recall of a classifier: labels 0 or 1, predictions between 0 and 1."""
        weights = None if weights is None else to_array(weights)
        curve = make.pr_curve(tag, to_array(labels), to_array(predictions), num_thresholds, weights)
        self._add(curve, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: Any = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """A precision-recall curve that has been counted already."""
        positives, negatives = (
            [true_positive_counts, false_positive_counts],
            [true_negative_counts, false_negative_counts],
        )
        curve = make.raw_pr_curve(tag, [*positives, *negatives, precision, recall], num_thresholds)
        self._add(curve, global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, Sequence[Any]] | None = None,
        run_name: str | None = None,
        global_step: Any = None,
    ) -> None:
        """The hyper-parameters of a run and what came of them, as a row of the table of all runs."""
        summaries = hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        place = os.path.join(self._get_file_writer().get_logdir(), run_name or str(time.time()))
        with SummaryWriter(place) as writer:
            for each in summaries:
                writer._add(each, None, None)
            for tag, value in metric_dict.items():
                writer.add_scalar(tag, value, global_step)

    # --- pictures and sound

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture: bytes from 0 to 255, or anything else from 0 to 1, in the order of `dataformats`."""
        picture = pictures.one_picture(to_array(img_tensor), dataformats)
        self._add(make.summary(tag, image=pictures.png(picture)), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """A batch of pictures, eight in a row."""
        if isinstance(img_tensor, (list, tuple)):
            img_tensor = np.stack([to_array(each) for each in img_tensor])
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: Any = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Sequence[str] | str | None = None,
    ) -> None:
        """A picture with a frame round each box (xmin, ymin, xmax, ymax) and its label."""
        labels = [labels] if isinstance(labels, str) else labels
        picture = pictures.one_picture(to_array(img_tensor), dataformats)
        framed = pictures.with_boxes(picture, to_array(box_tensor), labels, rescale)
        self._add(make.summary(tag, image=pictures.png(framed)), global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: Any = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of matplotlib, or a list of them, as a picture; it is closed unless you keep it."""
        pixels = pictures.figure_pixels(figure, close)
        self.add_image(tag, pixels, global_step, walltime, dataformats="NHWC")

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: Any = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """A moving picture (N, T, C, H, W), as a GIF."""
        self._add(make.summary(tag, image=pictures.gif(to_array(vid_tensor), fps)), global_step, walltime)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: Any = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """A sound of one channel, from -1 to 1."""
        self._add(make.audio(tag, to_array(snd_tensor), sample_rate), global_step, walltime)

    # --- text, networks and points

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Text; Markdown is shown as such."""
        self._add(make.text(tag, text_string), global_step, walltime)

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """The network as boxes of modules with the operators in them; it runs once, on this input."""
        if input_to_model is None:
            raise ValueError(
                "add_graph runs the network once: give it an input, as in add_graph(model, batch)"
            )
        graph = network_graph(model, input_to_model)
        if verbose:
            print(f"the graph of {type(model).__name__}: {len(graph)} bytes")
        self._get_file_writer().add_graph(graph)

    def add_onnx_graph(self, prototxt: Any) -> None:
        """Not there: Rushlight's own networks are drawn by `add_graph`."""
        raise NotImplementedError("add_onnx_graph is not supported; use add_graph(model, input)")

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: Any = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Points in many dimensions, one a row of `mat`, with a label and a picture for each."""
        images = None if label_img is None else to_array(label_img)
        folder = self._get_file_writer().get_logdir()
        embedding.write_embedding(
            folder, to_array(mat), metadata, images, global_step or 0, tag, metadata_header
        )

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: Mapping[str, Any] | None = None,
        global_step: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Points in space (batch, number, 3), with colours and with triangles between them."""
        parts = {"VERTEX": to_array(vertices).astype(np.float32)}
        if faces is not None:
            parts["FACE"] = to_array(faces).astype(np.int32)
        if colors is not None:
            parts["COLOR"] = to_array(colors).astype(np.uint8)
        self._add(make.mesh(tag, parts, config_dict), global_step, walltime)

    # --- the page of charts that one lays out oneself

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Says which curves share a chart: {category: {chart: ["Multiline" or "Margin", [tags]]}}."""
        self._add(make.custom_scalars(layout), None, None)

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """Several curves in one chart."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """A curve between a lower and an upper one: the tags of the value, the lower and the upper."""
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    # --- the files

    def flush(self) -> None:
        """Waits until everything is on the disk."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Writes what is left and closes the files; writing again opens a new one."""
        writers, self.all_writers, self.file_writer = self.all_writers or {}, None, None
        for writer in writers.values():
            writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()
