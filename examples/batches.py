"""Batches: a Dataset gives single samples, a DataLoader shuffles them, packs them and can use more processes.

python examples/batches.py
"""

import rushlight as torch
from rushlight.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Squares(Dataset):
    """Your own data: how many samples there are, and the sample for an index."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return {"number": float(index), "square": torch.tensor([index**2]), "name": f"n{index}"}


def main():
    torch.manual_seed(0)
    x, y = torch.linspace(1, 10, 10), torch.linspace(10, 1, 10)
    loader = DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)
    for epoch in range(2):  # another order in each epoch
        for step, (batch_x, batch_y) in enumerate(loader):
            print(f"epoch {epoch}, step {step}: x {batch_x.tolist()}, y {batch_y.tolist()}")

    print("\nyour own dataset, in two processes beside this one:")
    for batch in DataLoader(Squares(), batch_size=5, num_workers=2):
        numbers, squares, names = batch["number"], batch["square"], batch["name"]
        print(f"numbers {numbers.tolist()}, squares of shape {tuple(squares.shape)}, names {names}")

    train, valid = random_split(Squares(), [0.8, 0.2])
    print(f"\n{len(train)} to learn from, {len(valid)} held out: {sorted(valid.indices)}")


if __name__ == "__main__":
    main()
