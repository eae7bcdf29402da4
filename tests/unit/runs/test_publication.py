"""What is known of a bin on the dashboard, as far as the list of its time series does not say it."""

from __future__ import annotations

import datetime
from typing import Iterator

import pytest

from ifcbscan.core.archive_report import SurveyedBin
from ifcbscan.core.bins import Pid
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.states import BinState
from ifcbscan.core.verify_report import Publication
from ifcbscan.dashboard.calls import (
    BinInfo,
    Dashboard,
    DashboardUnreachable,
    PublishedBin,
    UnknownToDashboard,
)
from ifcbscan.runs.archived import ArchivedBin
from ifcbscan.runs.publication import ASKED_SINGLY, ask_dashboard, shown_bins, why_unpublished

LISTED = Pid("D20130526T095207_IFCB013")
UNLISTED = Pid("D20130526T101500_IFCB013")
OF_2014 = Pid("D20140101T000000_IFCB013")


class LateList(Dashboard):
    """A dashboard whose list of a time series lacks a bin that it shows: it came while the list was made."""

    def __init__(self) -> None:
        super().__init__("http://localhost")
        self.asked: list[str] = []

    def export_metadata(
        self, dataset: str, start: datetime.date, end: datetime.date
    ) -> Iterator[PublishedBin]:
        yield PublishedBin(dataset, LISTED, False)
        yield PublishedBin("dock", UNLISTED, False)  # in the time series that was asked for it is not

    def bin_info(self, pid: str, dataset: str) -> BinInfo | None:
        self.asked.append(pid)
        return BinInfo(pid, (dataset,), False)


class NoSuchSeries(LateList):
    """It knows no bin of 2014, and of the time series as a whole as much as `exists`."""

    def __init__(self, exists: bool) -> None:
        super().__init__()
        self._exists = exists

    def export_metadata(
        self, dataset: str, start: datetime.date, end: datetime.date
    ) -> Iterator[PublishedBin]:
        if start.year == 2014 or not self._exists:
            raise UnknownToDashboard("There is no such time series.")
        yield from super().export_metadata(dataset, start, end)

    def bin_info(self, pid: str, dataset: str) -> BinInfo | None:
        self.asked.append(pid)
        return None


@pytest.mark.parametrize("exists", [True, False])
def test_that_there_is_no_such_time_series_is_told_only_if_it_knows_none_of_the_bins(exists: bool) -> None:
    archived = {LISTED: record(), OF_2014: record()}
    warnings = ask_dashboard(NoSuchSeries(exists), "nauset", archived)
    assert warnings == ([] if exists else ["There is no such time series."])
    assert archived[OF_2014].publication is Publication.UNPUBLISHED
    assert archived[OF_2014].unpublished.endswith("or does not have this time series") is not exists
    assert ask_dashboard(NoSuchSeries(False), "nauset", {}) == []


def record(modified: str = "2013-06-01T00:00:00.000Z") -> ArchivedBin:
    return ArchivedBin([ListedObject("key", 1, modified, "etag")] * 3)


def test_a_bin_that_the_list_lacks_and_the_dashboard_shows_is_published() -> None:
    archived = {LISTED: record(), UNLISTED: record()}
    dashboard = LateList()
    assert ask_dashboard(dashboard, "nauset", archived) == []
    assert dashboard.asked == [UNLISTED]
    for bin_ in archived.values():
        assert (bin_.publication, bin_.unpublished) == (Publication.PUBLISHED, "")
        assert why_unpublished(bin_, 0.0) == ""


def test_how_long_a_bin_waits_to_be_shown_is_told_where_the_archive_tells_when_it_came() -> None:
    for modified, told in (
        ("2013-06-01T00:00:00.000Z", "the cause; in the archive for 60 min"),
        ("yesterday", "the cause"),
    ):
        waiting = record(modified)
        waiting.publication, waiting.unpublished = Publication.UNPUBLISHED, "the cause"
        assert why_unpublished(waiting, 1370044800.0 + 3600) == told


def test_a_dashboard_that_stops_answering_is_not_asked_about_the_other_bins_and_that_is_told() -> None:
    class Silent(LateList):
        def export_metadata(
            self, dataset: str, start: datetime.date, end: datetime.date
        ) -> Iterator[PublishedBin]:
            return iter(())

        def bin_info(self, pid: str, dataset: str) -> BinInfo | None:
            self.asked.append(pid)
            raise DashboardUnreachable("No answer.")

    dashboard = Silent()
    archived = {LISTED: record(), UNLISTED: record()}
    (warning,) = ask_dashboard(dashboard, "nauset", archived)
    assert warning == "No answer. Bins that its lists do not hold count as unpublished."
    assert len(dashboard.asked) == 1
    assert {bin_.publication for bin_ in archived.values()} == {Publication.UNPUBLISHED}


def test_why_a_bin_will_be_refused_is_looked_for_only_where_the_dashboard_does_not_have_it() -> None:
    looked_for: list[Pid] = []

    def refusal(pid: Pid) -> str:
        looked_for.append(pid)
        return "no good" if pid == OF_2014 else ""

    archived = {LISTED: record(), UNLISTED: record(), OF_2014: record()}
    ask_dashboard(NoSuchSeries(True), "nauset", archived, refusal)
    assert sorted(looked_for) == [UNLISTED, OF_2014]
    assert archived[OF_2014].unpublished == "the dashboard will refuse it: no good"
    assert archived[UNLISTED].unpublished == "the dashboard does not have it"


def test_it_is_looked_for_in_no_more_bins_than_are_asked_about() -> None:
    pids = [Pid(f"D20130526T{n // 60:02}{n % 60:02}00_IFCB013") for n in range(ASKED_SINGLY + 20)]
    looked_for: list[Pid] = []

    def refusal(pid: Pid) -> str:
        looked_for.append(pid)
        return ""

    ask_dashboard(NoSuchSeries(True), "nauset", {pid: record() for pid in pids}, refusal)
    assert looked_for == pids[:ASKED_SINGLY]


class Away(LateList):
    """A dashboard that says nothing of the years from `since` on."""

    def __init__(self, since: int) -> None:
        super().__init__()
        self._since = since

    def export_metadata(
        self, dataset: str, start: datetime.date, end: datetime.date
    ) -> Iterator[PublishedBin]:
        if start.year >= self._since:
            raise DashboardUnreachable("It is away.")
        yield from super().export_metadata(dataset, start, end)


BINS = [
    SurveyedBin(LISTED, BinState.SYNCED, "", 1),
    SurveyedBin(OF_2014, BinState.ARCHIVED, "", 1),
    SurveyedBin(UNLISTED, BinState.HELD, "empty", 1),  # not in the archive: nobody asks
]


def test_a_report_knows_of_each_archived_bin_why_it_is_not_shown() -> None:
    shown, warnings = shown_bins(NoSuchSeries(exists=True), "nauset", BINS, lambda pid: "")
    assert list(shown.unpublished) == [OF_2014] and shown.known and warnings == []


@pytest.mark.parametrize(
    ("since", "said"), [(2013, "does not say which bins"), (2014, "does not say of all bins")]
)
def test_a_report_says_what_the_dashboard_has_not_said(since: int, said: str) -> None:
    shown, warnings = shown_bins(Away(since), "nauset", BINS, lambda pid: "")
    assert not shown.known and shown.unpublished == {}
    assert warnings[0].startswith("It is away.") and said in warnings[0]
