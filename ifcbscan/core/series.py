"""Time series: what their names may be, and where the files of one lie in the bucket.

The one place that puts a prefix or a key together. It does not know which time series exist.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ifcbscan.core.bins import Pid
from ifcbscan.errors import UsageError

_ACCOUNT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,53}")


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


def check_time_series(name: str) -> str:
    """`name`, if the archive and the dashboard can carry it. Raises UsageError with a suggestion.

    The archive never finds again a key that URL-encoding changes (ifcb-sync validate-ifcb-files/app.py). The existing
    client takes only these characters, and wants account and name to fit into 64 (ifcb-sync ifcb-data-sharer.sh).
    """
    if _NAME.fullmatch(name):
        return name
    suggestion = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:53]
    if re.match(r"[/\\~.]|[A-Za-z]:", name):  # it looks like a folder
        hint = " The folder comes first, then the time series: DIR TIME_SERIES."
    else:
        hint = f" Did you mean {suggestion!r}?" if suggestion else ""
    raise UsageError(
        f"{name!r} cannot be the name of a time series: 1 to 53 of the characters A-Z a-z 0-9 _ -.{hint} Nothing was sent."
    )
