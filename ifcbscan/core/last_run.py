"""How the last run of a job and mode ended, as its record says it, and how one record follows another. Pure, but for `that_ends_now`.

What a run cannot know (it never came to look) is kept from the record before, so that a status during an outage still
says how much is in the archive.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.core.silence import is_late
from ifcbscan.core.states import BinState, Tone
from ifcbscan.errors import ExitCode

FORM = "%Y-%m-%dT%H:%M:%SZ"

#: Ended by somebody, so neither a success nor a failure.
_NO_RESULT = (ExitCode.INTERRUPTED, ExitCode.TERMINATED)

#: What is further ahead of now (seconds) was written by a clock that has been set back since: when it was, is not known.
_AHEAD = 120.0

#: A failure may end so many seconds after what caused it: a run tries again for minutes.
_LINGERS = 600.0

_EPOCH = datetime.datetime(1970, 1, 1)


class LastRun(NamedTuple):
    """How a run ended. All times: this computer's, ISO 8601 in UTC. `bins`: how many are in each state.

    `bins`, `attention` (bins that need a person) and `newest` (pid of the newest complete bin here) are those of the last
    run that has counted them; `instrument`: what the last full run has seen of its sensors and its disk, in lines.
    `log_trouble`: why the log of this run could not be written, "" where it could. `succeeding_since`: when the first of the
    successes came that followed each other up to `last_success`, all of which have asked the archive; None if that one has not.
    `failed_with`: the exit code of the last failure before those successes, None if there was none, or it is not known.
    `reason`: why the exit code is not 0, where the summary is counts. `waits`: of bins that wait for tomorrow (MAX_DAILY).
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
    succeeding_since: str | None = None
    reason: str = ""
    waits: str = ""
    failed_with: int | None = None

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
    def ended(self) -> float:
        """When it finished, seconds since 1970."""
        return seconds(self.finished)

    @property
    def newest_bin(self) -> Pid | None:
        """The newest complete bin, as far as it is known and is one."""
        return parse_pid(self.newest) if self.newest else None

    def after(self, before: LastRun | None, other: LastRun | None = None) -> LastRun:
        """This record with what only the earlier one, `before`, can know. `other`: the record of the job's other kind of run.

        A run that somebody has ended tells nothing: what the one before it said stays, and so does its age.
        """
        if self.exit_code in _NO_RESULT and before is not None:
            return before
        before = None if before is None else before.known_at(self.ended)
        made = self._counted_with(before)
        if self.exit_code == ExitCode.DONE:
            unbroken = before.succeeding_since if before is not None and not before.failed else None
            since = (unbroken or self.finished) if has_looked(self.bins) else None
            failed_with = None
            if before is not None:
                failed_with = before.exit_code if before.failed else before.failed_with
            return made._replace(
                last_success=self.finished,
                failing_since=None,
                succeeding_since=since,
                failed_with=failed_with,
            )
        if before is not None:
            made = made._replace(last_success=before.last_success, succeeding_since=before.succeeding_since)
        if not self.failed:
            return made
        # An old failure that was over lends its beginning to no new one.
        lasts = before is not None and before.failed and not is_over(before, other)
        since = before.failing_since if before is not None and lasts else None
        return made._replace(failing_since=since or self.finished)

    def known_at(self, now: float) -> LastRun:
        """This record without the moments that lie in the future of `now` (seconds since 1970): the clock was set back."""

        def believed(moment: str | None) -> str | None:
            return None if moment is None or is_ahead(seconds(moment), now) else moment

        return self._replace(
            last_success=believed(self.last_success),
            failing_since=believed(self.failing_since),
            succeeding_since=believed(self.succeeding_since),
        )

    def _counted_with(self, before: LastRun | None) -> LastRun:
        # Where nothing can be seen, nothing is counted: that no bin waits in an empty folder would be no news.
        blind = bool(self.silence) and not is_late(self.silence) and not any(self.bins.values())
        made = self._replace(bins={}) if blind else self
        if before is None:
            return made
        if not made.bins:
            made = made._replace(
                bins=before.bins,
                attention=self.attention or before.attention,
                instrument=self.instrument or before.instrument,
            )
        return made._replace(newest=made.newest or before.newest)


def is_over(run: LastRun, other: LastRun | None) -> bool:
    """Whether the failure of `run` is over, as the job's other kind of run shows that has not failed since.

    Only if that one failed, too, in the same way, and its present successes began after the failure: then both met the same,
    such as an outage or a broken settings file. If it succeeded right through, the failure is one that it never meets, and
    lasts; so does what a run has met among its own bins and folders, of which the other kind sees others.
    """
    if run.silence:
        return is_silence_over(run, other)
    if other is None or other.last_success is None or other.succeeding_since is None:
        return False
    if run.exit_code == ExitCode.PARTLY_FAILED and not run.log_trouble:
        return False
    if other.failed_with not in (None, run.exit_code):
        return False
    return other.last_success > run.finished and seconds(other.succeeding_since) > run.ended - _LINGERS


def is_silence_over(run: LastRun, other: LastRun | None) -> bool:
    """Whether the silence that `run` told of is over, as the job's other kind of run has seen since."""
    if other is None or other.silence or other.last_success is None or other.last_success <= run.finished:
        return False
    if not is_late(run.silence):
        return any(other.bins.values()) and has_looked(other.bins)
    # A run that sees the last days only does not know whether a bin is late, unless it has seen a newer one.
    seen, known = other.newest_bin, run.newest_bin
    return seen is not None and (known is None or seen.sample_time > known.sample_time)


def is_ahead(moment: float, now: float) -> bool:
    """Whether a moment lies in the future, so that it cannot be believed."""
    return moment > now + _AHEAD


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
