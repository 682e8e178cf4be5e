"""`rushlight run` runs PyTorch programs as they are: argv, exit status, tracebacks, seeds, missing
modules.
"""

import json
import multiprocessing
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


def both(path, **options):
    """What the program leaves behind under Python and under `rushlight run`: exit status and errors."""
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, **options)
    ours = run(path, **options)
    return (done.returncode, done.stderr), (ours.returncode, ours.stderr)


@pytest.mark.parametrize(
    "text",
    [
        "def f(",
        "import sys; sys.exit('bye')",
        "import sys; sys.exit(3)",
        "raise SystemExit",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e",
        "class Own(BaseException): pass\nraise Own('x')",
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)",
        "import threading\nthreading.Thread(target=lambda: 1 / 0).start()",
        "import sys\nsys.excepthook = lambda *e: print('mine', e[0].__name__, file=sys.stderr)\n1 / 0",
    ],
    ids=["syntax", "text", "status", "none", "cause", "base", "interrupt", "thread", "hook"],
)
def test_programs_end_as_under_python(script, text):
    theirs, ours = both(script(text))
    assert ours == theirs


def test_a_module_that_is_not_there_names_the_closest(script):
    done = run(script("import torch.autogrod"))
    assert "Rushlight has no torch.autogrod; did you mean torch.autograd?" in done.stderr


MISSING = {
    "import torch.nn.functionl": "torch.nn.functionl; did you mean torch.nn.functional?",
    "from torch.nn import Conv2D": "torch.nn.Conv2D; did you mean torch.nn.Conv2d?",
    "from torch.nn.functional import sofmax": "sofmax; did you mean torch.nn.functional.softmax?",
    "from torch.utils.data.dataset import dataset": "did you mean torch.utils.data.dataset.Dataset?",
    "import torch; torch.tensr": "torch.tensr; did you mean torch.tensor?",
    "import torch; torch.optim.lr_scheduler.StepLr": "did you mean torch.optim.lr_scheduler.StepLR?",
    "import torch; torch.cross_entropy": "torch.cross_entropy; there is torch.nn.functional.cross_entropy",
    "import torch; torch.compile": "torch.compile: this part of PyTorch is not there yet",
    "import torchvision.transform": "torchvision.transform; did you mean torchvision.transforms?",
    "from torchvision.models import resnet19": "did you mean torchvision.models.resnet1",
    "from torch.utils.tensorboard import SumaryWriter": "did you mean torch.utils.tensorboard.SummaryWriter?",
    "import torch; torch.cuda.strem": "there is no CUDA device",
}


def test_names_that_are_not_there_point_to_the_closest(script):
    program = """
import json, sys
for line in json.load(open(sys.argv[1])):
    try:
        exec(line)
    except (AttributeError, ImportError) as error:
        print(type(error).__name__, error)
    else:
        print("no error")
"""
    path = script(program)
    lines = path.with_name("lines.json")
    lines.write_text(json.dumps(list(MISSING)), encoding="utf8")
    done = run(path, lines)
    told = done.stdout.splitlines()
    assert len(told) == len(MISSING), done.stderr
    for (line, expected), found in zip(MISSING.items(), told):
        assert expected in found, line


def test_asking_whether_a_name_is_there(script):
    path = script("""
import torch, torch.nn.functional as F
print(hasattr(torch, "no_such"), hasattr(F, "no_such"), hasattr(torch.nn, "__wrapped__"))
try:
    from torch.fx import symbolic_trace
except ImportError:
    print("no fx")
""")
    assert run(path).stdout == "False False False\nno fx\n"


IMPORTS = """
import torch.nn.functional as F
import torch.backends.cudnn as cudnn
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.utils.model_zoo as model_zoo
import torch.optim.lr_scheduler as lr_scheduler
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from torch.autograd import Variable
from torch.cuda.amp import GradScaler, autocast
from torch.nn.modules.module import Module
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.parameter import Parameter
from torch.nn.utils.rnn import pack_padded_sequence
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torch.utils.data.dataset import Dataset
from torch.utils.data.distributed import DistributedSampler
from torch.utils.tensorboard import SummaryWriter
from torchvision import datasets, models, transforms
cudnn.benchmark = True
"""


def test_the_imports_that_programs_begin_with(script):
    done = run(script(IMPORTS + "print('all there')"))
    assert done.stdout == "all there\n", done.stderr


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_spawned_workers_have_the_same_torch(script, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"there is no {method} here")
    path = script(f"""
import torch
from torch.utils.data import DataLoader, Dataset

class Squares(Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return torch.tensor(i * i), torch.__name__

def rank(i, x): assert torch.__name__ == "rushlight" and x[i] == i

if __name__ == "__main__":
    loader = DataLoader(Squares(), batch_size=3, num_workers=2, multiprocessing_context="{method}")
    print([(x.tolist(), set(names)) for x, names in loader])
    torch.multiprocessing.spawn(rank, (torch.arange(2),), nprocs=2, start_method="{method}")
    print("done")
""")
    done = run(path)
    assert done.stdout == ("[([0, 1, 4], {'rushlight'}), ([9, 16, 25], {'rushlight'})]\ndone\n"), done.stderr


def test_a_script_that_is_not_there():
    done = run("nothing_here.py")
    assert done.returncode == 2
    assert "can't open file" in done.stderr


def test_modules_run_as_with_dash_m(tmp_path):
    package = tmp_path / "lesson"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import torch\nfrom . import one\nprint(torch.ones(1), one.x)")
    (package / "one.py").write_text("x = 1")
    done = run("-m", "lesson", cwd=tmp_path)
    assert done.stdout == "tensor([1.]) 1\n", done.stderr


def test_a_program_or_notebook_installs_it_itself(script):
    path = script("""
import rushlight
rushlight.install_as_torch()
import torch
from torchvision import models
print(torch is rushlight, models.__name__)
try:
    torch.tensr
except AttributeError as error:
    print(error)
""")
    command = [sys.executable, path]
    home = str(Path(rushlight.__file__).resolve().parents[1])
    environment = {**os.environ, "PYTHONPATH": home}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "True rushlight.vision.models",
        "Rushlight has no torch.tensr; did you mean torch.tensor?",
    ], done.stderr


def test_installing_after_torch_was_imported_is_refused(script):
    already = "import sys, types\nsys.modules['torch'] = types.ModuleType('torch')\n"
    path = script(already + "import rushlight\nrushlight.install_as_torch()")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    assert "has been imported already" in done.stderr


def test_classes_are_shown_by_the_names_that_the_program_knows(tmp_path):
    """`print(type(x))` stands in many notes; the answer there is torch's."""
    program = tmp_path / "show_types.py"
    program.write_text(
        "import torch, torchvision\n"
        "net = torch.nn.Sequential(torch.nn.Linear(1, 1))\n"
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "things = [torch.ones(1), net, net[0], net[0].weight, optimizer, torch.Size([1]), torch.float32]\n"
        "things += [torch.device('cpu'), torchvision.models.resnet18(weights=None), torch.ones(2).max(0)]\n"
        "for thing in things:\n"
        "    print(type(thing))\n"
        "torch.save([net, optimizer, net[0].weight], 'things.pt')\n"
        "print(type(torch.load('things.pt')[0]))\n"
    )
    done = run(program, cwd=tmp_path)
    shown = [line.split("'")[1] for line in done.stdout.splitlines()]
    assert shown == [
        "torch.Tensor",
        "torch.nn.modules.container.Sequential",
        "torch.nn.modules.linear.Linear",
        "torch.nn.parameter.Parameter",
        "torch.optim.sgd.SGD",
        "torch.Size",
        "torch.dtype",
        "torch.device",
        "torchvision.models.resnet.ResNet",
        "torch.return_types.max",
        "torch.nn.modules.container.Sequential",
    ]
