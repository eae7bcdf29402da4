"""A survey says of every bin what the next scan would, and sends nothing."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import pytest

from ifcbscan import config
from ifcbscan.clock import Clock
from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.states import BinState
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.runs import scan
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.survey import Survey, survey
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire

SETTLED = 1400000000.0
PREFIX = "hablab/nauset/"
PIDS = [Pid(f"D201305{day:02d}T095207_IFCB013") for day in range(1, 14)]
(
    WHOLE,
    NEW,
    REMOTE_ONLY,
    REMOTE_PART,
    INCOMPLETE,
    EMPTY,
    TRUNCATED,
    LARGER,
    REJECTED,
    WAITING,
    READY,
    LOST,
    SKIPPED,
) = PIDS
OLD = Pid("IFCB5_2012_028_081515")


def put(s3: Any, folder: Path, pid: str, *extensions: str) -> None:
    """Put members of a local bin where the archive has them."""
    parsed = parse_pid(pid)
    assert parsed is not None
    for extension in extensions:
        body = (folder / f"{pid}.{extension}").read_bytes()
        s3.client.put_object(Bucket=s3.bucket, Key=parsed.key(PREFIX, extension), Body=body)


@pytest.fixture
def tree(tmp_path: Path, s3: Any) -> Path:
    """A folder with a bin in every state that a scan tells apart, and the bucket that goes with it."""
    folder = tmp_path / "data"
    for pid in [*PIDS[:-1], OLD]:
        write_bin(folder, pid, images=0 if pid == EMPTY else 3, mtime=SETTLED)
    write_bin(folder / "beads", SKIPPED, mtime=SETTLED)
    write_bin(folder / "copy", WHOLE, images=3, mtime=SETTLED)
    (folder / "copy" / f"{WHOLE}.roi").unlink()
    for pid in (WHOLE, REMOTE_ONLY, OLD):
        put(s3, folder, pid, "roi", "hdr", "adc")
    put(s3, folder, REMOTE_PART, "roi", "hdr")
    put(s3, folder, REJECTED, "hdr")
    put(s3, folder, LARGER, "roi", "hdr", "adc")
    put(s3, folder, WAITING, "roi", "hdr")
    put(s3, folder, READY, "roi", "hdr")
    for pid in (REMOTE_ONLY, REMOTE_PART):
        for path in folder.glob(pid + ".*"):
            path.unlink()
    (folder / f"{INCOMPLETE}.adc").unlink()
    for pid in (TRUNCATED, LARGER):
        roi = folder / f"{pid}.roi"
        roi.write_bytes(roi.read_bytes()[:-100])
        os.utime(str(roi), (SETTLED, SETTLED))
    (folder / f"{LOST}.roi").write_bytes(b"")
    os.utime(str(folder / f"{LOST}.roi"), (SETTLED, SETTLED))
    (folder / "notes.txt").write_text("not a bin")
    return folder


class Looker:
    """A scan without sending and a survey of the same folder and bucket."""

    def __init__(self, folder: Path, env_file: Path, confirm: float = 0.0) -> None:
        self._config = config.load(str(env_file), {})
        self._folder = folder
        self._policy = Policy(settle=60, confirm=confirm)
        self._clock = Clock()
        self.pool = ThreadPoolExecutor(4)

    def _parts(self, dry_run: bool) -> tuple[scan.ScanOptions, LocalTree, Bucket]:
        options = scan.ScanOptions("hablab", "nauset", self._policy, dry_run=dry_run)
        tree = LocalTree(str(self._folder), ("beads",))
        return options, tree, Bucket(self._config, self._clock, Wire(self._config))

    def dry_run(self) -> dict[BinState, int]:
        options, tree, bucket = self._parts(True)
        report = scan.scan(
            options, Backends(tree, bucket, self._clock, self.pool), Listener(), lambda line: None
        )
        return report.bins

    def survey(self) -> Survey:
        options, tree, bucket = self._parts(False)
        return survey(options, tree, bucket, self._clock, self.pool)


@pytest.fixture
def looker(tree: Path, env_file: Path) -> Iterator[Looker]:
    made = Looker(tree, env_file)
    yield made
    made.pool.shutdown()


def test_a_survey_tells_the_state_of_every_bin_here_and_in_the_archive(looker: Looker, s3: Any) -> None:
    before = s3.objects()
    found = looker.survey()
    states = {item.pid: item.state.value for item in found.bins if "copy" not in item.reason}
    assert states == {
        WHOLE: "synced",
        OLD: "synced",
        NEW: "to_upload",
        REMOTE_ONLY: "archived",
        REMOTE_PART: "incomplete",
        INCOMPLETE: "incomplete",
        EMPTY: "empty",
        TRUNCATED: "held",
        LARGER: "conflict",
        REJECTED: "rejected",
        WAITING: "to_upload",
        READY: "to_upload",
        LOST: "held",
    }
    reasons = {item.pid: item.reason for item in found.bins}
    assert reasons[REMOTE_PART] == "not on this disk, and the archive has no .adc"
    assert reasons[TRUNCATED].startswith("truncated")
    assert reasons[LOST].endswith("bytes of images and the .roi holds none: was the disk full?")
    assert found.excluded == 1 and found.unreadable == 0
    assert found.newest is not None and found.newest.pid == READY
    assert s3.objects() == before


def test_a_survey_counts_as_a_scan_without_sending_does(looker: Looker) -> None:
    # all but the bins that are not on this disk, which a scan does not look at
    here = [item for item in looker.survey().bins if item.pid not in (REMOTE_ONLY, REMOTE_PART)]
    counts = Counter(item.state.in_scan for item in here)
    assert counts == Counter(
        {state: n for state, n in looker.dry_run().items() if n and state is not BinState.EXCLUDED}
    )


def test_a_bin_under_the_archives_check_is_unconfirmed(tree: Path, env_file: Path) -> None:
    looker = Looker(tree, env_file, confirm=3600)
    states = {item.pid: item.state.value for item in looker.survey().bins}
    assert (states[WAITING], states[READY]) == ("unconfirmed", "unconfirmed")
    looker.pool.shutdown()


def test_sizes_are_those_of_the_files_or_of_what_the_archive_holds(
    looker: Looker, tree: Path, s3: Any
) -> None:
    sizes = {item.pid: item.size for item in looker.survey().bins if "copy" not in item.reason}
    assert sizes[NEW] == sum(path.stat().st_size for path in tree.glob(NEW + ".*"))
    assert sizes[REMOTE_ONLY] == sum(s3.objects(f"{PREFIX}2013/{REMOTE_ONLY[:9]}/").values())


def test_an_archive_with_everything_and_an_empty_disk_is_all_archived(
    tmp_path: Path, tree: Path, env_file: Path
) -> None:
    empty = tmp_path / "wiped"
    empty.mkdir()
    looker = Looker(empty, env_file)
    found = looker.survey()
    states = {item.pid: item.state.value for item in found.bins}
    assert states[WHOLE] == states[OLD] == states[REMOTE_ONLY] == "archived"
    assert states[REJECTED] == "incomplete" and NEW not in states
    assert found.newest is None
    looker.pool.shutdown()
