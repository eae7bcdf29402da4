"""A file on its way into the bucket: exactly so many bytes, block by block, and what goes wrong with it."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ifcbscan.core.bins import Fileset, Pid, pack_stamps
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import FileChanged, Interrupted, LocalFileProblem
from ifcbscan.s3.body import BLOCK, Body, held_in_memory, md5_of

BYTES = bytes(range(10))


def body(size: int = 10, **options: Any) -> Body:
    return Body(io.BytesIO(BYTES), size, threading.Event(), **options)


def test_a_body_has_the_size_that_was_decided_on_and_no_byte_more() -> None:
    assert len(body(7)) == 7
    assert body(7).read() == body(7).read(-1) == body(7).read(100) == BYTES[:7]


def test_it_is_read_in_blocks_to_its_end() -> None:
    of_seven = body(7)
    assert [of_seven.read(3) for _ in range(4)] == [BYTES[:3], BYTES[3:6], BYTES[6:7], b""]
    assert of_seven.tell() == 7


def test_it_begins_at_the_beginning_wherever_the_file_stood() -> None:
    file = io.BytesIO(BYTES)
    file.read(4)
    assert Body(file, 10, threading.Event()).read() == BYTES


def test_its_size_is_found_out_and_it_is_sent_again_by_seeking() -> None:
    of_seven = body(7)
    assert of_seven.seek(0, os.SEEK_END) == of_seven.tell() == 7 and of_seven.read() == b""
    assert of_seven.seek(0) == 0 and of_seven.read() == BYTES[:7]
    assert of_seven.seek(2) == 2 and of_seven.seek(3, os.SEEK_CUR) == 5 and of_seven.read() == BYTES[5:7]


def test_the_pace_is_asked_before_each_block_how_much_of_it_may_be_sent() -> None:
    asked: list[int] = []

    def two(wanted: int) -> int:
        asked.append(wanted)
        return min(wanted, 2)

    slow = body(7, pace=two)
    assert [slow.read(3) for _ in range(5)] == [BYTES[:2], BYTES[2:4], BYTES[4:6], BYTES[6:7], b""]
    assert asked == [3, 3, 3, 1]  # and nothing is waited for at the end


def test_a_file_that_became_shorter_is_told_and_kept_as_the_problem() -> None:
    short = body(11)
    assert short.problem is None
    assert short.read(10) == BYTES
    with pytest.raises(FileChanged, match="shorter") as error:
        short.read(10)
    assert short.problem is error.value


def test_an_empty_file_is_no_file_that_became_shorter() -> None:
    assert Body(io.BytesIO(), 0, threading.Event()).read() == b""


def test_an_error_of_the_disk_names_the_file() -> None:
    class Failing(io.BytesIO):
        name = "/data/bin.roi"

        def read(self, *_: Any) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(LocalFileProblem, match="^/data/bin.roi cannot be read: Input/output error$"):
        Body(Failing(), 5, threading.Event()).read()


def test_nothing_is_read_once_the_run_was_told_to_end() -> None:
    cancelled = threading.Event()
    stopped = Body(io.BytesIO(BYTES), 10, cancelled)
    stopped.read(1)
    cancelled.set()
    with pytest.raises(Interrupted) as error:
        stopped.read(1)
    assert error.value.exit_code == 130 and stopped.problem is error.value


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1])
def test_the_md5_is_that_of_the_first_bytes(size: int) -> None:
    content = os.urandom(BLOCK + 10)
    assert md5_of(io.BytesIO(content), size, threading.Event()) == hashlib.md5(content[:size]).digest()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a file that cannot be read")
def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    pid = Pid("D20130526T095207_IFCB013")
    (tmp_path / f"{pid}.roi").symlink_to("/proc/self/mem")
    local = Fileset(pid, str(tmp_path), (".hdr", ".adc", ".roi"), 10, 10, 10, pack_stamps((1.0, 1.0, 1.0)))
    with LocalTree(str(tmp_path)).open(local, "roi") as file, pytest.raises(LocalFileProblem) as raised:
        held_in_memory(file, 10, threading.Event())
    assert str(raised.value) == f"{tmp_path / pid}.roi cannot be read: Input/output error"
