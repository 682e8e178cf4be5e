"""LSTM: a network reads pictures of digits row by row, as if they were sentences.

python examples/digits_lstm.py
"""

import rushlight as torch
from rushlight import nn
from rushlight.data import digits
from rushlight.utils.data import DataLoader

EPOCHS = 12
ROWS = 8  # a picture is a sequence of 8 rows, each of 8 pixels


class Reader(nn.Module):
    """Reads all rows, and guesses from what it remembers after the last one."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(input_size=8, hidden_size=64, batch_first=True)  # (picture, row, pixel)
        self.out = nn.Linear(64, 10)

    def forward(self, rows):
        remembered, _ = self.lstm(rows)
        return self.out(remembered[:, -1])


def main():
    torch.manual_seed(0)
    loader = DataLoader(digits(train=True), batch_size=64, shuffle=True)
    test_pictures, test_labels = digits(train=False).tensors
    test_rows = test_pictures.view(-1, ROWS, 8)

    net = Reader()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()

    for epoch in range(1, EPOCHS + 1):
        for pictures, labels in loader:
            loss = loss_of(net(pictures.view(-1, ROWS, 8)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            right = (net(test_rows).argmax(dim=1) == test_labels).float().mean()
        print(f"epoch {epoch:2d}   last loss {loss.item():.4f}   right on new pictures {right.item():.2%}")

    with torch.no_grad():
        print("\nguess", net(test_rows[:10]).argmax(dim=1).tolist())
    print("label", test_labels[:10].tolist())


if __name__ == "__main__":
    main()
