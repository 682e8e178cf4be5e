"""A typed program as a user writes it; `make lint` holds the types of the public names against it."""

import rushlight as torch


def loss_of(weight: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean squared error of one layer."""
    return (torch.relu(inputs @ weight) - targets).pow(2).mean()


def step(weight: torch.Tensor, rate: float) -> float:
    """One step downhill; the loss before it."""
    loss = loss_of(weight, torch.randn(8, 3), torch.zeros(8, 1))
    loss.backward()
    gradient = weight.grad
    assert gradient is not None
    with torch.no_grad():
        weight -= rate * gradient
    return float(loss.item())


def kind(x: torch.Tensor) -> tuple[torch.dtype, torch.device, torch.Size]:
    """What a tensor is."""
    return x.dtype, x.device, x.shape
