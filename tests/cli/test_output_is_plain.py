"""Whatever files, folders and servers are called or answer: what comes out is lines of visible text, and not too many."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Operator
from support.runs import rewrite_env
from support.scripted import Answer, ScriptedServer

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.state import last_runs

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20260101T100001_IFCB199"
#: A colour, a forged line, a bell, the C1 form of an escape, text that runs backwards, a byte that is no UTF-8.
NASTY = "x\x1b[31m\nD20990101T000000_IFCB199 synced\x07\x9b2J\u202ekcab\udce9"
SHOWN = "x\\x1b[31m\\nD20990101T000000_IFCB199 synced\\x07\\x9b2J\\u202ekcab\\udce9"


def assert_plain(*texts: str) -> None:
    for text in texts:
        for character in text.replace("\n", "").replace("\r", ""):
            assert unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), repr(text)
        assert not [line for line in text.splitlines() if line.startswith("D2099")], text


@posix
@on_moto
def test_no_name_of_a_folder_steers_the_terminal_of_a_scan_or_forges_a_line_of_it(
    s3: Any, ifcbscan_cli: Any, env_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    write_bin(data / NASTY / "D20260101", PID, mtime=1400000000.0)
    (data / (NASTY + "link")).symlink_to(tmp_path)
    (data / NASTY / "D20260101" / f"D20260101T10000_IFCB199{NASTY}.roi").write_bytes(b"x")
    log = tmp_path / "a.log"
    for words in (
        ["--once", data, "nauset", "--dry-run"],
        ["--once", data, "nauset", "--dry-run", "--json"],
        ["sync", data / NASTY, "nauset", "--verbose", "--log-file", log],
        ["sync", data, "nauset", "--log-file", log],
        ["verify", data, "nauset", "--log-file", log],
        ["report", data, "nauset", "--json"],
        ["check", data / NASTY, "nauset"],
        ["check", data / NASTY / "gone", "nauset"],
        ["sync", data / NASTY / "gone", "nauset"],
        ["sync", data, NASTY],
        ["sync", data, "nauset", "--" + NASTY],
        ["stop", NASTY],
        ["sync", data, "nauset", "--max-age", NASTY],
        ["sync", data, "nauset", "--env-file", NASTY],
        [NASTY],
    ):
        done = ifcbscan_cli(*words)
        assert_plain(done.stdout, done.stderr)
        assert "unexpected error" not in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "\\x1b[31m\\nD2099" in log.read_text(encoding="utf-8")
    assert_plain(log.read_text(encoding="utf-8"))


@posix
@on_moto
def test_no_name_of_a_folder_gets_into_the_page_or_the_metrics_as_it_stands(
    s3: Any, ifcbscan_cli: Any, env_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data" / NASTY
    write_bin(data, PID, mtime=1400000000.0)
    (data / "link").symlink_to(tmp_path)
    page, metrics = tmp_path / "page.html", tmp_path / "ifcb.prom"
    for _ in range(2):
        assert ifcbscan_cli("--once", data, "nauset", "--metrics-file", metrics).code == 0
    assert ifcbscan_cli("report", data, "nauset", "-o", page).code == 0
    for path in (page, metrics):
        text = path.read_text(encoding="utf-8")
        assert_plain(text.replace("\t", " "))
        assert "kcab" in text
    assert SHOWN in page.read_text(encoding="utf-8")
    assert metrics.read_text(encoding="utf-8").count("ifcbscan_last_run_exit_code{") == 1


@posix
@on_moto
def test_the_text_of_a_schedule_and_of_its_last_runs_is_shown_without_what_steers_a_terminal(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = operator.folder / NASTY.replace("\n", " ")  # no schedule takes a line end
    write_bin(data, PID, mtime=1400000000.0)
    shown = operator.run("start", data, "nauset", "--print")
    assert "\\x1b[31m" in shown.stdout
    assert "cannot be shown as they are" in shown.stderr
    operator.schedule(data)
    monkeypatch.setenv("HOME", str(operator.home))
    record = last_runs.LastRun.that_ends_now(2, "The bucket " + NASTY, {})
    last_runs.write(str(data), "nauset", "recent", record)
    status = operator.run("status", code=3)
    assert "\\x1b[31m\\nD2099" in status.stdout
    as_json = operator.run("status", "--json", code=3)
    (job,) = json.loads(as_json.stdout)["jobs"]
    assert job["directory"] == str(data) and job["last_run"]["recent"]["summary"] == "The bucket " + NASTY
    stopped = operator.run("stop", data)
    for done in (shown, status, as_json, stopped):
        assert_plain(done.stdout, done.stderr)
    plain = operator.folder / "Küste"
    plain.mkdir()
    assert operator.run("start", plain, "nauset", "--print").stderr == ""


def listing(*prefixes: str) -> Answer:
    """What S3 answers about the folders of an account, URL-encoded as its keys are."""
    import urllib.parse

    items = "".join(
        f"<CommonPrefixes><Prefix>hablab/{urllib.parse.quote(name)}/</Prefix></CommonPrefixes>"
        for name in prefixes
    )
    body = (
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        f"{items}</ListBucketResult>"
    )
    return Answer(200, body.encode("utf-8"), (("Content-Type", "application/xml"),))


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_names_of_time_series_are_listed_as_one_line_each_whatever_bucket_and_dashboard_call_them(
    s3: Any, ifcbscan_cli: Any, env_file: Path, dashboard: DashboardStandIn
) -> None:
    name = NASTY.replace("\udce9", "")
    dashboard.teams["hablab"] = [name + "two", "nauset", name]
    with ScriptedServer(then=listing(name, name + "three", "nauset")) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint, DASHBOARD_URL=dashboard.url)
        done = ifcbscan_cli("list")
        as_json = ifcbscan_cli("list", "--json")
        refused = ifcbscan_cli("start", env_file.parent, "other")
    assert done.code == 0
    assert_plain(done.stdout, done.stderr, as_json.stdout, as_json.stderr, refused.stdout, refused.stderr)
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    # the columns stand one below the other
    assert len({line.index("on the dashboard") for line in lines if "on the dashboard" in line}) == 1
    assert {item["name"] for item in json.loads(as_json.stdout)["time_series"]} >= {name, "nauset"}
