"""What the DataLoader is made of: `collate`, `fetch`, and, loaded when needed, the worker processes."""

from . import collate, errors, fetch, worker
from .errors import ExceptionWrapper
