"""Tables of the system: a line names an account before the command, and only those of ifcbscan count."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ifcbscan.cli.known_jobs import _is_this_user
from ifcbscan.schedule.crontab_text import entry_line, render_drop_in
from ifcbscan.schedule.jobs import Mode, ScheduledJob
from ifcbscan.schedule.system_tables import jobs_in, system_jobs

JOB = ScheduledJob("/opt/py 3/python", "/etc/x/.env", "/data/50% of it's", "nauset", "/var/log/nauset.log")
OTHER = replace(JOB, time_series="salt_pond")
THEIRS = b"""# /etc/crontab
SHELL=/bin/sh
17 * * * * root cd / && run-parts --report /etc/cron.hourly
@daily root 'a quote that does not end
25 6

"""


def test_the_jobs_of_a_table_are_found_with_their_accounts_among_other_lines() -> None:
    text = THEIRS + render_drop_in(JOB, "ifcb") + b"#" + entry_line(OTHER, Mode.FULL, "ifcb")
    text += render_drop_in(OTHER, "hab_lab")
    found = jobs_in(text, "/etc/crontab", 5.0)
    assert [(one.installed.job, one.user, one.table, one.changed) for one in found] == [
        (JOB, "ifcb", "/etc/crontab", 5.0),
        (OTHER, "hab_lab", "/etc/crontab", 5.0),
    ]
    assert all(one.installed.recent and one.installed.full and one.installed.up_to_date for one in found)


def test_a_line_that_somebody_has_edited_is_seen_as_such() -> None:
    edited = render_drop_in(JOB, "ifcb").replace(b"--time-limit 5m", b"--time-limit 9m")
    (found,) = jobs_in(edited, "t")
    assert found.installed.recent and found.installed.full and not found.installed.up_to_date
    (half,) = jobs_in(entry_line(JOB, Mode.FULL, "ifcb").replace(b"  ", b" "), "t")
    assert (half.installed.recent, half.installed.full) == (False, True)


def test_one_job_of_two_accounts_is_two() -> None:
    text = render_drop_in(JOB, "one") + render_drop_in(JOB, "two")
    assert [found.user for found in jobs_in(text, "t")] == ["one", "two"]


def test_a_line_longer_than_cron_takes_is_passed_over_at_once() -> None:
    text = b"* * * * * root " + b"\\'" * 500000 + b" --once /d n --env-file /e --log-file /l\n"
    began = time.process_time()
    assert [found.user for found in jobs_in(text + render_drop_in(JOB, "ifcb"), "t")] == ["ifcb"]
    assert time.process_time() - began < 0.5


def test_an_account_that_no_system_can_have_is_not_this_user() -> None:
    (found,) = jobs_in(render_drop_in(JOB, "if\0cb"), "t")
    assert found.user == "if\0cb" and not _is_this_user(found.user)


def test_a_nickname_of_a_time_is_a_time() -> None:
    line = entry_line(JOB, Mode.FULL, "ifcb").partition(b"ifcb ")[2]
    (found,) = jobs_in(b"@hourly ifcb " + line, "t")
    assert found.user == "ifcb" and not found.installed.up_to_date


def test_files_of_any_name_that_cron_reads_are_read_and_others_passed_over(tmp_path: Path) -> None:
    table, folder = tmp_path / "crontab", tmp_path / "cron.d"
    assert system_jobs(str(table), str(folder)) == []
    folder.mkdir()
    for name in ("lab-scans", "lab.bak", "lab~"):
        (folder / name).write_bytes(render_drop_in(JOB, "ifcb"))
    (folder / "folder").mkdir()
    table.write_bytes(THEIRS + render_drop_in(OTHER, "ifcb"))
    found = system_jobs(str(table), str(folder))
    assert [(one.installed.job, one.table) for one in found] == [
        (OTHER, str(table)),
        (JOB, str(folder / "lab-scans")),
    ]
    assert found[1].changed == pytest.approx((folder / "lab-scans").stat().st_mtime)
