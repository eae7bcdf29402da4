"""What the looks at a key mean for the file that is on its way there. (What is asked when: test_bucket.py.)"""

from __future__ import annotations

import hashlib
import io
import threading
from typing import Any

import pytest

from ifcbscan.errors import ConcurrentWrite, FileChanged
from ifcbscan.s3.conditions import Expected, Spelling
from ifcbscan.s3.object_head import ObjectHead
from ifcbscan.s3.one_put import AlreadyDone, OnePut, Unmet

BYTES = b"some bytes of a bin"
SIZE = len(BYTES)
MD5 = hashlib.md5(BYTES).hexdigest()
OURS = ObjectHead(SIZE, "2026-01-01T00:00:00.000Z", MD5, None)
OTHER = ObjectHead(7, "2026-01-01T00:00:00.000Z", "other", None)


class Looks:
    """Gives these answers to looks, in order."""

    def __init__(self, *found: ObjectHead | None) -> None:
        self.left = list(found)

    def __call__(self) -> ObjectHead | None:
        return self.left.pop(0)


def one_put(expected: Expected | None, *found: ObjectHead | None, file: Any = None) -> OnePut:
    return OnePut(file or io.BytesIO(BYTES), SIZE, expected, Looks(*found), threading.Event())


def test_what_is_to_be_replaced_is_looked_at_and_nothing_else() -> None:
    assert not one_put(None).names_an_etag and not one_put(Expected(None)).names_an_etag
    assert one_put(Expected(7), OTHER).names_an_etag
    assert not one_put(Expected(7), ObjectHead(7, "", "", None)).names_an_etag


def test_its_headers_have_size_sum_and_condition() -> None:
    assert one_put(None).headers(Spelling.QUOTED) == {
        "Content-Length": str(SIZE),
        "Content-MD5": "n+Y1GtC+bICtzK6jh7y0KA==",
    }
    assert one_put(Expected(7), OTHER).headers(Spelling.BARE)["If-Match"] == "other"


def test_these_very_bytes_in_the_place_of_what_was_expected_make_it_needless() -> None:
    assert one_put(Expected(7), OURS).needless
    assert not one_put(Expected(SIZE), OURS).needless  # an .hdr is put again for its date
    with pytest.raises(ConcurrentWrite):
        one_put(Expected(8), OTHER)


def test_before_another_try_it_is_looked_for_these_bytes() -> None:
    assert one_put(Expected(7), OTHER, OURS).has_arrived()
    assert not one_put(Expected(7), OTHER, OTHER).has_arrived()
    assert not one_put(Expected(SIZE), OURS, OURS).has_arrived()
    assert not one_put(None, OTHER).has_arrived()
    with pytest.raises(ConcurrentWrite):
        one_put(Expected(None), OTHER).has_arrived()


@pytest.mark.parametrize(
    "earlier, last, by_another", [(False, False, True), (True, False, False), (False, True, False)]
)
def test_these_bytes_after_an_unmet_condition_are_anothers_unless_a_try_was_in_doubt(
    earlier: bool, last: bool, by_another: bool
) -> None:
    one = one_put(Expected(7), OTHER, OTHER, OURS)
    one.look_again(Unmet(earlier))  # what is to be replaced is there: another spelling may be tried
    with pytest.raises(AlreadyDone) as done:
        one.look_again(Unmet(last))
    assert done.value.by_another is by_another


@pytest.mark.parametrize("found", [None, OTHER])
def test_something_else_after_an_unmet_condition_is_a_change(found: ObjectHead | None) -> None:
    with pytest.raises(ConcurrentWrite):
        one_put(Expected(5), ObjectHead(5, "", "seen", None), found).look_again(Unmet())


def test_a_file_that_has_changed_meanwhile_is_not_tried_again() -> None:
    file = io.BytesIO(BYTES)
    one = one_put(Expected(7), OTHER, OTHER, OTHER, file=file)
    file.getbuffer()[0:1] = b"X"
    with pytest.raises(FileChanged):
        one.has_arrived()
    with pytest.raises(FileChanged):
        one.look_again(Unmet())
