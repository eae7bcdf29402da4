"""The time series after the first file: once a day a full scan asks the dashboard, and what it says is told everywhere."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import Behaviour, DashboardStandIn, ShownBin
from support.operator import Operator

from ifcbscan.demo.sample_bins import write_bin

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

FIRST, SECOND = "D20260401T000000_IFCB013", "D20260403T000000_IFCB013"
DAY = 86400


@pytest.fixture
def data(operator: Operator, dashboard: DashboardStandIn) -> Path:
    return operator.folder / "data"


def make(data: Path, pid: str) -> None:
    write_bin(data, pid, images=2, roi_bytes=400, mtime=1.0)


def note(operator: Operator) -> Path:
    (path,) = (operator.home / ".local" / "state" / "ifcbscan").glob("nauset-*-dashboard.json")
    return path


def let_days_pass(operator: Operator, days: float = 1.0) -> None:
    path = note(operator)
    said = json.loads(path.read_text("utf-8"))
    for moment in ("asked", "tried"):
        said[moment] = said[moment] and said[moment] - days * DAY
    path.write_text(json.dumps(said), "utf-8")


def scan(operator: Operator, data: Path, *more: Any) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(operator.run("--once", data, "nauset", "--json", *more).stdout)
    return report


def recent(operator: Operator, data: Path) -> dict[str, Any]:
    """The scan of the every-minute entry, in a year in which these bins are young."""
    return scan(operator, data, "--max-age", f"{int(time.time() / DAY)}d")


def test_it_is_asked_once_a_day_by_the_full_scan_and_only_if_something_was_sent(
    operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    make(data, FIRST)
    recent(operator, data)
    assert dashboard.paths() == ["/api/list_datasets/hablab"]  # before the first file
    dashboard.asked.clear()
    scan(operator, data)
    make(data, SECOND)
    recent(operator, data)
    assert dashboard.paths() == ["/api/list_datasets/hablab", "/api/most_recent_bin"]
    dashboard.asked.clear()
    scan(operator, data)
    assert dashboard.paths() == []  # not twice a day
    let_days_pass(operator)
    dashboard.bins["nauset"] = [ShownBin(FIRST), ShownBin(SECOND)]
    assert scan(operator, data)["warnings"] == []
    assert dashboard.paths() == ["/api/list_datasets/hablab", "/api/most_recent_bin"]
    dashboard.asked.clear()
    let_days_pass(operator, 5)
    assert scan(operator, data)["warnings"] == []
    assert dashboard.paths() == []  # nothing was sent since


@pytest.mark.parametrize("first_answer", ["it knew the series", "it was down"])
def test_a_series_that_is_unknown_later_on_is_told_in_report_status_page_and_metrics(
    operator: Operator, data: Path, dashboard: DashboardStandIn, first_answer: str
) -> None:
    make(data, FIRST)
    if first_answer == "it was down":
        dashboard.behaviour["/api/"] = Behaviour.CLOSE
    scan(operator, data)
    dashboard.behaviour.clear()
    dashboard.teams["hablab"] = ["nauset-2026"]  # renamed
    make(data, SECOND)
    let_days_pass(operator)
    metrics = operator.folder / "metrics.prom"
    (warning,) = scan(operator, data, "--metrics-file", metrics)["warnings"]
    assert "'nauset'" in warning and "nauset-2026" in warning and "safe in the archive" in warning
    assert "ifcbscan_dashboard_knows_time_series" in metrics.read_text("utf-8")
    (line,) = (
        line
        for line in metrics.read_text("utf-8").splitlines()
        if line.startswith("ifcbscan_dashboard_knows_time_series{")
    )
    assert line.endswith(" 0.0")
    operator.schedule(data)
    status = operator.run("status", code=3).stdout
    assert "DOES NOT KNOW the time series" in status
    assert f"state        NEEDS YOU: {warning}\n" in status
    told = json.loads(operator.run("status", "--json", code=3).stdout)["jobs"][0]["dashboard"]
    assert told["knows_time_series"] is False and told["warnings"] == [warning]
    operator.run("report", data, "nauset", "-o", "page.html")
    assert "nauset-2026" in (operator.folder / "page.html").read_text("utf-8")
    # It goes on being told, and is asked again the next day although nothing is sent.
    assert scan(operator, data)["warnings"] == [warning]
    dashboard.teams["hablab"].append("nauset")
    dashboard.bins["nauset"] = [ShownBin(FIRST), ShownBin(SECOND)]
    let_days_pass(operator)
    assert scan(operator, data)["warnings"] == []
    assert "up to date" in operator.run("status").stdout


def test_how_far_the_dashboard_is_behind_is_told(
    operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    make(data, FIRST)
    scan(operator, data)
    make(data, SECOND)
    let_days_pass(operator)
    dashboard.bins["nauset"] = [ShownBin(FIRST)]
    metrics = operator.folder / "metrics.prom"
    report = scan(operator, data, "--metrics-file", metrics, "--log-file", "scan.log")
    (warning,) = report["warnings"]
    assert "2 days behind" in warning and FIRST in warning and SECOND in warning
    assert report["newest"] == {"local": SECOND, "archived": SECOND}
    assert report["uploaded_bins"] == [SECOND]
    assert "ifcbscan_dashboard_behind_seconds" in metrics.read_text("utf-8")
    operator.schedule(data)
    lines = operator.run("status", code=3).stdout.splitlines()
    line = next(line for line in lines if line.startswith("dashboard"))
    assert f"state        NEEDS YOU: {warning}" in lines
    words = f"newest bin there {FIRST}; in the archive {SECOND}; here {SECOND}; 2 days behind"
    assert words in line
    assert words in (operator.folder / "scan.log").read_text("utf-8")


def test_who_does_not_answer_is_asked_again_the_next_day(
    operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    make(data, FIRST)
    scan(operator, data)
    make(data, SECOND)
    let_days_pass(operator)
    dashboard.behaviour["/api/"] = Behaviour.ERROR
    dashboard.asked.clear()
    assert scan(operator, data)["warnings"] == []
    assert scan(operator, data)["warnings"] == []
    assert dashboard.paths() == ["/api/list_datasets/hablab"]
    let_days_pass(operator)
    assert scan(operator, data)["warnings"] == []
    assert dashboard.paths() == ["/api/list_datasets/hablab"] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100000,
        b"\xff",
        b'{"asked": "yesterday"}',
        b'{"asked": true}',
        b'{"asked": NaN}',
        b'{"asked": 1' + b"0" * 400 + b"}",
        b'{"sent": 1, "more": 2}',
    ],
    ids=lambda content: content[:20].decode("ascii", "replace"),
)
def test_a_damaged_note_is_no_note(
    operator: Operator, data: Path, dashboard: DashboardStandIn, content: bytes
) -> None:
    make(data, FIRST)
    scan(operator, data)
    note(operator).write_bytes(content)
    make(data, SECOND)
    dashboard.bins["nauset"] = [ShownBin(FIRST), ShownBin(SECOND)]
    dashboard.asked.clear()
    assert scan(operator, data)["warnings"] == []
    assert "/api/most_recent_bin" in dashboard.paths()
    assert json.loads(note(operator).read_text("utf-8"))["newest"] == SECOND


def test_where_teams_are_off_the_series_is_looked_for_among_all(
    operator: Operator, data: Path, dashboard: DashboardStandIn
) -> None:
    dashboard.teams_on = False
    make(data, FIRST)
    scan(operator, data)
    make(data, SECOND)
    let_days_pass(operator)
    dashboard.bins["nauset"] = [ShownBin(FIRST), ShownBin(SECOND)]
    assert scan(operator, data)["warnings"] == []
    assert json.loads(note(operator).read_text("utf-8"))["known"] is True
