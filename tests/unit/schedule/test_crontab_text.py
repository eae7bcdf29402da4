"""Crontabs: what ifcbscan adds runs as meant, and taking it out leaves the table byte for byte as it was."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ifcbscan.cli.targets import is_log
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import UsageError
from ifcbscan.schedule import crontab_text
from ifcbscan.schedule.crontab_text import jobs_in, with_job, with_trial, without_job, without_trial
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import Mode, ScheduledJob

pytestmark = pytest.mark.skipif(os.name != "posix", reason="cron is not for Windows")


def make_job(
    directory: str = "/data/ifcb", time_series: str = "nauset", log: str = "/log/a.log"
) -> ScheduledJob:
    return ScheduledJob("/opt/venv/bin/python", "/etc/ifcb/.env", directory, time_series, log)


NASTY = make_job(directory="/data/50% of 'it' \"all\"\\ \\\\ \\% $HOME `id` #1 \t é\udcff")

# ---- strategies ----------------------------------------------------------------------------------

_awkward = st.text("%'\"\\ $`#!&;|<>()[]{}*?~\t\r-aé", min_size=1, max_size=18).map(
    lambda text: text.encode()
)
_any_bytes = st.binary(min_size=1, max_size=38).filter(lambda raw: b"\n" not in raw and b"\0" not in raw)
paths = st.one_of(_awkward, _any_bytes).map(lambda raw: "/" + os.fsdecode(raw))
time_series_names = st.sampled_from(["nauset", "nauset2", "x", "_-once", "a" * 53, "nauset.2", "a..b"])
extras = st.sampled_from([JobExtras(), JobExtras("/mnt/a b", "2h", "10d", "1M", "http://x/50%", "/%m'")])
windows = st.sampled_from(
    [EVERYTHING, Window(since=1780272000.0), Window(until=0.0, instruments=frozenset([5, 13]))]
)
jobs = st.builds(
    ScheduledJob,
    paths,
    paths,
    paths,
    time_series_names,
    paths,
    single_file=st.none(),
    window=windows,
    extras=extras,
)


def _foreign(raw: bytes) -> bool:
    """No marker of a block, and no setting of a shell: those have tests of their own."""
    lines = [line.strip() for line in raw.split(b"\n")]
    return crontab_text.BEGIN not in lines and crontab_text.END not in lines and b"SHELL" not in raw


_lines = st.one_of(
    st.sampled_from(
        [
            b"",
            b"MAILTO=me@example.org",
            b"A = 1",
            b"SHELL=/bin/bash",
            b"# m h dom mon dow command",
            b"*/5 * * * * /usr/bin/true 100\\% > /dev/null",
            b"@reboot /usr/bin/true",
            b"0 3 * * * echo 'unended",
            b"not a crontab line at all\r",
            b"# BEGIN ifcbscan-like",
            b"# (there was no crontab before this block)",
        ]
    ),
    st.binary(max_size=20).filter(_foreign),
)
tables = st.one_of(
    st.none(),
    st.binary(max_size=60).filter(_foreign),
    st.lists(_lines, max_size=6).map(lambda lines: b"".join(line + b"\n" for line in lines)),
    st.lists(_lines, min_size=1, max_size=6).map(b"\n".join),
)

# ---- what is added can be taken out again ----------------------------------------------------------


@given(tables, jobs)
def test_adding_and_removing_a_job_restores_every_table_byte_for_byte(
    table: bytes | None, job: ScheduledJob
) -> None:
    assert without_job(with_job(table, job), job) == table


@given(tables, st.one_of(st.none(), jobs), st.sampled_from(["/s/cron-check.sh", "/50% of 'it' \\\\/x"]))
def test_a_trial_line_leaves_every_table_as_it_was(
    text: bytes | None, job: ScheduledJob | None, path: str
) -> None:
    before = text if job is None else with_job(text, job)
    during = with_trial(before, path)
    assert jobs_in(during) == jobs_in(before)
    assert without_trial(during, path) == before
    assert without_trial(with_trial(during, "/other"), "/other") == during  # two at once
    if job is not None:  # a trial that was killed does not keep a table from being as it was
        assert without_job(during, job) == text
        assert with_job(during, job) == before


def test_a_trial_line_runs_its_script_as_long_as_it_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "50% of 'it'"
    folder.mkdir()
    script = folder / "s.sh"
    script.write_text(f"echo ran >>{shlex.quote(str(folder / 'log'))}\n", encoding="utf-8")
    table = with_trial(b"", str(script))
    (line,) = [line for line in table.splitlines() if not line.startswith(b"#")]
    command = os.fsdecode(line).replace("* * * * * ", "").replace("\\%", "%")
    for _ in range(2):
        assert subprocess.call(["/bin/sh", "-c", command]) == 0
        if script.exists():
            script.unlink()
    assert (folder / "log").read_text() == "ran\n"
    with pytest.raises(UsageError, match="too long for cron"):
        with_trial(b"", "/" + "x" * 500)
    with pytest.raises(UsageError, match="has a line end in it"):
        with_trial(b"", "/a\n* * * * * b")


@pytest.mark.parametrize(
    ("table", "before", "remembered"),
    [
        (None, b"", [crontab_text.WAS_ABSENT]),
        (b"", b"", []),
        (b"1 2 3 4 5 mine\n", b"1 2 3 4 5 mine\n", []),
        (b"1 2 3 4 5 mine\n\n", b"1 2 3 4 5 mine\n\n", []),
        (b"1 2 3 4 5 mine", b"1 2 3 4 5 mine\n", [crontab_text.WAS_UNENDED]),
    ],
)
def test_an_installed_table_is_the_one_before_and_then_the_block_with_nothing_between(
    table: bytes | None, before: bytes, remembered: list[bytes]
) -> None:
    job = make_job()
    entries = [crontab_text.entry_line(job, mode) for mode in Mode]
    block = [crontab_text.BEGIN + b"\n", crontab_text.ABOUT, *remembered, *entries, crontab_text.END + b"\n"]
    assert with_job(table, job) == before + b"".join(block)


@given(tables, st.lists(jobs, min_size=1, max_size=4), st.randoms())
def test_adding_jobs_and_removing_them_in_any_order_restores_every_table(
    table: bytes | None, some: list[ScheduledJob], random: object
) -> None:
    text = table
    for job in some:
        text = with_job(text, job)
    random.shuffle(some)  # type: ignore[attr-defined]
    for job in some:
        text = without_job(text, job)
    assert text == table


@given(tables, jobs, jobs)
def test_what_stands_outside_the_block_is_kept_by_every_change(
    table: bytes | None, first: ScheduledJob, second: ScheduledJob
) -> None:
    for text in (with_job(table, first), with_job(with_job(table, first), second)):
        assert text.startswith(table or b"")
        later = without_job(with_job(text + b"15 * * * * theirs\n", second), first)
        assert later is not None
        assert later.startswith(table or b"") and later.endswith(b"15 * * * * theirs\n")


@given(tables, jobs)
def test_adding_a_job_twice_changes_nothing_and_it_is_read_back_as_it_was(
    table: bytes | None, job: ScheduledJob
) -> None:
    once = with_job(table, job)
    assert once.endswith(b"\n"), "Debian's crontab refuses any other"
    assert with_job(once, job) == once
    (found,) = jobs_in(once)
    assert found.job == job
    assert (found.recent, found.full, found.up_to_date) == (True, True, True)


def test_no_crontab_and_an_empty_one_are_told_apart() -> None:
    job = make_job()
    assert without_job(with_job(None, job), job) is None
    assert without_job(with_job(b"", job), job) == b""


def test_where_there_was_no_crontab_somebodys_later_lines_stay() -> None:
    job = make_job()
    text = b"1 2 3 4 5 before\n" + with_job(None, job) + b"6 7 8 9 0 after\n"
    assert without_job(text, job) == b"1 2 3 4 5 before\n6 7 8 9 0 after\n"
    assert without_job(with_job(None, job) + b"6 7 8 9 0 after\n", job) == b"6 7 8 9 0 after\n"
    assert without_job(b"1 2 3 4 5 before\n" + with_job(None, job), job) == b"1 2 3 4 5 before\n"


def test_lines_added_behind_the_block_are_not_glued_to_an_unended_line_before_it() -> None:
    job = make_job()
    text = with_job(b"1 2 3 4 5 before", job) + b"6 7 8 9 0 after\n"
    assert without_job(text, job) == b"1 2 3 4 5 before\n6 7 8 9 0 after\n"


def test_a_job_of_the_same_directory_and_time_series_is_replaced_where_it_stands() -> None:
    old, other = make_job(log="/old.log"), make_job(time_series="other")
    text = with_job(with_job(None, old), other)
    new = make_job(log="/new.log")
    text = with_job(text, new)
    assert [found.job for found in jobs_in(text)] == [new, other]
    assert b"/old.log" not in text


def test_two_directories_and_two_time_series_are_jobs_of_their_own() -> None:
    some = [make_job(), make_job(directory="/data/ifcb2"), make_job(time_series="nauset2")]
    text: bytes | None = None
    for job in some:
        text = with_job(text, job)
    assert [found.job for found in jobs_in(text)] == some
    assert [found.job for found in jobs_in(without_job(text, some[1]))] == [some[0], some[2]]


def test_removing_a_job_that_is_not_there_changes_nothing() -> None:
    for text in (None, b"", b"x", with_job(b"y\n", make_job(time_series="other"))):
        assert without_job(text, make_job()) == text


# ---- what people have done to the block ----------------------------------------------------------


def test_lines_that_somebody_wrote_into_the_block_stay_also_after_the_last_job() -> None:
    job = make_job()
    text = with_job(b"a\n", job).replace(crontab_text.END, b"7 * * * * theirs\n# note\n" + crontab_text.END)
    assert [found.job for found in jobs_in(text)] == [job]
    left = without_job(text, job)
    assert left is not None
    assert b"7 * * * * theirs\n# note\n" in left
    assert b"--once" not in left


def test_an_entry_that_was_commented_out_counts_as_not_there() -> None:
    text = with_job(None, NASTY).replace(b"\n* * * * *", b"\n# * * * * *")
    (found,) = jobs_in(text)
    assert (found.recent, found.full, found.up_to_date) == (False, True, False)


@pytest.mark.parametrize(
    "before, after",
    [
        (b"--quiet", b"--exclude 'x y' --quiet"),
        (b"5m", b"9m"),
        (b"* * * * * ", b"*/2 * * * * "),
        (b"cd / &&", b""),
    ],
)
def test_an_edited_entry_is_recognised_told_and_replaced(before: bytes, after: bytes) -> None:
    text = with_job(b"a\n", NASTY)
    edited = text.replace(before, after)
    assert edited != text
    (found,) = jobs_in(edited)
    assert found.job == NASTY
    assert (found.recent, found.full, found.up_to_date) == (True, True, False)
    assert with_job(edited, NASTY) == text
    assert without_job(edited, NASTY) == b"a\n"


def test_an_entry_that_was_copied_counts_as_edited() -> None:
    text = with_job(None, make_job())
    line = next(line for line in text.splitlines(True) if line.startswith(b"* "))
    (found,) = jobs_in(text.replace(line, line * 2))
    assert not found.up_to_date


_BEGIN, _END = crontab_text.BEGIN + b"\n", crontab_text.END + b"\n"


@pytest.mark.parametrize(
    "text, numbers",
    [
        (b"a\n" + _BEGIN, ["line 2"]),
        (_END, ["line 1"]),
        (_END + _BEGIN, ["line 1", "line 2"]),
        (_BEGIN + _BEGIN + _END, ["line 1", "line 2", "line 3"]),
        (_BEGIN + _END + b"\n" + _BEGIN + _END, ["line 1", "line 2", "line 4", "line 5"]),
        (b"  " + crontab_text.BEGIN + b" \r\n", ["line 1"]),
    ],
)
def test_a_damaged_block_is_refused_with_its_lines_and_never_guessed(text: bytes, numbers: list[str]) -> None:
    for change in (
        lambda: with_job(text, make_job()),
        lambda: without_job(text, make_job()),
        lambda: jobs_in(text),
    ):
        with pytest.raises(UsageError) as refusal:
            change()
        for number in numbers:
            assert number + ":" in str(refusal.value)
        assert "not changed" in str(refusal.value)


# ---- the lines do what they should ---------------------------------------------------------------


def _through_cron(command: bytes, strips: bool, halves: bool) -> bytes:
    r"""What sh gets. All crons end a command at a `%`; Vixie's of 1993 leaves the backslash of `\%` (not
    `strips`), that of the BSDs and macOS also makes one of `\\` (`halves`), Debian's and cronie's do not."""
    out = bytearray()
    escaped = False
    for byte in command:
        char = bytes([byte])
        if escaped:
            if (char == b"%" and strips) or (char == b"\\" and halves):
                out.pop()
            escaped = False
        elif char == b"\\":
            escaped = True
        elif char == b"%":
            break
        out += char
    return bytes(out)


def _run(shell: str, command: bytes, out: Path) -> list[bytes]:
    subprocess.run(
        [shell, "-c", command], env={"ARGV_OUT": str(out)}, cwd=str(out.parent), check=True, timeout=30
    )
    return out.read_bytes().split(b"\0")[:-1]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    """A program in an awkward place that writes down what it was called with."""
    folder = Path(tempfile.mkdtemp(prefix="ifcbscan-cron-"))
    program = folder / "50% 'python' \"\\ é"
    program.write_text('#!/bin/sh\nprintf "%s\\0" "$0" "$@" >"$ARGV_OUT"\n', encoding="utf-8")
    program.chmod(0o755)
    yield str(program)
    shutil.rmtree(str(folder))


@pytest.mark.parametrize("strips, halves", [(True, False), (True, True), (False, False)])
@settings(max_examples=25, deadline=None)
@given(job=jobs)
@example(job=NASTY)
def test_what_sh_runs_after_crons_own_rule_is_the_exact_argument_vector(
    stand_in: str, strips: bool, halves: bool, job: ScheduledJob
) -> None:
    job = ScheduledJob(stand_in, job.env_file, job.directory, job.time_series, job.log_file)
    for line, vector in zip((crontab_text.entry_line(job, mode) for mode in Mode), job.commands()):
        assert line.endswith(b"\n") and line.count(b"\n") == 1
        command = line.rstrip(b"\n").split(None, 5)[5]
        seen = _run("/bin/sh", _through_cron(command, strips, halves), Path(stand_in).parent / "argv")
        assert seen == [os.fsencode(word) for word in vector]


@pytest.mark.parametrize("shell", ["sh", "dash", "bash", "zsh", "ksh", "mksh"])
def test_other_shells_of_the_family_read_a_line_the_same_way(stand_in: str, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    job = ScheduledJob(stand_in, NASTY.env_file, NASTY.directory, NASTY.time_series, NASTY.log_file)
    command = os.fsencode(crontab_text.command_line(job, Mode.RECENT))
    seen = _run(program, _through_cron(command, True, False), Path(stand_in).parent / "argv")
    assert seen == [os.fsencode(word) for word in job.command(Mode.RECENT)]


def test_the_entries_run_every_minute_and_once_an_hour() -> None:
    job = make_job()
    recent, full = (crontab_text.entry_line(job, mode).decode() for mode in Mode)
    fallback = (
        "r=$?; l=/log/a.log; /opt/venv/bin/python -m ifcbscan --version || "
        'tail -n 1 "$l" | grep "^$(date -u +\\%F).*not be started" || '
        "(umask 77; date -u +\\%FT\\%TZ' ERROR ifcbscan could not be started, so nothing is sent. Its Python or its package "
        'is gone or broken: docs/upgrading.md\' >>"$l"); exit $r;'
    )
    assert recent == (
        "* * * * * cd / && { /opt/venv/bin/python -m ifcbscan --once /data/ifcb nauset --env-file /etc/ifcb/.env "
        f"--max-age 3d --time-limit 5m --quiet --log-file /log/a.log || {{ {fallback} }}; }} >/dev/null 2>&1\n"
    )
    assert full == (
        f"{job.hourly_minute} * * * * cd / && {{ /opt/venv/bin/python -m ifcbscan --once /data/ifcb nauset "
        f"--env-file /etc/ifcb/.env --quiet --log-file /log/a.log || {{ {fallback} }}; }} >/dev/null 2>&1\n"
    )


def as_0_1_0_wrote(job: ScheduledJob) -> list[bytes]:
    """The two lines, without what is done where ifcbscan does not start."""
    return [
        b"* * * * * cd / && /opt/venv/bin/python -m ifcbscan --once /data/ifcb nauset --env-file /etc/ifcb/.env "
        b"--max-age 3d --time-limit 5m --quiet --log-file /log/a.log >/dev/null 2>&1\n",
        b"%d * * * * cd / && /opt/venv/bin/python -m ifcbscan --once /data/ifcb nauset --env-file /etc/ifcb/.env "
        b"--quiet --log-file /log/a.log >/dev/null 2>&1\n" % job.hourly_minute,
    ]


def test_entries_of_an_earlier_version_are_known_as_such_and_replaced() -> None:
    job = make_job()
    before = b"".join([_BEGIN, crontab_text.ABOUT, *as_0_1_0_wrote(job), _END])
    (found,) = jobs_in(before)
    assert (found.job, found.up_to_date, found.earlier) == (job, False, True)
    assert found.remark == (
        "installed by an earlier version; the same 'ifcbscan start' again brings it up to date"
    )
    now = with_job(before, job)
    assert [(one.job, one.up_to_date, one.remark) for one in jobs_in(now)] == [(job, True, "")]
    half = before.replace(as_0_1_0_wrote(job)[0], crontab_text.entry_line(job, Mode.RECENT))
    assert jobs_in(half)[0].earlier
    edited = before.replace(b"--quiet", b"--verbose")
    assert (jobs_in(edited)[0].earlier, jobs_in(edited)[0].remark) == (False, "somebody has edited it")
    assert without_job(before, job) == b""


def test_what_a_job_was_started_with_is_in_both_entries_and_read_back() -> None:
    extras = JobExtras(
        "/mnt/50% disk", "2h", "10d", "500K", "https://hc.example/{time_series}?a=%20", "/var/lib/it's"
    )
    job = replace(NASTY, extras=extras)
    text = with_job(None, job)
    assert [(found.job, found.up_to_date) for found in jobs_in(text)] == [(job, True)]
    recent, full = (line for line in text.splitlines() if b"--once" in line)
    assert b" --max-age 10d --time-limit 5m --mounted-at '/mnt/50'\\%' disk' --expect-every 2h" in recent
    assert b"--max-age" not in full and b" --expect-every 2h --bandwidth 500K --ping 'https://hc" in full
    assert with_job(text, job) == text


def test_a_timetable_is_one_word_to_the_shell_and_read_back() -> None:
    job = replace(make_job(), extras=JobExtras(bandwidth="Mon-08:00,200K 20:00,2M"))
    text = with_job(None, job)
    assert text.count(b" --bandwidth 'Mon-08:00,200K 20:00,2M' ") == 2
    assert [(found.job, found.up_to_date) for found in jobs_in(text)] == [(job, True)]


def test_a_job_without_room_for_more_is_written_as_before() -> None:
    """Better one that says nothing where Python does not start than none."""
    job = make_job(directory="/" + "a" * 700)
    for mode in Mode:
        assert crontab_text.command_line(job, mode).endswith("--quiet --log-file /log/a.log >/dev/null 2>&1")
    assert jobs_in(with_job(None, job))[0].up_to_date


# ---- where ifcbscan does not start -----------------------------------------------------------------

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
_NOT_STARTED = f"{_DAY} ERROR {re.escape(crontab_text.NOT_STARTED)}\n"


def _python(folder: Path, script: str) -> str:
    """A program that stands for Python; `script` is what it does."""
    program = folder / "python 50%'"
    program.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def _minute(job: ScheduledJob, strips: bool = True, shell: str = "/bin/sh") -> int:
    """What cron does in one minute; returns the exit code. Nothing may be printed."""
    command = _through_cron(os.fsencode(crontab_text.command_line(job, Mode.RECENT)), strips, False)
    done = subprocess.run([shell, "-c", command], capture_output=True, timeout=30, check=False)
    assert done.stdout + done.stderr == b""
    return done.returncode


@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize(
    "script, code", [(None, 127), ("echo 'No module named ifcbscan' >&2\nexit 1\n", 1), ("exit 2\n", 2)]
)
def test_a_program_that_does_not_start_is_told_in_the_log_once_a_day(
    tmp_path: Path, strips: bool, script: str | None, code: int
) -> None:
    """Python is gone, the package is gone, the single file is gone."""
    log = tmp_path / "a 50% 'log'\\"
    python = str(tmp_path / "gone") if script is None else _python(tmp_path, script)
    job = ScheduledJob(python, "/e", "/data", "nauset", str(log))
    for _ in range(3):
        assert _minute(job, strips) == code
    text = log.read_text(encoding="utf-8")
    assert re.fullmatch(_NOT_STARTED, text)
    assert log.stat().st_mode & 0o077 == 0
    # Another day, and after something else was said, it is said again.
    yesterday = re.sub("^[0-9]{4}", "2020", text)
    for before in (yesterday, text + "2026-01-01T00:00:00Z INFO scan\n"):
        log.write_text(before, encoding="utf-8")
        for _ in range(2):
            _minute(job, strips)
        assert re.fullmatch(re.escape(before) + _NOT_STARTED, log.read_text(encoding="utf-8"))


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "ksh", "mksh"])
def test_other_shells_of_the_family_tell_it_the_same_way(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} on this machine")
    log = tmp_path / "a 50% 'log'\\"
    job = ScheduledJob(str(tmp_path / "gone"), "/e", "/data", "nauset", str(log))
    for _ in range(2):
        assert _minute(job, shell=program) == 127
    assert re.fullmatch(_NOT_STARTED, log.read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 130, 143])
def test_a_scan_that_fails_is_not_taken_for_one_that_did_not_start(tmp_path: Path, code: int) -> None:
    log = tmp_path / "log"
    python = _python(tmp_path, f'case "$*" in "-m ifcbscan --version") exit 0 ;; esac\nexit {code}\n')
    assert _minute(ScheduledJob(python, "/e", "/data", "nauset", str(log))) == code
    assert not log.exists()


def test_where_the_log_cannot_be_written_either_nothing_is_printed(tmp_path: Path) -> None:
    job = ScheduledJob(str(tmp_path / "gone"), "/e", "/data", "nauset", str(tmp_path / "none" / "log"))
    assert _minute(job) == 127
    assert list(tmp_path.iterdir()) == []


def test_the_line_of_sh_is_one_of_a_log() -> None:
    assert is_log(f"2026-11-29T10:00:00Z ERROR {crontab_text.NOT_STARTED}\n".encode())


def test_a_command_that_cron_would_cut_off_is_refused() -> None:
    spare = crontab_text.LONGEST_COMMAND - len(
        b" ".join(as_0_1_0_wrote(make_job())[0].split(b" ")[5:]).rstrip()
    )
    spare += len("/data/ifcb") - len("/")
    longest = make_job(directory="/" + "a" * spare)
    assert len(crontab_text.command_line(longest, Mode.RECENT)) == crontab_text.LONGEST_COMMAND
    assert not crontab_text.has_fallback(longest, Mode.RECENT)
    assert all(crontab_text.has_fallback(make_job(), mode) for mode in Mode)
    with pytest.raises(UsageError, match="too long for cron"):
        with_job(None, make_job(directory="/" + "a" * (spare + 1)))


@pytest.mark.parametrize(
    "setting", [b"SHELL=/usr/bin/fish\n", b' SHELL = "/bin/tcsh" \n', b"SHELL=/bin/sh\nSHELL=csh\n"]
)
def test_a_crontab_that_asks_for_a_foreign_shell_is_refused(setting: bytes) -> None:
    with pytest.raises(UsageError, match="SHELL"):
        with_job(setting, make_job())


@pytest.mark.parametrize(
    "setting",
    [
        *(
            b"SHELL=/bin/%b\n" % shell
            for shell in (b"sh", b"ash", b"bash", b"busybox", b"dash", b"ksh", b"ksh93", b"mksh", b"zsh")
        ),
        b"SHELL=csh\nSHELL='/bin/sh'\n",
        b"# SHELL=/bin/tcsh\n",
    ],
)
def test_a_crontab_that_asks_for_a_shell_of_the_family_is_fine(setting: bytes) -> None:
    assert jobs_in(with_job(setting, make_job()))


def test_a_shell_set_behind_the_block_does_not_matter() -> None:
    text = with_job(b"a\n", make_job()) + b"SHELL=/bin/tcsh\n"
    assert len(jobs_in(with_job(text, make_job(time_series="other")))) == 2
