"""Published weights by address, kept in a folder: `load_state_dict_from_url`."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from .utils.download import download

HASH_IN_NAME = re.compile(r"-([a-f0-9]{8,})\.")  # name-<start of its sha256>.pth
_hub_dir: str | None = None


def get_dir() -> str:
    """The folder that downloads are kept in: as set, $TORCH_HOME/hub, or ~/.cache/torch/hub."""
    if _hub_dir is not None:
        return _hub_dir
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join("~", ".cache"))
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Chooses the folder that downloads are kept in."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True, mirror: str | None = None
) -> None:
    """The file of `url` at `dst`; `hash_prefix` is what its sha256 begins with."""
    digest = None if hash_prefix is None else f"sha256:{hash_prefix}"
    if digest is None and os.path.exists(dst):
        os.remove(dst)  # nothing says that what is there is the same file
    download(url, dst, digest, progress, mirror)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
    mirror: str | None = None,
) -> Any:
    """What the file of `url` has, fetched on the first call and kept.

    With `check_hash` the sha256 of the file is to begin as its name says (name-<hash>.pth).
    """
    from .serialization import load

    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    name = file_name or os.path.basename(urlsplit(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        found = HASH_IN_NAME.search(os.path.basename(urlsplit(url).path)) if check_hash else None
        download(url, path, f"sha256:{found[1]}" if found else None, progress, mirror)
    return load(path, map_location=map_location, weights_only=weights_only)


def _no_code(name: str) -> Any:
    raise NotImplementedError(
        f"hub.{name} runs code from the network, which Rushlight does not do; clone the repository, look at "
        "it, and import it, or load weights with hub.load_state_dict_from_url"
    )


def load(repo_or_dir: str, model: str, *args: Any, **kwargs: Any) -> Any:
    """Is not there: it would run code from the network."""
    _no_code("load")


def list(github: str, *args: Any, **kwargs: Any) -> Any:
    """Is not there: it would run code from the network."""
    _no_code("list")


def help(github: str, model: str, *args: Any, **kwargs: Any) -> Any:
    """Is not there: it would run code from the network."""
    _no_code("help")
