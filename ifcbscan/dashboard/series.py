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

from ifcbscan.core.printable import brief, without_password
from ifcbscan.dashboard.calls import Dashboard, DashboardUnreachable, SeriesList, UnknownToDashboard
from ifcbscan.errors import UsageError

#: So many other time series are named where one is unknown; `ifcbscan list` shows all.
_MOST_NAMES = 12

#: ifcbdb takes no longer ones. Characters.
_LONGEST_NAME = 64

#: So many existing names are proposed for one that is unknown, and how like it they must be (0 to 1).
_MOST_MEANT = 3
_ALIKE = 0.7


class OnDashboard(enum.Enum):
    """What the dashboard says of a time series."""

    YES = "yes"
    NO = "no"
    NOT_SAID = "not said"  # it could not be asked


@dataclass(frozen=True)
class SeriesAnswer:
    """The answer, and a line for the operator: always where it is not YES; else "" or what to look at all the same."""

    on_dashboard: OnDashboard
    line: str


def ask(url: str | None, account: str, time_series: str) -> SeriesAnswer:
    """Ask the dashboard at `url` (None: there is none to ask) for `time_series` of `account`."""
    if url is None:
        return SeriesAnswer(OnDashboard.NOT_SAID, "No dashboard is configured (DASHBOARD_URL).")
    try:
        listed = Dashboard(url).series_list(account)
    except UnknownToDashboard as error:
        return SeriesAnswer(OnDashboard.NO, str(error))
    except DashboardUnreachable as error:
        return SeriesAnswer(OnDashboard.NOT_SAID, str(error))
    return among(listed, account, time_series)


def among(listed: SeriesList, account: str, time_series: str) -> SeriesAnswer:
    """What the dashboard's list of time series says of one.

    One that is in the list of all is known, whoever it belongs to: nobody says there whose it is.
    """
    names = sorted(listed.names)
    if time_series in names:
        return SeriesAnswer(OnDashboard.YES, "" if listed.of_account else not_by_account(account))
    if listed.of_account:
        return SeriesAnswer(
            OnDashboard.NO,
            f"The dashboard does not know a time series {time_series!r} of the account {account!r}. It knows "
            f"{_listed(names)}.{meant(names, time_series)}",
        )
    return SeriesAnswer(
        OnDashboard.NO,
        f"The dashboard does not know a time series {time_series!r}: it is not among the {len(names):,} of all accounts. "
        f"{not_by_account(account)}{meant(names, time_series)}",
    )


def not_by_account(account: str) -> str:
    """What it can mean that a dashboard lists time series, but not those of an account."""
    return (
        f"The dashboard lists no time series for the account {account!r}: it does not know that account, or its teams are "
        "switched off. Check USER_ACCOUNT in the .env file."
    )


def meant(names: Sequence[str], time_series: str) -> str:
    """The question whether one of the names that are most like it is meant, after a space; "" if none is like it."""
    import difflib

    by_folded = {name.casefold(): name for name in names}
    alike = difflib.get_close_matches(time_series.casefold(), list(by_folded), _MOST_MEANT, _ALIKE)
    return (
        f" Did you mean {' or '.join(repr(brief(by_folded[folded], _LONGEST_NAME)) for folded in alike)}?"
        if alike
        else ""
    )


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "none of that account yet"
    more = len(names) - _MOST_NAMES
    return ", ".join(brief(name, _LONGEST_NAME) for name in names[:_MOST_NAMES]) + (
        f" and {more} more" if more > 0 else ""
    )


def where_to_create(url: str | None, account: str, time_series: str) -> str:
    """What to do about a time series that does not exist."""
    if url is None:
        return f"Check the spelling; if {time_series!r} is to be a new time series, --force goes on."
    return (
        "Files that arrive before their time series exists appear late: once it exists and the people who run the "
        "dashboard let it go through all time series; under a misspelt name they appear nowhere. Check the spelling; if "
        f"{time_series!r} is to be a new time series, create it for {account!r} on {without_password(url)} first, or ask "
        "the people who run it. 'ifcbscan sync' and 'ifcbscan start' with --force send all the same."
    )


def check_before_first_file(url: str | None, account: str, time_series: str, force: bool) -> tuple[str, ...]:
    """Warnings about a time series into which nothing was ever sent.

    Raises UsageError if the dashboard does not know it, unless `force`d.
    """
    if url is None:
        return ()
    answer = ask(url, account, time_series)
    if answer.on_dashboard is OnDashboard.YES:
        return ()
    if answer.on_dashboard is OnDashboard.NOT_SAID:
        return (
            f"{answer.line} So nobody could say whether the time series {time_series!r} exists there; if it does not, "
            "what is sent now will not be shown before it does.",
        )
    if force:
        return (f"{answer.line} Sent all the same (--force).",)
    raise UsageError(f"{answer.line} Nothing was sent. {where_to_create(url, account, time_series)}")
