"""One framework in a process of its own: how long steps take, by size.

python tools/growth/work.py network rushlight 2      prints a JSON object {size: seconds}
"""

from __future__ import annotations

import importlib
import json
import sys
import time

BATCHES = [1 << k for k in range(11)]
SIZES = [10**k for k in range(1, 9)]
SECONDS = 0.25  # for each point, three runs at least


def timed(step) -> float:
    """The shortest of several runs, after one to get ready: what the machine does undisturbed."""
    step()
    began = time.perf_counter()
    step()
    one = max(time.perf_counter() - began, 1e-7)
    repeats = max(1, int(0.005 / one))
    times, stop = [], time.perf_counter() + SECONDS
    while len(times) < 3 or time.perf_counter() < stop:
        began = time.perf_counter()
        for _ in range(repeats):
            step()
        times.append((time.perf_counter() - began) / repeats)
    return min(times)


def network(torch) -> dict[int, float]:
    """A training step of the network for handwritten digits, by the pictures in a batch."""
    nn, found = torch.nn, {}
    for batch in BATCHES:
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 16, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
        )  # fmt: skip
        optimiser, loss_of = torch.optim.Adam(net.parameters(), lr=1e-3), nn.CrossEntropyLoss()
        x, y = torch.rand(batch, 1, 28, 28), torch.randint(0, 10, (batch,))

        def step(net=net, optimiser=optimiser, loss_of=loss_of, x=x, y=y):
            loss = loss_of(net(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

        found[batch] = timed(step)
    return found


def chain(torch) -> dict[int, float]:
    """Four element-wise operations, one after another, by the elements."""
    found = {}
    for size in SIZES:
        a = torch.rand(size)
        found[size] = timed(lambda a=a: (a * 2 + 1).tanh() * a)
    return found


def add(torch) -> dict[int, float]:
    """One addition of two arrays, by the elements."""
    found = {}
    for size in SIZES:
        a, b = torch.rand(size), torch.rand(size)
        found[size] = timed(lambda a=a, b=b: a + b)
    return found


WORK = {"network": network, "chain": chain, "add": add}


def main() -> None:
    name, framework, threads = sys.argv[1:]
    torch = importlib.import_module(framework)
    torch.set_num_threads(int(threads))
    if name == "limits":
        import limits

        print(json.dumps(limits.measure()))
    else:
        print(json.dumps(WORK[name](torch)))


if __name__ == "__main__":
    main()
