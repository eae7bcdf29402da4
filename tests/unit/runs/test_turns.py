"""Whose turn it is: groups of bins, those that may not be begun, and the ways to go on from anywhere."""

from __future__ import annotations

import random

import pytest

from ifcbscan.core.bins import Fileset, Pid, pack_stamps
from ifcbscan.runs.turns import Turns

pytestmark = pytest.mark.any_python


def bins(names: str) -> list[Fileset]:
    stamps = pack_stamps((0.0, 0.0, 0.0))
    return [Fileset(Pid(name), "/data", (".hdr", ".adc", ".roi"), 1, 1, 1, stamps) for name in names]


def names(turns: Turns) -> str:
    """In the order of their turns."""
    return "".join(local.pid for local in iter(turns.take, None))


def test_an_earlier_group_comes_first_and_each_keeps_its_order() -> None:
    turns = Turns([bins("ba"), bins(""), bins("dc")])
    assert len(turns) == 4 and "".join(local.pid for local in turns) == "badc"
    assert names(turns) == "badc" and not turns and turns.take() is None


def test_a_bin_that_may_not_be_begun_holds_up_its_group_and_no_other() -> None:
    forbidden = set("be")
    turns = Turns([bins("abc"), bins("def")], lambda local: local.pid not in forbidden)
    assert names(turns) == "ad" and len(turns) == 4
    forbidden.clear()
    assert names(turns) == "bcef"


def test_any_bin_of_the_group_that_is_next_can_be_taken() -> None:
    random.seed(1)
    found = set()
    for _ in range(60):
        turns = Turns([bins(""), bins("abc"), bins("d")])
        found.add(turns.take_any().pid)
        assert len(turns) == 3
    assert found == set("abc")


def test_going_on_elsewhere_leaves_the_groups_as_they_are() -> None:
    random.seed(1)
    found = set()
    for _ in range(60):
        turns = Turns([bins("a"), bins("bcd"), bins("ef")])
        turns.take()
        turns.take()
        turns.go_on_elsewhere()
        found.add(names(turns))
    assert found == {"cdef", "dcef"}


def test_what_fails_is_left_for_any_place_in_any_group() -> None:
    random.seed(1)
    found = set()
    for _ in range(100):
        turns = Turns([bins("abc"), bins("de")])
        turns.take()
        turns.leave_what_fails()
        found.add(names(turns))
    assert found == {"bcde", "cbde", "debc", "decb"}


def test_where_no_bin_is_left_there_is_nowhere_to_go_on() -> None:
    turns = Turns([bins("a")])
    turns.take()
    turns.leave_what_fails()
    assert turns.take() is None
