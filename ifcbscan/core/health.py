"""How a scheduled job is: one light, and the words for it, from its last runs and its schedule. Pure.

`status`, its exit code and the index of the pages take their verdict from here, so that they say the same. Silence is never
a reason for a green light: a job of which nothing is known is told as that.
"""

from __future__ import annotations

import enum
from typing import Iterable, NamedTuple, Sequence

from ifcbscan.core.last_run import LastRun, is_ahead, is_over, is_silence_over, safe_of, seconds, waiting_of
from ifcbscan.core.silence import is_late
from ifcbscan.core.states import Tone
from ifcbscan.core.words import counted, human_duration
from ifcbscan.errors import ExitCode

#: Seconds after which the every-minute scan should have ended again, even a slow one.
OVERDUE_AFTER = 15 * 60.0

#: Seconds after which the hourly scan should have ended again. The first one of years of data may take hours, and one that is
#: under way is never overdue.
FULL_OVERDUE_AFTER = 3 * 3600.0

#: Where a scan has ended within so many seconds, something starts them.
STARTED_WITHIN = 600.0

#: An archive that cannot be reached for less than so many seconds is no matter for a person.
SHORT_OUTAGE = 3600.0

#: The log of a job gets a line every hour at least (state/log_memory.py); one that is older than so many seconds stands still.
LOG_STANDS_STILL = 2 * 3600.0


class Light(enum.Enum):
    """The state of a job, worst first. The values are the words that people read."""

    OVERDUE = "OVERDUE"  # whatever the last run said, it is long ago; or a new bin is
    FAILING = "FAILING"  # the last run failed, and the next one will, too
    SILENT = "SILENT"  # no bin at all, or the disk is not mounted
    INCOMPLETE = "INCOMPLETE"  # an entry of the schedule is missing
    NEEDS_YOU = "NEEDS YOU"
    NOT_KNOWN = "not known"  # a job of another user, whose records cannot be read
    UNREACHABLE = "unreachable"
    ON_ITS_WAY = "on its way"
    OK = "ok"

    @property
    def tone(self) -> Tone:
        """The colour in which it is shown: of three stages, and none where nothing is known."""
        return _TONES.get(self, Tone.NEEDS_A_PERSON)

    @property
    def needs_attention(self) -> bool:
        """Whether a person has to act."""
        return self.tone is Tone.NEEDS_A_PERSON


_TONES = {
    Light.NOT_KNOWN: Tone.NEUTRAL,
    Light.UNREACHABLE: Tone.ON_ITS_WAY,
    Light.ON_ITS_WAY: Tone.ON_ITS_WAY,
    Light.OK: Tone.GOOD,
}

_WORST_FIRST = {light: number for number, light in enumerate(Light)}


class KnownJob(NamedTuple):
    """What is known of a job. `installed`: when that was, seconds since 1970, None if it is not known.

    `recent`, `full`: whether the two entries are in the schedule; `rivals`: how many other jobs send some of the same bins.
    `foreign`: a job of another user, of which only the age of the log in seconds may be known (`log_age`).
    `not_started`: what sh has written into the log since the last run ended, because ifcbscan could not be started;
    `dashboard`: what is wrong with the time series on the dashboard; `full_under_way`: whether an hourly scan runs at this
    moment; `scheduler_down`: why nothing is started by itself at present; `records_trouble`: why no run can leave a record. "" where
    all is well.
    """

    last_recent: LastRun | None
    last_full: LastRun | None
    installed: float | None
    recent: bool = True
    full: bool = True
    rivals: int = 0
    foreign: bool = False
    log_age: float | None = None
    not_started: str = ""
    dashboard: str = ""
    full_under_way: bool = False
    scheduler_down: str = ""
    records_trouble: str = ""

    def known_at(self, now: float) -> KnownJob:
        """What can be believed at `now` (seconds since 1970): no moment of the future, so that none makes anything younger."""
        ahead = self.installed is not None and is_ahead(self.installed, now)
        return self._replace(
            last_recent=None if self.last_recent is None else self.last_recent.known_at(now),
            last_full=None if self.last_full is None else self.last_full.known_at(now),
            installed=None if ahead else self.installed,
        )

    def end_of(self, run: LastRun) -> str | None:
        """Since when the failure of one of the two runs is over, as records write it; None if it lasts."""
        other = self.last_full if run is self.last_recent else self.last_recent
        if other is None or not is_over(run, other):
            return None
        return max(run.finished, other.succeeding_since or other.finished)

    @property
    def last(self) -> LastRun | None:
        """The run of either kind that ended last."""
        found = [run for run in (self.last_recent, self.last_full) if run is not None]
        return max(found, key=lambda run: run.finished, default=None)

    @property
    def last_success(self) -> str | None:
        """When a run of either kind last succeeded, as records write it."""
        found = [run.last_success for run in (self.last_recent, self.last_full) if run is not None]
        return max((moment for moment in found if moment), default=None)

    @property
    def in_archive(self) -> int | None:
        """How many bins are in the archive, at the last full scan; None if that is not known."""
        run = self._counted
        return None if run is None else safe_of(run.bins)

    @property
    def waiting(self) -> int | None:
        """How many bins are on their way, as the newest run says; None if that is not known."""
        found = [run for run in (self.last_recent, self.last_full) if run is not None and run.bins]
        newest = max(found, key=lambda run: run.finished, default=None)
        return None if newest is None else waiting_of(newest.bins)

    @property
    def attention(self) -> int:
        """How many bins need a person. A full scan sees all of them, a recent one is newer."""
        return max(run.attention if run is not None else 0 for run in (self.last_recent, self.last_full))

    @property
    def newest_bin(self) -> str | None:
        """The pid of the newest complete bin here."""
        bins = [run.newest_bin for run in (self.last_recent, self.last_full) if run is not None]
        return max((pid for pid in bins if pid), key=lambda pid: pid.sample_time, default=None)

    @property
    def newest_sampled(self) -> int | None:
        """When the newest bin was sampled, seconds since 1970."""
        bins = [run.newest_bin for run in (self.last_recent, self.last_full) if run is not None]
        return max((pid.sample_time for pid in bins if pid), default=None)

    @property
    def failing(self) -> Sequence[LastRun]:
        """The runs whose failure lasts, the newest first.

        That of one kind of run may be over when the other kind succeeds: a settings file that was put right must not leave a
        red light until the next full hour. When that is so, core/last_run.py says.
        """
        runs = [run for run in (self.last_recent, self.last_full) if run is not None]
        found = [run for run in runs if run.failed and self.end_of(run) is None]
        return sorted(found, key=lambda run: run.finished, reverse=True)

    @property
    def silence(self) -> str:
        """Why the folder is silent, as the last run says that could know; "" if it is not."""
        pairs = (self.last_recent, self.last_full), (self.last_full, self.last_recent)
        for run, other in pairs:
            if run is not None and run.silence and not is_silence_over(run, other):
                return run.silence
        return ""

    @property
    def _counted(self) -> LastRun | None:
        # The full scan sees every bin; the recent one only the last days, but it is newer.
        for run in (self.last_full, self.last_recent):
            if run is not None and run.bins:
                return run
        return None


class Health(NamedTuple):
    """A light, and why it is not green: words for one line, "" where there is nothing to say."""

    light: Light
    words: str = ""


def health_of(job: KnownJob, now: float) -> Health:
    """How a job is at the time `now` (seconds since 1970)."""
    return min(
        _found(job.known_at(now), now),
        key=lambda health: _WORST_FIRST[health.light],
        default=Health(Light.OK),
    )


def overdue(job: KnownJob, now: float) -> str:
    """Why the every-minute scan is overdue, in words; "" if it is not. Counted from when the job was installed, if it has
    not run since."""
    if not job.recent or job.foreign:
        return ""
    full = None if job.last_full is None else _ended(job.last_full, now)
    return _late(job, job.last_recent, full, now, (OVERDUE_AFTER, "it should run every minute"))


def overdue_full(job: KnownJob, now: float) -> str:
    """Why the hourly scan is overdue, in words; "" if it is not. As above. One that is under way is not."""
    if not job.full or job.foreign or job.full_under_way:
        return ""
    # Where it is not known when the job was installed, it was before all that is known of the other kind of run.
    recent = job.last_recent
    moments = () if recent is None else (recent.succeeding_since, recent.failing_since, recent.finished)
    known = [seconds(moment) for moment in moments if moment and not is_ahead(seconds(moment), now)]
    first = min(known, default=None)
    if first is None and job.installed is None and job.last_full is None:
        return ""  # the every-minute scan is overdue
    return _late(
        job, job.last_full, first, now, (FULL_OVERDUE_AFTER, "the hourly scan should look at everything")
    )


def _late(job: KnownJob, run: LastRun | None, other: float | None, now: float, due: tuple[float, str]) -> str:
    # `due`: after how many seconds, and the beginning of the words.
    patience, words = due
    ended = None if run is None else _ended(run, now)
    known = [moment for moment in (ended, job.installed) if moment is not None]
    if not known and other is not None:
        known = [other]
    since = max(known, default=None)
    if since is not None and now - since <= patience:
        return ""
    if since is None or since not in (ended, job.installed):
        of_future = "its last record is of the future: was the clock set back?"
        return f"{words}, and {'no scan has left a record' if run is None else of_future}"
    if since == ended:
        return f"{words}, and has not for {human_duration(now - since)}"
    return f"{words}, and has not run since it was installed {human_duration(now - since)} ago"


def _ended(run: LastRun, now: float) -> float | None:
    return None if is_ahead(run.ended, now) else run.ended


def outage(run: LastRun, now: float) -> str:
    """The one line for an archive that cannot be reached: since when, and the last success of this kind of run."""
    since, last_success = run.failing_since or run.finished, run.last_success
    line = f"the archive could not be reached since {_clock(since, now)} UTC ({human_duration(now - seconds(since))})"
    return line + ("" if last_success is None else f"; last success {_clock(last_success, now)}")


def past_outage(run: LastRun, end: str, now: float) -> str:
    """The same for one that ended: at `end`, as records write it."""
    since = run.failing_since or run.finished
    return f"the archive could not be reached from {_clock(since, now)} to {_clock(end, now)} UTC, and can be again"


def reason_of(run: LastRun) -> str:
    """Why a run failed, in words for one line."""
    partly = run.exit_code == ExitCode.PARTLY_FAILED
    return (run.silence or run.log_trouble or run.reason or run.summary) if partly else run.summary


def summary(lights: Iterable[Light]) -> str:
    """The last line of a table of jobs: `12 jobs: 10 ok, 1 on its way, 1 needs you`."""
    lights = list(lights)
    tones = [light.tone for light in lights]
    red = tones.count(Tone.NEEDS_A_PERSON)
    parts = [
        f"{count} {words}"
        for count, words in (
            (tones.count(Tone.GOOD), "ok"),
            (tones.count(Tone.ON_ITS_WAY), "on its way"),
            (red, "needs you" if red == 1 else "need you"),
            (tones.count(Tone.NEUTRAL), "not known"),
        )
        if count
    ]
    return f"{counted(len(lights), 'job')}: {', '.join(parts)}"


def sort_key(light: Light) -> int:
    """Sorts jobs worst first."""
    return _WORST_FIRST[light]


def _found(job: KnownJob, now: float) -> Iterable[Health]:
    """Everything that is to be said of the job."""
    if job.foreign:
        yield _of_foreign(job)
        return
    yield from _of_scans(job, now)
    if job.silence:
        yield _of_silence(job.silence)
    if job.attention:
        verb = "needs" if job.attention == 1 else "need"
        yield Health(Light.NEEDS_YOU, f"{counted(job.attention, 'bin')} {verb} you")
    if job.dashboard:
        yield Health(Light.NEEDS_YOU, job.dashboard)
    if job.last is None:
        yield Health(Light.ON_ITS_WAY, "it has not run yet")
    elif job.last_success is None and not job.failing:  # as when the computer was shut down
        yield Health(Light.ON_ITS_WAY, "no scan has come to its end yet")
    elif job.waiting:
        yield Health(Light.ON_ITS_WAY, f"{counted(job.waiting, 'bin')} on the way")


def _of_scans(job: KnownJob, now: float) -> Iterable[Health]:
    """What is to be said of the schedule, and of how the runs ended."""
    if job.not_started:
        yield Health(Light.FAILING, job.not_started)
    for run in job.failing:
        yield _of_failure(run, now)
    if _is_down(job, now):
        yield Health(Light.NEEDS_YOU, job.scheduler_down)
    else:  # which is why
        yield from (
            Health(Light.OVERDUE, late) for late in (overdue(job, now), overdue_full(job, now)) if late
        )
    if not (job.recent and job.full):
        missing = "hourly" if job.recent else "every-minute"
        yield Health(Light.INCOMPLETE, f"the {missing} entry of the schedule is missing")
    if job.records_trouble:
        yield Health(Light.NEEDS_YOU, job.records_trouble)
    if job.rivals:
        yield Health(Light.NEEDS_YOU, "some of its bins are also sent to another time series")


def _is_down(job: KnownJob, now: float) -> bool:
    # Some systems start what stands in crontabs without a process of cron's name: a scan that has just run shows it.
    ended = None if job.last_recent is None else _ended(job.last_recent, now)
    last = max((moment for moment in (ended, job.installed) if moment is not None), default=0.0)
    return bool(job.scheduler_down) and now - last > STARTED_WITHIN


def _of_failure(run: LastRun, now: float) -> Health:
    if run.exit_code == ExitCode.UNREACHABLE:
        short = now - seconds(run.failing_since or run.finished) < SHORT_OUTAGE
        return Health(Light.UNREACHABLE if short else Light.FAILING, outage(run, now))
    if run.silence and run.exit_code == ExitCode.PARTLY_FAILED:
        return _of_silence(run.silence)
    if run.log_trouble and run.exit_code == ExitCode.PARTLY_FAILED:
        return Health(Light.NEEDS_YOU, run.log_trouble)
    return Health(Light.FAILING, reason_of(run))


def _of_silence(words: str) -> Health:
    # An instrument of which a new bin is expected is late as a scan is.
    return Health(Light.OVERDUE if is_late(words) else Light.SILENT, words)


def _of_foreign(job: KnownJob) -> Health:
    if job.log_age is not None and job.log_age > LOG_STANDS_STILL:
        return Health(
            Light.OVERDUE,
            f"its log has had no new line for {human_duration(job.log_age)}, and a scan writes one every hour",
        )
    return Health(Light.NOT_KNOWN, "its records belong to another user")


def _clock(moment: str, now: float) -> str:
    """`14:01` if it was in the last 12 hours, else with the day: of a moment as records write it."""
    near = -60 < now - seconds(moment) < 12 * 3600
    return moment[11:16] if near else f"{moment[:10]} {moment[11:16]}"
