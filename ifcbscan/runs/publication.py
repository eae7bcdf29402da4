"""Whether the dashboard shows the bins that are in the bucket, and if not, why: asked once, for `verify` and for `report`.

A dashboard that does not answer is a warning: what it did not say stays unknown, and what is proven is proven.
"""

from __future__ import annotations

import datetime
import math
from typing import Callable, Iterable, Mapping, cast

from ifcbscan.core.archive_report import IN_ARCHIVE, ShownBins, SurveyedBin
from ifcbscan.core.bins import Pid
from ifcbscan.core.dashboard_rules import WILL_REFUSE
from ifcbscan.core.verify_report import Publication, PublicationRecord
from ifcbscan.core.words import human_duration
from ifcbscan.dashboard.calls import BinInfo, Dashboard, DashboardUnreachable, Standing, UnknownToDashboard
from ifcbscan.runs.archived import ArchivedBin

#: Bins that an export does not hold are asked for one by one, but no more than so many: each is a page for
#: the dashboard to make.
ASKED_SINGLY = 100

_UNLISTED = (
    "the dashboard's list of this time series does not have it; it was not asked about this bin alone, so the cause is "
    "not known"
)
_ABSENT = "the dashboard does not have it"
_ABSENT_OR_NO_SERIES = "the dashboard does not have it, or does not have this time series"
_WHY = {
    Standing.SKIPPED: "it is marked as skipped on the dashboard, so people do not see it; ask the people who run the "
    "dashboard if that is not meant",
    Standing.BROKEN: "the dashboard has a broken entry of it, which never repairs itself; ask the people who run the "
    "dashboard to delete that entry and to load the bin again",
    Standing.OUTSIDE: "the dashboard knows it but has it in no time series, as it does with bins without images",
}


def ask_dashboard(
    dashboard: Dashboard,
    time_series: str,
    archived: Mapping[Pid, PublicationRecord],
    refusal: Callable[[Pid], str] = lambda pid: "",
) -> list[str]:
    """Write into each record whether the dashboard shows the bin; what it does not say stays UNKNOWN.

    `refusal` tells why the dashboard will refuse a bin, "" if nothing is known; it is asked of no more than ASKED_SINGLY
    bins. Returns warnings.
    """
    asking = _Asking(dashboard, time_series, archived, refusal)
    asking.take_lists()
    absent = asking.absent()
    if absent and len(absent) == len(archived) and asking.unknown is not None:
        asking.warnings.append(str(asking.unknown))
    asking.ask_singly(absent[:ASKED_SINGLY])
    return asking.warnings


def shown_bins(
    dashboard: Dashboard, time_series: str, bins: Iterable[SurveyedBin], refusal: Callable[[Pid], str]
) -> tuple[ShownBins, list[str]]:
    """Which of the bins in the archive the dashboard shows, for a report; and warnings. `refusal`: see ask_dashboard."""
    records = {item.pid: PublicationRecord() for item in bins if item.state in IN_ARCHIVE}
    warnings = ask_dashboard(dashboard, time_series, records, refusal)
    unpublished = {
        pid: record.unpublished
        for pid, record in records.items()
        if record.publication is Publication.UNPUBLISHED
    }
    unknown = sum(record.publication is Publication.UNKNOWN for record in records.values())
    if unknown:  # the first warning says why
        warnings[0] += (
            " So the report does not say which bins the dashboard shows."
            if unknown == len(records)
            else " So the report does not say of all bins whether the dashboard shows them."
        )
    return ShownBins(unpublished, not unknown), warnings


class _Asking:
    """The questions of one command."""

    def __init__(
        self,
        dashboard: Dashboard,
        time_series: str,
        archived: Mapping[Pid, PublicationRecord],
        refusal: Callable[[Pid], str],
    ) -> None:
        self._refusal = refusal
        self.warnings: list[str] = []
        self.unknown: UnknownToDashboard | None = None  # the first answer that there is no such time series
        self._series_exists = False
        self._years: set[int] = set()  # those of which the dashboard's list is known
        self._dashboard = dashboard
        self._time_series = time_series
        self._archived = archived

    def take_lists(self) -> None:
        """Take in what the dashboard lists of each year of which the bucket holds bins."""
        for record in self._archived.values():
            record.publication = Publication.UNKNOWN
        for year in sorted({_year(pid) for pid in self._archived}):
            try:
                self._take_list(year)
                self._series_exists = True
            except UnknownToDashboard as error:
                self.unknown = self.unknown or error
            except DashboardUnreachable as error:
                self.warnings.append(f"{error} What it shows of {year} and later is not known.")
                return
            self._years.add(year)

    def _take_list(self, year: int) -> None:
        first, last = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
        for row in self._dashboard.export_metadata(self._time_series, first, last):
            record = self._archived.get(cast(Pid, row.pid))
            if record is None or row.dataset != self._time_series:
                continue
            if row.skip:
                _note(record, _WHY[Standing.SKIPPED])
            else:
                record.publication, record.unpublished = Publication.PUBLISHED, ""

    def absent(self) -> list[Pid]:
        """The bins that none of the lists has, now noted as such; only after all lists were taken in.

        A bin is listed by the time at which it was sampled, which people edit: so it can be in the list of
        another year than its own.
        """
        absent = []
        for pid, record in self._archived.items():
            if record.publication is Publication.UNKNOWN and _year(pid) in self._years:
                _note(record, _UNLISTED)
                absent.append(pid)
        return absent

    def ask_singly(self, pids: Iterable[Pid]) -> None:
        """Ask about each bin alone, and note what is known now."""
        for pid in pids:
            try:
                info = self._dashboard.bin_info(pid, self._time_series)
            except DashboardUnreachable as error:
                self.warnings.append(f"{error} Bins that its lists do not hold count as unpublished.")
                return
            if info is not None and info.published_in(self._time_series):
                self._archived[pid].publication = Publication.PUBLISHED
                self._archived[pid].unpublished = ""
            else:
                _note(self._archived[pid], self._why_not(pid, info))

    def _why_not(self, pid: Pid, info: BinInfo | None) -> str:
        if info is None:
            refusal = self._refusal(pid)
            if refusal:
                return WILL_REFUSE + refusal
            # It answers the same about a bin and about a time series that it does not know.
            return _ABSENT if self._series_exists else _ABSENT_OR_NO_SERIES
        standing = info.standing(self._time_series)
        if standing is not Standing.ELSEWHERE:
            return _WHY[standing]
        return (
            f"it is on the dashboard under the time series {', '.join(info.datasets)}"
            f"{', marked as skipped' if info.skip else ''}, and a bin can be in one only; ask the people who run the "
            "dashboard to move it if that is wrong"
        )


def why_unpublished(record: ArchivedBin, now: float) -> str:
    """Why the dashboard does not show a bin, and how long it has been in the archive; "" if it is not `unpublished`.

    `now` by the server's clock: seconds since 1970, UTC.
    """
    if record.publication is not Publication.UNPUBLISHED:
        return ""
    if record.put == math.inf:
        return record.unpublished
    return f"{record.unpublished}; in the archive for {human_duration(now - record.put)}"


def _note(record: PublicationRecord, why: str) -> None:
    record.publication, record.unpublished = Publication.UNPUBLISHED, why


def _year(pid: Pid) -> int:
    return int(pid.day_folder[:4])
