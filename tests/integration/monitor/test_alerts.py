"""The alert rules and the Grafana dashboard of docs/monitoring/, on files that `write_metrics` has written over a day.

promtool plays Prometheus: it reads the figures minute by minute, as node_exporter hands them on, and says which alerts fire.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.places import REPOSITORY

from ifcbscan.core.dashboard_note import DashboardNote
from ifcbscan.core.scan_report import Requests, ScanReport
from ifcbscan.core.states import SCAN_COUNTS
from ifcbscan.core.vital_signs import Readings, VitalSigns
from ifcbscan.errors import ExitCode
from ifcbscan.monitor.metrics import METRICS, FinishedRun, write_metrics

RULES = REPOSITORY / "docs" / "monitoring" / "alerts.yml"
BOARD = REPOSITORY / "docs" / "monitoring" / "grafana.json"

HOUR = 60
#: A bin takes about so long, minutes.
BIN = 24

#: Labels that the files do not have: Prometheus adds them.
SCRAPED = 'instance="ship",job="node"'


@pytest.fixture(autouse=True)
def home(tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool (Debian: prometheus)")
    return found


HEALTHY = ScanReport(
    time_series="nauset",
    directory="/data",
    mode="recent",
    dry_run=False,
    bins=dict.fromkeys(SCAN_COUNTS, 1),
    files_uploaded=3,
    bytes_uploaded=1000,
    requests=Requests(),
    problems=(),
    warnings=(),
    seconds=1.0,
    unreadable=0,
)
WELL = VitalSigns(None, Readings(30.0, 5.0), 10**12, 400.0)


class Day:
    """The metrics file of one job, minute by minute, from the minute 0 of 1970 on, where promtool begins."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ifcbscan.prom"
        self._minute = 0
        self._now: dict[str, float] = {}
        self._seen: dict[str, dict[int, float]] = {}

    def goes_on(
        self, minutes: int, code: int = ExitCode.DONE, report: ScanReport | None = HEALTHY, bins: bool = True
    ) -> Day:
        """So many minutes with a recent run every five (as good as every one) and a full one every 60, which end like this."""
        for minute in range(self._minute, self._minute + minutes):
            if minute % 5 == 0:
                self._run("recent", minute, code, report, bins)
            if minute % HOUR == 5:
                self._run("full", minute, code, report, bins)
            self._scrape(minute)
        self._minute += minutes
        return self

    def stands_still(self, minutes: int) -> Day:
        """So many minutes without a run: the file stays what it is."""
        for minute in range(self._minute, self._minute + minutes):
            self._scrape(minute)
        self._minute += minutes
        return self

    def _run(self, mode: str, minute: int, code: int, report: ScanReport | None, bins: bool) -> None:
        newest = 60.0 * (minute - minute % BIN) if bins and report is not None else None
        if report is not None and mode == "full":
            report = report._replace(vital=report.vital or WELL)
        done = FinishedRun("nauset", "/data", mode, code, 60.0 * minute, report, newest, newest)
        assert write_metrics(str(self._path), done) is None
        self._now = {}
        for family in text_string_to_metric_families(self._path.read_text(encoding="utf-8")):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                self._now[f"{sample.name}{{{labels},{SCRAPED}}}"] = sample.value

    def _scrape(self, minute: int) -> None:
        for series, value in self._now.items():
            self._seen.setdefault(series, {})[minute] = value

    def series(self) -> list[dict[str, str]]:
        return [
            {
                "series": series,
                "values": " ".join(
                    "_" if minute not in seen else repr(seen[minute]) for minute in range(self._minute)
                ),
            }
            for series, seen in self._seen.items()
        ]


def play(promtool: str, folder: Path, test: dict[str, Any]) -> None:
    """Let promtool play one test of the rules; what it finds otherwise is printed."""
    path = folder / "test.yml"
    content = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [{"interval": "1m", **test}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-3000:]


def firing(minute: int, *alerts: str) -> dict[str, Any]:
    """At that minute these alerts fire, and no others."""
    return {
        "eval_time": f"{minute}m",
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in alerts],
    }


def test_over_a_day_of_an_instrument_in_good_health_no_alert_fires(promtool: str, tmp_path: Path) -> None:
    day = Day(tmp_path).goes_on(24 * HOUR)
    moments = [firing(minute) for minute in range(0, 24 * HOUR, 10)]
    play(promtool, tmp_path, {"input_series": day.series(), "promql_expr_test": moments})


def scenes() -> Iterator[Any]:
    """What happens after a good hour -> the alerts that fire at the end of it."""
    note = DashboardNote(asked=0.0, known=False)
    failed = HEALTHY._replace(attention=2)
    silent = HEALTHY._replace(silence="no bin was found in /data")
    yield "schedule removed", {"stands_still": 15}, ["IfcbScansStopped", "IfcbScansFail"]
    yield "key revoked", {"minutes": 25, "code": ExitCode.USAGE, "report": None}, ["IfcbScansFail"]
    yield "network down for ten minutes", {"minutes": 10, "code": ExitCode.UNREACHABLE, "report": None}, []
    yield (
        "network down",
        {"minutes": 6 * HOUR, "code": ExitCode.UNREACHABLE, "report": None},
        ["IfcbScansFail", "IfcbFullScanFails", "IfcbNoNewBin"],
    )
    yield "disk unmounted", {"minutes": 10, "code": 3, "report": silent, "bins": False}, ["IfcbSilent"]
    yield "instrument off", {"minutes": 3 * HOUR, "bins": False}, ["IfcbNoNewBin"]
    yield "archive refuses", {"minutes": 20, "report": failed}, ["IfcbBinsNeedAttention"]
    yield (
        "series renamed",
        {"minutes": 70, "report": HEALTHY._replace(dashboard=note)},
        ["IfcbDashboardUnaware"],
    )
    late = note._replace(known=True, newest="D20260101T000000_IFCB199", archived="D20260103T000000_IFCB199")
    yield (
        "dashboard behind",
        {"minutes": 70, "report": HEALTHY._replace(dashboard=late)},
        ["IfcbDashboardBehind"],
    )
    for name, vital, alert in (
        ("disk full in two days", WELL._replace(days_left=2.0), ["IfcbDiskFull"]),
        ("hardly any room", WELL._replace(free=10**8), ["IfcbDiskFull"]),
        ("little room, and nothing comes", WELL._replace(free=10**8, days_left=None), []),
        ("no room, so nothing comes", WELL._replace(free=10**8 - 1, days_left=None), ["IfcbDiskFull"]),
        ("a leak", WELL._replace(readings=Readings(30.0, 80.0)), ["IfcbHumid"]),
        ("too hot", WELL._replace(readings=Readings(60.0, 5.0)), ["IfcbHot"]),
    ):
        yield name, {"minutes": 75, "report": HEALTHY._replace(vital=vital)}, alert


@pytest.mark.parametrize(("what", "alerts"), [pytest.param(w, a, id=name) for name, w, a in scenes()])
def test_what_is_wrong_makes_its_alert_fire_and_no_other(
    promtool: str, tmp_path: Path, what: dict[str, Any], alerts: list[str]
) -> None:
    day = Day(tmp_path).goes_on(HOUR)
    if "stands_still" in what:
        day.stands_still(what["stands_still"])
    else:
        day.goes_on(**what)
    before, after = firing(HOUR - 1), firing(day._minute - 1, *alerts)
    play(promtool, tmp_path, {"input_series": day.series(), "promql_expr_test": [before, after]})


def test_a_job_that_never_had_a_bin_is_told(promtool: str, tmp_path: Path) -> None:
    day = Day(tmp_path).goes_on(3 * HOUR, bins=False)
    moments = [firing(HOUR), firing(3 * HOUR - 1, "IfcbNeverABin")]
    play(promtool, tmp_path, {"input_series": day.series(), "promql_expr_test": moments})


def test_a_job_that_never_succeeded_is_told(promtool: str, tmp_path: Path) -> None:
    day = Day(tmp_path).goes_on(3 * HOUR, code=ExitCode.USAGE, report=None)
    moments = [firing(20, "IfcbScansFail")]
    play(promtool, tmp_path, {"input_series": day.series(), "promql_expr_test": moments})


def test_where_no_job_has_figures_that_is_told(promtool: str, tmp_path: Path) -> None:
    moments = [firing(10), firing(20, "IfcbNoMetrics")]
    play(promtool, tmp_path, {"input_series": [], "promql_expr_test": moments})


def test_an_alert_names_the_job_and_the_computer_and_says_what_to_do(promtool: str, tmp_path: Path) -> None:
    day = Day(tmp_path).goes_on(3 * HOUR).goes_on(3 * HOUR, bins=False)
    expected = {
        "exp_labels": {
            "time_series": "nauset",
            "directory": "/data",
            "instance": "ship",
            "job": "node",
            "severity": "warning",
        },
        "exp_annotations": {
            "summary": "nauset: no new bin for 3h 11m 0s. Does the instrument measure, is its clock right?"
        },
    }
    told = {"eval_time": "359m", "alertname": "IfcbNoNewBin", "exp_alerts": [expected]}
    play(promtool, tmp_path, {"input_series": day.series(), "alert_rule_test": [told]})


# --- the dashboard of Grafana, and that both speak of what there is


def expressions() -> dict[str, str]:
    """Every query of the dashboard, with all values in the place of its variables."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    names = {variable["name"] for variable in board["templating"]["list"]}
    found = {}
    for panel in board["panels"]:
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= names
            found[f"{panel['title']} {target['refId']}"] = re.sub(r"\$\w+", ".*", target["expr"])
    return found


def test_the_queries_of_the_dashboard_find_something_on_a_good_day(promtool: str, tmp_path: Path) -> None:
    day = Day(tmp_path).goes_on(3 * HOUR)
    late = DashboardNote(
        asked=0.0, known=True, newest="D20260101T000000_IFCB199", archived="D20260103T000000_IFCB199"
    )
    day.goes_on(70, report=HEALTHY._replace(dashboard=late))
    moments = [
        {
            "eval_time": f"{day._minute - 1}m",
            "expr": f"count({expression}) > bool 0",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for expression in expressions().values()
    ]
    assert len(moments) > 10
    play(promtool, tmp_path, {"input_series": day.series(), "promql_expr_test": moments})


def test_rules_and_dashboard_name_metrics_that_are_written() -> None:
    known = {metric.name for metric in METRICS}
    for text in (RULES.read_text(encoding="utf-8"), *expressions().values()):
        assert set(re.findall(r"\bifcbscan_[a-z_]+", text)) - known == set()


def test_the_documentation_names_every_alert() -> None:
    page = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    alerts = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    assert len(alerts) > 10 and set(alerts) == set(re.findall(r"`(Ifcb\w+)`", page))


def test_no_two_panels_of_the_dashboard_lie_over_each_other() -> None:
    cells = [
        (column, row)
        for panel in json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
        for place in [panel["gridPos"]]
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) and max(column for column, _ in cells) == 23
