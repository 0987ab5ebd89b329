"""Downloads from a small server of our own: whole, broken off, damaged, endless, not there."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aecore.datasets import download
from aecore.datasets.download import Remote, fetch
from aecore.errors import DatasetError

CONTENT = bytes(range(256)) * 4000  # four chunks


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []  # the Range of each request
        self.content, self.cut, self.ranges, self.endless = CONTENT, 0, True, False


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Quiet."""

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        if self.path != "/data/file.bin":
            return self.send_error(404)
        start = int(asked[len("bytes=") :].rstrip("-")) if asked and server.ranges else 0
        if start >= len(server.content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if server.endless:
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 16))
            except OSError:
                return None
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        end = server.cut if server.cut else len(server.content)
        self.wfile.write(server.content[start:end])
        return None


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "some"


@pytest.fixture
def remote(server):
    url = f"http://127.0.0.1:{server.server_port}/data/file.bin"
    return Remote("file.bin", url, hashlib.md5(CONTENT).hexdigest(), len(CONTENT))


def names(folder) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


def test_a_download_is_whole_and_its_progress_grows_to_the_end(folder, remote):
    seen = []
    assert not download.present("some", [remote])
    fetch("some", [remote], lambda done, total: seen.append((done, total)))
    assert download.checked("some", remote).read_bytes() == CONTENT
    assert download.present("some", [remote])
    assert seen == sorted(seen)
    assert len(seen) >= 4
    assert {total for _, total in seen} == {len(CONTENT)}
    assert seen[-1][0] == len(CONTENT)
    assert names(folder) == ["file.bin"]


def test_what_is_there_is_not_asked_for_again(folder, remote, server):
    fetch("some", [remote], lambda *_: None)
    fetch("some", [remote], lambda *_: None)
    assert len(server.asked) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(folder, remote, server, ranges):
    server.cut, server.ranges = 600_000, ranges
    with pytest.raises(DatasetError, match=r"600,000 of 1,024,000 bytes.*goes on"):
        fetch("some", [remote], lambda *_: None)
    assert names(folder) == ["file.bin.part"]
    server.cut = 0
    fetch("some", [remote], lambda *_: None)
    assert server.asked == [None, "bytes=600000-"]
    assert download.checked("some", remote).read_bytes() == CONTENT


def test_a_stopped_download_goes_on(folder, remote):
    def stop(done, total):
        if done > 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("some", [remote], stop)
    assert names(folder) == ["file.bin.part"]
    fetch("some", [remote], lambda *_: None)
    assert download.checked("some", remote).read_bytes() == CONTENT


def test_another_file_than_the_published_is_thrown_away(folder, remote, server):
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(DatasetError, match="not the published file"):
        fetch("some", [remote], lambda *_: None)
    assert names(folder) == []


def test_a_part_larger_than_the_file_is_thrown_away(folder, remote):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT + b"more")
    with pytest.raises(DatasetError, match="thrown away"):
        fetch("some", [remote], lambda *_: None)
    fetch("some", [remote], lambda *_: None)
    assert download.checked("some", remote)


def test_a_whole_part_only_gets_its_name(folder, remote):
    folder.mkdir(parents=True)
    (folder / "file.bin.part").write_bytes(CONTENT)
    fetch("some", [remote], lambda *_: None)
    assert download.checked("some", remote).read_bytes() == CONTENT


def test_a_damaged_file_is_refused_and_then_replaced(folder, remote):
    folder.mkdir(parents=True)
    (folder / "file.bin").write_bytes(b"damaged")
    with pytest.raises(DatasetError, match="delete it and download it again"):
        download.checked("some", remote)
    fetch("some", [remote], lambda *_: None)
    assert download.checked("some", remote).read_bytes() == CONTENT


def test_a_server_without_end_is_left(folder, remote, server):
    server.endless = True
    with pytest.raises(DatasetError, match="more than the 1,024,000 bytes"):
        fetch("some", [remote], lambda *_: None)
    assert (folder / "file.bin.part").stat().st_size < 4_000_000


@pytest.mark.parametrize("what", ["refused", "missing"])
def test_offline_says_what_to_put_where(folder, remote, server, what):
    if what == "missing":
        url = remote.url.replace("file.bin", "gone.bin")
    else:
        url = "http://127.0.0.1:9/data/file.bin"  # the discard port: nobody listens
    with pytest.raises(DatasetError) as caught:
        fetch("some", [Remote("file.bin", url, remote.md5, remote.size)], lambda *_: None)
    assert f"put {url} into {folder}." in str(caught.value)
    assert str(caught.value).count("\n") == 0


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, remote):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "file"))
    with pytest.raises(DatasetError, match="did not succeed"):
        fetch("some", [remote], lambda *_: None)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("AECORE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download.cache_folder() == tmp_path / "aecore" / "datasets"
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "mine"))
    assert download.cache_folder() == tmp_path / "mine"
