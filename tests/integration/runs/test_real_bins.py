"""Real bins of real instruments, beside the archive at work; they lie beside the repository, read-only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.archive import Archive, Rules
from support.runs import assert_adc_last, assert_whole, checked, rewrite_env, snapshot
from support.scripted import ScriptedServer

NEW = "D20130526T095207_IFCB013"
OLD = "IFCB5_2012_028_081515"
KEYS = {
    f"hablab/nauset/{folder}/{pid}.{extension}"
    for folder, pid in (("2013/D20130526", NEW), ("2012/IFCB5_2012_028", OLD))
    for extension in ("roi", "hdr", "adc")
}


def good_files(real_bins: Path) -> list[Path]:
    return [path for path in sorted((real_bins / "good").glob("**/*")) if path.is_file()]


def test_whole_bins_arrive_and_the_others_are_held_with_their_reasons(
    s3: Any, ifcbscan_cli: Any, env_file: Path, real_bins: Path, rules: Rules
) -> None:
    run = checked(ifcbscan_cli)
    before = snapshot(real_bins)
    archive = Archive(s3.client, s3.bucket, rules, lag=0.2)
    with ScriptedServer(upstream=s3.endpoint) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        report = json.loads(run("--once", real_bins, "nauset", "--confirm", "1", "--json").stdout)
        assert {name: count for name, count in report["bins"].items() if count} == {
            "uploaded": 2,
            "held": 3,
            "incomplete": 1,
        }
        reasons = {(problem["pid"], problem["state"]): problem["reason"] for problem in report["problems"]}
        assert len(reasons) == 4
        assert "empty: .roi has 0 bytes" in reasons["D20150411T205456_IFCB012", "held"]
        assert "empty: .roi has 2 bytes, so no image" in reasons["IFCB5_2017_001_033645", "held"]
        assert "empty" in reasons["D20130101T101010_IFCB099", "held"]
        partial = reasons[OLD, "incomplete"]  # its whole copy is in good/
        assert ".roi missing" in partial and str(real_bins / "partial") in partial
        assert set(s3.objects()) == KEYS

        report = json.loads(run("--once", real_bins, "nauset", "--confirm", "1", "--json").stdout)
        assert report["requests"] == {"list": 1, "head": 0, "put": 0} and report["bins"]["synced"] == 2
        assert_adc_last(between.stored)
    archive.step()
    assert_whole(s3, good_files(real_bins))
    assert {row.pid: row.broken for row in archive.registered.values()} == {NEW: False, OLD: False}
    assert {event.detail for event in archive.events if event.kind == "kept"} == {
        "in its place",
        "no date in the name",  # old style: the archive leaves it where it was put
    }
    assert snapshot(real_bins) == before


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_bin_without_its_roi_is_incomplete_and_nothing_of_it_is_sent(
    s3: Any, ifcbscan_cli: Any, env_file: Path, real_bins: Path
) -> None:
    done = checked(ifcbscan_cli)("--once", real_bins / "partial", "nauset", "--json")
    report = json.loads(done.stdout)
    assert report["bins"]["incomplete"] == sum(report["bins"].values()) == 1
    assert report["problems"] == [{"pid": OLD, "state": "incomplete", "reason": ".roi missing"}]
    assert s3.objects() == {}


@pytest.mark.parametrize("pid", [NEW, OLD])
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_one_byte_off_the_end_of_a_real_roi_is_noticed(
    s3: Any, ifcbscan_cli: Any, env_file: Path, real_bins: Path, tmp_path: Path, pid: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for path in good_files(real_bins):
        if path.stem == pid:
            # Old style: the last byte is padding, so the one before it must go, too.
            cut = (2 if pid == OLD else 1) if path.suffix == ".roi" else 0
            body = path.read_bytes()
            (data / path.name).write_bytes(body[: len(body) - cut])
    report = json.loads(checked(ifcbscan_cli)("--once", data, "nauset", "--json").stdout)
    (problem,) = report["problems"]
    assert problem["state"] == "held" and "truncated" in problem["reason"]
    assert s3.objects() == {}
