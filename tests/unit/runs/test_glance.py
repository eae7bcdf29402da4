"""One look at many bins: when it tells, and when each bin has to be looked at by itself."""

from __future__ import annotations

import io
from typing import Any

import pytest
from support.fakes import FakeBucket, VirtualClock

from ifcbscan.core.bins import EXTENSIONS, Pid, parse_pid
from ifcbscan.runs.glance import Glance, glances

PREFIX = "hablab/nauset/"


def _pid(name: str) -> Pid:
    pid = parse_pid(name)
    assert pid is not None
    return pid


ONE, TWO = _pid("D20231113T101500_IFCB013"), _pid("D20231113T104000_IFCB013")
NEXT_DAY = _pid("D20231114T220000_IFCB013")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def bucket(clock: VirtualClock) -> Any:
    bucket = FakeBucket(clock)
    for pid in (ONE, TWO, NEXT_DAY):
        for extension in EXTENSIONS:
            bucket.put(pid.key(PREFIX, extension), io.BytesIO(extension.encode()), 3)
    bucket.calls.clear()
    bucket.put("hablab/other", io.BytesIO(b"x"), 1)
    return bucket


def _lists(bucket: Any) -> int:
    return sum(call.kind == "list" for call in bucket.calls)


def test_all_bins_of_a_day_are_seen_with_one_request_when_the_first_is_asked_for(
    bucket: Any, clock: VirtualClock
) -> None:
    glance = Glance(bucket, clock, PREFIX, [TWO, ONE])
    assert _lists(bucket) == 0
    for pid in (ONE, TWO):
        heads = glance.heads(pid)
        assert heads is not None and set(heads) == set(EXTENSIONS)
        assert heads["roi"] == bucket.head(pid.key(PREFIX, "roi"))
    assert _lists(bucket) == 1


def test_what_is_not_there_is_not_among_its_objects(bucket: Any, clock: VirtualClock) -> None:
    del bucket.objects[ONE.key(PREFIX, "adc")]
    heads = Glance(bucket, clock, PREFIX, [ONE]).heads(ONE)
    assert heads is not None and set(heads) == {"hdr", "roi"}


def test_it_counts_for_seconds_only(bucket: Any, clock: VirtualClock) -> None:
    glance = Glance(bucket, clock, PREFIX, [ONE, TWO])
    assert glance.heads(ONE) is not None
    clock.advance(5.0)
    assert glance.heads(TWO) is not None
    clock.advance(0.1)
    assert glance.heads(TWO) is None


def test_it_does_not_count_once_another_computer_has_been_seen_at_these_bins(
    bucket: Any, clock: VirtualClock
) -> None:
    glance = Glance(bucket, clock, PREFIX, [ONE, TWO])
    assert glance.heads(ONE) is not None
    glance.distrust()
    assert glance.heads(TWO) is None


def test_an_etag_that_is_no_md5_tells_nothing(bucket: Any, clock: VirtualClock) -> None:
    bucket.etags_are_md5 = False
    assert Glance(bucket, clock, PREFIX, [ONE]).heads(ONE) is None
    assert glances(bucket, clock, PREFIX, [ONE]) == {}


def test_each_day_has_a_look_of_its_own(bucket: Any, clock: VirtualClock) -> None:
    looks = glances(bucket, clock, PREFIX, [ONE, NEXT_DAY, TWO])
    assert looks[ONE] is looks[TWO] is not looks[NEXT_DAY]
    for pid in (ONE, TWO, NEXT_DAY):
        assert looks[pid].heads(pid) is not None
    assert _lists(bucket) == 2
