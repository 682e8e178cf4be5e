"""Training without the boilerplate: a Trainer, and callbacks for what happens round the epochs.

trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), {"accuracy": accuracy},
                  callbacks=[EarlyStopping(patience=5), Checkpoint("checkpoints", resume=True)])
trainer.fit(train_loader, valid_loader, epochs=20)
trainer.predict(pictures)
"""

from .callbacks import Callback, Checkpoint, EarlyStopping, LRSchedule
from .layers import summary
from .logs import CSVLogger, Curves, Progress, TensorBoard
from .metrics import accuracy
from .trainer import Trainer

__all__ = [
    "Trainer",
    "accuracy",
    "summary",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LRSchedule",
    "CSVLogger",
    "Curves",
    "Progress",
    "TensorBoard",
]
