"""Asking the bucket for what its listing does not prove: what it refuses stays unproven, and one that is away is not asked on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.fakes import Call, FakeBucket, FakeTree, VirtualClock

from ifcbscan.core.content_match import BinVerdict, ContentMatch
from ifcbscan.errors import BucketRefused, BucketUnreachable, IfcbscanError
from ifcbscan.runs.verify_proof import Prover
from ifcbscan.runs.verify_reading import FileReader

PREFIX = "hablab/nauset/"
PID = "D20231114T200000_IFCB013"


class Scene:
    """A bin on the disk and in a bucket whose ETags prove nothing, and which answers nothing but `error`."""

    def __init__(self, error: IfcbscanError) -> None:
        clock = VirtualClock()
        self.bucket: Any = FakeBucket(clock)
        self.bucket.hook = self._fail
        self.asked: list[Call] = []
        self.tree: Any = FakeTree()
        self.tree.write_bin(PID, clock.wall() - 3600)
        self._error = error

    def _fail(self, moment: str, call: Call) -> None:
        if moment == "before":
            self.asked.append(call)
            raise self._error

    def prove(self, prover: Prover) -> BinVerdict:
        (local,) = self.tree.walk().filesets.values()
        sums = FileReader(self.tree, threading.Event()).sums(local)
        return prover.prove(local, sums, ["0" * 32] * 3)


@pytest.mark.parametrize("download", [False, True])
def test_a_bucket_that_is_away_is_asked_once_and_told_once(download: bool) -> None:
    scene = Scene(BucketUnreachable("No answer from the bucket."))
    prover = Prover(scene.bucket, PREFIX, download)
    for _ in range(2):
        verdict = scene.prove(prover)
        assert verdict.match is ContentMatch.UNPROVEN and "could not be asked" in verdict.reason
    assert len(scene.asked) == 1
    (warning,) = prover.warnings
    assert warning.startswith("No answer from the bucket.") and "not proven" in warning


def test_workers_that_find_out_together_that_the_bucket_is_away_tell_it_once() -> None:
    together = threading.Barrier(4)

    class Away:
        def content(self, key: str) -> None:
            together.wait(30)
            raise BucketUnreachable("No answer from the bucket.")

    prover = Prover(Away(), PREFIX, False)  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Scene(BucketUnreachable()).prove(prover), range(4)))
    assert len(prover.warnings) == 1


def test_a_bucket_that_refuses_is_asked_of_each_file_and_is_no_warning() -> None:
    scene = Scene(BucketRefused("The bucket says no."))
    prover = Prover(scene.bucket, PREFIX, download=True)
    verdict = scene.prove(prover)
    assert verdict.match is ContentMatch.UNPROVEN and "refused" in verdict.reason
    assert [call.kind for call in scene.asked] == ["head"] * 3 + ["get"] * 3 and prover.warnings == []
