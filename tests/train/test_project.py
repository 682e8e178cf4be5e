"""`rushlight new` writes a project that trains and predicts; `rushlight summary` shows a network."""

import os
import subprocess
import sys

import rushlight
from rushlight import nn
from rushlight.train import summary
from support.paths import SOURCE, run_python


def run_in(folder, *arguments):
    """What a program of the project did."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_new_project_trains_resumes_and_predicts(tmp_path):
    folder = tmp_path / "mine"
    made = run_python("-m", "rushlight", "new", folder)
    assert made.returncode == 0, made.stderr
    settings = folder / "settings.py"
    settings.write_text(settings.read_text().replace("epochs: int = 20", "epochs: int = 3"))
    trained = run_in(folder, "train.py")
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.count("epoch") == 3
    settings.write_text(settings.read_text().replace("epochs: int = 3", "epochs: int = 4"))
    resumed = run_in(folder, "train.py", "--resume")
    assert resumed.stdout.splitlines()[0].startswith("epoch  4/4"), resumed.stderr
    predicted = run_in(folder, "predict.py")
    assert predicted.returncode == 0, predicted.stderr
    assert float(predicted.stdout.partition("right: ")[2].partition("%")[0]) > 80


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "train.py").write_text("mine")
    refused = run_python("-m", "rushlight", "new", tmp_path)
    assert refused.returncode == 1
    assert "nothing was written" in refused.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["train.py"]


def test_a_summary_has_layers_shapes_and_counts():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Sequential(nn.ReLU(), nn.Flatten()), nn.Linear(16, 2))
    lines = summary(network, (5, 1, 4, 4)).splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["layer", "output", "shape", "parameters"],
        ["Sequential", "(5,", "2)"],
        ["0", "(Conv2d)", "(5,", "4,", "2,", "2)", "40"],
        ["1", "(Sequential)", "(5,", "16)"],
    ]
    assert lines[4].startswith("    0 (ReLU)")
    assert lines[-1] == "74 parameters (74 learn), 0.0 MiB"
    assert network.training


def test_the_summary_of_the_command_line(tmp_path):
    (tmp_path / "mine.py").write_text("import torch\n\ndef net():\n    return torch.nn.Linear(3, 2)\n")
    shown = run_in(tmp_path, "-m", "rushlight", "summary", "mine:net", "--input", "4,3")
    assert shown.returncode == 0, shown.stderr
    assert "(4, 2)" in shown.stdout
    assert "8 parameters" in shown.stdout
    refused = run_in(tmp_path, "-m", "rushlight", "summary", "mine:nothing")
    assert refused.returncode == 1
    assert "nothing" in refused.stderr


def test_a_summary_of_layers_that_give_several_results():
    assert "(2, 5, 4), (1, 2, 4), (1, 2, 4)" in summary(
        nn.LSTM(3, 4, batch_first=True), rushlight.ones(2, 5, 3)
    )
