"""The index over the pages of several jobs, and the page of a job that could not be looked at. As page.py in all else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from ifcbscan import __version__
from ifcbscan.core.archive_report import ArchiveReport, utc_text
from ifcbscan.core.archive_verdict import STAGES, Stage, Verdict, share_in_archive, verdict_on
from ifcbscan.core.words import counted, human_ago
from ifcbscan.html.calendars import CELL_CLASSES, STRIP_HEIGHT, Strip, strip
from ifcbscan.html.page import Banner, banner_of, environment


@dataclass(frozen=True)
class IndexedJob:
    """A job, the name of the file of its page, and its report; None where that could not be made, and `problem` says why.

    `schedule`: what `status` says of the job, "" if that is nothing, and `light` how grave that is; `gravity`: how grave
    `problem` is.
    """

    time_series: str
    directory: str
    page: str
    report: ArchiveReport | None
    problem: str = ""
    schedule: str = ""
    light: Stage = Stage.NEEDS_YOU
    gravity: Stage = Stage.NEEDS_YOU

    @property
    def verdict(self) -> Verdict:
        """The answer at a glance."""
        found = Verdict(self.gravity, self.problem) if self.report is None else verdict_on(self.report)
        if not self.schedule or STAGES.index(self.light) > STAGES.index(found.stage):
            return found
        if found.stage is not self.light:
            return Verdict(self.light, self.schedule, found.text)
        if self.light is not Stage.NEEDS_YOU:
            return found  # what waits, the page sees by itself
        return found._replace(more="; ".join(part for part in (found.more, self.schedule) if part))


@dataclass(frozen=True)
class _Row:
    """A job as it is drawn. `share` in per cent, with the sign."""

    job: IndexedJob
    banner: Banner
    share: str
    last_bin: str
    last_pid: str
    strip: Strip | None


def render_index(jobs: Sequence[IndexedJob], now: float) -> str:
    """The index, the worst job first. `now`: this computer's time (seconds since 1970). Raises UsageError without Jinja2."""
    ordered = sorted(jobs, key=lambda job: (STAGES.index(job.verdict.stage), job.time_series, job.directory))
    return (
        environment()
        .get_template("index.html")
        .render(
            version=__version__,
            made=utc_text(now),
            banner=banner_of(_of_all(ordered)),
            rows=[_row(job) for job in ordered],
            classes=CELL_CLASSES,
            strip_height=STRIP_HEIGHT,
        )
    )


def render_problem(job: IndexedJob, now: float) -> str:
    """The page of a job without a report: why there is none. `now` as above."""
    return (
        environment()
        .get_template("problem.html")
        .render(version=__version__, made=utc_text(now), job=job, banner=banner_of(job.verdict))
    )


def _of_all(jobs: Sequence[IndexedJob]) -> Verdict:
    if not jobs:
        return Verdict(
            Stage.NEEDS_YOU, "Nothing is scheduled for this user", "“ifcbscan start DIR TIME_SERIES” does it"
        )
    stages = [job.verdict.stage for job in jobs]
    parts = [f"{stages.count(stage):,} {_words(stage, stages.count(stage))}" for stage in reversed(STAGES)]
    parts = [part for part in parts if not part.startswith("0 ")]
    worst = next(stage for stage in STAGES if stage in stages)
    return Verdict(worst, f"{counted(len(jobs), 'job')}: {', '.join(parts)}")


def _words(stage: Stage, count: int) -> str:
    return "need you" if stage is Stage.NEEDS_YOU and count != 1 else stage.words


def _row(job: IndexedJob) -> _Row:
    banner = banner_of(job.verdict)
    if job.report is None:
        return _Row(job, banner, "not known", "not known", "", None)
    share = share_in_archive(job.report)
    newest = job.report.newest
    return _Row(
        job,
        banner,
        share if share == "–" else f"{share} %",
        human_ago(newest.age) if newest else "none",
        newest.pid if newest else "",
        strip(job.report),
    )
