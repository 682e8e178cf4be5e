"""TensorBoard: curves, pictures, histograms, text, the network and hyper-parameters, to look at in a browser.

python examples/tensorboard_log.py [FOLDER]
"""

import sys

import rushlight as torch
from rushlight import nn
from rushlight.data import digits
from rushlight.tensorboard import SummaryWriter
from rushlight.utils.data import DataLoader

EPOCHS = 5
RATE = 0.003


def main(folder):
    torch.manual_seed(0)
    loader = DataLoader(digits(train=True), batch_size=50, shuffle=True)
    pictures, labels = digits(train=False).tensors
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)

    with SummaryWriter(folder) as writer:
        writer.add_text("about", "Digits, **two layers**", 0)
        writer.add_graph(net, pictures[:1])
        add_pictures(writer, pictures[:32])
        for epoch in range(EPOCHS):
            for batch, wanted in loader:
                loss = nn.functional.cross_entropy(net(batch), wanted)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                accuracy = (net(pictures).argmax(dim=1) == labels).float().mean()
            writer.add_scalar("loss", loss, epoch)
            writer.add_scalars("progress", {"accuracy": accuracy, "error": 1 - accuracy}, epoch)
            writer.add_histogram("first layer", net[1].weight, epoch)
        writer.add_embedding(pictures[:100].flatten(1), metadata=labels[:100].tolist(), global_step=EPOCHS)
        writer.add_hparams({"rate": RATE, "layers": 2}, {"final/accuracy": accuracy})

    print(f"right on new pictures: {accuracy.item():.1%}")
    print(f"look at it with: tensorboard --logdir {folder}     (pip install tensorboard)")


def add_pictures(writer, pictures):
    """The digits in one picture, if Pillow is there to write it."""
    try:
        writer.add_images("digits", pictures, 0)
    except ModuleNotFoundError as missing:
        print(f"no pictures this time: {missing}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/tensorboard_log")
