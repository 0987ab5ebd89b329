"""Files whole or not at all, and names that can be shown."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecore.errors import CheckpointError
from aecore.writing import clean_name, remove_left_overs, write_or_say, write_whole


@pytest.mark.parametrize("content", [b"new", lambda file: file.write(b"new")], ids=["bytes", "by"])
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_written_with_its_mode_and_its_folders(content, mode, tmp_path):
    path = write_whole(tmp_path / "a" / "b" / "file", content, mode)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == mode
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("ends", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=repr)
def test_a_writer_that_breaks_off_leaves_the_old_file_alone(ends, tmp_path):
    path = write_whole(tmp_path / "file", b"old")

    def half(file) -> None:
        file.write(b"ne")
        raise ends

    with pytest.raises(type(ends)):
        write_whole(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_on_the_disk_before_the_old_one_goes(tmp_path, monkeypatch):
    calls = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("sync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b)))
    write_whole(tmp_path / "file", b"new")
    write_whole(tmp_path / "cache", b"new", synced=False)
    assert calls == ["sync", "replace", "sync", "replace"]  # the file, then its name


WRITES = """
import sys
from pathlib import Path
from aecore.writing import write_whole
path, turn = Path(sys.argv[1]), 0
print("begun", flush=True)
while True:
    turn += 1
    write_whole(path, bytes([turn % 2 + 65]) * 3_000_000)
"""


def test_killed_in_the_middle_of_a_write(tmp_path):
    """A real process at any moment: the file is whole, old or new, and what is left over goes."""
    path = write_whole(tmp_path / "file", b"A" * 3_000_000)
    for wait in (0.0, 0.013, 0.029, 0.041):
        command = [sys.executable, "-c", WRITES, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as w:
            assert w.stdout is not None
            w.stdout.readline()
            time.sleep(wait)
            w.kill()
        found = path.read_bytes()
        assert found in (b"A" * 3_000_000, b"B" * 3_000_000)
    (tmp_path / ".part-planted").write_bytes(b"half")
    left = [p for p in tmp_path.iterdir() if p != path]
    assert remove_left_overs([tmp_path]) == 0  # somebody may still write there
    for part in left:
        os.utime(part, (1, 1))
    assert remove_left_overs([tmp_path, tmp_path / "none"]) == len(left)
    assert list(tmp_path.iterdir()) == [path]


def test_a_refusing_disk_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="could not be saved"):
        write_or_say(tmp_path / "file" / "model", b"")


@given(st.text(max_size=200))
def test_names_are_one_printable_line(name):
    cleaned = clean_name(name)
    assert cleaned.isprintable()
    assert cleaned == cleaned.strip() == clean_name(cleaned)
    assert len(cleaned) <= 60
    assert set(cleaned) <= set(name)


def test_a_good_name_stays():
    assert clean_name("  Ein Näme, with\n all 3 ") == "Ein Näme, with all 3"
