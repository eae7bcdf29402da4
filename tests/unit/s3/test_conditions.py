"""The condition of a put: in which words, and what an answer says of it."""

from __future__ import annotations

import pytest
from support.wire import error_answer

from ifcbscan.s3.conditions import (
    Spelling,
    Spellings,
    condition,
    is_conflict,
    is_unmet,
    same_object,
    without_condition,
)
from ifcbscan.s3.object_head import ObjectHead
from ifcbscan.s3.transport import ErrorAnswer, Operation, Request

SEEN = ObjectHead(7, "2026-01-01T00:00:00.000Z", "abc", None)
REPLACING = Request(Operation.PUT, "k", headers={"If-Match": '"abc"', "Content-Length": "7"})


def test_each_spelling_names_what_is_to_be_replaced_and_none_of_them_where_there_is_nothing() -> None:
    assert [condition(SEEN, spelling) for spelling in Spelling] == [
        {"If-Match": '"abc"'},
        {"If-Match": "abc"},
        {},
    ]
    assert [condition(None, spelling) for spelling in Spelling] == [{"If-None-Match": "*"}] * 3
    assert condition(ObjectHead(7, "", "", None), Spelling.QUOTED) == {}


@pytest.mark.parametrize("understood", Spelling)
def test_what_s3_writes_is_tried_first_and_what_was_understood_first_stays(understood: Spelling) -> None:
    spellings = Spellings()
    assert spellings.to_try() == (Spelling.QUOTED, Spelling.BARE, Spelling.NOT_AT_ALL)
    spellings.learn(understood)
    spellings.learn(Spelling.NOT_AT_ALL)
    assert spellings.to_try() == (understood,)


@pytest.mark.parametrize(
    "answer, unmet",
    [
        (error_answer("PreconditionFailed", 412), True),
        (error_answer("", 412), True),
        (error_answer("NoSuchKey", 404), True),
        (error_answer("NoSuchBucket", 404), False),
        (error_answer("", 404), False),
        (error_answer("ConditionalRequestConflict", 409), False),
    ],
)
def test_an_unmet_condition_is_told_from_other_errors_and_needs_a_condition(
    answer: ErrorAnswer, unmet: bool
) -> None:
    assert is_unmet(REPLACING, answer) is unmet
    assert not is_unmet(without_condition(REPLACING), answer)


def test_only_a_put_meets_a_conflict() -> None:
    conflict = error_answer("ConditionalRequestConflict", 409)
    assert is_conflict(REPLACING, conflict)
    assert not is_conflict(Request(Operation.HEAD, "k"), conflict)
    assert not is_conflict(REPLACING, error_answer("OperationAborted", 409))


def test_a_request_without_its_condition_is_the_same_otherwise() -> None:
    assert without_condition(REPLACING) == Request(Operation.PUT, "k", headers={"Content-Length": "7"})


@pytest.mark.parametrize(
    "one, other, same",
    [
        (None, None, True),
        (SEEN, None, False),
        (None, SEEN, False),
        (
            SEEN,
            ObjectHead(7, "2026-02-02T00:00:00.000Z", "abc", "abc"),
            True,
        ),  # put again with the same bytes
        (SEEN, ObjectHead(8, SEEN.modified, "abc", None), False),
        (SEEN, ObjectHead(7, SEEN.modified, "abd", None), False),
    ],
)
def test_two_looks_show_the_same_if_size_and_etag_are(
    one: ObjectHead | None, other: ObjectHead | None, same: bool
) -> None:
    assert same_object(one, other) is same
