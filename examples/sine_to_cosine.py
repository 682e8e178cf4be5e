"""RNN regression: a network hears a sine wave piece by piece, and answers with the cosine.

    python examples/sine_to_cosine.py

One value of a sine does not tell whether the wave goes up or down: only the memory of the network does.
"""

import rushlight as torch
from rushlight import nn

PIECES = 250
STEPS = 10  # values in a piece, which is half a wave


class Net(nn.Module):
    """A recurrent layer, and a linear one that turns each of its outputs into a number."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(input_size=1, hidden_size=32, batch_first=True)
        self.out = nn.Linear(32, 1)

    def forward(self, wave, memory):
        heard, memory = self.rnn(wave, memory)
        return self.out(heard), memory


def piece(number):
    """The sine and the cosine over one half wave, each as (batch 1, step, value 1)."""
    times = torch.linspace(number * torch.pi, (number + 1) * torch.pi, STEPS + 1)[:-1]
    return times.sin().view(1, -1, 1), times.cos().view(1, -1, 1)


def draw(wanted, answered, width=41):
    """Both curves from top to bottom: o is the cosine, x is the answer, * is both."""
    for right, ours in zip(wanted.flatten().tolist(), answered.flatten().tolist()):
        line = [" "] * width
        o, x = (round((min(max(value, -1), 1) + 1) / 2 * (width - 1)) for value in (right, ours))
        line[o], line[x] = "o", "x"
        line[x] = "*" if o == x else "x"
        print("".join(line).rstrip())


def main():
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    loss_of = nn.MSELoss()
    memory = None  # the network starts with an empty one

    for number in range(PIECES):
        sine, cosine = piece(number)
        answer, memory = net(sine, memory)
        memory = memory.detach()  # keep what it remembers, not how it came to it
        loss = loss_of(answer, cosine)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number % 50 == 49:
            print(f"piece {number + 1:3d}   loss {loss.item():.5f}")

    print("\nthe next wave: o the cosine, x the answer, * both\n")
    with torch.no_grad():
        for number in (PIECES, PIECES + 1):
            sine, cosine = piece(number)
            answer, memory = net(sine, memory)
            draw(cosine, answer)


if __name__ == "__main__":
    main()
