"""A real scan, a real S3 server, and between them a connection that breaks at every place in every way.

After whatever happens: the run ends, nothing local has changed, the archive never saw an `.adc` without
its `.roi` and `.hdr`, and once the connection holds, all is in the bucket byte for byte.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.archive import GENERATIONS, STRICT, Archive, Rules
from support.faultproxy import Break, FaultProxy
from support.scripted import Answer, Request, ScriptedServer, html
from support.servers import S3Server

from ifcbscan.clock import Clock
from ifcbscan.config import load
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import BucketUnreachable, ExitCode
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.retry import ATTEMPTS
from ifcbscan.s3.wire import Timeouts, Wire

PIDS = ("D20130526T095207_IFCB013", "D20130526T101500_IFCB013")

#: How long an answer is waited for, in seconds: not long where silence is the fault, and else so long that a server which
#: a busy machine lets wait is no fault.
PATIENCE = {"stall": 0.8}
LONG = 30.0

UP = ("reset", "cut", "stall", "delay", "garbage")
DOWN = (*UP, "drop")
#: Where, and in which ways: bytes of the request or of the answer that get through.
PLACES: dict[str, tuple[dict[str, int], tuple[str, ...]]] = {
    "in the head of the request": ({"up": 60}, UP),
    "before the answer": ({"down": 0}, DOWN),
    "in the head of the answer": ({"down": 40}, UP),
    # what follows exists for one kind of request only
    "in the body of the request": ({"up": 4000}, UP),
    "in the body of the answer": ({"down": 420}, UP),
}
_WAYS = [
    (kind, place, way)
    for kind in ("list", "put", "look")
    for place, (_, ways) in PLACES.items()
    for way in ways
    if (kind == "put" or place != "in the body of the request")
    and (kind != "put" or place != "in the body of the answer")
]


#: The requests of a scan from which on nothing gets through, the kind and which of them.
HALFWAY = [("put", 1), ("look", 0), ("put", 0), ("put", 3)]


def broken(kind: str, way: str, where: dict[str, int], first: int = 0) -> Break:
    """What is to be broken. A `look` is the listing before the .adc of bins is put: the second one of a run."""
    kind, first = ("list", first + 1) if kind == "look" else (kind, first)
    return Break(kind, way, **{"first": first, **where})


#: The quick ones under both sets of rules of the archive, the slow ones under one of them in turn.
FAULTS = [
    pytest.param(kind, place, way, rules, id=f"{kind}-{place}-{way}-{rules.name}", marks=marks)
    for number, (kind, place, way) in enumerate(_WAYS)
    for marks in [[] if way in ("reset", "drop") else [pytest.mark.slow]]
    for rules in (GENERATIONS if not marks else GENERATIONS[number % 2 : number % 2 + 1])
]


class NoPauses(Clock):
    """The real clock, but nobody waits between two tries."""

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        pass


class Scene:
    """Two bins on a disk, and a way to a bucket that can be broken."""

    def __init__(self, server: S3Server, bucket: str, folder: Path, rules: Rules) -> None:
        self.server = server
        self.bucket = bucket
        self.folder = folder / "data"
        for pid in PIDS:
            write_bin(self.folder / "2013" / pid[:9], pid, images=6, roi_bytes=8000, mtime=1369562000.0)
        self.before = self.on_disk()
        self.archive = Archive(server.client(), bucket, rules)

    def on_disk(self) -> dict[str, tuple[bytes, float]]:
        """What the disk holds: bytes and times."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.name: (path.read_bytes(), path.stat().st_mtime) for path in files}

    def scan(self, endpoint: str, patience: float = LONG) -> ScanReport:
        """One run over `endpoint`, which waits `patience` seconds for each answer."""
        values = {
            "AWS_ACCESS_KEY_ID": self.server.access_key,
            "AWS_SECRET_ACCESS_KEY": self.server.secret_key,
            "USER_ACCOUNT": "hablab",
            "BUCKET_NAME": self.bucket,
            "S3_ENDPOINT_URL": endpoint,
        }
        clock = NoPauses()
        settings = load(None, values)
        bucket = Bucket(settings, clock, Wire(settings, 4, Timeouts(patience, patience)))
        options = ScanOptions("hablab", "nauset", Policy(settle=0.0, confirm=0.0), jobs=2)
        with ThreadPoolExecutor(4) as pool, self.archive.running(every=0.1):
            report = scan(
                options,
                Backends(LocalTree(str(self.folder)), bucket, clock, pool),
                Listener(),
                lambda line: None,
            )
        assert sum(report.bins.values()) == len(PIDS)
        return report

    def check_no_harm(self) -> None:
        """Whatever happened."""
        assert self.on_disk() == self.before
        self.archive.step()
        assert not [row for row in self.archive.registered.values() if row.broken]

    def check_all_there(self) -> None:
        """Nothing is lost, and every bin has come out whole."""
        self.check_no_harm()
        client = self.server.client()
        stored = {
            key.rsplit("/", 1)[-1]: client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            for key in self.server.objects(self.bucket, "hablab/nauset/2013/D20130526/")
        }
        assert stored == {name: body for name, (body, _) in self.before.items()}
        assert len(self.archive.registered) == len(PIDS)


@pytest.fixture
def scene(s3: Any, tmp_path: Path, rules: Rules) -> Scene:
    return Scene(s3.server, s3.bucket, tmp_path, rules)


@pytest.mark.parametrize("kind, place, way, rules", FAULTS, indirect=["rules"])
def test_one_fault_is_survived_within_the_same_run(scene: Scene, kind: str, place: str, way: str) -> None:
    where, _ = PLACES[place]
    with FaultProxy(scene.server.endpoint, broken(kind, way, where)) as proxy:
        report = scene.scan(proxy.endpoint, PATIENCE.get(way, LONG))
        assert proxy.broken == {way: 1}
    assert report.exit_code == ExitCode.DONE and report.bins[BinState.UPLOADED] == len(PIDS), report.problems
    scene.check_all_there()


@pytest.mark.parametrize("extension", ["roi", "hdr", "adc"])
def test_a_file_whose_answer_is_lost_is_not_sent_again(scene: Scene, extension: str) -> None:
    with FaultProxy(scene.server.endpoint, Break("put", "drop", times=1000)) as proxy:
        report = scene.scan(proxy.endpoint)
        puts = [request for request in proxy.requests if request.endswith("." + extension)]
        assert len([request for request in puts if request.startswith("put ")]) == len(PIDS)
    assert report.exit_code == ExitCode.DONE
    scene.check_all_there()


@pytest.mark.parametrize("way", ["reset", "cut", "garbage", pytest.param("stall", marks=pytest.mark.slow)])
def test_a_way_to_the_bucket_that_stays_broken_ends_the_run_before_anything_is_sent(
    scene: Scene, way: str
) -> None:
    began = time.monotonic()
    with FaultProxy(scene.server.endpoint, Break("list", way, times=1000)) as proxy:
        with pytest.raises(BucketUnreachable) as error:
            scene.scan(proxy.endpoint, PATIENCE.get(way, LONG))
        assert len(proxy.requests) == ATTEMPTS
    assert error.value.exit_code == ExitCode.UNREACHABLE
    assert time.monotonic() - began < ATTEMPTS * PATIENCE.get(way, 0.0) + 10
    assert scene.server.objects(scene.bucket) == {}
    scene.check_no_harm()
    scene.scan(scene.server.endpoint)
    scene.check_all_there()


@pytest.mark.parametrize(
    "way, kind, first",
    [
        *(("reset", kind, first) for kind, first in HALFWAY),
        *(pytest.param("stall", *at, marks=pytest.mark.slow) for at in HALFWAY[:2]),
        *(pytest.param("stall", *at, marks=pytest.mark.matrix) for at in HALFWAY[2:]),
    ],
)
def test_what_stays_broken_halfway_is_finished_by_a_later_run(
    scene: Scene, kind: str, first: int, way: str
) -> None:
    began = time.monotonic()
    with FaultProxy(scene.server.endpoint, broken(kind, way, {"up": 60, "times": 1000}, first)) as proxy:
        report = scene.scan(proxy.endpoint, PATIENCE.get(way, LONG))
        assert report.exit_code == ExitCode.PARTLY_FAILED
        # Three uploads make a bin: on a busy computer one bin may be through before the other has begun.
        assert report.bins[BinState.UPLOADED] <= (first // 3 if kind == "put" else 0)
        assert report.bins[BinState.FAILED] and report.problems[0].reason.startswith("The bucket")
        scene.check_no_harm()
        assert time.monotonic() - began < 4 * ATTEMPTS * PATIENCE.get(way, 0.0) + 10
        proxy.begin_again()
        assert scene.scan(proxy.endpoint).exit_code == ExitCode.DONE
    scene.check_all_there()


@pytest.mark.parametrize(
    "refusal", [html(403, "blocked"), Answer(403), html(406, "virus found"), Answer(451)]
)
def test_a_filter_that_blocks_the_files_of_one_bin_does_not_keep_the_others_from_the_archive(
    scene: Scene, refusal: Answer
) -> None:
    def blocked(request: Request) -> Answer | None:
        return refusal if request.kind == "put" and request.name.startswith(PIDS[1]) else None

    with ScriptedServer(upstream=scene.server.endpoint, filtered=blocked) as between:
        report = scene.scan(between.endpoint)
    assert report.exit_code == ExitCode.PARTLY_FAILED and report.ended_by is None
    assert (report.bins[BinState.UPLOADED], report.bins[BinState.FAILED]) == (1, 1)
    (problem,) = report.problems
    assert problem.pid == PIDS[1] and "web filter" in problem.reason
    assert not [key for key in scene.server.objects(scene.bucket) if key.endswith(PIDS[1] + ".adc")]
    scene.check_no_harm()
    scene.scan(scene.server.endpoint)
    scene.check_all_there()


@pytest.mark.slow
@pytest.mark.parametrize("s3", ["rclone", pytest.param("moto", marks=pytest.mark.matrix)], indirect=True)
@pytest.mark.parametrize("rules", [STRICT], ids=["strict"], indirect=True)  # they say nothing of a listing
def test_a_fault_in_the_middle_of_a_long_listing_makes_no_file_look_missing(
    s3: Any, tmp_path: Path, rules: Rules
) -> None:
    def fill(number: int) -> None:
        s3.client.put_object(Bucket=s3.bucket, Key=f"hablab/nauset/{number:05d}", Body=b"x")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fill, range(2100)))  # three pages
    server = s3.server
    scene = Scene(server, s3.bucket, tmp_path, rules)
    server.make_bucket(s3.bucket + ".two")
    scene.archive = Archive(s3.client, s3.bucket + ".two", rules)  # 2,100 foreign keys are no work for it
    assert scene.scan(server.endpoint).bins[BinState.UPLOADED] == len(PIDS)
    for page in (0, 1, 2):
        for way in DOWN:
            down = 0 if way == "drop" else 5000
            with FaultProxy(server.endpoint, Break("list", way, down=down, first=page)) as proxy:
                # Requests are counted below, and a page of 1,000 keys takes its time on a busy machine.
                report = scene.scan(proxy.endpoint, patience=2.5 if way == "stall" else 30.0)
                assert proxy.broken == {way: 1}, (page, way)
                assert report.bins[BinState.SYNCED] == len(PIDS) and report.files_uploaded == 0
                assert len(proxy.requests) == (3 if way == "delay" else 4), (page, way)
    with FaultProxy(server.endpoint, Break("list", "cut", down=5000, first=1, times=1000)) as proxy:
        with pytest.raises(BucketUnreachable):
            scene.scan(proxy.endpoint)
        assert not [request for request in proxy.requests if request.startswith("put")]
