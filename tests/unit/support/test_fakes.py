"""The stand-ins of `support.fakes` are like what they stand for: else the tests on them would show nothing."""

from __future__ import annotations

import hashlib
import inspect
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import FakeBucket, FakeTree, StoredObject, VirtualClock

from ifcbscan.clock import Clock
from ifcbscan.core.bins import Fileset
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.s3.bucket import Bucket


def _public(kind: type) -> dict[str, Any]:
    return {
        name: inspect.signature(member) if inspect.isfunction(member) else type(member)
        for name, member in vars(kind).items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("real", "fake"), [(Bucket, FakeBucket), (LocalTree, FakeTree), (Clock, VirtualClock)]
)
def test_a_stand_in_has_every_method_of_the_real_one_with_the_same_arguments(real: type, fake: type) -> None:
    theirs, ours = _public(real), _public(fake)
    assert {name: ours.get(name) for name in theirs} == theirs


folders = st.lists(st.sampled_from(["2013", "D20130526", "skip", "b", "2012"]), max_size=2).map("/".join)
names = st.builds(
    lambda stem, suffix: stem + suffix,
    st.sampled_from(
        ["D20130526T095207_IFCB013", "IFCB5_2012_028_081515", "D20131326T095207_IFCB013", "notes"]
    ),
    st.sampled_from([".hdr", ".adc", ".roi", ".txt"]),
)
trees = st.dictionaries(st.tuples(folders, names), st.integers(0, 5), max_size=20)


def _seen(inventory: Inventory, root: str) -> dict[str, Any]:
    def place(fileset: Fileset) -> tuple[Any, ...]:
        folder = os.path.relpath(fileset.folder, root).replace(os.sep, "/")
        return (fileset.pid, folder, fileset.suffixes, fileset.sizes, fileset.times)

    return {
        "filesets": sorted(place(fileset) for fileset in inventory.filesets.values()),
        "copies": {pid: [place(copy) for copy in copies] for pid, copies in inventory.copies.items()},
        "fragments": sorted(place(fragment) for fragment in inventory.fragments),
        "passed_over": inventory.passed_over,
        "counts": (inventory.excluded, inventory.foreign, inventory.misnamed, inventory.unreadable),
    }


@settings(max_examples=50)
@given(trees, st.sampled_from([None, 0.0, 1369526400.0, 1369999999.0]))
def test_a_tree_in_memory_is_walked_as_one_on_the_disk(
    files: dict[tuple[str, str], int], not_before: float | None
) -> None:
    fake = FakeTree("/data", ["skip"], not_before)
    with tempfile.TemporaryDirectory() as root:
        for number, ((folder, name), size) in enumerate(files.items()):
            path = Path(root) / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x" * size)
            os.utime(str(path), (1700000000 + number, 1700000000 + number))
            fake.write(f"{folder}/{name}" if folder else name, b"x" * size, 1700000000.0 + number)
        real = LocalTree(root, ["skip"], not_before)
        seen = real.walk()
        assert _seen(fake.walk(), fake.root) == _seen(seen, root)
        for pid, fileset in fake.walk().filesets.items():
            assert fake.refresh(fileset) == fileset
            assert fake.refresh(fileset).sizes == real.refresh(seen.filesets[pid]).sizes


def test_a_listing_shows_what_changes_on_the_pages_that_are_still_to_be_read() -> None:
    bucket = FakeBucket(VirtualClock(), page_size=2)
    for name in "abcdef":
        bucket.objects["p/" + name] = StoredObject(b"", 1700000000.9)
    listing = bucket.list("p/")
    assert next(listing).key == "p/a"
    del bucket.objects["p/b"], bucket.objects["p/e"]
    bucket.objects["p/g"] = StoredObject(b"", 1700000000.9)
    rest = list(listing)
    assert [item.key for item in rest] == ["p/b", "p/c", "p/d", "p/f", "p/g"]
    assert rest[0].modified == "2023-11-14T22:13:20.000Z", "times are listed to the second"
    assert bucket.requests.list == 3


def test_a_listing_stops_at_its_upper_border_without_another_page() -> None:
    bucket = FakeBucket(VirtualClock(), page_size=2)
    for name in "abcdef":
        bucket.objects["p/" + name] = StoredObject(b"", 1700000000.0)
    assert [item.key for item in bucket.list("p/", "p/a", "p/c")] == ["p/b", "p/c"]
    assert bucket.requests.list == 1


@pytest.mark.parametrize("truthful", [True, False])
def test_a_look_says_an_md5_only_if_the_etags_are_md5s(truthful: bool) -> None:
    bucket = FakeBucket(VirtualClock())
    bucket.etags_are_md5 = truthful
    bucket.objects["p/a"] = StoredObject(b"abc", 1700000000.0)
    head = bucket.head("p/a")
    md5 = hashlib.md5(b"abc").hexdigest()
    assert head is not None and head.md5 == (md5 if truthful else None)
    assert (head.etag == md5) == truthful == (next(bucket.list("p/")).etag == md5)
    assert bucket.content_md5("p/a") == md5


def test_whether_anything_lies_below_a_prefix_counts_as_a_listing() -> None:
    bucket = FakeBucket(VirtualClock())
    bucket.objects["p/a"] = StoredObject(b"abc", 1700000000.0)
    assert bucket.is_empty("q/") and not bucket.is_empty("p/")
    assert bucket.requests.list == 2
