"""Training goes on in threads, in forked workers, and after Ctrl-C: the same bits as alone, and no hang."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import rushlight
from kernels import training_cases as cases
from rushlight import kernels
from rushlight.runtime import get_num_threads, set_num_threads
from rushlight.utils.data import DataLoader
from support.paths import SOURCE

pytestmark = pytest.mark.skipif(not kernels.available(), reason=kernels.available().reason)
WITH_TESTS = os.pathsep.join([str(SOURCE), str(Path(__file__).parents[1])])


@pytest.fixture(autouse=True)
def two_threads():
    before = get_num_threads()
    set_num_threads(2)
    yield
    set_num_threads(before)


def test_eight_networks_train_at_once():
    alone = [cases.trained(seed) for seed in range(8)]
    trainings, together = [cases.Training(seed) for seed in range(8)], {}
    threads = [
        threading.Thread(target=lambda k=k: together.update({k: trainings[k].trained(3)})) for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert [together[k] for k in range(8)] == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning", "ignore:This DataLoader:UserWarning")
def test_workers_of_a_loader_compute_while_the_network_trains():
    pictures, training = cases.Pictures(), cases.Training(0)
    expected = [float(pictures[k]) for k in range(len(pictures))]
    alone = cases.trained(0, 6)
    losses, seen = [], []
    for sample in DataLoader(pictures, batch_size=2, num_workers=2):
        losses.append(training.step())
        seen += sample.tolist()
    assert seen == expected
    assert cases.np.array(losses).tobytes() == alone[: 8 * len(losses)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_of_a_process_that_trains_trains_too():
    training, expected = cases.Training(1), cases.trained(1, 4)
    training.step()
    child = os.fork()
    if child == 0:
        training.step()
        os._exit(0 if training.trained(2)[16:] == expected[32:] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    training.step()
    assert training.trained(2)[16:] == expected[32:]


# ---- Ctrl-C

INTERRUPTED = """
import sys, time
from kernels import training_cases as cases
from rushlight.runtime import set_num_threads
set_num_threads(2)
{before}
print("ready", flush=True)
try:
    while True:
        {work}
except KeyboardInterrupt:
    at = time.monotonic()
print(at, flush=True)
print(cases.trained(5).hex()[:64], flush=True)
"""
WORK = {
    "training": ("t = cases.Training(0); t.step()", "t.step()"),
    "the first steps": ("import rushlight, rushlight.nn", "cases.Training(0).step()"),
    "long kernels": ("x = cases.torch.ones(1 << 24).sin()", "x.sin_()"),
    "long convolutions": (
        "x, w = cases.torch.ones(8, 32, 128, 128), cases.torch.ones(32, 32, 3, 3)",
        "cases.nn.functional.conv2d(x, w)",
    ),
}


def interrupted(what, after, folder):
    """Seconds from Ctrl-C to KeyboardInterrupt, and what a training gives after it."""
    before, work = WORK[what]
    environment = {**os.environ, "PYTHONPATH": WITH_TESTS, "RUSHLIGHT_CACHE": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(before=before, work=work)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    time.sleep(after)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    at, result = out.split()
    return float(at) - sent, result


@pytest.mark.parametrize("what", ["training", "long kernels", "long convolutions"])
def test_ctrl_c_leaves_a_usable_interpreter(what, tmp_path_factory):
    expected = cases.trained(5).hex()[:64]
    for after in (0.05, 0.13):
        waited, result = interrupted(what, after, tmp_path_factory.getbasetemp() / "shared_cache")
        assert waited < 20  # it does arrive; a kernel takes a few milliseconds, a busy machine longer
        assert result == expected


@pytest.mark.parametrize("after", [0.03, 0.1, 0.25, 0.5])
def test_ctrl_c_while_kernels_are_compiled(after, tmp_path):
    """Whatever was half done is done again."""
    assert interrupted("the first steps", after, tmp_path)[1] == cases.trained(5).hex()[:64]


def test_the_training_of_these_tests_takes_kernels():
    cases.trained(0, 1)
    assert len(rushlight.runtime.native._loaded) > 10
