"""Regression: a small network learns a curve from noisy points.

python examples/regression.py
"""

import rushlight as torch
from rushlight import nn

STEPS = 300


def parabola(count):
    """Points on y = x², with noise on y."""
    x = torch.linspace(-1, 1, count).unsqueeze(1)
    return x, x.pow(2) + 0.2 * torch.rand(count, 1)


def main():
    torch.manual_seed(0)
    x, y = parabola(100)
    net = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2)
    loss_of = nn.MSELoss()

    for step in range(STEPS + 1):
        loss = loss_of(net(x), y)
        if step % 50 == 0:
            print(f"step {step:3d}   loss {loss.item():.4f}")
        optimizer.zero_grad()  # forget the gradients of the step before
        loss.backward()  # find the gradients of this one
        optimizer.step()  # go a little downhill

    print("\n    x    learned    x² + 0.1 (the middle of the noise)")
    with torch.no_grad():
        for place in (-0.8, -0.4, 0.0, 0.4, 0.8):
            print(f"{place:5.1f} {net(torch.tensor([[place]])).item():10.3f} {place**2 + 0.1:11.3f}")


if __name__ == "__main__":
    main()
