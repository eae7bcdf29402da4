"""`verify` against real S3 servers: it says `proven` for exactly the bins that are in the bucket bit for bit."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Callable, Iterator

import pytest
from boto3.s3.transfer import TransferConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dashboard import Behaviour, DashboardStandIn, ShownBin
from support.scripted import Answer, ScriptedServer, s3_error

from ifcbscan import config as configuration
from ifcbscan.clock import Clock
from ifcbscan.core.bins import EXTENSIONS, Fileset, parse_pid
from ifcbscan.core.content_match import Proof
from ifcbscan.core.decision import Policy
from ifcbscan.core.part import Part
from ifcbscan.core.verify_report import BinResult, Publication, VerifyReport, VerifyState
from ifcbscan.core.verify_words import conclusion, summary
from ifcbscan.dashboard.calls import Dashboard
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import BucketRefused, ExitCode, Interrupted, UsageError
from ifcbscan.runs.publication import ASKED_SINGLY
from ifcbscan.runs.verify import VerifyBackends, VerifyListener, VerifyOptions, verify
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.wire import Wire

MIB = 1024 * 1024
OLD = 1400000000.0  # seconds since 1970: long before any test
NEW_STYLE = "D20130526T095207_IFCB013"
OLD_STYLE = "IFCB5_2012_028_081515"
ANOTHER = "D20140101T000000_IFCB013"
PIDS = (NEW_STYLE, OLD_STYLE, ANOTHER)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


#: For what has nothing to do with the server: on one of them only.
once = pytest.mark.parametrize("s3", ["moto"], indirect=True)


class Recorder(VerifyListener):
    """Keeps what a listener is told."""

    def __init__(self) -> None:
        self.expected = (0, 0)
        self.results: list[BinResult] = []

    def begin(self, bins: int, size: int) -> None:
        self.expected = (bins, size)

    def bin_done(self, result: BinResult) -> None:
        self.results.append(result)


@dataclass
class World:
    """A folder of bins, a bucket, and what a verification of the two is made with."""

    s3: Any
    config: configuration.Config
    root: Path
    series: str = "nauset"

    def key(self, pid: str, extension: str) -> str:
        parsed = parse_pid(pid)
        assert parsed is not None
        return parsed.key(f"hablab/{self.series}/", extension)

    def file(self, pid: str, extension: str) -> Path:
        return self.root / f"{pid}.{extension}"

    def write(self, *pids: str) -> None:
        """Bins on the disk."""
        for pid in pids:
            write_bin(self.root, pid, mtime=OLD)

    def put(self, pid: str, extension: str, body: bytes | None = None, **more: Any) -> None:
        """One object; the file's content if nothing else is given."""
        content = self.file(pid, extension).read_bytes() if body is None else body
        self.s3.client.put_object(Bucket=self.s3.bucket, Key=self.key(pid, extension), Body=content, **more)

    def archive(self, *pids: str) -> None:
        """Bins on the disk and, the same, in the bucket."""
        self.write(*pids)
        for pid in pids:
            for extension in EXTENSIONS:
                self.put(pid, extension)

    def damage(self, pid: str, extension: str, change: Callable[[bytes], bytes]) -> None:
        """Change a local file behind everybody's back: its times stay."""
        path = self.file(pid, extension)
        path.write_bytes(change(path.read_bytes()))
        os.utime(str(path), (OLD, OLD))

    def bucket(self, cancelled: threading.Event | None = None, endpoint: str = "") -> Bucket:
        values = dict(self.config.__dict__)
        if endpoint:
            values["endpoint_url"] = endpoint
        settings = configuration.Config(**values)
        return Bucket(settings, Clock(), Wire(settings), cancelled)

    def verify(
        self,
        tree: LocalTree | None = None,
        bucket: Bucket | None = None,
        dashboard: Dashboard | None = None,
        listener: VerifyListener | None = None,
        settle: float = 60.0,
        deletable_after: float = 0.0,
        **more: Any,
    ) -> VerifyReport:
        """The objects have only just been put, so no age is asked for unless a test is about it."""
        options = VerifyOptions(
            account="hablab",
            time_series=self.series,
            policy=Policy(settle=settle),
            deletable_after=deletable_after,
            **more,
        )
        with ThreadPoolExecutor(options.jobs) as pool:
            backends = VerifyBackends(
                tree or LocalTree(str(self.root)), bucket or self.bucket(), Clock(), pool, dashboard
            )
            return verify(options, backends, listener or VerifyListener())


@pytest.fixture
def world(s3: Any, env_file: Path, tmp_path: Path) -> World:
    return World(s3, configuration.load(str(env_file), {}), tmp_path / "data")


def states(report: VerifyReport) -> dict[str, str]:
    return {problem.pid: str(problem.state) for problem in report.problems}


def listed(report: VerifyReport) -> int:
    """How many files the list of deletable ones has."""
    assert report.deletable is not None and report.deletable.written
    return report.deletable.files


def counts(report: VerifyReport) -> dict[str, int]:
    return {state.value: number for state, number in report.bins.items() if number}


def published(report: VerifyReport) -> tuple[int, int, int]:
    """How many bins the dashboard shows, does not show, and said nothing about."""
    assert report.published is not None
    shown, hidden, unknown = (report.published[fact] for fact in Publication)
    return shown, hidden, unknown


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def _instead(body: bytes, _content: bytes) -> bytes:
    return body


def flip_bit(content: bytes, at: int = 0) -> bytes:
    place = at % len(content)
    return content[:place] + bytes([content[place] ^ (1 << at % 8)]) + content[place + 1 :]


# --- a part of all bins


@once
def test_all_parts_together_look_at_each_bin_once_and_list_the_files_of_its_copies_with_it(
    world: World,
) -> None:
    pids = [f"D20150101T00{number:02d}00_IFCB013" for number in range(20)]
    world.archive(*pids)
    for number in (3, 4):
        write_bin(world.root / "copy", pids[number], mtime=OLD)
    world.damage(pids[7], "roi", flip_bit)
    looked_at: list[str] = []
    paths: list[str] = []
    seen = damaged = 0
    for number in range(1, 4):
        part = Part(number, 3)
        listed, listener = world.root.parent / f"{number}.list", Recorder()
        tree = LocalTree(str(world.root), part=part)
        report = world.verify(tree, listener=listener, part=part, deletable=str(listed))
        inside = [pid for pid in pids if part.holds(pid)]  # type: ignore[arg-type]
        mine = {result.pid: result.state for result in listener.results}
        assert sorted(mine) == inside and len(listener.results) == len(inside)
        assert report.part is not None and (report.part.bins, report.part.others) == (
            len(inside),
            20 - len(inside),
        )
        assert report.exit_code == (3 if pids[7] in inside else 0)
        assert report.to_json()["part"] == f"{number}/3"
        looked_at += mine
        paths += listed.read_text(encoding="utf-8").splitlines()
        seen += report.bytes_read
        damaged += report.bins[VerifyState.DIFFERENT]
    assert sorted(looked_at) == pids and damaged == 1
    whole = [str(path) for path in world.root.rglob("*.*") if pids[7] not in path.name]
    assert sorted(paths) == sorted(whole) and len(paths) == 63
    assert seen == world.verify().bytes_read


@once
@pytest.mark.parametrize(("broken", "code"), [(10, 3), (9, 0)])
def test_all_parts_are_green_only_where_the_whole_is(world: World, broken: int, code: int) -> None:
    pids = [f"D20150101T00{number:02d}00_IFCB013" for number in range(10)]
    world.archive(*pids)
    for pid in pids[:broken]:
        world.file(pid, "roi").unlink()
    assert world.verify().exit_code == code
    parts = [Part(number, 3) for number in (1, 2, 3)]
    assert all(any(part.holds(pid) for pid in pids[:9]) for part in parts)  # type: ignore[arg-type]
    reports = [world.verify(LocalTree(str(world.root), part=part), part=part) for part in parts]
    assert [report.exit_code for report in reports] == [code] * 3


@once
def test_of_the_files_of_other_parts_none_is_opened(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.archive(*PIDS)
    opened: list[str] = []
    monkeypatch.setattr(LocalTree, "open", lambda tree, fileset, extension: opened.append(fileset.pid))
    for of in range(2, 30):
        part = Part(of, of)
        if not any(part.holds(pid) for pid in PIDS):  # type: ignore[arg-type]
            report = world.verify(LocalTree(str(world.root), part=part), part=part)
            assert (report.exit_code, report.bytes_read, report.requests.list) == (0, 0, 0)
            assert "There was nothing to prove in" in conclusion(report)[0]
            break
    assert opened == []


# --- one bin


def test_bins_that_were_put_as_they_are_are_proven_by_the_listing_alone(world: World) -> None:
    world.archive(*PIDS)
    listener = Recorder()
    report = world.verify(listener=listener)
    size = sum(path.stat().st_size for path in world.root.iterdir())
    assert counts(report) == {"proven": 3} and report.exit_code == 0 and report.problems == ()
    assert report.proofs == {Proof.MD5: 9, Proof.PARTS: 0, Proof.DOWNLOAD: 0}
    assert report.to_json()["proofs"] == {"md5": 9, "parts": 0, "checksum": 0, "download": 0}
    assert (report.requests.list, report.requests.head, report.requests.put, report.requests.get) == (
        1,
        0,
        0,
        0,
    )
    assert report.bytes_read == size and listener.expected == (3, size)
    assert sorted(result.pid for result in listener.results) == sorted(PIDS)


def test_one_flipped_bit_makes_a_bin_different_and_names_the_file_and_both_sums(world: World) -> None:
    cases = [(extension, at) for extension in EXTENSIONS for at in (0, 1, -1)]
    damaged = {f"D20150101T00{number:02d}00_IFCB001": case for number, case in enumerate(cases)}
    world.archive(NEW_STYLE, *damaged)
    sums = {pid: [md5_of(world.file(pid, extension))] for pid, (extension, _) in damaged.items()}
    for pid, (extension, at) in damaged.items():
        world.damage(pid, extension, functools.partial(flip_bit, at=at))
        sums[pid].append(md5_of(world.file(pid, extension)))
    report = world.verify()
    assert counts(report) == {"proven": 1, "different": 9} and report.exit_code == 3
    assert states(report) == dict.fromkeys(damaged, "different")
    for problem in report.problems:
        assert problem.reason.startswith(f".{damaged[problem.pid][0]} ")
        assert all(md5 in problem.reason for md5 in sums[problem.pid])
    found = {different.pid: different.extensions for different in report.different}
    assert found == {pid: (extension,) for pid, (extension, _) in damaged.items()}


def test_a_shorter_or_longer_object_makes_the_sizes_differ(world: World) -> None:
    cases = [(extension, longer) for extension in EXTENSIONS for longer in (False, True)]
    pids = {f"D20150101T00{number:02d}00_IFCB001": case for number, case in enumerate(cases)}
    world.archive(*pids)
    for pid, (extension, longer) in pids.items():
        content = world.file(pid, extension).read_bytes()
        world.put(pid, extension, content + b"x" if longer else content[:-1])
    report = world.verify()
    assert states(report) == dict.fromkeys(pids, "size") and report.exit_code == 3
    assert all(f".{pids[problem.pid][0]} has" in problem.reason for problem in report.problems)
    assert report.bytes_read == 0  # what cannot be proven need not be read


def test_a_missing_object_makes_the_bin_missing(world: World) -> None:
    pids = {f"D2015010{number}T000000_IFCB001": ext for number, ext in enumerate(EXTENSIONS, start=1)}
    world.archive(NEW_STYLE, *pids)
    for pid, extension in pids.items():
        world.s3.client.delete_object(Bucket=world.s3.bucket, Key=world.key(pid, extension))
    report = world.verify()
    # an .hdr that was put a moment ago, and no .roi: the archive has deleted it, and a scan says so
    word = {"hdr": "missing", "adc": "missing", "roi": "rejected"}
    assert states(report) == {pid: word[extension] for pid, extension in pids.items()}
    assert report.exit_code == 3 and report.bins[VerifyState.PROVEN] == 1
    assert all(f".{pids[problem.pid]}" in problem.reason for problem in report.problems)


def test_a_bin_of_which_nothing_is_there_is_missing(world: World) -> None:
    world.write(NEW_STYLE)
    report = world.verify()
    assert states(report) == {NEW_STYLE: "missing"} and report.exit_code == 3


def test_swapped_contents_of_two_bins_are_different(world: World) -> None:
    world.archive(NEW_STYLE, ANOTHER)
    length = world.file(NEW_STYLE, "roi").stat().st_size
    bodies = {NEW_STYLE: os.urandom(length), ANOTHER: os.urandom(length)}
    for pid, body in bodies.items():
        world.damage(pid, "roi", functools.partial(_instead, body))
    world.put(NEW_STYLE, "roi", bodies[ANOTHER])
    world.put(ANOTHER, "roi", bodies[NEW_STYLE])
    # so that only the contents are wrong, not what the .adc says of the .roi
    report = world.verify()
    assert states(report) == {NEW_STYLE: "different", ANOTHER: "different"}


def test_a_bin_in_another_place_of_the_bucket_does_not_count(world: World) -> None:
    world.archive(NEW_STYLE)
    for extension in EXTENSIONS:
        body = world.file(NEW_STYLE, extension).read_bytes()
        world.s3.client.delete_object(Bucket=world.s3.bucket, Key=world.key(NEW_STYLE, extension))
        for place in ("hablab/nauset2/2013/D20130526/", "hablab/nauset/", "hablab/nauset/2013/D20130527/"):
            key = f"{place}{NEW_STYLE}.{extension}"
            world.s3.client.put_object(Bucket=world.s3.bucket, Key=key, Body=body)
    assert states(world.verify()) == {NEW_STYLE: "missing"}


@pytest.mark.parametrize("foreign", [".adc.mod", ".json", ".hdr.copy", ".", ".b"])
def test_a_foreign_object_among_the_members_of_a_bin_hides_none_of_them(
    world: World, tmp_path: Path, foreign: str
) -> None:
    world.archive(NEW_STYLE)
    key = world.key(NEW_STYLE, "adc")[:-4] + foreign
    world.s3.client.put_object(Bucket=world.s3.bucket, Key=key, Body=b"of somebody else")
    report = world.verify(deletable=str(tmp_path / "list"))
    assert counts(report) == {"proven": 1} and report.exit_code == 0 and listed(report) == 3


# --- local states


@once
def test_local_states_are_those_of_a_scan_and_none_of_them_is_proven(world: World) -> None:
    held, incomplete, settling, conflict = (f"D2015010{day}T000000_IFCB001" for day in (1, 2, 3, 4))
    world.archive(NEW_STYLE, incomplete, settling, conflict)
    write_bin(world.root, held, images=0, mtime=OLD)
    world.file(incomplete, "adc").unlink()
    os.utime(str(world.file(settling, "roi")))
    write_bin(world.root / "copy", conflict, images=2, mtime=OLD)
    report = world.verify()
    assert states(report) == {
        held: "held",
        incomplete: "incomplete",
        settling: "settling",
        conflict: "conflict",
    }
    assert report.bins[VerifyState.PROVEN] == 1 and report.exit_code == 3
    assert "held back" in summary(report)


@once
def test_an_incomplete_bin_alone_does_not_spoil_the_exit_code(world: World) -> None:
    world.archive(NEW_STYLE)
    world.write(ANOTHER)
    world.file(ANOTHER, "hdr").unlink()
    report = world.verify()
    assert counts(report) == {"proven": 1, "incomplete": 1} and report.exit_code == 0
    assert "1 incomplete" in summary(report)


@once
def test_a_held_bin_spoils_the_exit_code_because_it_is_never_in_the_archive(world: World) -> None:
    world.archive(NEW_STYLE)
    write_bin(world.root, ANOTHER, images=0, mtime=OLD)
    assert world.verify().exit_code == 3


@once
def test_a_truncated_bin_that_was_never_sent_is_held_as_a_scan_holds_it(world: World) -> None:
    world.write(NEW_STYLE)
    world.damage(NEW_STYLE, "roi", lambda content: content[:-10])
    assert states(world.verify()) == {NEW_STYLE: "held"}


@once
def test_a_folder_that_cannot_be_read_spoils_the_exit_code(world: World) -> None:
    class OneFolderShut(LocalTree):
        def walk(self) -> Any:
            inventory = super().walk()
            inventory.unreadable += 1
            inventory.warnings.append("the folder x cannot be read")
            return inventory

    world.archive(NEW_STYLE)
    report = world.verify(tree=OneFolderShut(str(world.root)))
    assert report.exit_code == 3 and report.bins[VerifyState.PROVEN] == 1


@once
def test_an_empty_tree_is_told_as_such_and_asks_once(world: World) -> None:
    world.root.mkdir()
    report = world.verify()
    assert report.requests.list == 1 and "no bins found" in summary(report)
    # An empty folder may be a disk that is not mounted.
    assert report.exit_code == 3 and report.nothing_found and not report.all_proven


@once
def test_incomplete_and_excluded_bins_alone_are_nothing_to_prove(world: World) -> None:
    world.write(NEW_STYLE)
    world.file(NEW_STYLE, "hdr").unlink()
    write_bin(world.root / "beads", ANOTHER, mtime=OLD)
    report = world.verify(tree=LocalTree(str(world.root), ("beads",)))
    assert counts(report) == {"incomplete": 1, "excluded": 1}
    assert report.exit_code == 3 and report.nothing_found


@once
def test_files_beside_the_bins_are_counted_and_almost_bins_spoil_the_proof(world: World) -> None:
    world.archive(NEW_STYLE)
    (world.root / "notes.txt").touch()
    report = world.verify()
    assert (report.foreign, report.misnamed, report.exit_code) == (1, 0, 0)
    (world.root / "D20150101T000000_IFCB13.roi").touch()
    report = world.verify()
    assert (report.foreign, report.misnamed, report.exit_code) == (2, 1, 3)
    assert counts(report) == {"proven": 1} and not report.all_proven and not report.nothing_found


@once
def test_only_recent_bins_are_looked_at_when_asked(world: World) -> None:
    world.archive(*PIDS)
    since = parse_pid(ANOTHER)
    assert since is not None
    tree = LocalTree(str(world.root), not_before=since.sample_time)
    report = world.verify(tree=tree, max_age=1.0)
    assert counts(report) == {"proven": 1} and report.mode == "recent"


# --- copies


@once
def test_copies_of_a_bin_are_read_as_well_and_all_must_be_the_same(world: World) -> None:
    world.archive(NEW_STYLE)
    write_bin(world.root / "copy", NEW_STYLE, mtime=OLD)
    report = world.verify()
    assert counts(report) == {"proven": 1}
    assert report.bytes_read == sum(path.stat().st_size for path in world.root.rglob("*.*"))


@once
def test_a_copy_of_the_same_size_with_other_content_is_a_conflict(world: World, tmp_path: Path) -> None:
    world.archive(NEW_STYLE)
    write_bin(world.root / "copy", NEW_STYLE, mtime=OLD)
    path = world.root / "copy" / f"{NEW_STYLE}.roi"
    path.write_bytes(flip_bit(path.read_bytes()))
    os.utime(str(path), (OLD, OLD))
    report = world.verify(deletable=str(tmp_path / "list"))
    assert states(report) == {NEW_STYLE: "conflict"} and report.different == ()
    assert ".roi" in report.problems[0].reason and (tmp_path / "list").read_bytes() == b""


# --- while it runs


class Meddling(LocalTree):
    """A tree in which something happens just before a member is opened."""

    def __init__(self, root: str, happens: Callable[[str], None]) -> None:
        super().__init__(root)
        self._happens = happens

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        self._happens(os.path.join(fileset.folder, fileset.name(extension)))
        return super().open(fileset, extension)


def touch(path: str) -> None:
    os.utime(path)


def grow(path: str) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


@once
def test_a_file_that_changes_while_it_is_read_makes_its_bin_not_proven(world: World, tmp_path: Path) -> None:
    cases = [(extension, happens) for extension in EXTENSIONS for happens in (touch, grow)]
    pids = {f"D20150101T00{number:02d}00_IFCB001": case for number, case in enumerate(cases)}
    world.archive(NEW_STYLE, *pids)

    def happens(path: str) -> None:
        name, extension = os.path.splitext(os.path.basename(path))
        if name in pids and extension == "." + pids[name][0]:
            pids[name][1](path)

    report = world.verify(tree=Meddling(str(world.root), happens), deletable=str(tmp_path / "list"))
    assert states(report) == dict.fromkeys(pids, "settling") and report.exit_code == 3
    assert (tmp_path / "list").read_text(encoding="utf-8").count(NEW_STYLE) == 3 == listed(report)


@once
def test_a_file_that_vanishes_before_it_is_read_makes_its_bin_unproven_and_the_rest_goes_on(
    world: World,
) -> None:
    world.archive(NEW_STYLE, ANOTHER)

    def remove(path: str) -> None:
        if path.endswith(NEW_STYLE + ".adc"):
            os.unlink(path)

    report = world.verify(tree=Meddling(str(world.root), remove))
    assert states(report) == {NEW_STYLE: "unproven"} and report.bins[VerifyState.PROVEN] == 1


@once
def test_an_interruption_ends_it_and_leaves_no_list(world: World, tmp_path: Path) -> None:
    world.archive(NEW_STYLE, ANOTHER)
    listed = tmp_path / "list"
    listed.write_bytes(b"older")

    class Interrupting(VerifyListener):
        def bin_done(self, result: BinResult) -> None:
            raise Interrupted(130)

    with pytest.raises(Interrupted):
        world.verify(deletable=str(listed), listener=Interrupting())
    assert listed.read_bytes() == b"older" and not list(tmp_path.glob("*.partial"))


@once
def test_a_listing_that_fails_ends_it_without_a_verdict(world: World, tmp_path: Path) -> None:
    world.archive(NEW_STYLE)
    values = dict(world.config.__dict__, bucket="no.such.bucket")
    settings = configuration.Config(**values)
    bucket = Bucket(settings, Clock(), Wire(settings))
    with pytest.raises(BucketRefused):
        world.verify(bucket=bucket, deletable=str(tmp_path / "list"))
    assert not list(tmp_path.glob("list*"))


# --- ETags that are no MD5


def put_in_parts(world: World, pid: str, extension: str, part_size: int) -> str:
    """As boto3 puts a large file; returns the ETag."""
    key = world.key(pid, extension)
    world.s3.client.upload_file(
        str(world.file(pid, extension)),
        world.s3.bucket,
        key,
        Config=TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=part_size, max_concurrency=2),
    )
    etag: str = world.s3.client.head_object(Bucket=world.s3.bucket, Key=key)["ETag"]
    return etag.strip('"')


def with_large_roi(world: World, size: int) -> None:
    write_bin(world.root, NEW_STYLE, mtime=OLD)
    block = os.urandom(MIB)
    with open(str(world.file(NEW_STYLE, "roi")), "wb") as file:
        for start in range(0, size, MIB):
            file.write(block[: min(MIB, size - start)])
    os.utime(str(world.file(NEW_STYLE, "roi")), (OLD, OLD))
    for extension in ("hdr", "adc"):
        world.put(NEW_STYLE, extension)


@pytest.mark.parametrize("mib", [5, 8, 16, 64])
def test_a_file_put_in_parts_of_a_usual_size_is_proven_without_another_request(
    world: World, mib: int
) -> None:
    with_large_roi(world, mib * MIB + 12345)
    etag = put_in_parts(world, NEW_STYLE, "roi", mib * MIB)
    report = world.verify()
    in_parts = int(etag.endswith("-2"))  # rclone's server answers with the MD5 of the whole
    assert in_parts or world.s3.server.name == "rclone"
    assert counts(report) == {"proven": 1}
    assert (report.proofs[Proof.MD5], report.proofs[Proof.PARTS]) == (3 - in_parts, in_parts)
    assert report.requests.head == 0 and report.requests.get == 0


def test_a_flipped_bit_in_a_file_put_in_parts_is_never_proven(world: World) -> None:
    with_large_roi(world, 6 * MIB)
    etag = put_in_parts(world, NEW_STYLE, "roi", 5 * MIB)
    world.damage(NEW_STYLE, "roi", lambda content: flip_bit(content, 5 * MIB + 1))
    expected = "unproven" if "-" in etag else "different"
    assert states(world.verify()) == {NEW_STYLE: expected}
    assert states(world.verify(download=True)) == {NEW_STYLE: "different"}


def test_parts_of_an_unusual_size_are_proven_by_reading_back_and_only_when_asked_to(world: World) -> None:
    with_large_roi(world, 13 * MIB)
    etag = put_in_parts(world, NEW_STYLE, "roi", 6 * MIB)
    if "-" not in etag:
        assert counts(world.verify()) == {"proven": 1}
        return
    first = world.verify()
    assert states(first) == {NEW_STYLE: "unproven"} and "--download" in first.problems[0].reason
    assert first.requests.get == 0 and first.requests.head == 1
    second = world.verify(download=True)
    assert counts(second) == {"proven": 1} and second.proofs[Proof.DOWNLOAD] == 1 and second.requests.get == 1


def _listing(etags: dict[str, str], bodies: dict[str, bytes]) -> Answer:
    contents = "".join(
        f"<Contents><Key>hablab/nauset/2013/D20130526/{NEW_STYLE}.{extension}</Key>"
        f"<LastModified>2013-06-01T00:00:00.000Z</LastModified><ETag>&quot;{etags[extension]}&quot;</ETag>"
        f"<Size>{len(bodies[extension])}</Size></Contents>"
        for extension in sorted(EXTENSIONS)
    )
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>b</Name><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
    )
    return Answer(200, body.encode(), (("Content-Type", "application/xml"),))


@dataclass
class Encrypting:
    """A bin in a bucket whose ETag of the .roi looks like an MD5 and is none; `head` are headers of its HEAD."""

    world: World
    bodies: dict[str, bytes]
    listing: Answer
    etag: str

    def head(self, *headers: tuple[str, str]) -> Answer:
        length = (("Content-Length", str(len(self.bodies["roi"]))),)
        modified = (("Last-Modified", "Sat, 01 Jun 2013 00:00:00 GMT"), ("ETag", f'"{self.etag}"'))
        return Answer(200, b"", length + modified + headers)

    def body(self, content: bytes, *headers: tuple[str, str]) -> Answer:
        modified = ("Last-Modified", "Sat, 01 Jun 2013 00:00:00 GMT")
        return Answer(200, content, (modified, ("ETag", f'"{self.etag}"'), *headers))

    def verify(self, *answers: Any, **more: Any) -> VerifyReport:
        with ScriptedServer([self.listing, *answers]) as server:
            report = self.world.verify(bucket=self.world.bucket(endpoint=server.endpoint), **more)
            assert len(server.requests) == 1 + len(answers)
            return report


@pytest.fixture
def encrypting(world: World) -> Encrypting:
    world.write(NEW_STYLE)
    bodies = {extension: world.file(NEW_STYLE, extension).read_bytes() for extension in EXTENSIONS}
    etags = {extension: hashlib.md5(body).hexdigest() for extension, body in bodies.items()}
    etags["roi"] = hashlib.md5(b"not the content").hexdigest()
    return Encrypting(world, bodies, _listing(etags, bodies), etags["roi"])


KMS = ("x-amz-server-side-encryption", "aws:kms")


@once
def test_an_etag_that_encryption_changed_does_not_make_a_bin_different(encrypting: Encrypting) -> None:
    report = encrypting.verify(encrypting.head(KMS))
    assert states(report) == {NEW_STYLE: "unproven"} and "encrypted" in report.problems[0].reason
    assert states(encrypting.verify(encrypting.head())) == {NEW_STYLE: "different"}


@once
@pytest.mark.parametrize("right", [True, False])
def test_an_object_is_read_back_at_last(encrypting: Encrypting, right: bool) -> None:
    body = encrypting.bodies["roi"] if right else flip_bit(encrypting.bodies["roi"])
    report = encrypting.verify(encrypting.head(KMS), encrypting.body(body), download=True)
    assert counts(report) == ({"proven": 1} if right else {"different": 1})


@once
def test_reading_back_begins_anew_when_it_is_cut_off(encrypting: Encrypting) -> None:
    body = encrypting.bodies["roi"]
    cut = encrypting.body(body[:100], ("Content-Length", str(len(body))), ("Connection", "close"))
    report = encrypting.verify(encrypting.head(KMS), cut, encrypting.body(body), download=True)
    assert counts(report) == {"proven": 1} and report.requests.get == 2


@once
@pytest.mark.parametrize("refusal", [s3_error(403, "AccessDenied"), Answer(400, b"")])
def test_a_bucket_that_refuses_to_say_more_leaves_the_bin_unproven(
    encrypting: Encrypting, refusal: Answer
) -> None:
    report = encrypting.verify(refusal)
    assert states(report) == {NEW_STYLE: "unproven"} and "refused" in report.problems[0].reason


@once
def test_an_object_that_vanished_since_the_listing_is_missing(encrypting: Encrypting) -> None:
    assert states(encrypting.verify(Answer(404, b""))) == {NEW_STYLE: "missing"}


@once
def test_an_object_that_was_put_right_since_the_listing_is_proven(encrypting: Encrypting) -> None:
    encrypting.etag = hashlib.md5(encrypting.bodies["roi"]).hexdigest()
    assert counts(encrypting.verify(encrypting.head())) == {"proven": 1}


# --- the list of deletable files


@once
def test_the_list_holds_the_files_of_proven_bins_and_of_no_other(world: World, tmp_path: Path) -> None:
    world.archive(*PIDS)
    world.damage(ANOTHER, "roi", flip_bit)
    write_bin(world.root / "copy", OLD_STYLE, mtime=OLD)
    report = world.verify(deletable=str(tmp_path / "list"))
    expected = {world.file(pid, extension) for pid in (NEW_STYLE, OLD_STYLE) for extension in EXTENSIONS}
    expected |= {world.root / "copy" / f"{OLD_STYLE}.{extension}" for extension in EXTENSIONS}
    lines = (tmp_path / "list").read_text(encoding="utf-8").splitlines()
    assert {Path(line) for line in lines} == expected and len(lines) == 9
    assert listed(report) == 9 and report.to_json()["deletable_files"] == 9
    assert report.to_json()["deletable"] == {"files": 9, "bins": 2, "too_young": 0, "changed": 0}


@once
def test_the_list_can_be_separated_by_nul(world: World, tmp_path: Path) -> None:
    world.root = world.root / "line\nend"
    world.archive(NEW_STYLE)
    lines = world.verify(deletable=str(tmp_path / "lines"))
    assert listed(lines) == 0 and (tmp_path / "lines").read_bytes() == b""
    # The bin is proven, and not in the list: so not all is as it was asked for.
    assert lines.deletable is not None and lines.deletable.unlistable == 1
    assert lines.exit_code == ExitCode.PARTLY_FAILED and any("-0" in line for line in conclusion(lines))
    nul = world.verify(deletable=str(tmp_path / "nul"), null_separated=True)
    paths = (tmp_path / "nul").read_bytes().split(b"\0")
    assert listed(nul) == 3 and paths[3:] == [b""] and all(os.path.exists(path) for path in paths[:3])


@once
@pytest.mark.skipif(os.name != "posix", reason="file names that are no text are a matter of POSIX")
def test_a_folder_whose_name_is_no_text_can_be_listed(world: World, tmp_path: Path) -> None:
    world.archive(NEW_STYLE)
    odd = os.fsencode(str(world.root)) + b"/\xff"
    os.mkdir(odd)
    for extension in EXTENSIONS:
        os.rename(str(world.file(NEW_STYLE, extension)), odd + os.fsencode(f"/{NEW_STYLE}.{extension}"))
    world.verify(deletable=str(tmp_path / "list"))
    assert all(os.path.exists(path) for path in (tmp_path / "list").read_bytes().splitlines())


@once
def test_a_list_that_cannot_be_written_is_told_before_anything_is_read(world: World, tmp_path: Path) -> None:
    world.archive(NEW_STYLE)
    for place in (tmp_path / "no" / "such" / "folder", tmp_path, Path("/dev/null")):
        if place.exists() or os.name == "posix":
            with pytest.raises(UsageError, match="deletable"):
                world.verify(deletable=str(place))


@once
def test_what_was_put_a_moment_ago_is_proven_and_not_listed(world: World, tmp_path: Path) -> None:
    world.archive(*PIDS)
    report = world.verify(deletable=str(tmp_path / "list"), deletable_after=3600.0)
    assert counts(report) == {"proven": 3} and report.all_proven and report.exit_code == 3
    assert (tmp_path / "list").read_bytes() == b""
    assert report.to_json()["deletable"] == {"files": 0, "bins": 0, "too_young": 3, "changed": 0}
    time.sleep(2.1)
    again = world.verify(deletable=str(tmp_path / "list"), deletable_after=2.0)
    assert listed(again) == 9 and again.exit_code == 0


class Happening(VerifyListener):
    """Something happens once all `bins` have been read, before the list is written."""

    def __init__(self, bins: int, happens: Callable[[], object]) -> None:
        self._left = bins
        self._happens = happens

    def bin_done(self, result: BinResult) -> None:
        self._left -= 1
        if not self._left:
            self._happens()


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_an_object_that_the_archive_deletes_after_it_was_listed_is_not_called_deletable(
    world: World, tmp_path: Path, extension: str
) -> None:
    world.archive(NEW_STYLE, ANOTHER)

    def delete() -> None:
        world.s3.client.delete_object(Bucket=world.s3.bucket, Key=world.key(ANOTHER, extension))

    report = world.verify(deletable=str(tmp_path / "list"), listener=Happening(2, delete))
    lines = (tmp_path / "list").read_text(encoding="utf-8").splitlines()
    assert {Path(line).name[:-4] for line in lines} == {NEW_STYLE}
    assert report.exit_code == 3 and not report.all_proven and states(report) == {ANOTHER: "changed"}
    assert report.problems[0].reason == f".{extension} is not in the archive any more"
    assert report.to_json()["deletable"] == {"files": 3, "bins": 1, "too_young": 0, "changed": 1}


@once
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("happens", [touch, grow, os.unlink], ids=["rewritten", "grown", "removed"])
def test_a_file_that_changes_after_it_was_read_is_not_called_deletable(
    world: World, tmp_path: Path, extension: str, happens: Callable[[str], object]
) -> None:
    world.archive(NEW_STYLE, ANOTHER)
    path = str(world.file(ANOTHER, extension))
    report = world.verify(
        deletable=str(tmp_path / "list"), listener=Happening(2, lambda: happens(path)), settle=0.0
    )
    assert ANOTHER not in (tmp_path / "list").read_text(encoding="utf-8") and listed(report) == 3
    assert report.exit_code == 3 and states(report) == {ANOTHER: "changed"}


@once
@pytest.mark.skipif(os.name != "posix", reason="Windows has no time of the last change that nobody can set")
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_file_that_is_rewritten_under_its_old_time_is_not_called_deletable(
    world: World, tmp_path: Path, extension: str
) -> None:
    world.archive(NEW_STYLE, ANOTHER)
    os.utime(str(world.file(ANOTHER, "hdr")), (OLD + 1000, OLD + 1000))
    time.sleep(0.05)  # longer than a tick of the clock by which file systems date their changes

    def rewrite() -> None:
        path = world.file(ANOTHER, extension)
        changed = path.stat().st_mtime
        path.write_bytes(flip_bit(path.read_bytes()))
        os.utime(str(path), (changed, changed))

    report = world.verify(deletable=str(tmp_path / "list"), listener=Happening(2, rewrite))
    assert ANOTHER not in (tmp_path / "list").read_text(encoding="utf-8")
    assert report.exit_code == 3 and states(report) == {ANOTHER: "changed"}


@once
def test_a_bucket_that_cannot_be_listed_again_means_no_list(encrypting: Encrypting, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"older")
    encrypting.etag = hashlib.md5(encrypting.bodies["roi"]).hexdigest()
    report = encrypting.verify(
        encrypting.head(), s3_error(403, "AccessDenied"), deletable=str(tmp_path / "list")
    )
    assert report.bins[VerifyState.PROVEN] == 1 and report.exit_code == 3
    assert (tmp_path / "list").read_bytes() == b"older" and not list(tmp_path.glob("*.partial"))
    assert "no list of deletable files" in summary(report) and "deletable_files" not in report.to_json()
    assert report.to_json()["deletable"]["files"] == 0
    assert any("no list of deletable files was written" in warning for warning in report.warnings)


@once
def test_a_bin_that_was_proven_by_another_object_than_the_listed_one_is_not_called_deletable(
    encrypting: Encrypting, tmp_path: Path
) -> None:
    encrypting.etag = hashlib.md5(encrypting.bodies["roi"]).hexdigest()
    report = encrypting.verify(encrypting.head(), encrypting.listing, deletable=str(tmp_path / "list"))
    assert report.exit_code == 3 and states(report) == {NEW_STYLE: "changed"} and listed(report) == 0
    assert report.problems[0].reason == "it was put again since the archive was listed"


# --- the dashboard


@pytest.fixture
def shown() -> Iterator[DashboardStandIn]:
    with DashboardStandIn(bins={"nauset": [ShownBin(pid) for pid in PIDS]}) as stand_in:
        yield stand_in


def ask(stand_in: DashboardStandIn) -> Dashboard:
    return Dashboard(stand_in.url, timeout=0.3, longest_answer=0.5)


@once
def test_bins_that_the_dashboard_shows_are_published(world: World, shown: DashboardStandIn) -> None:
    world.archive(*PIDS)
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (3, 0, 0) and report.exit_code == 0
    assert report.to_json()["published"]["published"] == 3
    exports = [asked for asked in shown.asked if asked.path == "/api/export_metadata/nauset"]
    assert [asked.query["start_date"] for asked in exports] == ["2012-01-01", "2013-01-01", "2014-01-01"]
    assert len(shown.asked) == 3


@once
def test_a_bin_that_is_skipped_or_absent_is_unpublished_and_still_proven(
    world: World, shown: DashboardStandIn, tmp_path: Path
) -> None:
    world.archive(*PIDS)
    shown.bins["nauset"] = [ShownBin(NEW_STYLE, skip=True), ShownBin(ANOTHER)]
    report = world.verify(dashboard=ask(shown), deletable=str(tmp_path / "list"))
    assert report.bins[VerifyState.PROVEN] == 3 and report.exit_code == 3
    assert published(report) == (1, 2, 0)
    reasons = {problem.pid: (str(problem.state), problem.reason) for problem in report.problems}
    assert set(reasons) == {NEW_STYLE, OLD_STYLE}
    assert all(
        state == "unpublished" and "in the archive for" in reason for state, reason in reasons.values()
    )
    assert "skip" in reasons[NEW_STYLE][1]
    listed = (tmp_path / "list").read_text(encoding="utf-8").splitlines()
    assert {Path(line).name[:-4] for line in listed} == {ANOTHER}


@once
def test_a_bin_that_an_export_lacks_is_asked_for_by_itself(world: World, shown: DashboardStandIn) -> None:
    world.archive(*PIDS)
    shown.behaviour["/api/bin/"] = Behaviour.GOOD
    shown.bins = {"nauset": [ShownBin(NEW_STYLE)], "other": [ShownBin(ANOTHER)]}
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (1, 2, 0)
    singly = [asked for asked in shown.asked if asked.path.startswith("/api/bin/")]
    assert {asked.path.rsplit("/", 1)[1] for asked in singly} == {OLD_STYLE, ANOTHER}
    assert all(asked.query == {"dataset": "nauset"} for asked in singly)


@once
def test_not_every_bin_of_a_series_that_is_not_shown_is_asked_for(
    world: World, shown: DashboardStandIn
) -> None:
    pids = [f"D20130526T{hour:02d}{minute:02d}00_IFCB013" for hour in range(2) for minute in range(60)]
    world.root.mkdir()
    for pid in pids:
        for extension in EXTENSIONS:
            world.file(pid, extension).write_bytes(b"some bytes")
            os.utime(str(world.file(pid, extension)), (OLD, OLD))
            world.put(pid, extension)
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (0, 120, 0)
    assert len([path for path in shown.paths() if path.startswith("/api/bin/")]) == ASKED_SINGLY
    unsure = [problem for problem in report.problems if "the cause is not known" in problem.reason]
    assert len(unsure) == 120 - ASKED_SINGLY


@once
def test_why_a_bin_is_not_shown_is_told_in_words_of_its_own(world: World, shown: DashboardStandIn) -> None:
    elsewhere, hidden, broken, outside, skipped, absent = (f"D2014020{n}T000000_IFCB013" for n in range(1, 7))
    world.archive(NEW_STYLE, elsewhere, hidden, broken, outside, skipped, absent)
    shown.bins = {
        "nauset": [ShownBin(NEW_STYLE), ShownBin(skipped, skip=True)],
        "dock": [ShownBin(elsewhere), ShownBin(hidden, skip=True)],
    }
    shown.outside = [ShownBin(broken, skip=True, num_images=0), ShownBin(outside, num_images=0)]
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (1, 6, 0)
    reasons = {problem.pid: problem.reason for problem in report.problems}
    assert "under the time series dock" in reasons[elsewhere] and "skipped" not in reasons[elsewhere]
    assert "under the time series dock, marked as skipped" in reasons[hidden]
    assert "broken entry" in reasons[broken] and "never repairs itself" in reasons[broken]
    assert "in no time series" in reasons[outside]
    assert "marked as skipped" in reasons[skipped]
    assert reasons[absent].startswith("the dashboard does not have it; in the archive for")
    others = [reason for pid, reason in reasons.items() if pid != absent]
    assert not any("does not have it" in reason for reason in others)
    assert len(set(reasons.values())) == 6


@once
def test_of_a_bin_that_the_dashboard_will_refuse_the_reason_is_told(
    world: World, shown: DashboardStandIn
) -> None:
    world.write(NEW_STYLE, OLD_STYLE, ANOTHER)
    for pid in (NEW_STYLE, ANOTHER):
        world.damage(pid, "hdr", lambda body: body.replace(b"runTime: ", b"time: "))
    for pid in (NEW_STYLE, OLD_STYLE, ANOTHER):
        for extension in EXTENSIONS:
            world.put(pid, extension)
    shown.bins["nauset"] = [ShownBin(ANOTHER)]
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (1, 2, 0)
    reasons = {problem.pid: problem.reason for problem in report.problems}
    assert reasons[NEW_STYLE].startswith(
        "the dashboard will refuse it: the volume analysed cannot be computed: the .hdr has no runTime and "
        "inhibitTime that are numbers; in the archive for"
    )
    assert reasons[OLD_STYLE].startswith("the dashboard does not have it; in the archive for")


@once
def test_a_bin_that_lies_in_another_years_list_is_published(world: World, shown: DashboardStandIn) -> None:
    # A list is by the time of the sample, which people edit.
    class Edited(ShownBin):
        @property
        def sampled(self) -> datetime.datetime:
            return datetime.datetime(2014, 7, 1)

    world.archive(NEW_STYLE, ANOTHER)
    shown.bins = {"nauset": [Edited(NEW_STYLE), ShownBin(ANOTHER)]}
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (2, 0, 0) and report.exit_code == 0
    assert not [path for path in shown.paths() if path.startswith("/api/bin/")]


@once
def test_a_bin_that_was_not_asked_about_alone_is_told_with_what_is_known(
    world: World, shown: DashboardStandIn
) -> None:
    world.archive(*PIDS)
    shown.bins = {"nauset": [ShownBin(OLD_STYLE)], "dock": [ShownBin(NEW_STYLE), ShownBin(ANOTHER)]}
    shown.behaviour["/api/bin/"] = Behaviour.ERROR
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (1, 2, 0)
    reasons = [problem.reason for problem in report.problems]
    assert len(reasons) == 2 and all("the cause is not known" in reason for reason in reasons)


@once
def test_in_an_unknown_time_series_nothing_is_said_of_a_bin_that_is_not_known(
    world: World, shown: DashboardStandIn
) -> None:
    world.archive(NEW_STYLE)
    shown.bins = {"dock": [ShownBin(NEW_STYLE)]}
    report = world.verify(dashboard=ask(shown))
    (problem,) = report.problems
    assert "does not have it, or does not have this time series" in problem.reason


@once
def test_an_unknown_time_series_is_told_in_a_line(world: World, shown: DashboardStandIn) -> None:
    world.archive(*PIDS)
    shown.bins.clear()
    report = world.verify(dashboard=ask(shown))
    assert report.bins[VerifyState.PROVEN] == 3 and report.published is not None
    assert published(report)[1] == 3
    assert any("time series 'nauset'" in warning for warning in report.warnings)


@once
@pytest.mark.parametrize(
    "how", [how for how in Behaviour if how is not Behaviour.GOOD], ids=lambda how: how.name
)
def test_a_dashboard_that_fails_does_not_turn_proven_into_unproven(
    world: World, shown: DashboardStandIn, tmp_path: Path, how: Behaviour
) -> None:
    world.archive(*PIDS)
    shown.behaviour["/api/export_metadata/"] = how
    report = world.verify(dashboard=ask(shown), deletable=str(tmp_path / "list"))
    assert counts(report) == {"proven": 3} and report.all_proven
    assert published(report) == (0, 0, 3)
    assert any(shown.url in warning for warning in report.warnings)
    assert report.exit_code == 3 and (tmp_path / "list").read_bytes() == b""
    assert len(shown.asked) == 1  # what does not answer is not asked again


@once
def test_what_a_dashboard_said_before_it_failed_holds(world: World, shown: DashboardStandIn) -> None:
    world.archive(*PIDS)
    shown.bins["nauset"] = [ShownBin(OLD_STYLE), ShownBin(ANOTHER)]
    shown.behaviour["/api/bin/"] = Behaviour.ERROR
    report = world.verify(dashboard=ask(shown))
    assert published(report) == (2, 1, 0)
    assert any("HTTP 500" in warning for warning in report.warnings)


@once
def test_a_bin_that_is_shown_but_differs_is_told_as_both(world: World, shown: DashboardStandIn) -> None:
    world.archive(NEW_STYLE)
    world.damage(NEW_STYLE, "roi", flip_bit)
    report = world.verify(dashboard=ask(shown))
    assert states(report) == {NEW_STYLE: "different"}
    assert report.published is not None and published(report)[0] == 1


@once
def test_nobody_ever_calls_sync_bin(world: World, shown: DashboardStandIn) -> None:
    world.archive(*PIDS)
    shown.bins["nauset"].pop()
    world.verify(dashboard=ask(shown))
    assert shown.asked and not any("sync" in path for path in shown.paths())


# --- the report


@once
def test_the_json_names_things_as_a_scan_does(world: World) -> None:
    world.archive(NEW_STYLE)
    world.write(ANOTHER)
    report = world.verify()
    made = report.to_json()
    assert list(made) == [
        "time_series",
        "directory",
        "mode",
        "bins",
        "proofs",
        "bytes_read",
        "requests",
        "problems",
        "warnings",
        "seconds",
    ]
    assert made["bins"]["proven"] == 1 and made["bins"]["missing"] == 1
    assert made["problems"] == [{"pid": ANOTHER, "state": "missing", "reason": "not in the archive"}]
    assert made["requests"] == {"list": 1, "head": 0, "get": 0} and made["mode"] == "full"


# --- random damage

Damage = Callable[["World", str, str, int], None]


def _flip(world: World, pid: str, extension: str, at: int) -> None:
    world.damage(pid, extension, lambda content: flip_bit(content, at))


def _truncate(world: World, pid: str, extension: str, at: int) -> None:
    world.damage(pid, extension, lambda content: content[: at % len(content)])


def _grow(world: World, pid: str, extension: str, at: int) -> None:
    world.damage(pid, extension, lambda content: content + bytes([at % 256]))


def _forget(world: World, pid: str, extension: str, at: int) -> None:
    world.s3.client.delete_object(Bucket=world.s3.bucket, Key=world.key(pid, extension))


def _replace(world: World, pid: str, extension: str, at: int) -> None:
    world.put(pid, extension, flip_bit(world.file(pid, extension).read_bytes(), at))


def _swap(world: World, pid: str, extension: str, at: int) -> None:
    other = PIDS[(PIDS.index(pid) + 1) % len(PIDS)]
    bodies = [world.file(name, extension).read_bytes() for name in (pid, other)]
    world.damage(pid, extension, lambda _: bodies[1])
    world.damage(other, extension, lambda _: bodies[0])


def _lose(world: World, pid: str, extension: str, at: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        world.file(pid, extension).unlink()


DAMAGE: list[Damage] = [_flip, _truncate, _grow, _forget, _replace, _swap]
strokes = st.lists(
    st.tuples(
        st.sampled_from(DAMAGE), st.sampled_from(PIDS), st.sampled_from(EXTENSIONS), st.integers(0, 10**6)
    ),
    max_size=4,
)
losses = st.lists(st.tuples(st.sampled_from(PIDS), st.sampled_from(EXTENSIONS)), max_size=1)


def really_archived(world: World, pid: str) -> bool:
    """The plain truth: three files with content, and three objects with the same bytes."""
    for extension in EXTENSIONS:
        path = world.file(pid, extension)
        if not path.exists() or path.stat().st_size == 0:
            return False
        try:
            answer = world.s3.client.get_object(Bucket=world.s3.bucket, Key=world.key(pid, extension))
        except world.s3.client.exceptions.NoSuchKey:
            return False
        if answer["Body"].read() != path.read_bytes():
            return False
    return True


@pytest.mark.parametrize("s3", ["rclone", pytest.param("moto", marks=pytest.mark.matrix)], indirect=True)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # every example has a folder and a time series of its own
        HealthCheck.too_slow,
        HealthCheck.data_too_large,  # an empty list as the smallest example makes any other look large
    ],
)
@given(strokes, losses)
def test_after_random_damage_exactly_the_undamaged_bins_are_proven(
    world: World,
    damage: list[tuple[Damage, str, str, int]],
    lost: list[tuple[str, str]],
) -> None:
    here = World(world.s3, world.config, world.root.parent / uuid.uuid4().hex, "s" + uuid.uuid4().hex[:8])
    here.archive(*PIDS)
    for stroke, pid, extension, at in damage:
        if here.file(pid, extension).stat().st_size:
            stroke(here, pid, extension, at)
    for pid, extension in lost:
        _lose(here, pid, extension, 0)
    listed = here.root.parent / f"{here.series}.list"
    listener = Recorder()
    report = here.verify(deletable=str(listed), listener=listener)
    truth = {pid for pid in PIDS if really_archived(here, pid)}
    assert {result.pid for result in listener.results if result.state is VerifyState.PROVEN} == truth
    assert {Path(line).name[:-4] for line in listed.read_text(encoding="utf-8").splitlines()} == truth
    assert sum(report.bins.values()) == len(PIDS) and report.bins[VerifyState.PROVEN] == len(truth)
    assert report.exit_code == (0 if len(truth) + report.bins[VerifyState.INCOMPLETE] == len(PIDS) else 3)
