"""The light of a job: green only where something says so, red only where a person has to act."""

from __future__ import annotations

import time

import pytest

from ifcbscan.core.health import (
    Health,
    KnownJob,
    Light,
    health_of,
    overdue,
    overdue_full,
    past_outage,
    sort_key,
    summary,
)
from ifcbscan.core.last_run import FORM, LastRun
from ifcbscan.core.states import Tone

NOW = 1780411680.0  # 2026-06-02T14:48:00Z
GOOD = {"synced": 20}


def at(minutes_ago: float) -> str:
    return time.strftime(FORM, time.gmtime(NOW - 60 * minutes_ago))


def run(minutes_ago: float, exit_code: int = 0, since: float | None = None, **fields: object) -> LastRun:
    """A run that ended so many minutes ago; it fails since `since` minutes ago."""
    made = LastRun(at(minutes_ago), exit_code, "the reason", GOOD)
    made = made.after(None) if since is None else made._replace(failing_since=at(since))
    return made._replace(**fields)  # type: ignore[arg-type]


def job(minutely: LastRun | None = None, hourly: LastRun | None = None, **fields: object) -> KnownJob:
    return KnownJob(minutely, hourly, NOW - 86400)._replace(**fields)  # type: ignore[arg-type]


WELL = job(run(1), run(40))

#: The every-minute scan, which succeeds for ten hours.
LONG_WELL = run(1, succeeding_since=at(600))

OLD, NEW = "D20260601T000000_IFCB013", "D20260602T144000_IFCB013"


def test_a_job_that_runs_and_has_nothing_to_do_is_ok() -> None:
    assert health_of(WELL, NOW) == Health(Light.OK)


@pytest.mark.parametrize(
    "known, light, words",
    [
        (job(run(1, bins={"synced": 1, "to_upload": 2}), run(40)), Light.ON_ITS_WAY, "2 bins on the way"),
        # a bin that was being written at the full scan has come through since
        (job(run(1), run(40, bins={"settling": 1})), Light.OK, ""),
        (job(run(1), run(40, attention=1)), Light.NEEDS_YOU, "1 bin needs you"),
        (job(run(1, attention=2), run(40)), Light.NEEDS_YOU, "2 bins need you"),
        (
            job(run(1), run(40), rivals=1),
            Light.NEEDS_YOU,
            "some of its bins are also sent to another time series",
        ),
        (job(run(1), run(40), dashboard="it was renamed"), Light.NEEDS_YOU, "it was renamed"),
        (job(run(1), run(40), records_trouble="the disk is full"), Light.NEEDS_YOU, "the disk is full"),
        (
            job(run(1), run(40), not_started="it could not be started"),
            Light.FAILING,
            "it could not be started",
        ),
        (job(run(1), run(40), full=False), Light.INCOMPLETE, "the hourly entry of the schedule is missing"),
        (job(run(1, 2), run(40)), Light.FAILING, "the reason"),
        # the every-minute scan succeeded right through, so the failure is the hourly one's own
        (job(LONG_WELL, run(40, 1, since=100)), Light.FAILING, "the reason"),
        (job(LONG_WELL, run(40, 2)), Light.FAILING, "the reason"),
        (
            job(LONG_WELL, run(40, 5, since=100)),
            Light.FAILING,
            "the archive could not be reached since 13:08 UTC (100 min)",
        ),
        # both met it, twice, and it is mended
        (job(run(1), run(40, 1, since=100)), Light.OK, ""),
        (
            job(LONG_WELL, run(40, 3, reason="the disk is nearly full")),
            Light.FAILING,
            "the disk is nearly full",
        ),
        # that a run ended well which saw no complete bin, and so asked nothing, proves nothing
        (
            job(run(1, bins={"incomplete": 1, "outside": 9}, succeeding_since=None), run(40, 2)),
            Light.FAILING,
            "the reason",
        ),
        # what failed once is over when the other kind of run has succeeded since
        (job(run(1), run(40, 2)), Light.OK, ""),
        (job(run(1), run(40, 5, since=100)), Light.OK, ""),
        (
            job(run(1, bins=GOOD), run(200, 2)),
            Light.OVERDUE,
            "the hourly scan should look at everything, and has not for 3 h",
        ),
        (job(run(1, 3, silence="no new bin: x"), run(40)), Light.OVERDUE, "no new bin: x"),
        (job(run(1, bins={"incomplete": 1}), run(40, 3, silence="no bin")), Light.SILENT, "no bin"),
        (job(run(1), run(40, 3, silence="no bin")), Light.OK, ""),
        # a scan of the last days cannot know that a bin is late, unless it has seen a newer one
        (job(run(1), run(40, 3, silence="no new bin: x", newest=OLD)), Light.OVERDUE, "no new bin: x"),
        (
            job(run(1, newest=OLD), run(40, 3, silence="no new bin: x", newest=OLD)),
            Light.OVERDUE,
            "no new bin: x",
        ),
        (job(run(1, newest=NEW), run(40, 3, silence="no new bin: x", newest=OLD)), Light.OK, ""),
        (job(run(1, bins={}), run(40, 3, silence="no bin")), Light.SILENT, "no bin"),
        (job(run(1), run(40), scheduler_down="cron does not run"), Light.OK, ""),
        (job(run(11), run(40), scheduler_down="cron does not run"), Light.NEEDS_YOU, "cron does not run"),
        (job(run(60), run(90), scheduler_down="cron does not run"), Light.NEEDS_YOU, "cron does not run"),
        (job(run(1), run(40), records_trouble="no room"), Light.NEEDS_YOU, "no room"),
        (
            job(run(1), run(300)),
            Light.OVERDUE,
            "the hourly scan should look at everything, and has not for 5 h",
        ),
        (job(run(1), run(300), full_under_way=True), Light.OK, ""),
        (
            job(run(1)),
            Light.OVERDUE,
            "the hourly scan should look at everything, and has not run since it was installed 24 h ago",
        ),
        (
            job(LONG_WELL, installed=None),
            Light.OVERDUE,
            "the hourly scan should look at everything, and no scan has left a record",
        ),
        # the clock was set back: what was written before makes nothing green or younger
        (
            job(run(-200), run(40)),
            Light.OVERDUE,
            "it should run every minute, and has not run since it was installed 24 h ago",
        ),
        (
            job(run(-200), run(40), installed=None),
            Light.OVERDUE,
            "it should run every minute, and its last record is of the future: was the clock set back?",
        ),
        (
            job(run(-200), run(-100), installed=None),
            Light.OVERDUE,
            "it should run every minute, and its last record is of the future: was the clock set back?",
        ),
        (job(run(-200), run(40, 2), installed=NOW - 60), Light.FAILING, "the reason"),
        (
            job(run(1), run(-100), installed=NOW + 7200),
            Light.OK,
            "",
        ),
        (job(run(1, silence="no new bin: x"), run(40)), Light.OVERDUE, "no new bin: x"),
        (job(run(1, 3, log_trouble="the log is full"), run(40)), Light.NEEDS_YOU, "the log is full"),
        (
            job(run(60), run(40)),
            Light.OVERDUE,
            "it should run every minute, and has not for 60 min",
        ),
        # whatever it said then
        (job(run(60, 2), run(70)), Light.OVERDUE, "it should run every minute, and has not for 60 min"),
        (
            job(),
            Light.OVERDUE,
            "it should run every minute, and has not run since it was installed 24 h ago",
        ),
        (job(installed=None), Light.OVERDUE, "it should run every minute, and no scan has left a record"),
        (job(installed=NOW - 60), Light.ON_ITS_WAY, "it has not run yet"),
        (
            job(None, LastRun(at(1), 143, "interrupted", {}).after(None), installed=NOW - 120),
            Light.ON_ITS_WAY,
            "no scan has come to its end yet",
        ),
        (job(foreign=True), Light.NOT_KNOWN, "its records belong to another user"),
        (job(foreign=True, log_age=60.0), Light.NOT_KNOWN, "its records belong to another user"),
        (
            job(foreign=True, log_age=4 * 3600.0),
            Light.OVERDUE,
            "its log has had no new line for 4 h, and a scan writes one every hour",
        ),
    ],
)
def test_each_state_with_its_words(known: KnownJob, light: Light, words: str) -> None:
    assert health_of(known, NOW) == Health(light, words)


@pytest.mark.parametrize(
    "minutes, light, words",
    [
        (25, Light.UNREACHABLE, "since 14:23 UTC (25 min); last success 14:22"),
        (59, Light.UNREACHABLE, "since 13:49 UTC (59 min); last success 13:48"),
        (60, Light.FAILING, "since 13:48 UTC (60 min); last success 13:47"),
        (1500, Light.FAILING, "since 2026-06-01 13:48 UTC (25 h); last success 2026-06-01 13:47"),
    ],
)
def test_an_outage_needs_a_person_after_an_hour(minutes: float, light: Light, words: str) -> None:
    known = job(run(1, 5, since=minutes, last_success=at(minutes + 1)), run(40))
    assert health_of(known, NOW) == Health(light, f"the archive could not be reached {words}")


def test_an_outage_from_the_very_first_run_on_names_no_success() -> None:
    assert (
        health_of(job(run(1, 5, since=3), run(40)), NOW).words
        == "the archive could not be reached since 14:45 UTC (3 min)"
    )


@pytest.mark.parametrize(
    "known",
    [
        job(run(14)),
        job(run(5 * 1440), installed=NOW - 60),  # stopped long ago, and started again
        job(None, run(14), installed=None),
        job(run(-200), installed=NOW - 60),  # the clock was set back
        job(recent=False),
    ],
)
def test_a_scan_is_not_overdue_before_its_time(known: KnownJob) -> None:
    assert overdue(known, NOW) == ""


@pytest.mark.parametrize(
    "known",
    [
        job(run(1), run(179)),
        job(run(1), installed=NOW - 3 * 3600),
        job(run(1), installed=None),
        job(run(1), full=False),
        job(run(1), foreign=True),
        job(installed=None),
    ],
)
def test_the_hourly_scan_is_not_overdue_before_its_time(known: KnownJob) -> None:
    assert overdue_full(known, NOW) == ""


def test_an_outage_of_the_past_is_told_with_its_end() -> None:
    assert past_outage(run(40, 5, since=100), at(30), NOW) == (
        "the archive could not be reached from 13:08 to 14:18 UTC, and can be again"
    )


def test_the_three_stages_and_what_needs_a_person() -> None:
    needs = [light for light in Light if light.needs_attention]
    assert needs == [Light.OVERDUE, Light.FAILING, Light.SILENT, Light.INCOMPLETE, Light.NEEDS_YOU]
    assert [light.tone for light in list(Light)[5:]] == [
        Tone.NEUTRAL,
        Tone.ON_ITS_WAY,
        Tone.ON_ITS_WAY,
        Tone.GOOD,
    ]
    assert sorted(Light, key=sort_key) == list(Light)


@pytest.mark.parametrize(
    "lights, line",
    [
        ([Light.OK] * 10 + [Light.ON_ITS_WAY, Light.SILENT], "12 jobs: 10 ok, 1 on its way, 1 needs you"),
        ([Light.OK, Light.OK], "2 jobs: 2 ok"),
        ([Light.FAILING, Light.OVERDUE, Light.NOT_KNOWN], "3 jobs: 2 need you, 1 not known"),
    ],
)
def test_the_last_line_sums_up(lights: list[Light], line: str) -> None:
    assert summary(lights) == line


def test_what_is_known_of_both_kinds_of_run() -> None:
    old, new = "D20260601T000000_IFCB013", "D20260602T144000_IFCB013"
    known = job(run(1, newest=new, bins={"synced": 2}), run(40, newest=old))
    assert (known.newest_bin, known.in_archive, known.waiting) == (new, 20, 0)
    assert known.newest_sampled == NOW - 480
    assert known.last_success == at(1) and known.last == known.last_recent
    assert job(run(1)).in_archive == 20
    nothing = job()
    assert (nothing.newest_bin, nothing.in_archive, nothing.waiting, nothing.last_success) == (None,) * 4
    assert nothing.newest_sampled is None and nothing.failing == []


def test_what_the_hourly_scan_meets_among_its_own_folders_is_not_over_by_an_outage_of_the_other() -> None:
    unreadable = run(9, 3, since=9, reason="the folder /d/2024 cannot be read")
    before = run(10)
    blip = LastRun(at(8), 5, "no answer", {}).after(before, unreadable)
    after = LastRun(at(1), 0, "", GOOD).after(blip, unreadable)
    for minutely in (before, blip, after):
        assert health_of(job(minutely, unreadable), NOW) == Health(
            Light.FAILING, "the folder /d/2024 cannot be read"
        )


def test_what_ends_one_kind_of_failure_is_no_end_of_another() -> None:
    refused = run(9, 2, since=9, reason="")
    blip = LastRun(at(8), 5, "no answer", {}).after(run(10), refused)
    assert (
        health_of(job(LastRun(at(1), 0, "", GOOD).after(blip, refused), refused), NOW).light is Light.FAILING
    )
    same = LastRun(at(8), 2, "refused", {}).after(run(10), refused)
    assert health_of(job(LastRun(at(1), 0, "", GOOD).after(same, refused), refused), NOW).light is Light.OK
