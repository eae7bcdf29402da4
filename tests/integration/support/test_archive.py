"""Scans beside the archive at work: what arrives, what the archive refuses, what it moves about.

The archive is the double of support/archive.py; the dashboard's rows that it keeps are the measure of
what matters in the end: every good bin has a row, and no row is ever broken. Both generations of it are tried, but where a
`.roi` is refused for its content: only a strict one does that.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support.archive import LENIENT, STRICT, Archive, Rules
from support.runs import (
    assert_adc_last,
    assert_whole,
    checked,
    place,
    rewrite_env,
    sizes_of,
    snapshot,
    upper_case,
)
from support.scripted import ScriptedServer

from ifcbscan.demo.sample_bins import write_bin

LONG_AGO = 1400000000.0
NEW = [f"D2026040{day}T1{day}0000_IFCB199" for day in range(1, 6)]
OLD = ["IFCB5_2012_028_081515", "IFCB1_2006_158_000036"]
DAY = 86400.0

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)
on_rclone = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


@pytest.fixture
def run(ifcbscan_cli: Any, env_file: Path) -> Callable[..., dict[str, Any]]:
    """One scan of `data` into nauset, as JSON."""
    decent = checked(ifcbscan_cli)

    def scan(*arguments: Any, code: int = 0) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(
            decent("--once", "data", "nauset", "--json", *arguments, code=code).stdout
        )
        return report

    return scan


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


#: Seconds in which an archive that looks every tenth of one has deleted a file, also on a busy machine.
ENOUGH = "4"


def make(folder: Path, *pids: str) -> list[Path]:
    return [path for pid in pids for path in write_bin(folder, pid, images=4, mtime=LONG_AGO)]


def some(report: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: count for name, count in report["bins"].items() if count}


def test_all_bins_arrive_become_visible_and_are_never_sent_again(
    s3: Any, run: Any, data: Path, env_file: Path, rules: Rules
) -> None:
    files = make(data / "2026", *NEW) + make(data, *OLD)
    before = snapshot(data)
    archive = Archive(s3.client, s3.bucket, rules, lag=0.3)
    with ScriptedServer(upstream=s3.endpoint) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        assert some(run("--confirm", "1")) == {"uploaded": 7}
        report = run("--confirm", "1")
        assert some(report) == {"synced": 7} and report["requests"]["put"] == 0
        assert_adc_last(between.stored)
        assert len(between.stored) == 21
    archive.step()
    assert_whole(s3, files)
    rows = archive.registered
    assert set(rows) == {"hablab/nauset/" + pid for pid in NEW + OLD}
    for path in files:
        row = rows["hablab/nauset/" + path.stem]
        assert not row.broken and getattr(row, path.suffix[1:]) == path.stat().st_size
    assert not [event for event in archive.events if event.kind in ("moved", "deleted")]
    assert snapshot(data) == before


def test_a_bin_that_a_strict_archive_refuses_is_not_sent_again_and_never_shows(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    good = make(data, *NEW[:2], OLD[0])
    make(data, NEW[2])
    refused = f"{NEW[2]}.roi"
    archive = Archive(s3.client, s3.bucket, STRICT, refuse=lambda key, _: key.endswith(refused))
    with ScriptedServer(upstream=s3.endpoint) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        for first in (True, False):
            report = run("--confirm", ENOUGH)
            assert some(report) == {"uploaded" if first else "synced": 3, "rejected": 1}
            assert first or report["requests"]["put"] == 0
            (problem,) = report["problems"]
            assert problem["pid"] == NEW[2] and "the archive deleted the .roi" in problem["reason"]
        assert between.names("put").count(refused) == 1
        assert f"{NEW[2]}.adc" not in between.names("put")
        assert_adc_last(between.stored)
    assert s3.objects() == {**sizes_of(good), **sizes_of([data / f"{NEW[2]}.hdr"])}
    assert not [row for row in archive.registered.values() if row.broken]
    assert "hablab/nauset/" + NEW[2] not in archive.registered


@on_moto
def test_a_bin_that_a_strict_archive_refuses_is_taken_by_a_lenient_one(s3: Any, run: Any, data: Path) -> None:
    files = make(data, NEW[0])
    archive = Archive(s3.client, s3.bucket, LENIENT, refuse=lambda *_: True)
    with archive.running(0.1):
        assert some(run("--confirm", "1")) == {"uploaded": 1}
    archive.step()
    assert_whole(s3, files)
    assert not archive.registered["hablab/nauset/" + NEW[0]].broken


@on_moto
def test_a_refused_bin_costs_one_attempt_a_day_by_the_servers_clock(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    hdr = make(data, NEW[0])[0]
    s3.client.put_object(Bucket=s3.bucket, Key=f"{place(NEW[0])}.hdr", Body=hdr.read_bytes())
    archive = Archive(s3.client, s3.bucket, STRICT, refuse=lambda *_: True)
    with ScriptedServer(upstream=s3.endpoint) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        for later, puts in ((DAY - 60, []), (DAY + 60, [f"{NEW[0]}.roi", f"{NEW[0]}.hdr"]), (DAY - 60, [])):
            between.shift_dates(later)
            sent = len(between.names("put"))
            assert some(run("--confirm", ENOUGH)) == {"rejected": 1}
            assert between.names("put")[sent:] == puts


@on_moto
def test_a_bin_that_the_archive_takes_once_it_is_brought_up_to_date_is_completed(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data, NEW[0])
    archive = Archive(s3.client, s3.bucket, STRICT, refuse=lambda *_: True)
    with archive.running(0.1):
        assert some(run("--confirm", ENOUGH)) == {"rejected": 1}
        archive.rules = LENIENT
        assert some(run("--confirm", "1", "--retry-rejected")) == {"uploaded": 1}
    archive.step()
    assert_whole(s3, files)
    assert not archive.registered["hablab/nauset/" + NEW[0]].broken


@on_moto
def test_a_refusal_that_comes_after_the_adc_is_reported_and_not_answered_with_another_put(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data, NEW[0])
    archive = Archive(s3.client, s3.bucket, STRICT, refuse=lambda *_: True)
    assert some(run("--confirm", "0")) == {"uploaded": 1}  # the archive is throttled for hours
    assert_whole(s3, files)
    archive.step()
    report = run()
    assert some(report) == {"rejected": 1} and report["requests"]["put"] == 0
    assert "deleted the .roi" in report["problems"][0]["reason"]


@on_moto
@pytest.mark.parametrize("then", [STRICT, LENIENT], ids=["strict", "lenient"])
def test_a_bin_that_is_refused_hours_after_its_adc_went_is_told_as_rejected_until_a_run_finds_it_whole(
    s3: Any, run: Any, data: Path, env_file: Path, ifcbscan_cli: Any, then: Rules
) -> None:
    files = make(data, NEW[0])
    now = [0.0]
    archive = Archive(s3.client, s3.bucket, STRICT, 5 * 3600.0, lambda: now[0], lambda *_: True)
    assert some(run("--confirm", "0")) == {"uploaded": 1}
    archive.step(copy=False)
    now[0] += 5 * 3600.0
    archive.step()  # its verdict, and only then the dashboard copies
    assert archive.registered["hablab/nauset/" + NEW[0]].broken
    metrics = data.parent / "metrics.prom"

    def rejected(puts: int, *arguments: Any) -> str:
        """The reason that a run gives, which has put so many files."""
        report = run("--confirm", ENOUGH, "--metrics-file", metrics, *arguments)
        assert some(report) == {"rejected": 1} and report["requests"]["put"] == puts
        assert report["problems"][0]["pid"] == NEW[0]
        (line,) = re.findall(r'^ifcbscan_bins{.*state="rejected".*} (.*)$', metrics.read_text("utf-8"), re.M)
        assert float(line) == 1
        reason: str = report["problems"][0]["reason"]
        assert f"tell the people who run it its id, {NEW[0]}" in reason
        return reason

    with ScriptedServer(upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        between.shift_dates(DAY - 600)
        assert "next try after 24 h" in rejected(0)
        between.shift_dates(DAY + 60)
        assert "it is to be sent again" in rejected(0, "--dry-run")
        verified = checked(ifcbscan_cli)("verify", data, "nauset", "--json", code=3)
        assert [problem["state"] for problem in json.loads(verified.stdout)["problems"]] == ["rejected"]
        archive = Archive(s3.client, s3.bucket, then, refuse=lambda *_: True)
        with archive.running(0.1):
            if then is STRICT:
                assert "next try after 24 h" in rejected(2)
                return
            assert "sent again, and whole in the archive" in rejected(2)
            report = run("--confirm", ENOUGH)
    assert some(report) == {"synced": 1} and report["requests"]["put"] == 0 and report["problems"] == []
    archive.step()
    assert_whole(s3, files)


def test_what_an_older_client_sent_and_the_archive_moved_is_not_sent_again(
    s3: Any, run: Any, data: Path, rules: Rules
) -> None:
    layouts = ["", "data/", "2026/", "2026/D20260401/", "raw/my_cruise/"]
    files = make(data / "here" / "it lies elsewhere", *NEW)
    archive = Archive(s3.client, s3.bucket, rules)
    for number, path in enumerate(files):
        key = f"hablab/nauset/{layouts[number // 3 % len(layouts)]}{path.name}"
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=path.read_bytes())
    archive.step()
    assert_whole(s3, files)
    report = run()
    assert some(report) == {"synced": 5} and report["requests"] == {"list": 1, "head": 0, "put": 0}
    archive.step()
    assert_whole(s3, files)


@on_moto
def test_old_style_bins_that_lie_where_the_dashboard_is_blind_are_put_where_it_sees_them(
    s3: Any, run: Any, data: Path, rules: Rules
) -> None:
    files = make(data, OLD[0])
    hidden = {f"hablab/nauset/my_cruise/{path.name}": path for path in files}
    for key, path in hidden.items():
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=path.read_bytes())
    archive = Archive(s3.client, s3.bucket, rules)
    archive.step()
    assert archive.registered == {}
    with archive.running(0.1):
        assert some(run("--confirm", "1")) == {"uploaded": 1}
    archive.step()
    if rules.counts_files:  # then six files of one id are too many, and it is published nowhere
        assert archive.registered == {}
    else:
        assert not archive.registered["hablab/nauset/" + OLD[0]].broken
    assert s3.objects() == {**sizes_of(files), **{key: path.stat().st_size for key, path in hidden.items()}}


@on_moto
def test_what_the_archive_would_delete_is_not_sent_at_all(
    s3: Any, run: Any, data: Path, rules: Rules
) -> None:
    write_bin(data, NEW[0], images=0, mtime=LONG_AGO)
    write_bin(data, OLD[0], images=0, mtime=LONG_AGO)
    (data / f"{NEW[1]}.ADC.bak").write_bytes(b"x")
    make(data, NEW[2])[2].unlink()
    archive = Archive(s3.client, s3.bucket, rules)
    report = run()
    archive.step()
    assert some(report) == {"held": 2, "incomplete": 1}
    assert archive.events == [] and archive.registered == {}


@on_moto
def test_upper_case_names_survive_the_archive_because_keys_are_lower_case(
    s3: Any, run: Any, data: Path, rules: Rules
) -> None:
    files = upper_case(make(data, NEW[0], OLD[0]))
    archive = Archive(s3.client, s3.bucket, rules)
    with archive.running(0.1):
        assert some(run("--confirm", "1")) == {"uploaded": 2}
    archive.step()
    assert_whole(s3, files)
    assert not [event for event in archive.events if event.kind == "deleted"]
    assert [row.broken for row in archive.registered.values()] == [False, False]


@on_rclone
def test_a_check_that_takes_its_time_is_waited_for_by_all_bins_at_once(s3: Any, run: Any, data: Path) -> None:
    make(data, *NEW)
    archive = Archive(
        s3.client, s3.bucket, STRICT, lag=1.0, refuse=lambda key, _: key.endswith(f"{NEW[1]}.roi")
    )
    began = time.monotonic()
    with archive.running(0.1):
        assert some(run("--confirm", "8")) == {"uploaded": 4, "rejected": 1}
    assert time.monotonic() - began < 8 * 4
    archive.step()
    assert set(archive.registered) == {"hablab/nauset/" + pid for pid in NEW if pid != NEW[1]}
    assert not [row for row in archive.registered.values() if row.broken]
    assert f"{place(NEW[1])}.adc" not in s3.objects()
