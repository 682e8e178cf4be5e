"""Save and restore: a network as a whole, its parameters alone, and a training with its optimiser.

python examples/save_and_restore.py
"""

import tempfile
from pathlib import Path

import rushlight as torch
from rushlight import nn


def make_net():
    return nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))


def train(net, optimizer, x, y, steps):
    """Goes on with the training; the last loss."""
    for _ in range(steps):
        loss = nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def main(folder):
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = x.pow(2) + 0.2 * torch.rand(100, 1)
    net = make_net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    print(f"trained for 100 steps: loss {train(net, optimizer, x, y, 100):.5f}")

    torch.save(net, folder / "net.pt")
    whole = torch.load(folder / "net.pt")  # reading a file never runs code that is in it
    print("the whole network gives the same:", torch.equal(whole(x), net(x)))

    torch.save(net.state_dict(), folder / "parameters.pt")
    filled = make_net()  # the program has the network, the file only its numbers: the safer habit
    filled.load_state_dict(torch.load(folder / "parameters.pt"))
    print("a new one with its parameters does: ", torch.equal(filled(x), net(x)))

    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, folder / "training.pt")
    resumed = make_net()
    resumed_optimizer = torch.optim.Adam(resumed.parameters())
    state = torch.load(folder / "training.pt")
    resumed.load_state_dict(state["net"])
    resumed_optimizer.load_state_dict(state["optimizer"])
    went_on, started_again = train(net, optimizer, x, y, 100), train(resumed, resumed_optimizer, x, y, 100)
    print(f"100 steps more: loss {went_on:.5f}; from the file: {started_again:.5f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
