"""`rushlight run` runs PyTorch programs as they are: argv, exit status, tracebacks, seeds, missing
modules.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rushlight


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "rushlight", "run", *map(str, arguments)]
    home = str(Path(rushlight.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([home, os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf8")
        return path

    return write


def test_torch_is_rushlight_and_arguments_arrive(script):
    path = script(
        "import sys, torch\nfrom torch.autograd import Function\nprint(torch.__name__, __name__, "
        "sys.argv[1:])"
    )
    done = run(path, "a", "--flag")
    assert done.stdout == "rushlight __main__ ['a', '--flag']\n", done.stderr


def test_seed_gives_pytorchs_numbers(script):
    path = script("import torch, random, numpy\nprint(torch.rand(2), random.random(), numpy.random.rand())")
    first, second = run("--seed", 0, path), run("--seed", 0, path)
    assert first.stdout.startswith("tensor([0.4963, 0.7682])")
    assert first.stdout == second.stdout


def test_exit_status_and_traceback_are_the_programs_own(script):
    path = script("import torch\ndef f():\n    raise ValueError('told you')\nf()\n")
    done = run(path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert "ValueError: told you" in done.stderr
    assert "rushlight/cli" not in done.stderr
    assert run("-c", "raise SystemExit(7)").returncode == 7


def test_a_module_that_is_not_there_names_the_closest(script):
    done = run(script("import torch.autogrod"))
    assert "no module 'torch.autogrod'; did you mean torch.autograd?" in done.stderr


def test_a_script_that_is_not_there():
    done = run("nothing_here.py")
    assert done.returncode == 1
    assert "can't open file 'nothing_here.py'" in done.stderr


def test_modules_run_as_with_dash_m(tmp_path):
    package = tmp_path / "lesson"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import torch\nfrom . import one\nprint(torch.ones(1), one.x)")
    (package / "one.py").write_text("x = 1")
    done = run("-m", "lesson", cwd=tmp_path)
    assert done.stdout == "tensor([1.]) 1\n", done.stderr


def test_installing_after_torch_was_imported_is_refused(script):
    already = "import sys, types\nsys.modules['torch'] = types.ModuleType('torch')\n"
    path = script(already + "import rushlight\nrushlight.install_as_torch()")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert "has been imported already" in done.stderr
