"""The every-minute run and a full one of the same job at once, as processes: nothing is sent twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.archive import Archive
from support.runs import assert_adc_last, assert_whole, end, rewrite_env, start
from support.scripted import ScriptedServer

from ifcbscan.samplebins import write_bin

PIDS = [f"D20260401T{hour:02d}0000_IFCB199" for hour in range(8)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight bins of a size that takes a moment to send."""
    for pid in PIDS:
        write_bin(tmp_path / "data" / pid[1:5] / pid[:9], pid, images=4, roi_bytes=60000, mtime=1400000000.0)
    return tmp_path / "data"


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_two_runs_at_once_share_the_bins_and_put_each_file_once(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str], ifcbscan_cli: Any
) -> None:
    with ScriptedServer(upstream=s3.endpoint, delay=0.15) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        runs = [
            start(cli_environment, data.parent, "--once", data, "nauset", "--json", "--jobs", "2", *mode)
            for mode in ([], ["--max-age", "20000d"])
        ]
        reports = []
        for process in runs:
            code, stdout, stderr = end(process, timeout=120.0)
            assert code == 0, stderr
            reports.append(json.loads(stdout))
        files = sorted(path.name for path in data.rglob("*.???"))
        assert sorted(between.names("put")) == files
        assert_adc_last(between.stored)
    assert_whole(s3, list(data.rglob("*.???")))
    assert [sum(report["bins"].values()) for report in reports] == [len(PIDS)] * 2
    assert sum(report["bins"]["uploaded"] for report in reports) == len(PIDS)
    assert sum(report["files_uploaded"] for report in reports) == len(files)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_a_bin_that_the_archive_refuses_is_tried_once_by_two_runs_at_once(
    s3: Any, data: Path, env_file: Path, cli_environment: dict[str, str]
) -> None:
    archive = Archive(s3.client, s3.bucket, refuse=lambda *_: True)
    with ScriptedServer(upstream=s3.endpoint, delay=0.15) as between, archive.running(0.1):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        runs = [
            start(
                cli_environment, data.parent, "--once", data, "nauset", "--confirm", "2", "--jobs", "2", *mode
            )
            for mode in ([], ["--max-age", "20000d"])
        ]
        for process in runs:
            code, _, stderr = end(process, timeout=120.0)
            assert code == 0, stderr
        puts = between.names("put")
    assert len(puts) == len(set(puts)) and not [name for name in puts if name.endswith(".adc")]
