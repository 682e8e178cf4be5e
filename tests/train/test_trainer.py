"""The Trainer learns, stops, goes on and tells as it says."""

import csv
import math
import sys

import pytest

import rushlight
from rushlight import nn, optim
from rushlight.train import (
    Callback,
    Checkpoint,
    CSVLogger,
    Curves,
    EarlyStopping,
    LRSchedule,
    TensorBoard,
    Trainer,
    accuracy,
)
from rushlight.utils.data import DataLoader, TensorDataset


def batches(seed=0, shuffle=True):
    """Points on two sides of a line."""
    generator = rushlight.Generator().manual_seed(seed)
    points = rushlight.randn(60, 2, generator=generator)
    return DataLoader(TensorDataset(points, (points.sum(1) > 0).long()), batch_size=20, shuffle=shuffle)


def make(callbacks=(), lr=0.1, **options):
    rushlight.manual_seed(3)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    options = {"progress": False, **options}
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, {"accuracy": accuracy}, callbacks, **options)


def weights(trainer):
    return [parameter.tolist() for parameter in trainer.model.parameters()]


def test_it_learns_and_keeps_a_row_for_each_epoch():
    trainer = make()
    history = trainer.fit(batches(), batches(1), epochs=8)
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert set(history[0]) == {"epoch", "lr", "loss", "accuracy", "valid_loss", "valid_accuracy", "seconds"}
    assert history[-1]["valid_accuracy"] > 0.9
    assert trainer.evaluate(batches(1)) == pytest.approx(
        {"loss": history[-1]["valid_loss"], "accuracy": history[-1]["valid_accuracy"]}
    )


def test_it_does_what_a_loop_written_by_hand_does():
    trainer, by_hand = make(), make()
    trainer.fit(batches(shuffle=False), epochs=2)
    for _ in range(2):
        for points, labels in batches(shuffle=False):
            by_hand.optimizer.zero_grad()
            by_hand.loss(by_hand.model(points), labels).backward()
            by_hand.optimizer.step()
    assert weights(trainer) == weights(by_hand)


def test_the_loss_of_an_epoch_weighs_small_batches_less():
    trainer = make(lr=0.0)
    points = rushlight.randn(5, 2)
    loader = DataLoader(TensorDataset(points, rushlight.tensor([0, 1, 1, 0, 1])), batch_size=4)
    whole = trainer.loss(trainer.model(points), rushlight.tensor([0, 1, 1, 0, 1])).item()
    assert trainer.fit(loader)[0]["loss"] == pytest.approx(whole, rel=1e-5)


def test_fit_goes_on_where_it_was():
    once = make()
    once.fit(batches(), epochs=4)
    twice = make()  # seeds anew
    twice.fit(batches(), epochs=2)
    twice.fit(batches(), epochs=4)
    assert weights(once) == weights(twice)


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(tmp_path):
    def callbacks(trainer_of):
        schedule = LRSchedule(optim.lr_scheduler.StepLR(trainer_of.optimizer, 2, 0.5))
        return [Checkpoint(tmp_path, resume=True), schedule]

    whole = make()
    whole.callbacks = callbacks(whole)[1:]
    whole.fit(batches(), epochs=5)
    first = make()
    first.callbacks = callbacks(first)
    first.fit(batches(), epochs=3)
    second = make()
    second.callbacks = callbacks(second)
    rushlight.manual_seed(99)  # the state of the generator comes back too
    second.fit(batches(), epochs=5)
    assert weights(second) == weights(whole)
    assert [row["lr"] for row in second.history] == [row["lr"] for row in whole.history]
    assert second.history[-1]["lr"] == pytest.approx(0.025)


def test_the_best_checkpoint_is_that_of_the_best_epoch(tmp_path):
    trainer = make([Checkpoint(tmp_path, monitor="valid_accuracy")])
    trainer.fit(batches(), batches(1), epochs=4)
    best = max(row["valid_accuracy"] for row in trainer.history)
    trainer.model.load_state_dict(rushlight.load(tmp_path / "best.pt"))
    assert trainer.evaluate(batches(1))["accuracy"] == pytest.approx(best)


class Results(Callback):
    """Replaces what was measured, as a test wants it."""

    def __init__(self, losses):
        self.losses = losses

    def on_epoch_end(self, trainer, row):
        row["valid_loss"] = self.losses[int(row["epoch"]) - 1]


def test_early_stopping_waits_and_takes_the_best_weights_back():
    class Remember(Callback):
        def on_fit_start(self, trainer):
            self.weights = {}

        def on_epoch_end(self, trainer, row):
            self.weights[row["epoch"]] = weights(trainer)

    remember = Remember()
    trainer = make([Results([3, 2, 1, 1.5, 1.2, 1.1, 0.5]), remember, EarlyStopping(patience=3)])
    trainer.fit(batches(), epochs=7)
    assert len(trainer.history) == 6
    assert weights(trainer) == remember.weights[3]
    assert weights(trainer) != remember.weights[6]


def test_early_stopping_watches_accuracies_upwards():
    trainer = make([EarlyStopping(patience=1, monitor="accuracy")], lr=0.0)
    trainer.fit(batches(), epochs=5)
    assert len(trainer.history) == 2


def test_what_is_watched_must_be_there():
    with pytest.raises(ValueError, match="no 'valid_acc' to watch; an epoch has epoch, lr, loss, accuracy"):
        make([EarlyStopping(monitor="valid_acc")]).fit(batches())


@pytest.mark.parametrize("schedule", [{1: 0.1, 3: 0.01}, lambda epoch: 0.1 if epoch < 3 else 0.01])
def test_learning_rates_by_epoch(schedule):
    trainer = make([LRSchedule(schedule)], lr=5.0)
    trainer.fit(batches(), epochs=4)
    assert [row["lr"] for row in trainer.history] == [0.1, 0.1, 0.01, 0.01]


def test_a_plateau_lowers_the_rate():
    trainer = make([Results([1, 1, 1, 1])])
    plateau = optim.lr_scheduler.ReduceLROnPlateau(trainer.optimizer, factor=0.1, patience=1)
    trainer.callbacks.append(LRSchedule(plateau))
    trainer.fit(batches(), epochs=4)
    assert [row["lr"] for row in trainer.history] == pytest.approx([0.1, 0.1, 0.1, 0.01])


def test_a_gradient_is_cut_to_length():
    trainer = make(clip_norm=0.01)
    trainer.step(next(iter(batches())))
    squares = sum(parameter.grad.square().sum().item() for parameter in trainer.model.parameters())
    assert math.sqrt(squares) == pytest.approx(0.01, rel=1e-3)


def test_predictions_of_a_tensor_and_of_a_loader_agree():
    trainer = make()
    loader = batches(shuffle=False)
    points = loader.dataset.tensors[0]
    assert not trainer.predict(points).requires_grad
    assert rushlight.allclose(trainer.predict(points), trainer.predict(loader), atol=1e-6)


def test_a_network_with_several_inputs():
    model = nn.Bilinear(2, 3, 1)
    trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), progress=False)
    batch = rushlight.randn(4, 2), rushlight.randn(4, 3), rushlight.randn(4, 1)
    first, last = trainer.evaluate([batch]), trainer.fit([batch], epochs=30)[-1]
    assert last["loss"] < first["loss"]


def test_autocast_runs_the_forward_pass_in_the_small_type():
    trainer = make(autocast=rushlight.bfloat16)
    assert trainer.predict(rushlight.randn(2, 2)).dtype == rushlight.bfloat16
    assert trainer.fit(batches(), epochs=5)[-1]["accuracy"] > 0.8


def test_the_tables_and_the_curves(tmp_path):
    pytest.importorskip("matplotlib")
    logs = [
        CSVLogger(tmp_path / "log.csv"),
        Curves(tmp_path / "curves.png"),
        TensorBoard(tmp_path / "tb", True),
    ]
    trainer = make(logs)
    trainer.fit(batches(), batches(1), epochs=3)
    with open(tmp_path / "log.csv", newline="", encoding="utf8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["valid_loss"]) for row in rows] == [row["valid_loss"] for row in trainer.history]
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    (events,) = (tmp_path / "tb").iterdir()
    written = events.read_bytes()
    assert all(tag in written for tag in (b"loss/train", b"accuracy/valid", b"0/weight", b"lr"))


def test_curves_without_matplotlib_are_refused_before_the_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    trainer = make([Curves()])
    with pytest.raises(ModuleNotFoundError, match="pip install matplotlib"):
        trainer.fit(batches())
    assert trainer.history == []


def test_progress_tells_a_line_for_each_epoch(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    make(progress=True).fit(batches(), batches(1), epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("   ")[0] for line in lines] == ["epoch  1/2", "epoch  2/2"]
    assert "valid accuracy" in lines[0]


def test_progress_draws_a_bar_where_tqdm_is(capsys):
    pytest.importorskip("tqdm")
    make(progress=True).fit(batches(), epochs=1)
    assert "epoch 1/1" in capsys.readouterr().err


def test_no_batch_is_an_error():
    with pytest.raises(ValueError, match="given no batch"):
        make().fit([])


@pytest.mark.parametrize(
    ("outputs", "targets", "share"),
    [
        ([[0.1, 0.9], [0.8, 0.2]], [1, 1], 0.5),
        ([[2.0], [-1.0]], [[1.0], [0.0]], 1.0),
        ([2.0, -1.0], [0.0, 0.0], 0.5),
    ],
)
def test_accuracy(outputs, targets, share):
    assert accuracy(rushlight.tensor(outputs), rushlight.tensor(targets)).item() == share
