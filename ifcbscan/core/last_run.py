"""How the last run of a job and mode ended, as its record says it, and how one record follows another. Pure.

What a run cannot know (it never came to look) is kept from the record before, so that a status during an outage still
says how much is in the archive.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.states import BinState, Tone
from ifcbscan.errors import ExitCode

FORM = "%Y-%m-%dT%H:%M:%SZ"

#: Ended by somebody, so neither a success nor a failure.
_NO_RESULT = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)

_EPOCH = datetime.datetime(1970, 1, 1)


class LastRun(NamedTuple):
    """How a run ended. All times: this computer's, ISO 8601 in UTC. `bins`: how many are in each state.

    `bins`, `attention` (bins that need a person) and `newest` (pid of the newest complete bin here) are those of the last
    run that has counted them; `instrument`: what the last full run has seen of its sensors and its disk, in lines.
    `log_trouble`: why the log of this run could not be written, "" where it could.
    """

    finished: str
    exit_code: int
    summary: str
    bins: dict[str, int]
    last_success: str | None = None
    failing_since: str | None = None
    silence: str = ""
    attention: int = 0
    newest: str | None = None
    log_trouble: str = ""
    instrument: tuple[str, ...] = ()

    @staticmethod
    def that_ends_now(exit_code: int, summary: str, bins: dict[str, int]) -> LastRun:
        """The record of a run that ends at this moment, of a job that had none before."""
        now = datetime.datetime.now(datetime.timezone.utc)
        return LastRun(now.strftime(FORM), exit_code, summary, bins).after(None)

    @property
    def failed(self) -> bool:
        """Whether the run did not succeed; one that somebody has ended did not fail."""
        return self.exit_code != ExitCode.DONE and self.exit_code not in _NO_RESULT

    @property
    def age(self) -> float:
        """Seconds since it finished, by this computer's clock; negative if that was set back."""
        return (_utc_now() - datetime.datetime.strptime(self.finished, FORM)).total_seconds()

    @property
    def ended(self) -> float:
        """When it finished, seconds since 1970."""
        return seconds(self.finished)

    @property
    def newest_bin(self) -> Pid | None:
        """The newest complete bin, as far as it is known and is one."""
        return parse_pid(self.newest) if self.newest else None

    def after(self, before: LastRun | None) -> LastRun:
        """This record with what only the earlier one, `before`, can know."""
        last_success, failing_since = self.last_success, self.failing_since
        if self.exit_code == ExitCode.DONE:
            last_success, failing_since = self.finished, None
        elif before is not None:
            last_success = before.last_success or (
                before.finished if before.exit_code == ExitCode.DONE else None
            )
            failing_since = before.failing_since or (before.finished if before.failed else None)
        if self.failed and failing_since is None:
            failing_since = self.finished
        made = self._replace(last_success=last_success, failing_since=failing_since)
        if before is None:
            return made
        if not made.bins:
            made = made._replace(bins=before.bins, attention=before.attention, instrument=before.instrument)
        return made._replace(newest=made.newest or before.newest)


def has_looked(bins: dict[str, int]) -> bool:
    """Whether a run that counted these has asked the archive: it does not if none of the bins that it saw is complete."""
    left_alone = (BinState.EXCLUDED.value, BinState.OUTSIDE.value)
    seen = {state for state, count in bins.items() if count and state not in left_alone}
    return seen != {BinState.INCOMPLETE.value}


def attention_of(bins: dict[str, int]) -> int:
    """How many of these bins need a person, where a record does not say so itself."""
    return sum(bins.get(state.value, 0) for state in BinState if state.needs_attention)


def waiting_of(bins: dict[str, int]) -> int:
    """How many of these bins are on their way."""
    on_their_way = (s for s in BinState if s.tone is Tone.ON_ITS_WAY and not s.in_archive)
    return sum(bins.get(state.value, 0) for state in on_their_way)


def safe_of(bins: dict[str, int]) -> int:
    """How many of these bins are in the archive."""
    return sum(bins.get(state.value, 0) for state in BinState if state.in_archive)


def seconds(moment: str) -> float:
    """Seconds since 1970 of a moment in a record. Raises ValueError."""
    return (datetime.datetime.strptime(moment, FORM) - _EPOCH).total_seconds()


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
