"""A small convolutional network that trains on kernels, for tests of processes and threads."""

import numpy as np

import rushlight as torch
from rushlight import nn


class Training:
    """A network, its optimiser and its pictures, all drawn from a seed; each step gives the loss."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1), nn.GELU(), nn.AvgPool2d(2),
            nn.Flatten(), nn.LayerNorm(784), nn.Linear(784, 10),
        )  # fmt: skip
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.x, self.y = torch.rand(24, 1, 28, 28), torch.randint(0, 10, (24,))

    def step(self):
        loss = nn.functional.cross_entropy(self.net(self.x), self.y)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def trained(self, steps):
        """The losses of so many steps, and all parameters after them, as bytes."""
        losses = [self.step() for _ in range(steps)]
        weights = b"".join(p.detach().numpy().tobytes() for p in self.net.parameters())
        return np.array(losses).tobytes() + weights


def trained(seed, steps=3):
    """What a training of its own gives."""
    return Training(seed).trained(steps)


class Pictures:
    """A data set whose samples are computed by kernels, in whichever process asks for them."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        x = torch.full((1, 4, 40, 40), index + 1.0)
        weight = torch.ones(8, 4, 3, 3)
        convolved = nn.functional.conv2d(x, weight, padding=1)
        return nn.functional.max_pool2d(convolved, 2).exp().log().sum()
