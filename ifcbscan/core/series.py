"""Time series: what their names may be, and where the files of one lie in the bucket.

The one place that puts a prefix or a key together. It does not know which time series exist.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ifcbscan.core.bins import Pid
from ifcbscan.errors import UsageError

_ACCOUNT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,53}(?<!\.)")

#: HABON's archive deletes every key that has `/beads/` in it (ifcb-sync validate-ifcb-files/app.py). It is these letters
#: alone: `Beads` and `beads_2026` are kept, and there may be such time series.
_DELETED = "beads"

#: What Windows takes for a device, whatever follows after a point: `aux.north` cannot be a file there.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\.", re.IGNORECASE)

#: Where `check --write` puts its trial object: in a time series of its own, so that a real one, while nothing is in it
#: yet, stays without any object. No series of the account's: `list` leaves it out.
TRIAL = "ifcbscan-check"


class Series(NamedTuple):
    """One time series of one account; both names have been checked by whoever made it."""

    account: str
    name: str

    @property
    def prefix(self) -> str:
        """`<account>/<time series>/`; the final slash keeps `nauset` apart from `nauset2`."""
        return f"{self.account}/{self.name}/"

    def key(self, pid: Pid, extension: str) -> str:
        """The one key of a member of a bin, such as `hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.roi`."""
        return pid.key(self.prefix, extension)


def is_account(text: str) -> bool:
    """Whether `text` can be the name of an account: a folder of the bucket, and a user of the archive's."""
    return _ACCOUNT.fullmatch(text) is not None


def is_time_series(text: str) -> bool:
    """Whether `text` has the characters and the length of a time series' name.

    Others are not safe: the archive never finds again a key that URL-encoding changes (ifcb-sync
    validate-ifcb-files/app.py), and the existing client wants account and name to fit into 64 characters
    (ifcb-sync ifcb-data-sharer.sh). The dashboard also takes a tilde, which some encode; not so here.
    """
    return _NAME.fullmatch(text) is not None


def check_time_series(name: str) -> str:
    """`name`, if the archive and the dashboard can carry it. Raises UsageError.

    No other name is proposed: only the dashboard knows which ones exist, and it is not asked here.
    """
    if name == _DELETED:
        raise UsageError(
            f"{name!r} cannot be the name of a time series: HABON's archive deletes every file below a folder of that name, "
            "which is for calibration runs. Nothing was sent. Give the time series another name on the dashboard."
        )
    if is_time_series(name):
        return name
    looks_like_a_folder = re.match(r"[/\\~.]|[A-Za-z]:", name)
    hint = " The folder comes first, then the time series: DIR TIME_SERIES." if looks_like_a_folder else ""
    raise UsageError(
        f"{name!r} cannot be the name of a time series: 1 to 53 of the characters A-Z a-z 0-9 _ - . and no point at "
        f"either end.{hint} Nothing was sent."
    )


def remark_on_name(series: Series) -> str:
    """What is to be said of a name that is taken all the same; "" for nothing."""
    if not series.name.startswith(series.account):
        return ""
    return (
        f"The name {series.name!r} begins with that of the account. The older client, ifcb-sync, refuses such names; here it "
        "is taken."
    )


def file_name(text: str) -> str:
    """`text`, which begins with a time series' name and does not end with it, as the name of a file on any system."""
    return "=" + text if _DEVICE.match(text) else text
