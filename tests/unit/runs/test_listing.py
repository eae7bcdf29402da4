"""The ranges of a time series are listed side by side, and together they give what one listing gives."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest

from ifcbscan.core.bins import parse_pid
from ifcbscan.core.remote_index import WHOLE, KeyRange, ListedObject
from ifcbscan.errors import BucketUnreachable
from ifcbscan.runs.listing import list_ranges, ranges_to_list

PREFIX = "account/series/"
KEYS = [f"{PREFIX}{number}" for number in range(6)]
RANGES = [KeyRange("", KEYS[1]), KeyRange(KEYS[1], KEYS[4]), KeyRange(KEYS[4], "")]


class _Bucket:
    def __init__(self, broken_at: str = "") -> None:
        self.asked: list[KeyRange] = []
        self._broken_at = broken_at

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        assert prefix == PREFIX
        self.asked.append(KeyRange(start_after, up_to))
        for key in KEYS:
            if key == self._broken_at and key > start_after:
                raise BucketUnreachable("the line is down")
            if key > start_after and (not up_to or key <= up_to):
                yield ListedObject(key, 1, "2026-11-22T13:26:00Z", "")


def _keys(objects: Iterator[ListedObject]) -> list[str]:
    return [item.key for item in objects]


@pytest.mark.parametrize("ranges", [[WHOLE], RANGES])
def test_every_key_comes_once_in_the_order_of_the_ranges_and_each_range_is_asked_for_once(
    ranges: list[KeyRange],
) -> None:
    bucket = _Bucket()
    with ThreadPoolExecutor(2) as pool:
        parts = list(list_ranges(bucket, PREFIX, ranges, _keys, pool))  # type: ignore[arg-type]
    assert [key for part in parts for key in part] == KEYS
    assert sorted(bucket.asked, key=ranges.index) == ranges


@pytest.mark.parametrize("ranges", [[WHOLE], RANGES])
def test_an_error_in_one_range_is_an_error_of_the_whole_listing(ranges: list[KeyRange]) -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(BucketUnreachable):
        list(list_ranges(_Bucket(KEYS[5]), PREFIX, ranges, _keys, pool))  # type: ignore[arg-type]


def test_one_range_is_listed_without_the_pool() -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    assert list(list_ranges(_Bucket(), PREFIX, [WHOLE], _keys, pool)) == [KEYS]  # type: ignore[arg-type]


def test_a_recent_run_lists_the_days_of_its_bins_and_a_full_one_everything() -> None:
    pid = parse_pid("D20130526T094600_IFCB101")
    assert pid is not None
    day = PREFIX + pid.day_folder
    assert ranges_to_list([pid], PREFIX, recent=True) == [KeyRange(day, day + "0")]
    assert ranges_to_list([pid], PREFIX, recent=False) == [WHOLE]
    assert ranges_to_list([], PREFIX, recent=False) == [WHOLE]
