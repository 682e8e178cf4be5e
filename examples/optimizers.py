"""Optimisers compared: the same network and the same batches, and four ways downhill.

python examples/optimizers.py
"""

import copy

import rushlight as torch
from rushlight import nn
from rushlight.utils.data import DataLoader, TensorDataset

EPOCHS = 12
RATE = 0.01


def main():
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 1000).unsqueeze(1)
    y = x.pow(2) + 0.1 * torch.randn(x.shape)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)

    start = nn.Sequential(nn.Linear(1, 20), nn.ReLU(), nn.Linear(20, 1))
    make = {
        "SGD": lambda weights: torch.optim.SGD(weights, lr=RATE),
        "Momentum": lambda weights: torch.optim.SGD(weights, lr=RATE, momentum=0.8),
        "RMSprop": lambda weights: torch.optim.RMSprop(weights, lr=RATE, alpha=0.9),
        "Adam": lambda weights: torch.optim.Adam(weights, lr=RATE, betas=(0.9, 0.99)),
    }
    nets = {name: copy.deepcopy(start) for name in make}  # all from the same weights
    optimizers = {name: make[name](net.parameters()) for name, net in nets.items()}
    loss_of = nn.MSELoss()

    print("mean loss of each epoch\nepoch  " + "".join(f"{name:>10}" for name in make))
    for epoch in range(1, EPOCHS + 1):
        totals = dict.fromkeys(make, 0.0)
        for batch_x, batch_y in loader:
            for name, net in nets.items():
                loss = loss_of(net(batch_x), batch_y)
                optimizers[name].zero_grad()
                loss.backward()
                optimizers[name].step()
                totals[name] += loss.item() / len(loader)
        print(f"{epoch:5d}  " + "".join(f"{total:10.4f}" for total in totals.values()))


if __name__ == "__main__":
    main()
