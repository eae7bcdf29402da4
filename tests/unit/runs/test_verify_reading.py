"""Reading files from the disk: it ends when it is asked to, and a file that cannot be read is told by its name."""

from __future__ import annotations

import hashlib
import io
import threading
from typing import Any, BinaryIO

import pytest
from support.fakes import FakeTree

from ifcbscan.core.bins import Fileset
from ifcbscan.errors import FileChanged, Interrupted, LocalFileProblem
from ifcbscan.runs.verify_reading import FileReader

PID = "D20231114T200000_IFCB013"


@pytest.fixture
def tree() -> Any:
    made = FakeTree()
    made.write_bin(PID, 1600000000.0)
    return made


def the_bin(tree: Any) -> Fileset:
    (local,) = tree.walk().filesets.values()
    return local  # type: ignore[no-any-return]


def test_the_sums_are_those_of_the_files_and_the_bytes_are_counted(tree: Any) -> None:
    reader = FileReader(tree, threading.Event())
    sums = reader.sums(the_bin(tree))
    bodies = [tree.files[f"/data/{PID}.{extension}"].body for extension in ("hdr", "adc", "roi")]
    assert [item.md5 for item in sums] == [hashlib.md5(body).hexdigest() for body in bodies]
    assert reader.bytes == sum(map(len, bodies))


def test_reading_ends_when_it_is_asked_to(tree: Any) -> None:
    stop = threading.Event()
    stop.set()
    reader = FileReader(tree, stop)
    with pytest.raises(Interrupted):
        reader.sums(the_bin(tree))
    assert reader.bytes == 0


@pytest.mark.parametrize(
    "error, told", [(OSError(5, "Input/output error"), "Input/output"), (OSError("odd"), "odd")]
)
def test_a_file_that_cannot_be_read_to_its_end_is_a_problem_of_that_file(
    tree: Any, monkeypatch: pytest.MonkeyPatch, error: OSError, told: str
) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise error

    def open_broken(_fileset: Fileset, _extension: str) -> BinaryIO:
        return Broken()

    local = the_bin(tree)
    monkeypatch.setattr(tree, "open", open_broken)
    with pytest.raises(LocalFileProblem, match=rf"\.hdr in /data cannot be read: {told}"):
        FileReader(tree, threading.Event()).sums(local)


def test_a_file_of_another_size_than_it_was_found_with_has_changed(tree: Any) -> None:
    local = the_bin(tree)
    tree.write(f"{PID}.adc", b"short", 1600000000.0)
    with pytest.raises(FileChanged, match=r"\.adc changed in /data"):
        FileReader(tree, threading.Event()).sums(local)
