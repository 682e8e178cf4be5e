"""Classification: a network learns to tell two clouds of points apart, and says how sure it is.

python examples/classification.py
"""

import rushlight as torch
from rushlight import nn

STEPS = 100


def two_clouds(count):
    """Points round (2, 2), class 0, and round (-2, -2), class 1."""
    centre = torch.full((count, 2), 2.0)
    points = torch.cat([torch.normal(centre, 1.0), torch.normal(-centre, 1.0)])
    classes = torch.cat([torch.zeros(count), torch.ones(count)]).long()
    return points, classes


def main():
    torch.manual_seed(0)
    points, classes = two_clouds(100)
    net = nn.Sequential(nn.Linear(2, 10), nn.ReLU(), nn.Linear(10, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
    loss_of = nn.CrossEntropyLoss()  # takes scores and the number of the class, not one-hot vectors

    for step in range(STEPS + 1):
        scores = net(points)
        loss = loss_of(scores, classes)
        if step % 20 == 0:
            accuracy = (scores.argmax(dim=1) == classes).float().mean().item()
            print(f"step {step:3d}   loss {loss.item():.4f}   right {accuracy:.1%}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    print()
    with torch.no_grad():
        for place in ([2.0, 2.0], [0.2, 0.1], [-1.0, -3.0]):
            sure = net(torch.tensor([place])).softmax(dim=1)[0]
            print(f"at {place!s:12} class {sure.argmax().item()}, sure to {sure.max().item():.1%}")


if __name__ == "__main__":
    main()
