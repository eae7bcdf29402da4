"""Does the time series exist on the dashboard? Asked before the first file of a series is sent.

Files that arrive before their time series exists are not registered as they come: `sync_bin` of an unknown data set does
nothing. Once the series exists they appear late, when the dashboard next goes through all series (`syncdataset`;
ifcb-sync aws-ifcb-data-sharer/ifcb-sync-datasets.sh). Files under a misspelt name appear nowhere, because nobody
makes a series of that name; so the name is asked for while nothing has been sent yet.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Sequence

from ifcbscan.core.printable import without_password
from ifcbscan.dashboard.calls import Dashboard, DashboardUnreachable, UnknownToDashboard
from ifcbscan.errors import UsageError

#: So many other time series are named where one is unknown; `ifcbscan list` shows all.
_MOST_NAMES = 12


class Known(enum.Enum):
    """What the dashboard says of a time series."""

    YES = "yes"
    NO = "no"
    NOT_SAID = "not said"  # it could not be asked


@dataclass(frozen=True)
class SeriesAnswer:
    """The answer, and the line for the operator where it is not YES."""

    known: Known
    line: str


def ask(url: str | None, account: str, time_series: str) -> SeriesAnswer:
    """Ask the dashboard at `url` (None: there is none to ask) for `time_series` of `account`."""
    if url is None:
        return SeriesAnswer(Known.NOT_SAID, "No dashboard is configured (DASHBOARD_URL).")
    try:
        names = Dashboard(url).list_datasets(account)
    except UnknownToDashboard as error:
        return SeriesAnswer(Known.NO, str(error))
    except DashboardUnreachable as error:
        return SeriesAnswer(Known.NOT_SAID, str(error))
    return among(names, account, time_series)


def among(names: Sequence[str], account: str, time_series: str) -> SeriesAnswer:
    """What the dashboard's list of an account's time series says of one."""
    if time_series in names:
        return SeriesAnswer(Known.YES, "")
    return SeriesAnswer(
        Known.NO,
        f"The dashboard does not know a time series {time_series!r} of the account {account!r}. It knows "
        f"{_listed(sorted(names))}.",
    )


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none of that account yet"
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def where_to_create(url: str | None, account: str, time_series: str) -> str:
    """What to do about a time series that does not exist."""
    if url is None:
        return f"Check the spelling; if {time_series!r} is to be a new time series, --force goes on."
    return (
        f"Files that arrive before their time series exists are never shown. Check the spelling; if {time_series!r} "
        f"is to be a new time series, create it for {account!r} on {without_password(url)} first, or ask the people "
        "who run it. --force sends all the same."
    )


def check_before_first_file(url: str | None, account: str, time_series: str, force: bool) -> tuple[str, ...]:
    """Warnings about a time series into which nothing was ever sent.

    Raises UsageError if the dashboard does not know it, unless `force`d.
    """
    if url is None:
        return ()
    answer = ask(url, account, time_series)
    if answer.known is Known.YES:
        return ()
    if answer.known is Known.NOT_SAID:
        return (
            f"{answer.line} So nobody could say whether the time series {time_series!r} exists there; if it does not, "
            "what is sent now will not be shown.",
        )
    if force:
        return (f"{answer.line} Sent all the same (--force).",)
    raise UsageError(f"{answer.line} Nothing was sent. {where_to_create(url, account, time_series)}")
