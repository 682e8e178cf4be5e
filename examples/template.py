"""The elegant template: a Trainer with early stopping, checkpoints, changing rates, a log and curves.

    python examples/template.py [FOLDER]

A network learns whether a number is greater than 8. `rushlight new FOLDER` writes such a program as a
project.
"""

import importlib.util
import sys

import rushlight as torch
from rushlight import nn
from rushlight.train import Checkpoint, CSVLogger, Curves, EarlyStopping, LRSchedule, Trainer, accuracy
from rushlight.utils.data import DataLoader, Dataset

TRAIN = [-2, -1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18, 20]
VALID = [15, 16, 17, 0.1, -3, -4]


class Numbers(Dataset):
    """Numbers, and whether each is greater than 8."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        number = self.numbers[index]
        return torch.tensor([number], dtype=torch.float32), int(number > 8)


def main(folder):
    torch.manual_seed(42)
    net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 2))
    callbacks = [
        EarlyStopping(patience=10),
        Checkpoint(folder),
        LRSchedule({1: 0.003, 40: 0.001}),
        CSVLogger(f"{folder}/log.csv"),
    ]
    if importlib.util.find_spec("matplotlib"):
        callbacks.append(Curves(f"{folder}/curves.png"))
    optimizer = torch.optim.Adam(net.parameters())
    trainer = Trainer(
        net,
        nn.CrossEntropyLoss(),
        optimizer,
        {"accuracy": accuracy},
        callbacks,
        clip_norm=2.0,
        progress=False,
    )
    train = DataLoader(Numbers(TRAIN), batch_size=1, shuffle=True)
    trainer.fit(train, DataLoader(Numbers(VALID), batch_size=6), epochs=60)

    for row in trainer.history[:: max(1, len(trainer.history) // 5)]:
        right, valid = row["accuracy"], row["valid_accuracy"]
        print(f"epoch {row['epoch']:2d}   loss {row['loss']:.4f}   right {right:.1%}   valid {valid:.1%}")
    print(f"{len(trainer.history)} epochs; checkpoints, the log and the curves are in {folder}\n")
    for number in (24.0, 3.14, 7.8):
        greater = trainer.predict(torch.tensor([[number]])).argmax().item()
        print(f"{number:5} is {'greater' if greater else 'not greater'} than 8, it says")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "runs/template")
