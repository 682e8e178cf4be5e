"""`rushlight new`: a small training project that runs as it is, to start one's own from."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

HELP = "write a training project that runs, to start your own from"
FILES = ("settings.py", "data.py", "model.py", "train.py", "predict.py", "README.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `rushlight new` understands."""
    parser.add_argument("folder", type=Path, help="the folder to make; it must be new or empty")


def run(arguments: argparse.Namespace) -> int:
    """Write the project, and say how to run it."""
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"rushlight new: {folder} is there already and not an empty folder; nothing was written")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    template = resources.files("rushlight.train") / "template"
    for name in FILES:
        text = (template / f"{name}.txt").read_text(encoding="utf8")
        (folder / name).write_text(text, encoding="utf8")
    print(
        f"wrote {folder}: {', '.join(FILES)}\n\n    cd {folder}\n    python train.py\n    python predict.py"
    )
    return 0
