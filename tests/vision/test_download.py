"""Downloads go on where they broke off, are checked, and say what to do when they fail."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rushlight.utils.download import DownloadError, download
from rushlight.vision.datasets.utils import check_integrity, download_and_extract_archive, extract_archive

DATA = bytes(range(256)) * 3000
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


class _Server(BaseHTTPRequestHandler):
    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.server.asked.append(start)
        if self.path == "/missing":
            self.send_error(404)
            return
        if start >= len(DATA):
            self.send_error(416)
            return
        ranged = start and self.path != "/no-ranges"
        body = DATA[start:] if ranged else DATA
        self.send_response(206 if ranged else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as made:
        made.asked, made.cut = [], None
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        made.home = f"http://127.0.0.1:{made.server_address[1]}"
        yield made
        made.shutdown()
        thread.join()


def test_a_download_goes_on_where_it_broke_off(server, tmp_path):
    path = tmp_path / "folder" / "data.bin"
    server.cut = 100_000
    with pytest.raises(DownloadError, match=r"100000 of 768000 bytes; try again to go on"):
        download(f"{server.home}/data.bin", path, DIGEST, progress=False)
    assert not path.exists()
    server.cut = None
    assert download(f"{server.home}/data.bin", path, DIGEST, progress=False).read_bytes() == DATA
    assert server.asked == [0, 100_000]
    download(f"{server.home}/data.bin", path, DIGEST)
    assert len(server.asked) == 2  # it was there
    assert [p.name for p in path.parent.iterdir()] == ["data.bin"]


@pytest.mark.parametrize("place", ["no-ranges", "data.bin"])
def test_a_rest_of_another_file_does_no_harm(place, server, tmp_path):
    path = tmp_path / "data.bin"
    rest = DATA[:500] if place == "no-ranges" else DATA + b"more"
    (tmp_path / "data.bin.part").write_bytes(rest)
    assert download(f"{server.home}/{place}", path, DIGEST, progress=False).read_bytes() == DATA


def test_progress_is_shown(server, tmp_path, capfd):
    download(f"{server.home}/data.bin", tmp_path / "data.bin", DIGEST)
    assert "100%" in capfd.readouterr().err


def test_failure_says_where_to_put_the_file(server, tmp_path):
    path = tmp_path / "x.bin"
    with pytest.raises(DownloadError) as failure:
        download(f"{server.home}/missing", path, progress=False)
    text = str(failure.value)
    assert "404" in text
    assert f"{server.home}/missing by hand" in text
    assert str(path) in text
    assert "RUSHLIGHT_MIRROR" in text
    with pytest.raises(DownloadError, match="not the one expected"):
        download(f"{server.home}/data.bin", path, "md5:00", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_archives(tmp_path):
    import tarfile
    import zipfile

    (tmp_path / "note.txt").write_text("text")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "note.txt", "inner/note.txt")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(tmp_path / "note.txt", "other/note.txt")
    for name in ("a.tar.gz", "b.zip"):
        download_and_extract_archive((tmp_path / name).as_uri(), tmp_path / "out")
    assert (tmp_path / "out" / "inner" / "note.txt").read_text() == "text"
    assert (tmp_path / "out" / "other" / "note.txt").read_text() == "text"
    assert check_integrity(tmp_path / "note.txt", hashlib.md5(b"text").hexdigest())
    with pytest.raises(RuntimeError, match="no archive"):
        extract_archive(tmp_path / "note.txt")


def test_an_archive_cannot_write_outside(tmp_path):
    import io
    import tarfile

    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        info = tarfile.TarInfo("../outside.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"bad"))
    try:
        extract_archive(tmp_path / "bad.tar", tmp_path / "in")
    except tarfile.TarError:
        pass  # the newer Pythons raise
    assert not (tmp_path / "outside.txt").exists()
