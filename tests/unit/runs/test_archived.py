"""What of a listing is kept of a bin, and what it says of another listing."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Any

import pytest
from support.fakes import FakeBucket, FakeTree, SerialExecutor, StoredObject, VirtualClock

from ifcbscan.core.bins import EXTENSIONS, Pid
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.runs.archived import ArchivedBin, list_archive

PREFIX = "hablab/nauset/"
PID = Pid("D20231114T200000_IFCB013")
KEY = f"{PREFIX}2023/D20231114/{PID}."
TIME = "2026-06-01T00:00:00.000Z"


def objects(**changed: Any) -> list[ListedObject]:
    """The three objects of a bin, in the order of EXTENSIONS; `changed` are other ones."""
    usual = {
        extension: ListedObject(KEY + extension, 10, TIME, '"' + extension * 5 + '"')
        for extension in EXTENSIONS
    }
    return [{**usual, **changed}[extension] for extension in EXTENSIONS]


def test_the_same_objects_are_the_same_however_their_etags_are_written() -> None:
    record = ArchivedBin(objects())
    plain = [item._replace(etag=item.etag.strip('"').upper()) for item in objects()]
    assert record.same(plain) and record.differences(plain) == ""
    assert record.etags == ["hdrhdrhdrhdrhdr", "adcadcadcadcadc", "roiroiroiroiroi"]


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "change", [{"etag": '"other"'}, {"modified": "2026-06-02T00:00:00.000Z"}], ids=["etag", "time"]
)
def test_of_an_object_that_was_put_again_just_that_is_told(extension: str, change: Any) -> None:
    record = ArchivedBin(objects())
    now = [item._replace(**change) if item.key.endswith(extension) else item for item in objects()]
    assert not record.same(now)
    assert record.differences(now) == f".{extension} was put into the archive again"


def test_all_that_has_become_of_the_objects_is_told() -> None:
    hdr, adc, _ = objects()
    assert ArchivedBin(objects()).differences([hdr._replace(etag="x"), adc, None]) == (
        ".hdr was put into the archive again and .roi is not in the archive any more"
    )


@pytest.mark.parametrize("youngest", range(3))
def test_a_bin_was_put_when_its_youngest_object_was_in_whole_seconds(youngest: int) -> None:
    listed = objects()
    listed[youngest] = listed[youngest]._replace(modified="2026-06-01T00:00:07.900Z")
    assert ArchivedBin(listed).put == ArchivedBin(objects()).put + 7
    listed[youngest] = listed[youngest]._replace(modified="yesterday")
    assert ArchivedBin(listed).put == math.inf


@pytest.mark.parametrize("recent", [True, False])
@pytest.mark.parametrize("file_beside", [False, True])
def test_a_bin_without_objects_of_its_own_is_neither_archived_nor_unlike(
    recent: bool, file_beside: bool
) -> None:
    clock = VirtualClock()
    tree: Any = FakeTree()
    bucket: Any = FakeBucket(clock)
    tree.write_bin(PID, clock.wall() - 3600)
    if file_beside:
        bucket.objects[KEY + "txt"] = StoredObject(b"not of the instrument", clock.now)
    pool: Executor = SerialExecutor()
    listing = list_archive(PREFIX, recent, tree.walk(), bucket, pool)
    assert (listing.archived, listing.unlike) == ({}, {})
    bucket.objects[KEY + "adc"] = StoredObject(b"", clock.now)
    listing = list_archive(PREFIX, recent, tree.walk(), bucket, pool)
    assert listing.archived == {} and listing.unlike[PID].adc == 0
