"""The daily question to the dashboard, over HTTP: what each of its answers means."""

from __future__ import annotations

from typing import Iterator

import pytest
from support.dashboard import Behaviour, DashboardStandIn, ShownBin

from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.runs.dashboard_watch import ask_about_series

PID = "D20260401T000000_IFCB013"


@pytest.fixture
def stand_in() -> Iterator[DashboardStandIn]:
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": [ShownBin(PID)]}) as made:
        yield made


def test_the_newest_bin_of_a_known_series_is_noted(stand_in: DashboardStandIn) -> None:
    note = ask_about_series(stand_in.url, "hablab", "nauset", PID, 1000.0)
    assert note == DashboardNote(1000.0, True, "", PID, PID)


def test_of_an_unknown_series_it_is_told_what_is_there(stand_in: DashboardStandIn) -> None:
    note = ask_about_series(stand_in.url, "hablab", "naust", PID, 1000.0)
    assert note.known is False and "'naust'" in note.trouble and "nauset" in note.trouble
    assert stand_in.paths() == ["/api/list_datasets/hablab"]


@pytest.mark.parametrize("path", ["/api/most_recent_bin", "/api/"])
def test_what_is_not_answered_is_not_known(stand_in: DashboardStandIn, path: str) -> None:
    stand_in.behaviour[path] = Behaviour.ERROR
    note = ask_about_series(stand_in.url, "hablab", "nauset", PID, 1000.0)
    assert (note.known, note.newest, note.trouble) == (None, "", "") and not note.is_empty


def test_what_is_no_bin_is_no_answer(stand_in: DashboardStandIn) -> None:
    stand_in.bins["nauset"] = [ShownBin("D20260401T000000_IFCB013_2")]
    note = ask_about_series(stand_in.url, "hablab", "nauset", PID, 1000.0)
    assert (note.known, note.newest, note.is_empty) == (None, "", False)


def test_an_empty_series_has_no_newest_bin(stand_in: DashboardStandIn) -> None:
    stand_in.bins["nauset"] = []
    assert ask_about_series(stand_in.url, "hablab", "nauset", PID, 1.0).newest == ""
