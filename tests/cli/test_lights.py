"""The operator's evening: a job as `start` makes it, one thing breaks, and after two scheduled scans its lights say so.

Each scene of the table in docs/monitoring.md ("What happened, and which light tells you") is played with the very lines of the
crontab, over real HTTP. What each light must show stands in SCENES. And over a day of an instrument in good health no light is
red at all.
"""

from __future__ import annotations

import calendar
import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

import pytest
from support.archive import STRICT, Archive
from support.browser import Browser, BrowserUnavailable
from support.dashboard import DashboardStandIn, ShownBin
from support.monitor import Monitor
from support.operator import EVERY_MINUTE, HOURLY, Operator, make_python, run_as_cron
from support.places import REPOSITORY
from support.runs import place, rewrite_env
from support.scripted import Answer, ScriptedServer, s3_error

from ifcbscan.demo.sample_bins import write_bin

pytestmark = pytest.mark.slow

HOUR = 3600.0
DAY = 24 * HOUR

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)


def pid_at(seconds: float) -> str:
    return time.strftime("D%Y%m%dT%H%M%S_IFCB199", time.gmtime(seconds))


@dataclass
class Evening:
    """A scheduled job and all that watches it. `words`: what the texts of this evening have in the place of `{name}`."""

    s3: Any
    operator: Operator
    env_file: Path
    dashboard: DashboardStandIn
    monitor: Monitor
    data: Path
    at_the_end: contextlib.ExitStack
    keyboard: Operator  # whose ifcbscan shows `status` and the page, whatever becomes of that of the schedule
    words: dict[str, Any] = field(default_factory=dict)
    newest: list[Path] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.operator.home / ".local" / "state" / "ifcbscan"

    def make(self, age: float, **more: Any) -> list[Path]:
        """A bin that was sampled so many seconds ago."""
        sampled = time.time() - age
        return write_bin(self.data, pid_at(sampled), images=more.pop("images", 3), mtime=sampled, **more)

    def start(self) -> None:
        """Two bins, the command that a user types, and one round of the schedule, after which all is green."""
        metrics = self.env_file.parent / "metrics"
        metrics.mkdir()
        rewrite_env(self.env_file, PING_URL=self.monitor.url, METRICS_DIR=str(metrics))
        old, self.newest = self.make(26 * HOUR + 60), self.make(HOUR)
        self.dashboard.bins["nauset"] = [ShownBin(old[0].stem), ShownBin(self.newest[0].stem)]
        self.operator.run("start", self.data, "nauset", "--expect-every", "3h")
        assert self.scans() == [0, 0]
        (log,) = self.state.glob("nauset-*.log")
        self.words.update(data=self.data, env=self.env_file, bucket=self.s3.bucket, log=log, state=self.state)
        self.words.update(old=old[0].stem, newest=self.newest[0].stem)
        sampled = time.strptime(old[0].stem[:16], "D%Y%m%dT%H%M%S")
        self.words["old_time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", sampled)

    def scans(self) -> list[int]:
        """The exit codes of two scheduled scans, that of every minute and the hourly one."""
        commands = [
            command for when in (EVERY_MINUTE, HOURLY) for command in self.operator.crontab.commands(when)
        ]
        return [run_as_cron(command, self.operator.home) for command in commands]

    def log(self) -> list[str]:
        """The lines of the log, without times."""
        lines = self.words["log"].read_text(encoding="utf-8").splitlines()
        return [line.partition(" ")[2] for line in lines]

    def samples(self) -> dict[str, float]:
        """The metrics, named as `ifcbscan_bins full rejected`."""
        (path,) = (self.env_file.parent / "metrics").glob("*.prom")
        found = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
            if match:
                labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2)))
                more = [labels[name] for name in ("mode", "state", "kind") if name in labels]
                found[" ".join([match.group(1), *more])] = float(match.group(3))
        return found

    def serve(self, answer: Answer) -> None:
        """From now on this is all that the archive answers."""
        server = self.at_the_end.enter_context(ScriptedServer(then=answer))
        self.reach(server.endpoint)

    def reach(self, endpoint: str) -> None:
        rewrite_env(self.env_file, S3_ENDPOINT_URL=endpoint)
        self.words["endpoint"] = endpoint

    def let_a_day_pass_for_the_dashboard(self) -> None:
        """It is asked once a day, if something was sent."""
        (note,) = self.state.glob("nauset-*-dashboard.json")
        said = json.loads(note.read_text("utf-8"))
        note.write_text(json.dumps({**said, "asked": said["asked"] - DAY, "tried": None}), "utf-8")
        self.words["new"] = self.make(HOUR / 2)[0].stem

    def mount(self, place: Path, size: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        if os.getuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no root, so no disk can be mounted")
        self.at_the_end.callback(_unmount, place)


def _unmount(place: Path) -> None:
    if os.path.ismount(str(place)):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def evening(
    s3: Any, operator: Operator, env_file: Path, dashboard: DashboardStandIn, tmp_path: Path
) -> Iterator[Evening]:
    data = tmp_path / "data"
    data.mkdir()
    with Monitor() as monitor, contextlib.ExitStack() as at_the_end:
        yield Evening(s3, operator, env_file, dashboard, monitor, data, at_the_end, operator)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser | None]:
    try:
        with Browser() as made:
            made.look(1000)
            yield made
    except BrowserUnavailable:
        yield None


# --- what happens


def nothing(_evening: Evening) -> None:
    pass


def on_a_disk_of_its_own(evening: Evening) -> None:
    evening.mount(evening.data, "3g")


def unmounted(evening: Evening) -> None:
    subprocess.run(["umount", str(evening.data)], check=True)


def off(evening: Evening) -> None:
    for path in evening.newest:  # as if it had never been measured
        path.unlink()


def broken_settings(evening: Evening) -> None:
    lines = len(evening.env_file.read_text(encoding="utf-8").splitlines())
    with evening.env_file.open("a", encoding="utf-8") as file:
        file.write("what is this\n")
    evening.words["line"] = lines + 1


def revoked(evening: Evening) -> None:
    evening.serve(s3_error(403, "InvalidAccessKeyId"))


def no_network(evening: Evening) -> None:
    evening.reach("http://127.0.0.1:9")


def an_hour_without_network(evening: Evening) -> None:
    for path in evening.state.glob("nauset-*.last.json"):
        record = json.loads(path.read_text("utf-8"))
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - HOUR - 60))
        path.write_text(json.dumps({**record, "failing_since": since}), "utf-8")


def wrong_clock(evening: Evening) -> None:
    date = formatdate(time.time() + 5 * DAY + HOUR, usegmt=True)
    refusal = s3_error(403, "RequestTimeTooSkewed")
    evening.serve(replace(refusal, headers=(*refusal.headers, ("Date", date))))


def with_log_and_records_on_a_small_disk(evening: Evening) -> None:
    evening.mount(evening.state, "256k")


def full_disk(evening: Evening) -> None:
    with contextlib.suppress(OSError), open(str(evening.state / "ballast"), "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def with_an_environment_of_its_own(evening: Evening) -> None:
    """In a folder with a short name: the paths of a real job leave room for what sh does if Python does not start."""
    folder = evening.at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="e"))
    site = next(evening.operator.python.parent.parent.glob("lib/python3*/site-packages"))
    package, *libraries = (site / "for_the_tests.pth").read_text("utf-8").splitlines()
    evening.operator = replace(
        evening.operator, python=make_python(Path(folder) / "venv", package, libraries)
    )


def broken_environment(evening: Evening) -> None:
    assert all(" --version " in command for command in evening.operator.crontab.commands())
    (path,) = evening.operator.python.parent.parent.glob("lib/python3*/site-packages/for_the_tests.pth")
    path.unlink()


def removed(evening: Evening) -> None:
    evening.operator.crontab.table.unlink()


def renamed(evening: Evening) -> None:
    evening.let_a_day_pass_for_the_dashboard()
    evening.dashboard.rename("nauset", "nauset-2026")


def behind(evening: Evening) -> None:
    evening.let_a_day_pass_for_the_dashboard()
    sampled = calendar.timegm(time.strptime(evening.words["new"][:16], "D%Y%m%dT%H%M%S"))
    shown = pid_at(sampled - 2.5 * DAY)
    evening.dashboard.bins["nauset"] = [ShownBin(shown)]
    evening.words["shown"] = shown


def refusing(evening: Evening) -> None:
    rewrite_env(evening.env_file, CONFIRM_SECONDS="1")
    new = evening.make(HOUR / 2)[0].stem
    archive = Archive(evening.s3.client, evening.s3.bucket, STRICT, refuse=lambda key, _body: new in key)
    evening.at_the_end.enter_context(archive.running(0.2))
    evening.words["new"] = new


# --- what the lights show


class Scene(NamedTuple):
    """`codes`, `pings`: of the two scans. `logged`: the lines that are not INFO. `status`: the line `state`, or all.

    `page`: stage and words of the job on the index, or of the index itself. `metrics`: the samples that tell it; none if they
    stand still, which is what tells it. `alert`: which one of docs/monitoring/alerts.yml looks at them.
    """

    name: str
    before: Callable[[Evening], None]
    breaks: Callable[[Evening], None]
    codes: list[int]
    logged: list[str]
    status: str
    page: str
    pings: list[str]
    metrics: dict[str, float]
    alert: str
    status_code: int = 3
    later: Callable[[Evening], None] | None = None
    stage: str = "needs_you"


OK = ""
UNMOUNTED = (
    "{data} is no mount point any more, so {data} is now a folder of the system's own disk: what the instrument writes to its "
    "disk is not seen. Is the disk mounted?"
)
NO_NEW_BIN = (
    "no new bin: the newest one here was sampled 26 h ago ({old_time}), and one is expected every 3 h. Does the instrument "
    "measure, and is its clock right?"
)
SETTINGS = "{env}, line {line}, cannot be understood (no NAME=VALUE, or a quotation mark that does not end?)."
REVOKED = (
    "The bucket {bucket} at {endpoint} refused: InvalidAccessKeyId (HTTP 403): the bucket does not know this access key. Check "
    "AWS_ACCESS_KEY_ID in the .env file."
)
NETWORK = (
    "The bucket {bucket} at {endpoint} could not be reached: no connection ([Errno 111] Connection refused)."
)
STAYS = " What is missing in the archive stays on this disk and is sent by a later run; check the network if this lasts."
CLOCK = (
    "The bucket {bucket} at {endpoint} refused: RequestTimeTooSkewed (HTTP 403): this computer's clock is 5 days behind the "
    "archive's, which is too much. Set it (UTC, ideally by NTP); nothing is lost meanwhile."
)
LOG = "the log file {log} cannot be written (No space left on device); this run goes on without it"
RECORDS = (
    "the records of the scans, in {state}, cannot be written (No space left on device), so what stands here may be old; please "
    "make room"
)
NOT_STARTED = "ifcbscan could not be started, so nothing is sent. Its Python or its package is gone or broken: docs/upgrading.md"
RENAMED = (
    "The dashboard does not know a time series 'nauset' of the account 'hablab'. It knows nauset-2026. Did you mean "
    "'nauset-2026'? What is sent to 'nauset' is safe in the archive, but nobody sees it. Ask the people who run the dashboard. If "
    "the series has another name there now, ask them what becomes of the bins under this one before you 'ifcbscan stop' this job "
    "and start it with the new name; --since now keeps it from sending all bins again"
)
BEHIND = (
    "the dashboard was 2 days behind the archive: its newest bin was {shown}, the archive's {new}. If that lasts, ask the people "
    "who run it; what is in the archive is safe"
)
REJECTED = "{new} rejected: the archive deleted the .roi that was sent 0.0 h ago; next try after 24 h"
NOT_SHOWN = "The dashboard does not show what is in the archive; last bin 30 min ago"
FAILED = {"ifcbscan_last_run_exit_code recent": 2.0, "ifcbscan_failures_total full configuration": 1.0}
SILENT = {"ifcbscan_silent recent": 1.0, "ifcbscan_silent full": 1.0}

SCENES = [
    Scene(
        "disk unmounted",
        on_a_disk_of_its_own,
        unmounted,
        [3, 3],
        [f"WARNING {UNMOUNTED}"] * 2,
        f"SILENT: {UNMOUNTED}",
        UNMOUNTED,
        [f"nauset: no bin of the last 3 days; {UNMOUNTED}", f"nauset: no bins found; {UNMOUNTED}"],
        SILENT,
        "IfcbSilent",
    ),
    Scene(
        "instrument off",
        nothing,
        off,
        [3, 3],
        [f"WARNING {NO_NEW_BIN}"] * 2,
        f"OVERDUE: {NO_NEW_BIN}",
        NO_NEW_BIN,
        [f"nauset: 1 already in the archive; {NO_NEW_BIN}"] * 2,
        SILENT,
        "IfcbSilent",
    ),
    Scene(
        "settings file broken",
        nothing,
        broken_settings,
        [2, 2],
        [f"WARNING {SETTINGS} Nothing was sent."] * 2,
        f"FAILING: {SETTINGS} Nothing was sent.",
        SETTINGS,
        [f"{SETTINGS} Nothing was sent."] * 2,
        FAILED,
        "IfcbScansFail",
    ),
    Scene(
        "key revoked",
        nothing,
        revoked,
        [2, 2],
        [f"WARNING {REVOKED} Nothing was sent."] * 2,
        f"FAILING: {REVOKED} Nothing was sent.",
        REVOKED,
        [f"{REVOKED} Nothing was sent."] * 2,
        FAILED,
        "IfcbScansFail",
    ),
    Scene(
        "network down",
        nothing,
        no_network,
        [5, 5],
        [f"WARNING {NETWORK}{STAYS}"] * 2,
        r"unreachable: the archive could not be reached since \d\d:\d\d UTC \(\d+ s\); last success \d\d:\d\d",
        f"{NETWORK} Please check the network if this lasts.",
        [f"{NETWORK}{STAYS}"] * 2,
        {"ifcbscan_last_run_exit_code recent": 5.0, "ifcbscan_failures_total full unreachable": 1.0},
        "IfcbScansFail",
        status_code=0,
        later=an_hour_without_network,
        stage="on_its_way",
    ),
    Scene(
        "clock wrong",
        nothing,
        wrong_clock,
        [2, 2],
        [f"WARNING {CLOCK} Nothing was sent."] * 2,
        f"FAILING: {CLOCK} Nothing was sent.",
        CLOCK,
        [f"{CLOCK} Nothing was sent."] * 2,
        FAILED,
        "IfcbScansFail",
    ),
    Scene(
        "log disk full",
        with_log_and_records_on_a_small_disk,
        full_disk,
        [3, 3],
        [f"WARNING {LOG}"] * 2,  # the last block of the file still has some room
        f"NEEDS YOU: {RECORDS}",
        f"NEEDS YOU: {RECORDS}",
        [f"nauset: 2 already in the archive; {LOG}"] * 2,
        {"ifcbscan_last_run_exit_code recent": 3.0, "ifcbscan_failures_total full partly": 1.0},
        "IfcbScansFail",
    ),
    Scene(
        "environment broken",
        with_an_environment_of_its_own,
        broken_environment,
        [1, 1],
        [f"ERROR {NOT_STARTED}"],
        f"FAILING: {NOT_STARTED}",
        f"FAILING: {NOT_STARTED}",
        [],
        {},
        "IfcbScansStopped",
    ),
    Scene(
        "schedule removed",
        nothing,
        removed,
        [],
        [],
        "Nothing is scheduled for this user. 'ifcbscan start DIR TIME_SERIES' does it.",
        "Nothing is scheduled for this user",
        [],
        {},
        "IfcbScansStopped",
        status_code=0,  # after `stop` it is as it should be
    ),
    Scene(
        "series renamed",
        nothing,
        renamed,
        [0, 0],
        [f"WARNING {RENAMED}"],
        f"NEEDS YOU: {RENAMED}",
        NOT_SHOWN,
        [OK, OK],
        {"ifcbscan_dashboard_knows_time_series full": 0.0},
        "IfcbDashboardUnaware",
    ),
    Scene(
        "archive refusing",
        nothing,
        refusing,
        [0, 0],
        [f"WARNING {REJECTED}"] * 2,
        "NEEDS YOU: 1 bin needs you",
        "1 bin to look at; last bin 30 min ago",
        [OK, OK],
        {"ifcbscan_bins_needing_attention full": 1.0, "ifcbscan_bins full rejected": 1.0},
        "IfcbBinsNeedAttention",
    ),
    Scene(
        "dashboard behind",
        nothing,
        behind,
        [0, 0],
        [f"WARNING {BEHIND}"],
        f"NEEDS YOU: {BEHIND}",
        NOT_SHOWN,
        [OK, OK],
        {"ifcbscan_dashboard_behind_seconds full": 2.5 * DAY},
        "IfcbDashboardBehind",
    ),
]


#: Those that go the same way through the program as another one.
SLOW = ("settings file broken", "key revoked", "network down", "dashboard behind")


def _marked(scene: Scene) -> Any:
    marks = [pytest.mark.slow] if scene.name in SLOW else []
    return pytest.param(scene, marks=marks, id=scene.name.replace(" ", "-"))


@on_moto
@pytest.mark.parametrize("scene", [_marked(scene) for scene in SCENES])
def test_after_two_scheduled_scans_the_lights_say_what_happened(
    evening: Evening, scene: Scene, browser: Browser | None
) -> None:
    scene.before(evening)
    evening.start()
    green, logged = evening.samples(), len(evening.log())
    assert [path for path, _ in evening.monitor.calls][-2:] == ["/ping/start", "/ping"]
    evening.monitor.calls.clear()
    scene.breaks(evening)

    def said(text: str) -> str:
        return text.format(**evening.words) if "\\d" not in text else text

    assert evening.scans() == scene.codes
    loud = [line for line in evening.log()[logged:] if not line.startswith("INFO ")]
    assert loud == [said(line) for line in scene.logged]
    ended = [(path, body) for path, body in evening.monitor.calls if path != "/ping/start"]
    assert ended == [("/ping/fail" if body else "/ping", said(body)) for body in scene.pings]
    now = evening.samples()
    if scene.metrics:
        assert {name: now[name] for name in scene.metrics} == scene.metrics
        assert {name: green.get(name) for name in scene.metrics} != scene.metrics
    if not scene.pings:
        assert now == green, "that they stand still is what tells it"
    assert f"alert: {scene.alert}\n" in (REPOSITORY / "docs/monitoring/alerts.yml").read_text("utf-8")
    _assert_status(evening, said(scene.status), scene.status_code)
    _assert_page(evening, said(scene.page), scene.stage, browser)
    if scene.later is not None:
        scene.later(evening)
        _assert_status(
            evening, scene.status.replace("unreachable: ", "FAILING: ").replace(r"\d+ s", r"\d+ min"), 3
        )


def _assert_status(evening: Evening, said: str, code: int) -> None:
    lines = evening.keyboard.run("status", code=code).stdout.splitlines()
    if lines[1:]:
        (line,) = (line[13:] for line in lines if line.startswith("state "))
    else:
        (line,) = lines
    assert line == said or ("\\d" in said and re.fullmatch(said, line)), line


def _assert_page(evening: Evening, said: str, stage: str, browser: Browser | None) -> None:
    """On the index, as a person sees it."""
    www = evening.env_file.parent / "www"
    found = json.loads(evening.keyboard.run("report", "--all", "--json", "-o", www, code=None).stdout)["jobs"]
    assert [(job["state"], job["reason"]) for job in found] == ([(stage, said)] if found else [])
    if browser is None:
        pytest.skip("all but the banner was seen: no chromium with chromedriver")
    if stage != "needs_you":
        return
    browser.open(www / "index.html")
    assert browser.run("return document.querySelector('.verdict.bad .stage').textContent") == "needs you"
    answer = browser.run("return document.querySelector('.verdict.bad .answer').textContent")
    assert answer == ("1 job: 1 needs you" if found else said)
    if found:
        assert said in browser.run("return document.querySelector('td.why').innerText")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_the_table_of_lights_in_the_docs_is_what_was_seen(scene: Scene) -> None:
    _, status, page, scan, ping, metrics = _rows_of_the_docs()[scene.name]
    light = scene.status.partition(":")[0] if ": " in scene.status else "Nothing is scheduled"
    assert status.startswith(f"`{light}`")
    assert re.search(r"\b3$|\b3\b", status), "sooner or later the exit code is 3"
    assert ("0" in re.findall(r"\b\d\b", status)) == (scene.status_code == 0)
    assert "**needs you**" in page
    assert re.findall(r"^(\d)\b", scan) == [str(code) for code in scene.codes[:1] if code != 1]
    if scene.logged:
        quoted = re.findall(r"`([^`]+)`", scan)
        parts = [part for part in quoted[0].split("...") if part.strip()]
        assert all(part.strip() in scene.logged[0] for part in parts), quoted
    told = {(): "no call", ("",): "success"}.get(tuple(scene.pings[:1]), "`/fail`")
    assert ping.startswith(told)
    assert f"`{scene.alert}`" in metrics
    for name in scene.metrics:
        if "exit_code" not in name:
            assert f"`{name.split()[0]}`" in metrics


def test_the_table_of_lights_has_a_row_for_each_scene_and_no_other() -> None:
    assert list(_rows_of_the_docs()) == [scene.name for scene in SCENES]


def _rows_of_the_docs() -> dict[str, list[str]]:
    """The rows of the table by their first cells, in which what is in brackets is an explanation."""
    text = (REPOSITORY / "docs/monitoring.md").read_text(encoding="utf-8")
    section = text.partition("## What happened, and which light tells you\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line
    ]
    return {row[0].partition(" (")[0]: row for row in rows[2:]}


# --- a day in good health


@on_moto
def test_over_a_day_of_an_instrument_in_good_health_no_light_is_red(evening: Evening) -> None:
    """Bins come in order, one is always being written, and an archive and a dashboard are at work: all lights are looked at
    at many moments of it. (A day of this instrument has five bins, one of them without images.)"""
    evening.start()
    rewrite_env(evening.env_file, SETTLE_SECONDS=None, CONFIRM_SECONDS="1")
    rules = Archive(evening.s3.client, evening.s3.bucket, STRICT)
    evening.at_the_end.enter_context(rules.running(0.2))
    seen: set[str] = set()
    unfinished: list[Path] = []
    for moment in range(5):
        _lie_still(unfinished)
        unfinished = _begin(evening, moment)
        evening.monitor.calls.clear()
        logged = len(evening.log())
        assert evening.scans() == [0, 0]
        assert {path for path, _ in evening.monitor.calls} == {"/ping/start", "/ping"}
        assert [line for line in evening.log()[logged:] if not line.startswith("INFO ")] == []
        assert _red(evening.samples()) == {}
        (job,) = json.loads(evening.keyboard.run("status", "--json").stdout)["jobs"]
        assert job["state"] in ("ok", "on its way") and not job["needs_attention"]
        for run in job["last_run"].values():
            seen.update(state for state, count in run["bins"].items() if count)
        if moment == 3:
            _assert_no_red_page(evening)
    assert seen == {"synced", "uploaded", "settling", "incomplete", "held"}
    # and what a scan leaves that somebody has ended between the .roi and the .adc
    rewrite_env(evening.env_file, CONFIRM_SECONDS=None)
    _lie_still(unfinished)
    for path in evening.make(HOUR / 2 - 400):
        if path.suffix != ".adc":
            evening.s3.client.put_object(
                Bucket=evening.s3.bucket, Key=place(path.stem) + path.suffix, Body=path.read_bytes()
            )
    assert "unconfirmed" in {item["state"] for item in _assert_no_red_page(evening)["unfinished"]}


def _begin(evening: Evening, moment: int) -> list[Path]:
    """The next bin: its last file is not there yet, or it has only just been written. Asks the dashboard at the fourth one."""
    files = evening.make(HOUR / 2 - 60 * moment, images=0 if moment == 3 else 3)
    for path in files:
        os.utime(str(path))
    if moment % 2 == 0:
        files[2].rename(files[2].with_suffix(".tmp"))
    if moment == 4:
        evening.dashboard.bins["nauset"] += [ShownBin(evening.newest[0].stem)]
        evening.let_a_day_pass_for_the_dashboard()
    return files


def _lie_still(files: list[Path]) -> None:
    """The bin that was unfinished is whole, and was so for minutes."""
    for path in files:
        if not path.exists():
            path.with_suffix(".tmp").rename(path)
        os.utime(str(path), (time.time() - 300,) * 2)


def _red(samples: dict[str, float]) -> dict[str, float]:
    """Samples of which an alert would speak."""
    bad = ("ifcbscan_silent", "ifcbscan_bins_needing", "ifcbscan_last_run_exit_code", "ifcbscan_failures")
    found = {name: value for name, value in samples.items() if name.startswith(bad) and value}
    far = samples.get("ifcbscan_dashboard_behind_seconds full", 0.0)
    unaware = samples.get("ifcbscan_dashboard_knows_time_series full") == 0.0
    return {**found, **({"unaware": 1.0} if unaware else {}), **({"behind": far} if far > DAY else {})}


def _assert_no_red_page(evening: Evening) -> dict[str, Any]:
    """Returns the figures of the page."""
    www = evening.env_file.parent / "www"
    (page,) = json.loads(evening.keyboard.run("report", "--all", "--json", "-o", www).stdout)["jobs"]
    assert page["state"] in ("all_there", "on_its_way"), page["reason"]
    for name in ("index.html", page["page"]):
        assert '<section class="verdict bad"' not in (www / name).read_text("utf-8")
    return dict(page)
