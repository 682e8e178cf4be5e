"""Surgery on a known network: VGG gets a new head for ten classes, and only the head learns.

    python examples/vgg_surgery.py

With `weights="DEFAULT"` it would start from what VGG learned on ImageNet (a download of 507 MB).
"""

import rushlight as torch
from rushlight import nn
from rushlight.vision import models


def learning(net):
    """How many numbers of the network learn."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)


def main():
    torch.manual_seed(0)
    vgg = models.vgg11(weights=None)
    print("the head as it is:", vgg.classifier[6])
    print(f"learning: {learning(vgg):,} numbers\n")

    vgg.classifier[6] = nn.Linear(4096, 10)  # a layer replaced
    print("replaced:         ", vgg.classifier[6])
    vgg.features.requires_grad_(False)  # what sees stays as it is
    vgg.classifier = nn.Sequential(nn.Flatten(), nn.Linear(512 * 7 * 7, 64), nn.ReLU())  # a part replaced
    vgg.classifier.add_module("out", nn.Linear(64, 10))  # a layer added
    print(f"a smaller head: learning {learning(vgg):,} numbers\n{vgg.classifier}\n")

    pictures, labels = torch.rand(4, 3, 32, 32), torch.tensor([1, 3, 5, 7])
    optimizer = torch.optim.Adam([p for p in vgg.parameters() if p.requires_grad], lr=0.001)
    before = vgg.features[0].weight.clone()
    for step in range(5):
        loss = nn.functional.cross_entropy(vgg(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step}   loss {loss.item():.4f}")
    print("the first layer is untouched:", torch.equal(before, vgg.features[0].weight))


if __name__ == "__main__":
    main()
