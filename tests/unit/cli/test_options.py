"""From a command line to the record of its command: what was given, what was not, and what cannot be."""

from __future__ import annotations

import math
import shlex
from typing import Any

import pytest

from ifcbscan.cli import main
from ifcbscan.cli.more_options import (
    CheckArguments,
    DemoArguments,
    ListArguments,
    ReportArguments,
    SetupArguments,
    StartArguments,
    StatusArguments,
    StopArguments,
    VerifyArguments,
)
from ifcbscan.cli.options import JobArguments, OutputArguments, ScanArguments, parse
from ifcbscan.core.part import Part
from ifcbscan.core.timetable import parse_timetable
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.errors import ConfigError, UsageError

JOB = JobArguments("/data", "nauset", None)
NO_JOB = JobArguments(None, None, None)


def read(line: str) -> object:
    words = parse(shlex.split(line))
    return main.COMMANDS[words.command].arguments(words)


LINES = {
    "--once": ScanArguments(NO_JOB),
    "once /data nauset --json -v": ScanArguments(JOB, OutputArguments(as_json=True, verbose=True)),
    "/data --once --max-age 3d nauset --quiet --log-file a.log": ScanArguments(
        JOB, OutputArguments(log_file="a.log", quiet=True), max_age=259200.0
    ),
    "sync /data --content --bandwidth 2M --max-daily off nauset": ScanArguments(
        JOB, by_hand=True, content=True, bandwidth=parse_timetable("2M", ""), max_daily=math.inf
    ),
    "--once --dry-run --force --replace --retry-rejected --no-integrity-check --exclude a --exclude b": ScanArguments(
        NO_JOB,
        dry_run=True,
        force=True,
        replace=True,
        retry_rejected=True,
        check_integrity=False,
        exclude=("a", "b"),
    ),
    "--once --env-file e --time-limit 5m --settle 0 --confirm 90 --jobs 7 --metrics-file m --ping u": ScanArguments(
        JobArguments(None, None, "e"),
        time_limit=300.0,
        settle=0.0,
        confirm=90.0,
        jobs=7,
        metrics_file="m",
        ping_url="u",
    ),
    "sync --metrics-dir d": ScanArguments(NO_JOB, by_hand=True, metrics_dir="d"),
    "verify /data nauset": VerifyArguments(
        JOB, OutputArguments(), (), None, None, 2, False, False, None, None, False
    ),
    "verify --deletable f --deletable-after 3d -0 --published --download --max-age 1w --settle 5 --exclude x": (
        VerifyArguments(NO_JOB, OutputArguments(), ("x",), 604800.0, 5.0, 2, True, True, "f", 259200.0, True)
    ),
    "verify --part 03/30": VerifyArguments(
        NO_JOB, OutputArguments(), (), None, None, 2, False, False, None, None, False, part=Part(3, 30)
    ),
    "start /data nauset": StartArguments(JOB, False, False, False, True, False),
    "start --force --restart --print --no-sync --system": StartArguments(
        NO_JOB, True, True, True, False, True
    ),
    "setup": SetupArguments(NO_JOB, None, None, None, EVERYTHING, False, False, False, False, False),
    "setup /data nauset --account a --key-id k --secret-file f --since 2026-06-01 --force --no-start": SetupArguments(
        JOB, "a", "k", "f", Window(since=1780272000.0), True, False, True, True, False
    ),
    "setup --yes --print-template": SetupArguments(
        NO_JOB, None, None, None, EVERYTHING, False, True, True, False, True
    ),
    "stop nauset --system": StopArguments("nauset", True),
    "status --json": StatusArguments(True),
    "list --env-file e": ListArguments("e", False),
    "check /data nauset --write": CheckArguments(JOB, True),
    "check --cron": CheckArguments(NO_JOB, False, cron=True),
    "check --write-size 5M": CheckArguments(NO_JOB, True, 5_000_000),
    "check --bundle f": CheckArguments(NO_JOB, False, bundle="f"),
    "check --write-size 5M --bundle f": CheckArguments(NO_JOB, True, 5_000_000, bundle="f"),
    "report -o f --json --published --images --open --exclude x": ReportArguments(
        NO_JOB, ("x",), "f", True, True, True, True
    ),
    "report --all -o f --expect-every 2h": ReportArguments(
        NO_JOB, (), "f", False, False, False, False, all_jobs=True, expect_every=7200.0
    ),
    "demo": DemoArguments(),
}


@pytest.mark.parametrize("line", list(LINES))
def test_a_command_line_becomes_the_record_of_its_command(line: str) -> None:
    assert read(line) == LINES[line]


def test_every_command_of_the_parser_is_in_the_table_and_no_other() -> None:
    for command in main.COMMANDS:
        assert parse([command, "x"] if command == "stop" else [command]).command == command
    with pytest.raises(SystemExit):
        parse(["other"])
    assert {line.split()[0].replace("--", "") for line in LINES} - {"/data"} == set(main.COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        "verify --deletable",
        "verify --log-file",
        "verify --env-file",
        "--once --metrics-file",
        "--once --metrics-dir",
        "--once --log-file",
        "report -o",
        "check --bundle",
    ],
)
@pytest.mark.parametrize("name", ["", " "])
def test_a_file_without_a_name_is_a_mistake_and_not_the_same_as_none(
    line: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([*line.split(), name])
    assert ended.value.code == 2 and "the name of the file is empty" in capsys.readouterr().err


@pytest.mark.parametrize("after, seconds", [("0", 0.0), ("0.0", 0.0), ("24h", 86400.0), ("90s", 90.0)])
def test_an_age_has_a_unit_or_is_0(after: str, seconds: float) -> None:
    arguments: Any = read(f"verify --deletable f --deletable-after {after}")
    assert arguments.deletable_after == seconds


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("--once --jobs 0", UsageError, "--jobs must be at least 1 and at most 64."),
        ("verify --jobs=-1", UsageError, "--jobs must be at least 1 and at most 64."),
        ("verify -0", UsageError, "-0 goes with --deletable FILE."),
        (
            "report --all -o f --until 2026-01-01",
            UsageError,
            "--all is about every scheduled job, each with its own folder, settings and window, so --until does not go with it."
            " Nothing was done.",
        ),
        (
            "report --all",
            UsageError,
            "--all: where are the pages to be written? Please give -o FOLDER (or --json).",
        ),
        ("--once --jobs 65", UsageError, "--jobs must be at least 1 and at most 64."),
        (
            "verify --deletable f --deletable-after 24",
            ConfigError,
            "--deletable-after: '24' would be seconds; give a unit, such as 24h.",
        ),
        ("verify --deletable-after 1d", UsageError, "--deletable-after goes with --deletable FILE."),
        (
            "verify --deletable f --deletable-after never",
            ConfigError,
            "--deletable-after: 'never' is no duration",
        ),
        ("verify --part 31/30", UsageError, "--part: '31/30' names no part"),
        ("--once --settle x", ConfigError, "--settle: 'x' is no duration"),
        ("--once --confirm x", ConfigError, "--confirm: 'x' is no duration"),
        ("--once --max-age x", ConfigError, "--max-age: 'x' is no duration"),
        ("--once --time-limit x", ConfigError, "--time-limit: 'x' is no duration"),
        ("--once --bandwidth x", ConfigError, "--bandwidth: 'x' is no rate"),
    ],
)
def test_what_an_option_cannot_be_is_said_by_its_name(line: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        read(line)
    assert str(raised.value).startswith(words)


def test_a_scan_may_say_how_often_a_bin_is_expected_and_where_the_disk_is_mounted() -> None:
    arguments: Any = read("--once --expect-every 2h --mounted-at /mnt/ifcb")
    assert (arguments.expect_every, arguments.mounted_at) == (7200.0, "/mnt/ifcb")
    without: Any = read("sync")
    assert (without.expect_every, without.mounted_at) == (None, None)
    with pytest.raises(ConfigError, match="--expect-every: '2' would be seconds"):
        read("--once --expect-every 2")
