"""The main job: a convolutional network learns to read handwritten digits, and is saved and asked.

    python examples/digits_cnn.py [FOLDER]

It trains on 1,437 pictures that ship with Rushlight, and is tested on 360 that it never learns from. What it
makes (the network, event files for TensorBoard, a table, the curves) goes to FOLDER (runs/digits_cnn).
"""

import importlib.util
import sys
import time

import rushlight as torch
from rushlight import nn
from rushlight.data import digits
from rushlight.train import CSVLogger, Curves, LRSchedule, TensorBoard, Trainer, accuracy
from rushlight.utils.data import DataLoader

EPOCHS = 10
SIZE = 28  # the pictures are 8 x 8, and enlarged to the size that the network is made for
SHADES = " .:-=+*#%@"


class CNN(nn.Module):
    """Two layers of convolutions that see strokes, then shapes; and a linear one that names the digit."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
        self.conv2 = nn.Sequential(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
        self.out = nn.Linear(32 * 7 * 7, 10)

    def forward(self, pictures):
        return self.out(self.conv2(self.conv1(pictures)).flatten(1))


def train(net, folder):
    """Teaches the network; how many of the new pictures it reads right."""
    callbacks = [
        LRSchedule({1: 0.002, EPOCHS - 2: 0.0003}),  # fine steps at the end
        CSVLogger(f"{folder}/log.csv"),
        TensorBoard(folder),
    ]
    if importlib.util.find_spec("matplotlib"):
        callbacks.append(Curves(f"{folder}/curves.png"))
    optimizer = torch.optim.Adam(net.parameters())
    trainer = Trainer(net, nn.CrossEntropyLoss(), optimizer, {"accuracy": accuracy}, callbacks)
    new_pictures = DataLoader(digits(train=False, size=SIZE), batch_size=180)
    trainer.fit(DataLoader(digits(size=SIZE), batch_size=50, shuffle=True), new_pictures, EPOCHS)
    return trainer.history[-1]["valid_accuracy"]


def text_art(picture):
    """A picture (8, 8) as lines of text, a pixel two characters wide."""
    return ["".join(SHADES[round(ink * 9)] * 2 for ink in row) for row in picture.tolist()]


def show(small, guesses, labels, in_a_row=5):
    """Pictures beside each other, with the guesses under them."""
    for start in range(0, len(guesses), in_a_row):
        some = slice(start, start + in_a_row)
        for lines in zip(*(text_art(picture[0]) for picture in small[some])):
            print("  ".join(lines).rstrip())
        captions = [
            f"{guess}" if guess == label else f"{guess}, is {label}"
            for guess, label in zip(guesses[some].tolist(), labels[some].tolist())
        ]
        print("  ".join(caption.center(16) for caption in captions).rstrip() + "\n")


def main(folder):
    began = time.perf_counter()
    torch.manual_seed(0)
    net = CNN()
    print(f"a network of {sum(p.numel() for p in net.parameters()):,} numbers learns to read digits\n")
    right = train(net, folder)
    seconds = time.perf_counter() - began
    print(f"\nit reads {right:.2%} of the new pictures right, after {seconds:.1f} s")

    torch.save(net.state_dict(), f"{folder}/cnn.pt")
    reloaded = CNN()
    reloaded.load_state_dict(torch.load(f"{folder}/cnn.pt"))
    reloaded.eval()
    small, labels = (tensor[:10] for tensor in digits(train=False).tensors)
    with torch.no_grad():
        guesses = reloaded(digits(train=False, size=SIZE).tensors[0][:10]).argmax(dim=1)
    print("\nten new pictures, and what the network, saved and loaded again, takes them for:\n")
    show(small, guesses, labels)

    drawn = f"{folder}/curves.png" if importlib.util.find_spec("matplotlib") else "pip install matplotlib"
    print(f"network   {folder}/cnn.pt, which PyTorch loads too\ncurves    {drawn}")
    print(f"events    tensorboard --logdir {folder}   (pip install tensorboard)\n")
    print("what next: change EPOCHS or a layer in examples/digits_cnn.py and run it again;")
    print("`rushlight new mine` writes a project to start your own from;")
    print("`rushlight run script.py` runs a PyTorch program as it is.")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/digits_cnn")
