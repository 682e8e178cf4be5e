"""Points in many dimensions with labels and pictures: the files that TensorBoard's projector reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from .pictures import grid, in_colour, in_order, to_bytes
from .values import pillow

CONFIG = "projector_config.pbtxt"


def write_embedding(
    folder: str | os.PathLike[str],
    points: np.ndarray,
    metadata: Sequence[Any] | None,
    pictures: np.ndarray | None,
    step: int,
    tag: str,
    header: Sequence[str] | None,
) -> None:
    """Writes the points, one a row, and what belongs to each, and adds them to the folder's list."""
    if points.ndim != 2:
        raise ValueError(
            f"an embedding is a matrix with a point in each row, and this has shape {points.shape}"
        )
    name = f"{int(step):05d}/{quote(str(tag), safe='')}"
    place = Path(folder, name)
    place.mkdir(parents=True, exist_ok=True)
    config = {"tensor_name": f"{tag}:{int(step):05d}", "tensor_path": f"{name}/tensors.tsv"}
    write_rows(place / "tensors.tsv", [[repr(x) for x in row] for row in points.tolist()])
    if metadata is not None:
        check_count("metadata", len(metadata), len(points))
        write_rows(place / "metadata.tsv", labels(metadata, header))
        config["metadata_path"] = f"{name}/metadata.tsv"
    sprite = ""
    if pictures is not None:
        check_count("label_img", len(pictures), len(points))
        height, width = write_sprite(place / "sprite.png", pictures)
        size = f"single_image_dim: {width}\n    single_image_dim: {height}"
        sprite = f'  sprite {{\n    image_path: "{name}/sprite.png"\n    {size}\n  }}\n'
    lines = "".join(f'  {key}: "{value}"\n' for key, value in config.items())
    with open(Path(folder, CONFIG), "a", encoding="utf8") as file:
        file.write(f"embeddings {{\n{lines}{sprite}}}\n")


def check_count(name: str, count: int, points: int) -> None:
    """There is one for each point."""
    if count != points:
        raise ValueError(f"{points} points and {count} in {name}: each point needs one")


def labels(metadata: Sequence[Any], header: Sequence[str] | None) -> list[list[str]]:
    """The rows of the labels; several columns go with a header."""
    if not header:
        return [[str(label)] for label in metadata]
    return [list(header)] + [[str(cell) for cell in row] for row in metadata]


def write_rows(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """A table with tabs between the cells."""
    clean = (["".join(" " if c in "\t\r\n" else c for c in cell) for cell in row] for row in rows)
    path.write_text("".join("\t".join(row) + "\n" for row in clean), encoding="utf8")


def write_sprite(path: Path, pictures: np.ndarray) -> tuple[int, int]:
    """All pictures (N, C, H, W) in a square grid; the size of one."""
    tiles = to_bytes(in_colour(in_order(pictures, "NCHW")))
    columns = int(np.ceil(np.sqrt(len(tiles))))
    side = np.zeros(
        (columns * columns - len(tiles), *tiles.shape[1:]), np.uint8
    )  # a square, as the projector wants
    pillow().fromarray(grid(np.concatenate([tiles, side]), columns)).save(path)
    return tiles.shape[1], tiles.shape[2]
