"""The steps of one bin, one at a time: what is put, what is said of it, and where it waits.

(How many bins share the time, and every order of faults, is in test_upload.py and tests/model.)
"""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, LocalFile, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import NOTHING_REMOTE, Fileset, Pid, RemoteFileset
from ifcbscan.core.decision import NOTHING_ELSE, Action, Known, Now, Policy, decide
from ifcbscan.core.remote_index import index_objects
from ifcbscan.core.scan_report import Result
from ifcbscan.core.states import BinState, State
from ifcbscan.errors import Interrupted
from ifcbscan.runs.backends import NO_REQUEST, Backends, StopRequest
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.one_bin import BinSteps, result_if_left, result_if_sent, result_of
from ifcbscan.state.bin_locks import BinLocks, CannotLock

PREFIX = "hablab/nauset/"
PID = "D20231114T200000_IFCB013"
KEY = f"{PREFIX}2023/D20231114/{PID}."


class Scene:
    """One bin on a disk, a bucket, and a time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.bucket = FakeBucket(self.clock)
        self.tree = FakeTree()
        self.tree.write_bin(PID, self.clock.wall() - 3600)
        self.policy = Policy()

    def body(self, extension: str) -> bytes:
        return self.tree.files[f"/data/{PID}.{extension}"].body

    def store(self, extension: str, body: bytes, age: float = 3600.0) -> None:
        self.bucket.objects[KEY + extension] = StoredObject(body, self.clock.wall() - age)

    def now(self) -> Now:
        return Now(self.bucket.server_clock.now(), self.clock.wall())

    def job(self, known: Known = NOTHING_ELSE) -> BinJob:
        """The bin with its first decision."""
        inventory = self.tree.walk()
        (local,) = inventory.filesets.values()
        remote: dict[Pid, RemoteFileset] = {}
        index_objects(self.bucket.list(PREFIX), PREFIX, inventory.filesets, remote)
        there = remote.get(local.pid, NOTHING_REMOTE)
        return BinJob(local, there, (), decide(local, there, self.now(), self.policy, (), known), known)

    def steps(self, bin_locks: BinLocks | None = None, stop: StopRequest | None = None) -> BinSteps:
        backends = Backends(
            self.tree,  # type: ignore[arg-type]
            self.bucket,  # type: ignore[arg-type]
            self.clock,
            SerialExecutor(),
            stop=stop or NO_REQUEST,
            bin_locks=bin_locks or BinLocks(),
        )
        return BinSteps(PREFIX, self.policy, backends)

    def take_up(self, job: BinJob) -> None:
        """Let the time pass for which a bin waits, and take it up as the uploader does, without a look at others."""
        assert job.due is not None
        self.clock.advance(job.due - self.clock.monotonic())
        job.taken_up = True

    def to_the_end(self, job: BinJob) -> Result:
        """Advance, and wait where the bin has to."""
        steps = self.steps()
        for _ in range(10):
            steps.advance(job)
            if job.result is not None:
                return job.result
            self.take_up(job)
        pytest.fail("it never ends")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_life_of_a_bin_is_upload_unconfirmed_commit_uploaded(scene: Scene) -> None:
    job = scene.job()
    assert job.decision.state is State.UPLOAD
    steps = scene.steps()
    steps.advance(job)
    assert job.result is None and job.due is not None
    assert job.decision.state.value == State.UNCONFIRMED.value
    assert [key[-3:] for key in scene.bucket.puts] == ["roi", "hdr"]
    assert result_if_left(job).state is BinState.UNCONFIRMED
    scene.take_up(job)
    steps.advance(job)
    assert job.result == Result(BinState.UPLOADED)
    assert [key[-3:] for key in scene.bucket.puts] == ["roi", "hdr", "adc"]


def test_a_bin_that_another_run_has_locked_is_left_to_it_without_a_request(scene: Scene) -> None:
    class Taken(BinLocks):
        def take(self, pid: str) -> bool:
            return False

    job = scene.job()
    asked = len(scene.bucket.calls)
    scene.steps(Taken()).advance(job)
    assert job.result is not None and job.result.state is BinState.TO_UPLOAD
    assert "another scan on this computer" in job.result.reason
    assert len(scene.bucket.calls) == asked and not job.locked


def test_what_a_look_shows_of_the_hdr_is_what_the_put_replaces(scene: Scene) -> None:
    """Another .roi of the same size with a smaller .hdr, both put since the listing: all is brought up to date."""
    scene.store("roi", scene.body("roi"))
    scene.store("hdr", scene.body("hdr"))
    job = scene.job()
    assert job.decision.state is State.COMMIT
    scene.store("roi", bytes(len(scene.body("roi"))))
    scene.store("hdr", scene.body("hdr")[:-1])
    assert scene.to_the_end(job) == Result(BinState.UPLOADED)
    assert all(scene.bucket.objects[KEY + ext].body == scene.body(ext) for ext in ("roi", "hdr", "adc"))


def test_what_the_archive_refuses_in_a_run_is_not_retried_in_it_though_refused_bins_are_to_be(
    scene: Scene,
) -> None:
    scene.store("hdr", scene.body("hdr"))
    known = Known(retry_rejected=True)
    assert scene.job().decision.state is State.REJECTED
    job = scene.job(known)
    assert job.decision.state is State.UPLOAD
    steps = scene.steps()
    steps.advance(job)
    del scene.bucket.objects[KEY + "roi"]
    scene.take_up(job)
    steps.advance(job)
    assert job.result is not None and job.result.state is BinState.REJECTED
    assert [key[-3:] for key in scene.bucket.puts] == ["roi", "hdr"]


@pytest.mark.parametrize("cause", ["another run is under way", "an old listing", "times in the future"])
def test_what_the_archive_refused_before_is_retried_also_where_a_look_or_a_wait_comes_first(
    scene: Scene, cause: str
) -> None:
    scene.store("hdr", scene.body("hdr"))
    if cause == "times in the future":
        scene.tree.write_bin(PID, scene.clock.wall() + 3600)
    job = scene.job(Known(retry_rejected=True))
    steps = scene.steps(CannotLock() if cause == "another run is under way" else None)
    if cause == "an old listing":
        scene.clock.advance(3600)
    steps.advance(job)
    if not scene.bucket.puts:
        scene.take_up(job)
        steps.advance(job)
    assert [key[-3:] for key in scene.bucket.puts] == ["roi", "hdr"]


def test_a_header_that_somebody_else_puts_again_and_again_ends_its_bin(scene: Scene) -> None:
    other = bytes(reversed(scene.body("hdr")))
    scene.store("roi", scene.body("roi"))
    scene.store("hdr", other)
    job = scene.job()
    steps = scene.steps()
    for _ in range(10):
        steps.advance(job)
        if job.result is not None:
            break
        scene.take_up(job)
        scene.store("hdr", other)
    assert job.result is not None and job.result.state is BinState.FAILED
    assert "somebody else" in job.result.reason
    assert [key[-3:] for key in scene.bucket.puts] == ["hdr", "hdr"]


def test_files_from_the_future_go_once_they_were_seen_to_stand_still(scene: Scene) -> None:
    scene.tree.files.clear()
    scene.tree.write_bin(PID, scene.clock.wall() + 86400)
    job = scene.job()
    assert job.decision.action is Action.WATCH
    assert scene.to_the_end(job) == Result(BinState.UPLOADED)
    assert scene.clock.monotonic() >= scene.policy.settle + scene.policy.confirm


def test_what_would_be_said_of_a_damaged_bin_is_what_a_run_says_of_it_and_nothing_is_sent(
    scene: Scene,
) -> None:
    path = f"/data/{PID}.roi"
    scene.tree.files[path] = LocalFile(scene.tree.files[path].body[:-1], scene.tree.files[path].changed)
    job = scene.job()
    foretold = result_if_sent(job, scene.tree, scene.now(), scene.policy)  # type: ignore[arg-type]
    assert foretold.state is BinState.HELD and foretold.reason.startswith("truncated")
    assert scene.to_the_end(job) == foretold and scene.bucket.puts == []
    unexamined = scene.policy._replace(check_integrity=False)
    assert result_if_sent(scene.job(), scene.tree, scene.now(), unexamined) == result_of(scene.job().decision)  # type: ignore[arg-type]


class Unreadable(io.BytesIO):
    """A file on a disk that fails."""

    def readline(self, _size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_bin_whose_adc_cannot_be_read_fails_in_a_dry_run_as_in_a_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = scene.job()
    monkeypatch.setattr(scene.tree, "open", lambda _fileset, _extension: Unreadable())
    foretold = result_if_sent(job, scene.tree, scene.now(), scene.policy)  # type: ignore[arg-type]
    assert foretold == Result(BinState.FAILED, ".adc in /data cannot be read: Input/output error")
    assert scene.to_the_end(job) == foretold and scene.bucket.puts == []


@pytest.mark.parametrize(
    "error, told",
    [(OSError(5, "Input/output error"), "Input/output error"), (OSError("no reason"), "no reason")],
)
def test_a_disk_that_goes_away_is_the_failure_of_the_bin_with_its_reason(
    scene: Scene, error: OSError, told: str
) -> None:
    def hook(operation: str, _path: str) -> None:
        if operation == "refresh":
            raise error

    job = scene.job()
    scene.tree.hook = hook
    scene.steps().advance(job)
    assert job.result == Result(BinState.FAILED, f"a file in /data cannot be read: {told}")


def test_an_error_that_nobody_has_thought_of_is_the_failure_of_the_bin_and_asks_to_be_reported(
    scene: Scene,
) -> None:
    def hook(operation: str, _path: str) -> None:
        if operation == "refresh":
            raise KeyError("odd")

    job = scene.job()
    scene.tree.hook = hook
    scene.steps().advance(job)
    assert job.result is not None and job.result.state is BinState.FAILED
    assert job.result.reason == "unexpected error: KeyError: 'odd'; please report this line"


def _to_be_committed(scene: Scene) -> BinJob:
    for extension in ("roi", "hdr"):
        scene.store(extension, scene.body(extension))
    job = scene.job()
    assert job.decision.state is State.COMMIT
    return job


@pytest.mark.parametrize("extension", ["roi", "hdr"])
def test_where_no_etag_tells_the_content_what_was_written_after_its_object_is_sent_again_before_the_adc(
    scene: Scene, extension: str
) -> None:
    """As by a run that was killed after it had put them."""
    scene.bucket.etags_are_md5 = False
    _to_be_committed(scene)
    path = f"/data/{PID}.{extension}"
    scene.tree.files[path] = LocalFile(bytes(reversed(scene.body(extension))), scene.clock.wall() - 600)
    assert scene.to_the_end(scene.job()).state is BinState.UPLOADED
    assert [key[-3:] for key in scene.bucket.puts] == [
        *(["roi", "hdr"] if extension == "roi" else ["hdr"]),
        "adc",
    ]
    assert all(scene.bucket.objects[KEY + ext].body == scene.body(ext) for ext in ("roi", "hdr", "adc"))


@pytest.mark.parametrize("ahead", [0.0, 7200.0])
def test_where_no_etag_tells_the_content_nothing_older_than_its_object_is_sent_again(
    scene: Scene, ahead: float
) -> None:
    """By the server's clock, from which this computer's may differ."""
    scene.bucket.etags_are_md5 = False
    job = _to_be_committed(scene)
    scene.clock.wall_error = ahead
    scene.tree.write_bin(PID, scene.clock.wall() - 3700)
    assert scene.to_the_end(scene.job()) == Result(BinState.UPLOADED)
    assert job.local.pid == PID and [key[-3:] for key in scene.bucket.puts] == ["adc"]


def test_a_run_that_is_to_end_does_not_read_on_before_an_adc(scene: Scene) -> None:
    job = _to_be_committed(scene)
    stop = StopRequest(threading.Event())
    scene.bucket.hook = lambda _when, _call: stop.requested.set()
    with pytest.raises(Interrupted):
        scene.steps(stop=stop).advance(job)
    assert scene.bucket.puts == []


def test_a_file_that_is_read_in_another_size_before_the_adc_is_settling_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _to_be_committed(scene)
    opened = scene.tree.open

    def shorter(fileset: Fileset, extension: str) -> Any:
        if scene.bucket.calls[-1].kind != "head":
            return opened(fileset, extension)
        with opened(fileset, extension) as file:
            return io.BytesIO(file.read()[:-1])

    monkeypatch.setattr(scene.tree, "open", shorter)
    result = scene.to_the_end(job)
    assert result.state is BinState.SETTLING and ".roi has another size now" in result.reason
    assert scene.bucket.puts == []


def test_of_a_bin_that_is_not_sent_a_dry_run_says_what_is_decided(scene: Scene) -> None:
    for extension in ("roi", "hdr"):
        scene.store(extension, scene.body(extension), age=5.0)
    job = scene.job()
    assert job.decision.action is Action.CONFIRM
    assert result_if_sent(job, scene.tree, scene.now(), scene.policy) == result_of(job.decision)  # type: ignore[arg-type]
