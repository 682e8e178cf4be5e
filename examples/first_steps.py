"""Teach a small network to tell two spirals apart, with nothing but tensors, operators and gradients.

    python examples/first_steps.py

The same program runs on PyTorch: change the import to `import torch`.
"""

import rushlight as torch

POINTS = 200  # on each arm
HIDDEN = 64
STEPS = 1000
LEARNING_RATE = 0.1
MOMENTUM = 0.9


def two_spirals(points):
    """Points on two arms that wind round each other, and the arm (0 or 1) that each lies on."""
    distance = torch.linspace(0.1, 1.0, points)
    angle = 1.25 * 2 * torch.pi * distance
    arm = torch.stack([distance * torch.cos(angle), distance * torch.sin(angle)], dim=1)
    places = torch.cat([arm, -arm]) + 0.01 * torch.randn(2 * points, 2)
    labels = torch.cat([torch.zeros(points), torch.ones(points)])
    return places, labels


def weights(inputs, outputs):
    """A matrix scaled for relu, and a bias of zeros: both learn."""
    matrix = torch.randn(inputs, outputs) * (2 / inputs) ** 0.5
    return matrix.requires_grad_(), torch.zeros(outputs, requires_grad=True)


def score(places, parameters):
    """The network: two layers; above zero means the second arm."""
    w1, b1, w2, b2 = parameters
    hidden = torch.relu(places @ w1 + b1)
    return (hidden @ w2 + b2).squeeze(1)


def train(places, labels, parameters):
    """Follow the gradient of the loss downhill, with momentum, and tell how it goes."""
    velocities = [torch.zeros_like(parameter) for parameter in parameters]
    for step in range(STEPS + 1):
        scores = score(places, parameters)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, labels)
        if step % 200 == 0:
            right = ((scores > 0) == (labels > 0)).float().mean()
            print(f"step {step:4d}   loss {loss.item():.4f}   right {right.item():7.2%}")
        loss.backward()
        with torch.no_grad():
            for parameter, velocity in zip(parameters, velocities):
                velocity.mul_(MOMENTUM).add_(parameter.grad)
                parameter -= LEARNING_RATE * velocity
                parameter.grad = None


def draw(places, labels, parameters, width=61, height=25):
    """What the network believes about each place, with the points it learned from on top."""
    ys, xs = torch.meshgrid(
        torch.linspace(1.1, -1.1, height), torch.linspace(-1.1, 1.1, width), indexing="ij"
    )
    with torch.no_grad():
        belief = score(torch.stack([xs.flatten(), ys.flatten()], dim=1), parameters).reshape(height, width)
    picture = [["." if inside else " " for inside in row] for row in (belief > 0).tolist()]
    columns = ((places[:, 0] + 1.1) / 2.2 * (width - 1)).round().long().tolist()
    rows = ((1.1 - places[:, 1]) / 2.2 * (height - 1)).round().long().tolist()
    for row, column, label in zip(rows, columns, labels.tolist()):
        if 0 <= row < height and 0 <= column < width:
            picture[row][column] = "o" if label else "x"
    return "\n".join("".join(row).rstrip() for row in picture)


def main():
    """Make the points, teach the network, show what it learned."""
    torch.manual_seed(0)
    places, labels = two_spirals(POINTS)
    parameters = [*weights(2, HIDDEN), *weights(HIDDEN, 1)]
    train(places, labels, parameters)
    print("\nx and o: the two arms; dots: where the network expects an o\n")
    print(draw(places, labels, parameters))


if __name__ == "__main__":
    main()
