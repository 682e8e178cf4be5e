"""GAN: a painter learns to paint like an artist, from nothing but the word of a critic who learns as well.

    python examples/gan_paintings.py

A painting is 15 points of a curve a·x² + (a - 1), and the artist chooses a between 1 and 2.
"""

import rushlight as torch
from rushlight import nn

STEPS = 5000
BATCH = 64
POINTS = 15
IDEAS = 5  # random numbers that the painter starts from
X = torch.linspace(-1, 1, POINTS)


def artist_works():
    """Paintings by the artist."""
    a = torch.empty(BATCH, 1).uniform_(1, 2)
    return a * X.pow(2) + (a - 1)


def main():
    torch.manual_seed(1)
    painter = nn.Sequential(nn.Linear(IDEAS, 128), nn.ReLU(), nn.Linear(128, POINTS))
    critic = nn.Sequential(nn.Linear(POINTS, 128), nn.ReLU(), nn.Linear(128, 1))
    painter_optimizer = torch.optim.Adam(painter.parameters(), lr=0.0002)
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=0.0002)
    loss_of = nn.BCEWithLogitsLoss()
    real, fake = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

    for step in range(STEPS + 1):
        paintings = painter(torch.randn(BATCH, IDEAS))

        # the critic learns to tell both apart; detach: nothing of this reaches the painter
        real_scores, fake_scores = critic(artist_works()), critic(paintings.detach())
        critic_loss = loss_of(real_scores, real) + loss_of(fake_scores, fake)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()

        # the painter learns to be taken for the artist, by the critic as it is now
        painter_loss = loss_of(critic(paintings), real)
        painter_optimizer.zero_grad()
        painter_loss.backward()
        painter_optimizer.step()

        if step % 1000 == 0:
            believed = real_scores.sigmoid().mean().item()
            print(f"step {step:4d}   critic believes the artist to {believed:.2f} (0.50: cannot tell)")

    with torch.no_grad():
        painted = painter(torch.randn(1000, IDEAS))
    low, high = painted.quantile(torch.tensor([0.1, 0.9]), dim=0)
    print("\n     x   most are painted between   the artist paints between")
    for x, least, most in list(zip(X.tolist(), low.tolist(), high.tolist()))[::2]:
        print(f"{x:6.2f}   {least:11.2f} and {most:4.2f}   {x * x:15.2f} and {2 * x * x + 1:4.2f}")


if __name__ == "__main__":
    main()
