"""What is looked into of a bin that is about to be sent: the whole .adc once, and no more of the .hdr than there should be."""

from __future__ import annotations

import errno
import io
import os
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from ifcbscan.core import hdr as header_rules
from ifcbscan.core.adc import Damage
from ifcbscan.core.bins import NOTHING_REMOTE, Fileset, parse_pid
from ifcbscan.core.decision import Action, Decision, Now, Policy
from ifcbscan.core.hdr import LONGEST_HEADER
from ifcbscan.core.states import BinState, State
from ifcbscan.demo.sample_bins import bin_contents
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.examination import examine, lost_images, predicted_refusal
from ifcbscan.runs.one_bin import result_if_sent
from ifcbscan.runs.vital import find_vital_signs

PID = "D20130526T095207_IFCB013"
NAMES = b",".join([b"name"] * 24) + b"\n"


def _bin(folder: Path, hdr: bytes = b"", adc: bytes = b"", cut: int = 0) -> tuple[LocalTree, Fileset]:
    """A bin with these bytes behind the .hdr and before the .adc, and a .roi that is `cut` bytes too short."""
    made = bin_contents(PID)
    for extension, body in (("hdr", made.hdr + hdr), ("adc", adc + made.adc), ("roi", made.roi)):
        (folder / f"{PID}.{extension}").write_bytes(body[: len(body) - cut] if extension == "roi" else body)
    tree = LocalTree(str(folder))
    return tree, tree.walk().filesets[parse_pid(PID)]  # type: ignore[index]


def test_a_whole_bin_has_shown_nothing(tmp_path: Path) -> None:
    assert examine(*_bin(tmp_path)) == (None, "")


def test_a_header_that_would_break_the_dashboard_counts_before_a_roi_that_is_cut(tmp_path: Path) -> None:
    finding, _ = examine(*_bin(tmp_path, cut=1))
    assert finding is not None and finding.damage is Damage.TRUNCATED
    finding, _ = examine(*_bin(tmp_path, hdr=b"\0", cut=1))
    assert finding is not None and not finding.overridable and ".hdr" in finding.detail


def test_a_refusal_is_predicted_beside_a_finding_and_without_one(tmp_path: Path) -> None:
    why = "the .adc begins with a row of names"
    assert examine(*_bin(tmp_path, adc=NAMES)) == (None, why)
    finding, refusal = examine(*_bin(tmp_path, adc=NAMES, cut=1))
    assert finding is not None and refusal == why
    assert predicted_refusal(*_bin(tmp_path, adc=NAMES)) == why


def test_only_of_a_bin_without_images_the_adc_is_read_for_lost_ones(tmp_path: Path) -> None:
    whole = len(bin_contents(PID).roi)
    tree, local = _bin(tmp_path, cut=whole)
    finding = lost_images(tree, local, Decision(State.EMPTY))
    assert finding is not None and finding.detail.startswith(f"the .adc names {whole:,} bytes of images")
    assert lost_images(tree, local, Decision(State.SETTLING)) is None
    for extension in ("adc", "hdr"):
        (tmp_path / f"{PID}.{extension}").unlink()
    assert lost_images(tree, local, Decision(State.EMPTY)) is None


@pytest.mark.parametrize("images, lost", [(1022, True), (0, False)])
def test_of_a_bin_without_images_and_rows_the_hdr_is_read_for_lost_ones(
    tmp_path: Path, images: int, lost: bool
) -> None:
    """As of one that was written while the disk was full: the .hdr comes first."""
    (tmp_path / f"{PID}.hdr").write_bytes(b"triggerCount: 1180\nroiCount: %d\nrunTime: 1200\n" % images)
    for extension in ("adc", "roi"):
        (tmp_path / f"{PID}.{extension}").write_bytes(b"")
    tree = LocalTree(str(tmp_path))
    (local,) = tree.walk().filesets.values()
    finding = lost_images(tree, local, Decision(State.EMPTY))
    if lost:
        assert finding is not None and finding.damage is Damage.TRUNCATED and not finding.overridable
        assert (
            finding.detail
            == "the .hdr counts 1,022 images (roiCount) and the .roi holds none: was the disk full?"
        )
    else:
        assert finding is None
    (tmp_path / f"{PID}.hdr").unlink()
    assert lost_images(tree, local, Decision(State.EMPTY)) is None


def test_no_more_of_a_header_is_looked_at_than_there_should_be(tmp_path: Path) -> None:
    tree, local = _bin(tmp_path, hdr=b"note: x\n" * (LONGEST_HEADER // 8))
    with open(str(tmp_path / f"{PID}.hdr"), "r+b") as file:
        file.truncate(100000000)  # sparse: NUL bytes
    tracemalloc.start()
    try:
        found = examine(tree, local)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.finding is not None and not found.finding.overridable and peak < 4000000
    assert found.finding.detail == "the .hdr is longer than 65,536 bytes"


@pytest.mark.parametrize("extension", ["hdr", "adc"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, extension: str) -> None:
    tree, local = _bin(tmp_path)
    (tmp_path / f"{PID}.{extension}").unlink()
    with pytest.raises(LocalFileProblem, match=rf"\.{extension} in .* cannot be read"):
        examine(tree, local)
    assert predicted_refusal(tree, local) == ""


class BrokenDisk(LocalTree):
    """Opens files, and cannot read those of one extension."""

    def __init__(self, root: str, broken: str) -> None:
        super().__init__(root)
        self._broken = broken

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        file = super().open(fileset, extension)
        if extension == self._broken:
            file.close()
            return _Unreadable()
        return file


class _Unreadable(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def readline(self, size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("extension", ["adc", "hdr"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, extension: str) -> None:
    _, local = _bin(tmp_path)
    with pytest.raises(LocalFileProblem, match=f"[.]{extension} in .* cannot be read"):
        examine(BrokenDisk(str(tmp_path), extension), local)


def test_headers_are_read_by_one_thread_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads of Python 3.11 that parse literals at the same moment can disturb each other."""
    tree, local = _bin(tmp_path)
    read = header_rules._literal
    inside: list[str] = []
    met: list[str] = []

    def meeting(text: str) -> tuple[bool, object]:
        met.extend(inside)
        inside.append(text)
        threading.Event().wait(0.002)  # as if parsing took so long
        inside.remove(text)
        return read(text)

    monkeypatch.setattr(header_rules, "_literal", meeting)

    def look(number: int) -> object:
        if number == 0:
            return examine(tree, local).finding
        signs = find_vital_signs({local.pid: local}, local.pid, tree, 0.0)
        return None if signs.readings.temperature else "no temperature"

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(look, [0, 0])) == list(pool.map(look, [0, 1])) == [None, None]
    assert met == []


def test_where_one_of_two_files_cannot_be_read_the_other_one_still_tells_of_lost_images(
    tmp_path: Path,
) -> None:
    tree, local = _bin(tmp_path)
    (tmp_path / f"{PID}.roi").write_bytes(b"")
    (tmp_path / f"{PID}.hdr").write_bytes(bin_contents(PID).hdr + b"roiCount: 3\n")
    empty = tree.walk().filesets[local.pid]
    for cannot, what in (("adc", "roiCount"), ("hdr", ".adc names")):
        found = lost_images(BrokenDisk(str(tmp_path), cannot), empty, Decision(State.EMPTY))
        assert found is not None and what in found.detail


def test_a_roi_that_cannot_be_opened_is_told_by_whoever_says_what_would_be_sent(tmp_path: Path) -> None:
    _, local = _bin(tmp_path)
    decision = Decision(State.UPLOAD, Action.PUT, send=("roi", "hdr"))
    job = BinJob(local, NOTHING_REMOTE, (), decision)
    (tmp_path / f"{PID}.roi").unlink()
    result = result_if_sent(job, LocalTree(str(tmp_path)), Now(2e9, 2e9), Policy())
    assert result.state is BinState.FAILED and ".roi" in result.reason
