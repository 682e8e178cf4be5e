"""What a training tells: a line and a bar for each epoch, a table, TensorBoard's files, curves."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Row, Trainer

BESIDE = ("epoch", "seconds", "lr")  # numbers of a row that are not results


def results(row: Row) -> Row:
    """The losses and metrics of an epoch."""
    return {name: value for name, value in row.items() if name not in BESIDE}


def shown(name: str, value: float) -> str:
    """A result in words."""
    label = name.replace("_", " ")
    return f"{label} {value:.2%}" if name.endswith("accuracy") else f"{label} {value:.4f}"


class Progress(Callback):
    """Prints a line for each epoch; while one runs, a bar of tqdm, if that is installed."""

    def __init__(self, bar: bool = True) -> None:
        self.wants_bar = bar
        self.bar: Any = None

    def on_epoch_start(self, trainer: Trainer, batches: Any) -> None:
        self.close()
        try:
            from tqdm import tqdm
        except ImportError:
            return
        if self.wants_bar:
            total = len(batches) if hasattr(batches, "__len__") else None
            title = f"epoch {len(trainer.history) + 1}/{trainer.epochs}"
            self.bar = tqdm(total=total, desc=title, leave=False, unit="batch")

    def on_batch_end(self, trainer: Trainer, numbers: dict[str, float]) -> None:
        if self.bar is not None:
            self.bar.set_postfix_str(f"loss {numbers['loss']:.4f}", refresh=False)
            self.bar.update()

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        self.close()
        told = "   ".join(shown(name, value) for name, value in results(row).items())
        print(f"epoch {row['epoch']:2.0f}/{trainer.epochs}   {told}   {row['seconds']:.1f} s", flush=True)

    def on_fit_end(self, trainer: Trainer) -> None:
        self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None


class CSVLogger(Callback):
    """Keeps the table of all epochs in a file."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        columns = list(dict.fromkeys(name for each in trainer.history for name in each))
        with open(self.path, "w", newline="", encoding="utf8") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            table.writerows(trainer.history)


class TensorBoard(Callback):
    """Writes the results of each epoch to event files: `tensorboard --logdir FOLDER` shows them."""

    def __init__(self, folder: str | os.PathLike[str], histograms: bool = False) -> None:
        self.folder = folder
        self.histograms = histograms
        self.writer: Any = None

    def on_fit_start(self, trainer: Trainer) -> None:
        from rushlight.tensorboard import SummaryWriter

        self.writer = SummaryWriter(self.folder, purge_step=len(trainer.history) + 1)

    def on_epoch_end(self, trainer: Trainer, row: Row) -> None:
        epoch = int(row["epoch"])
        for name, value in {**results(row), "lr": row["lr"]}.items():
            part, result = ("valid", name[6:]) if name.startswith("valid_") else ("train", name)
            self.writer.add_scalar(f"{result}/{part}" if name != "lr" else "lr", value, epoch)
        if self.histograms:
            for name, parameter in trainer.model.named_parameters():
                self.writer.add_histogram(name.replace(".", "/"), parameter, epoch)
        self.writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.writer is not None:
            self.writer.close()
        self.writer = None


class Curves(Callback):
    """Draws every result against the epochs as a PNG, with matplotlib."""

    def __init__(self, path: str | os.PathLike[str] = "curves.png") -> None:
        self.path = Path(path)

    def on_fit_start(self, trainer: Trainer) -> None:
        empty_figure()  # a package that misses is told before the training, not after it

    def on_fit_end(self, trainer: Trainer) -> None:
        if trainer.history:
            draw_curves(trainer.history, self.path)


def empty_figure(**settings: Any) -> Any:
    """A figure that needs no screen."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("curves need matplotlib: pip install matplotlib", name=error.name) from None
    figure = Figure(**settings)
    FigureCanvasAgg(figure)
    return figure


def draw_curves(history: list[Row], path: str | os.PathLike[str]) -> None:
    """A chart for the loss and for each metric, training and validation in one."""
    names = [name for name in results(history[-1]) if not name.startswith("valid_")]
    figure = empty_figure(figsize=(5 * len(names), 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for key, label in ((name, "training"), (f"valid_{name}", "validation")):
            points = [(row["epoch"], row[key]) for row in history if key in row]
            if points:
                axes.plot(*zip(*points), "o-", markersize=3, label=label)
        axes.set(xlabel="epoch", title=name)
        axes.grid(alpha=0.3)
        axes.legend()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
