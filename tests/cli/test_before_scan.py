"""What breaks before a scan can begin is told to whoever watches the job: `status`, the log, the monitor, the metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.monitor import Monitor
from support.operator import EVERY_MINUTE, HOURLY, Operator, run_as_cron
from support.runs import rewrite_env

from ifcbscan.demo.sample_bins import write_bin

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20130526T095207_IFCB013"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as running:
        yield running


@pytest.fixture
def data(operator: Operator) -> Path:
    """A scheduled folder with one bin, of which both scans have been done."""
    folder = operator.folder / "data"
    write_bin(folder, PID, mtime=1.0)
    operator.schedule(folder)
    for command in commands(operator):
        assert run_as_cron(command, operator.home) == 0
    return folder


def commands(operator: Operator) -> list[str]:
    """The hourly one, then that of every minute."""
    return [*operator.crontab.commands(HOURLY), *operator.crontab.commands(EVERY_MINUTE)]


def log_of(operator: Operator) -> list[str]:
    """The lines of the log, without times."""
    path = operator.home / ".local" / "state" / "ifcbscan" / "nauset.log"
    return [line.partition(" ")[2] for line in path.read_text(encoding="utf-8").splitlines()]


def gone(env_file: Path, _data: Path) -> str:
    env_file.unlink()
    return f"--env-file: there is no file {env_file}. Nothing was sent. Correct the path, or let 'ifcbscan setup' with that --env-file make it."


def bad_line(env_file: Path, _data: Path) -> str:
    lines = len(env_file.read_text(encoding="utf-8").splitlines())
    with env_file.open("a", encoding="utf-8") as file:
        file.write("what is this\n")
    return (
        f"{env_file}, line {lines + 1}, cannot be understood (no NAME=VALUE, or a quotation mark that does not end?). "
        "Nothing was sent."
    )


def missing_key(env_file: Path, _data: Path) -> str:
    rewrite_env(env_file, AWS_ACCESS_KEY_ID=None)
    return (
        f"{env_file} does not set AWS_ACCESS_KEY_ID. Nothing was sent. Add it, or let 'ifcbscan setup' ask; your account name and keys come "
        "from the people who run the dashboard (https://habon-ifcb.whoi.edu)."
    )


def no_folder(_env_file: Path, data: Path) -> str:
    data.rename(data.with_name("unmounted"))
    return (
        f"The data folder {data} does not exist. Nothing was sent. Is the disk mounted, the name spelt right?"
    )


BREAKS: list[Callable[[Path, Path], str]] = [gone, bad_line, missing_key, no_folder]


@pytest.mark.parametrize("breaks", BREAKS, ids=lambda breaks: breaks.__name__)
def test_the_next_scheduled_run_makes_it_known_everywhere(
    operator: Operator, data: Path, env_file: Path, monitor: Monitor, breaks: Callable[[Path, Path], str]
) -> None:
    rewrite_env(env_file, PING_URL=monitor.url)
    said = breaks(env_file, data)
    for command in commands(operator):
        assert run_as_cron(command, operator.home) == 2
    done = operator.run("status", code=3)
    assert f"state        FAILING: {said}" in done.stdout.splitlines()
    job = json.loads(operator.run("status", "--json", code=3).stdout)["jobs"][0]
    assert job["last_success"] <= job["failing_since"]
    assert {mode: run["exit_code"] for mode, run in job["last_run"].items()} == {"recent": 2, "full": 2}
    assert job["last_run"]["full"]["bins"]["uploaded"] == 1  # still known
    # the hourly one and that of every minute know nothing of each other's lines
    assert log_of(operator).count(f"WARNING {said}") == 2
    failures = [body for path, body in monitor.calls if path == "/ping/fail"]
    assert failures == ([] if breaks is gone else [said, said])
    # and again, a minute later
    assert run_as_cron(commands(operator)[1], operator.home) == 2
    assert log_of(operator).count(f"WARNING {said}") == 2


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("--time-limit 5m", "--time-limt 5m", "unrecognized arguments: --time-limt 5m"),
        ("--max-age 3d", "--max-age 3x", "--max-age: '3x' is no duration; write 90, 90s, 5m, 12h or 3d."),
        ("--time-limit 5m", "--time-limit", "argument --time-limit: expected one argument"),
    ],
)
def test_a_mistake_in_an_edited_entry_is_recorded(
    operator: Operator, data: Path, right: str, wrong: str, said: str
) -> None:
    table = operator.crontab.text or b""
    operator.crontab.table.write_bytes(table.replace(right.encode(), wrong.encode()))
    (broken,) = [command for command in commands(operator) if wrong in command]
    for _ in range(2):
        assert run_as_cron(broken, operator.home) == 2
    done = operator.run("status", code=3)
    assert said in done.stdout
    assert [said in line for line in log_of(operator)].count(True) == 1


def test_a_mistake_of_somebody_at_the_keyboard_does_not_change_what_status_says(
    operator: Operator, data: Path, env_file: Path
) -> None:
    before = operator.run("status", "--json").stdout
    for words in (
        ["--once", data, "nauset", "--max-ago", "3d"],
        ["--once", data, "nauset", "--env-file", "nonexistent"],
        ["sync", data, "nauset", "--settle", "soon"],
        ["--once", data, "nauset", "--env-file", "nonexistent", "--log-file", "scan.log"],
        ["--once", data, "nauset", "--env-file", "nonexistent", "--log-file", "l", "--quiet", "--dry-run"],
    ):
        operator.run(*words, code=2)
    assert operator.run("status", "--json").stdout == before


def test_the_monitor_and_the_metrics_of_a_command_of_ones_own_are_told(
    ifcbscan_cli: Any, env_file: Path, monitor: Monitor
) -> None:
    metrics = env_file.parent / "ifcb.prom"
    folder = env_file.parent / "data"
    done = ifcbscan_cli(
        *("--once", folder, "nauset", "--settle", "soon", "--max-age=3d"),
        *("--ping", monitor.url, f"--metrics-file={metrics}"),
    )
    assert done.code == 2
    said = "--settle: 'soon' is no duration; write 90, 90s, 5m, 12h or 3d."
    assert monitor.calls == [("/ping/fail", said)]
    labels = f'directory="{folder}",kind="configuration",mode="recent",time_series="nauset"'
    assert f"ifcbscan_failures_total{{{labels}}} 1.0" in metrics.read_text(encoding="utf-8")
    # a dry run concerns nobody
    ifcbscan_cli("--once", folder, "nauset", "--settle", "soon", "--dry-run", "--ping", monitor.url)
    assert len(monitor.calls) == 1


def test_a_failure_of_the_scan_itself_is_told_once(
    ifcbscan_cli: Any, env_file: Path, monitor: Monitor
) -> None:
    rewrite_env(env_file, AWS_SECRET_ACCESS_KEY="wrong")
    metrics = env_file.parent / "ifcb.prom"
    ifcbscan_cli(
        "--once", env_file.parent / "none", "nauset", "--ping", monitor.url, "--metrics-file", metrics
    )
    assert [path for path, _ in monitor.calls] == ["/ping/start", "/ping/fail"]
    assert 'kind="configuration",mode="full",time_series="nauset"} 1.0' in metrics.read_text(encoding="utf-8")
