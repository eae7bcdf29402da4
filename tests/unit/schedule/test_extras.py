"""What a job was started with: written, read back, completed, refused."""

from __future__ import annotations

import dataclasses

import pytest

from ifcbscan.core.timetable import parse_timetable
from ifcbscan.errors import UsageError
from ifcbscan.schedule.extras import NO_EXTRAS, JobExtras, of_scan, read_extras
from ifcbscan.schedule.jobs import Mode, ScheduledJob, parse_command

pytestmark = pytest.mark.windows_core

ALL = JobExtras("/mnt/ifcb", "2h", "10d", "500K", "https://hc.example/{time_series}", "/metrics", "1G")


def make_job(extras: JobExtras = NO_EXTRAS) -> ScheduledJob:
    return ScheduledJob("/opt/python", "/etc/.env", "/mnt/ifcb/data", "nauset", "/log/a.log", extras=extras)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "extras", [ALL, JobExtras(bandwidth="08:00,200K 20:00,2M"), JobExtras(max_age="5d"), NO_EXTRAS]
)
def test_they_are_part_of_both_commands_and_read_back(mode: Mode, extras: JobExtras) -> None:
    entry = parse_command(make_job(extras).command(mode))
    assert entry is not None and entry.mode is mode
    # the age is that of the every-minute scan alone
    wanted = extras if mode is Mode.RECENT else extras._replace(max_age=None)
    assert entry.job == make_job(wanted)


def test_a_job_without_any_has_the_command_that_it_always_had() -> None:
    assert make_job().command(Mode.RECENT)[-7:] == [
        *("--max-age", "3d", "--time-limit", "5m"),
        *("--quiet", "--log-file", "/log/a.log"),
    ]


@pytest.mark.parametrize(
    "words, wanted",
    [
        (["--bandwidth=2M"], JobExtras(bandwidth="2M")),
        (["--band", "2M"], JobExtras(bandwidth="2M")),
        (["--bandwidth", "1M", "--bandwidth", "2M"], JobExtras(bandwidth="2M")),
        (["--expect", "2h", "--settle", "5"], JobExtras(expect_every="2h")),
        (["--metrics-file", "/a.prom"], NO_EXTRAS),
        (["--metrics-dir", "not/absolute"], NO_EXTRAS),
        (["--ping"], NO_EXTRAS),
        (["--e", "2h"], NO_EXTRAS),  # of several options: no scan takes it
    ],
)
def test_they_are_read_as_the_command_line_reads_them(words: list[str], wanted: JobExtras) -> None:
    entry = parse_command(make_job().command(Mode.FULL) + words)
    assert entry is not None
    assert (entry.job, entry.mode) == (make_job(wanted), Mode.FULL)
    assert read_extras(words) == wanted


@pytest.mark.parametrize("words", [["--max-age=9d"], ["--max-a", "9d"]])
def test_an_age_in_another_form_makes_an_every_minute_entry(words: list[str]) -> None:
    entry = parse_command(make_job().command(Mode.FULL) + words)
    assert entry is not None and entry.mode is Mode.RECENT
    assert entry.job.extras == JobExtras(max_age="9d")


def test_what_cannot_be_understood_hides_no_entry() -> None:
    entry = parse_command(make_job().command(Mode.RECENT) + ["--ping"])
    assert entry is not None and (entry.job, entry.mode) == (make_job(), Mode.RECENT)


@pytest.mark.parametrize("ends", ["||", "&&", "|", ";"])
def test_what_a_shell_does_after_the_scan_is_none_of_its_words(ends: str) -> None:
    assert of_scan(["--ping", "x", ends, "--max-age", "3d"]) == ["--ping", "x"]
    entry = parse_command(make_job().command(Mode.FULL) + [ends, "other", "--max-age", "3d", "--since", "?"])
    assert entry is not None and (entry.job, entry.mode) == (make_job(), Mode.FULL)


@pytest.mark.parametrize("value", ["", " ", "-x", "a\nb", "a\0b"])
@pytest.mark.parametrize("name", JobExtras._fields)
def test_what_no_schedule_can_hold_is_refused(name: str, value: str) -> None:
    option = "--" + name.replace("_", "-")
    with pytest.raises(UsageError) as refusal:
        make_job(JobExtras(**{name: value}))
    assert (
        str(refusal.value) == f"{option}: {value!r} cannot be written into a schedule. Nothing was installed."
    )


@pytest.mark.parametrize("name", ["mounted_at", "metrics_dir"])
def test_a_folder_needs_its_full_path(name: str) -> None:
    with pytest.raises(UsageError, match="is not an absolute path. Nothing was installed."):
        make_job(JobExtras(**{name: "here"}))
    assert make_job(JobExtras(**{name: "D:\\metrics"}))


def test_what_is_not_named_stays() -> None:
    assert JobExtras(bandwidth="1M").completed_by(ALL) == ALL._replace(bandwidth="1M")
    assert NO_EXTRAS.completed_by(ALL) == ALL


def test_only_what_is_named_can_contradict() -> None:
    assert JobExtras(bandwidth="1M").contradicts(ALL)
    assert JobExtras(bandwidth="1M").contradicts(NO_EXTRAS)
    assert not JobExtras(bandwidth="500K").contradicts(ALL)
    assert not NO_EXTRAS.contradicts(ALL)
    assert not JobExtras(mounted_at="/mnt/other").contradicts(ALL)


def test_they_are_shown_in_one_line_and_of_the_monitor_only_the_host() -> None:
    assert NO_EXTRAS.words() == ""
    assert ALL.words() == (
        "every minute bins up to 10d old; a new bin expected every 2h; at most 500K bytes a second; at most 1G bytes a day; "
        "a monitor at hc.example is told; metrics in /metrics; on the disk mounted at /mnt/ifcb"
    )
    limits = JobExtras(bandwidth="08:00,200K 20:00,2M", max_daily="off")
    assert limits.words() == "bytes a second by the timetable 08:00,200K 20:00,2M; no limit of bytes a day"
    for url in ("nonsense", "http://[x"):
        assert JobExtras(ping=url).words() == "a monitor at an address without a host is told"


def test_two_jobs_that_differ_in_them_are_one_job_with_two_texts() -> None:
    one, other = make_job(), make_job(ALL)
    assert one.id == other.id and one != other
    assert dataclasses.replace(other, extras=NO_EXTRAS) == one


def test_the_command_line_of_a_scan_takes_them_as_they_are_meant() -> None:
    from ifcbscan.cli.options import parse, scan_arguments

    recent, full = (scan_arguments(parse(command[3:])) for command in make_job(ALL).commands())
    assert (recent.max_age, full.max_age) == (864000.0, None)
    for arguments in recent, full:
        assert (arguments.expect_every, arguments.mounted_at) == (7200.0, "/mnt/ifcb")
        assert (arguments.bandwidth, arguments.ping_url) == (parse_timetable("500K", ""), ALL.ping)
        assert (arguments.metrics_dir, arguments.max_daily) == ("/metrics", 1e9)
