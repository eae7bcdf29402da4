"""`ifcbscan report` from its options to its file: a folder, a bucket and a dashboard, all real."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import Behaviour, DashboardStandIn, ShownBin

from ifcbscan.cli.commands import report
from ifcbscan.cli.more_options import ReportArguments
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.bins import parse_pid
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.errors import ConfigError, ExitCode, UsageError

WHOLE, SHOWN, NEW, HIDDEN = (f"D2013052{day}T095207_IFCB013" for day in range(1, 5))
OLD = "IFCB5_2012_028_081515"


@pytest.fixture
def folder(tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five bins, all but `NEW` in the bucket."""
    made = tmp_path / "data <b>&"
    for pid in (WHOLE, SHOWN, NEW, HIDDEN, OLD):
        write_bin(made, pid, images=4, mtime=1400000000.0)
        parsed = parse_pid(pid)
        assert parsed is not None
        for extension in ("roi", "hdr", "adc") if pid != NEW else ():
            body = (made / f"{pid}.{extension}").read_bytes()
            s3.client.put_object(Bucket=s3.bucket, Key=parsed.key("hablab/nauset/", extension), Body=body)
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return made


def options(folder: Path, env_file: Path, **more: Any) -> ReportArguments:
    """The record of `report FOLDER nauset` and of the options given."""
    job = JobArguments(str(folder), "nauset", str(env_file))
    usual = ReportArguments(job, (), None, as_json=False, published=False, images=False, open_browser=False)
    return replace(usual, **more)


def run(given: ReportArguments, capsys: Any) -> tuple[int, str, str]:
    code = report.run(given, Interruption())
    out, err = capsys.readouterr()
    return code, out, err


def test_the_page_is_written_and_its_place_told_to_whoever_sits_there(
    folder: Path, env_file: Path, tmp_path: Path, s3: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = s3.objects()
    assert run(options(folder, env_file), capsys) == (ExitCode.DONE, "", "")  # nothing for cron to mail
    target = tmp_path / "nauset-report.html"
    target.unlink()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, err = run(options(folder, env_file), capsys)
    assert (code, out) == (ExitCode.DONE, "") and str(target) in err
    page = target.read_text(encoding="utf-8")
    assert "All is well; 1 bin on its way" in page and "data &lt;b&gt;&amp;" in page
    assert "<title>2013-05-22: 1 synced</title>" in page and "data:image" not in page
    assert s3.objects() == before


def test_the_json_goes_to_stdout_without_a_page_unless_one_is_asked_for(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    _, out, _ = run(options(folder, env_file, as_json=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["synced"], figures["bins"]["to_upload"]) == (4, 1)
    assert [entry["pid"] for entry in figures["unfinished"]] == [NEW]
    assert not list(tmp_path.glob("*.html"))
    _, out, _ = run(options(folder, env_file, as_json=True, output="there.html"), capsys)
    page = (tmp_path / "there.html").read_text(encoding="utf-8")
    assert re.findall(r'data-figure="totals.bins" value="(\d+)"', page) == [
        str(json.loads(out)["totals"]["bins"])
    ]


def test_images_of_the_newest_bin_come_along_when_asked_for(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    run(options(folder, env_file, images=True, output="x.html"), capsys)
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 4
    assert re.search(f"Some of those in .*{HIDDEN}", page)


def with_dashboard(env_file: Path, url: str) -> None:
    with env_file.open("a", encoding="utf-8") as file:
        file.write(f"DASHBOARD_URL={url}\n")


def test_bins_that_the_dashboard_does_not_show_are_told(folder: Path, env_file: Path, capsys: Any) -> None:
    shown = [ShownBin(WHOLE), ShownBin(SHOWN), ShownBin(HIDDEN), ShownBin(NEW)]
    shown[2].skip = True
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": shown}) as server:
        with_dashboard(env_file, server.url)
        code, out, err = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    # of 2012 the dashboard has nothing at all; a bin that is not in the archive stays what it is
    assert [(entry["pid"], entry["state"]) for entry in figures["unfinished"]] == [
        (HIDDEN, "unpublished"),
        (OLD, "unpublished"),
        (NEW, "to_upload"),
    ]
    assert (code, err, figures["published_known"]) == (ExitCode.DONE, "", True)


def test_the_report_tells_as_verify_does_why_a_bin_is_not_shown(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    bins = {
        "nauset": [ShownBin(SHOWN, sample_time=datetime.datetime(2019, 1, 1)), ShownBin(HIDDEN, skip=True)],
        "dock": [ShownBin(OLD)],
    }
    with DashboardStandIn({"hablab": ["nauset"]}, bins, [ShownBin(WHOLE, skip=True)]) as server:
        with_dashboard(env_file, server.url)
        more = {"as_json": True, "published": True, "output": "x.html"}
        code, out, err = run(options(folder, env_file, **more), capsys)
    figures = json.loads(out)
    reasons = {entry["pid"]: entry["reason"] for entry in figures["unfinished"] if entry["pid"] != NEW}
    assert set(reasons) == {WHOLE, HIDDEN, OLD}  # not the one whose sample time somebody has edited
    assert "broken entry" in reasons[WHOLE] and "marked as skipped" in reasons[HIDDEN]
    assert "under the time series dock" in reasons[OLD]
    assert (code, err, figures["published_known"]) == (ExitCode.DONE, "", True)
    assert figures["bins"]["unpublished"] == 3 and figures["bins"]["synced"] == 1
    singly = [asked.path for asked in server.asked if asked.path.startswith("/api/bin/")]
    assert sorted(singly) == sorted(f"/api/bin/{pid}" for pid in (WHOLE, SHOWN, OLD))
    assert "has a broken entry of it" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_what_the_dashboard_said_before_it_failed_is_in_the_report_and_the_rest_is_not_known(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    class FailsLater(DashboardStandIn):
        def how(self, path: str) -> Behaviour:
            return Behaviour.ERROR if len(self.asked) == 2 else Behaviour.GOOD

    with FailsLater({"hablab": ["nauset"]}, {"nauset": [ShownBin(OLD, skip=True)]}) as server:
        with_dashboard(env_file, server.url)
        _, out, _ = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["unpublished"], figures["bins"]["synced"]) == (1, 3)
    assert figures["published_known"] is False
    (warning,) = figures["warnings"]
    assert "of 2013 and later is not known" in warning and "does not say of all bins" in warning


def test_of_a_bin_that_the_dashboard_will_refuse_the_report_says_why(
    folder: Path, env_file: Path, tmp_path: Path, s3: Any, capsys: Any
) -> None:
    # Both have a header row; only one is not shown.
    for pid in (SHOWN, HIDDEN):
        path = folder / f"{pid}.adc"
        path.write_bytes(b",".join([b"name"] * 24) + b"\n" + path.read_bytes())
        os.utime(str(path), (1400000000.0, 1400000000.0))
        parsed = parse_pid(pid)
        assert parsed is not None
        key = parsed.key("hablab/nauset/", "adc")
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=path.read_bytes())
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": [ShownBin(WHOLE), ShownBin(SHOWN)]}) as server:
        with_dashboard(env_file, server.url)
        _, out, _ = run(options(folder, env_file, as_json=True, published=True, output="x.html"), capsys)
    reasons = {entry["pid"]: entry["reason"] for entry in json.loads(out)["unfinished"]}
    why = "the dashboard will refuse it: the .adc begins with a row of names"
    assert reasons[HIDDEN] == why and SHOWN not in reasons
    assert reasons[OLD] == "the dashboard does not have it"
    assert why in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_a_dashboard_without_the_time_series_publishes_nothing_and_the_report_says_so(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    with DashboardStandIn({"hablab": []}, {}) as server:
        with_dashboard(env_file, server.url)
        _, out, err = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["unpublished"], figures["bins"]["synced"]) == (4, 0)
    assert len(figures["warnings"]) == 1 and "nauset" in figures["warnings"][0] and "warning: " in err


def test_a_dashboard_that_does_not_answer_takes_nothing_from_the_rest(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": []}) as server:
        server.behaviour["/api/"] = Behaviour.ERROR
        with_dashboard(env_file, server.url)
        code, out, _ = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert code == ExitCode.DONE and figures["bins"]["synced"] == 4
    assert figures["published_known"] is False
    assert "does not say which bins the dashboard shows" in figures["warnings"][0]


def test_a_folder_that_cannot_be_read_is_in_the_report_and_in_the_exit_code(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = folder / "locked"
    locked.mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:  # root may read everything, so a mode would not do
        if str(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    code, _, err = run(options(folder, env_file), capsys)
    page = (tmp_path / "nauset-report.html").read_text(encoding="utf-8")
    assert code == ExitCode.PARTLY_FAILED
    assert (
        "Not everything could be seen" in page and "Permission denied" in page and "Permission denied" in err
    )


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"job": {"directory": "none"}}, UsageError, "does not exist"),
        ({"job": {"time_series": "a b"}}, UsageError, "time series"),
        ({"job": {"env_file": "none.env"}}, ConfigError, "none.env"),
        ({"output": "none/x.html"}, UsageError, "-o FILE"),
        ({"published": True}, UsageError, "DASHBOARD_URL"),
    ],
)
def test_what_cannot_be_is_one_line(
    folder: Path, env_file: Path, more: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = options(folder, env_file)
    job = given.job._replace(**more.get("job", {}))
    with pytest.raises(error, match=re.escape(words)):
        report.run(replace(given, **{**more, "job": job}), Interruption())
