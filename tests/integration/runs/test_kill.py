"""Runs that are killed or told to end at any moment, over real HTTP, with the archive at work.

Between ifcbscan and the S3 server stands an observer (support/scripted.py) that writes down the order in
which files took effect. Kills come at seeded moments after the first request of a run, so that a failure
can be repeated; where exactly they hit is up to the machine, which is the point.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.archive import LENIENT, STRICT, Archive, Rules
from support.runs import (
    assert_adc_last,
    assert_whole,
    checked,
    end,
    rewrite_env,
    snapshot,
    start,
)
from support.scripted import Act, ScriptedServer, empty_listing

from ifcbscan.demo.sample_bins import write_bin

LONG_AGO = 1400000000.0

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals"),
    pytest.mark.timed,  # the kills are to hit work under way
]
on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def make(folder: Path, count: int, roi_bytes: int) -> list[Path]:
    files = []
    for number in range(count):
        pid = f"D2026050{number % 9 + 1}T{number:02d}0000_IFCB199"
        files += write_bin(folder, pid, images=6, roi_bytes=roi_bytes, mtime=LONG_AGO)
    return files


def kill_again_and_again(
    s3: Any,
    ifcbscan_cli: Any,
    cli_environment: dict[str, str],
    env_file: Path,
    data: Path,
    bins: int,
    kills: int,
    seed: int,
    rules: Rules,
) -> None:
    files = make(data, bins, 200000)
    before = snapshot(data)
    moments = random.Random(seed)
    archive = Archive(s3.client, s3.bucket, rules)
    killed = 0
    with ScriptedServer(upstream=s3.endpoint, delay=0.25) as between, archive.running(0.05):
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint, CONFIRM_SECONDS="1")
        for _ in range(kills):
            listed = between.kinds().get("list", 0)  # a look at bins is a listing, too
            process = start(cli_environment, data.parent, "sync", data, "nauset", "--jobs", "2")
            between.wait_for("list", listed + 1)
            time.sleep(moments.uniform(0, 0.6))
            process.kill()
            code, _, _ = end(process)
            killed += code == -signal.SIGKILL
        assert killed > kills * 3 // 4, "too few were killed at work; make more bins or slower requests"
        assert len(between.stored) > bins  # the kills hit work and not only starts
        run = checked(ifcbscan_cli)
        report = json.loads(run("sync", data, "nauset", "--json").stdout)
        assert report["bins"]["synced"] + report["bins"]["uploaded"] == bins
        report = json.loads(run("sync", data, "nauset", "--json").stdout)
        assert report["bins"]["synced"] == bins and report["requests"]["put"] == 0
        stored = between.stored
    archive.step()
    assert_adc_last(stored)
    sizes = {path.name: path.stat().st_size for path in files}
    assert {request.name: request.size for request in stored} == sizes
    assert all(request.size == sizes[request.name] for request in stored)
    assert_whole(s3, files)
    assert len(archive.registered) == bins
    assert not [row for row in archive.registered.values() if row.broken]
    assert snapshot(data) == before


@on_moto
def test_a_few_kills_leave_every_bin_whole(
    s3: Any, ifcbscan_cli: Any, cli_environment: dict[str, str], env_file: Path, data: Path, rules: Rules
) -> None:
    kill_again_and_again(
        s3, ifcbscan_cli, cli_environment, env_file, data, bins=7, kills=4, seed=1, rules=rules
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "s3, seed, rules",
    [
        pytest.param("moto", 2, LENIENT, id="moto-lenient", marks=pytest.mark.matrix),
        pytest.param("rclone", 3, STRICT, id="rclone-strict"),
        pytest.param("moto", 2, STRICT, id="moto-strict", marks=pytest.mark.matrix),
        pytest.param("rclone", 3, LENIENT, id="rclone-lenient", marks=pytest.mark.matrix),
    ],
    indirect=["s3", "rules"],
)
def test_thirteen_kills_under_both_rules_leave_every_bin_whole_and_no_adc_ever_stood_alone(
    s3: Any,
    ifcbscan_cli: Any,
    cli_environment: dict[str, str],
    env_file: Path,
    data: Path,
    seed: int,
    rules: Rules,
) -> None:
    kill_again_and_again(
        s3, ifcbscan_cli, cli_environment, env_file, data, bins=14, kills=13, seed=seed, rules=rules
    )


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize("number, code", SIGNALS)
@pytest.mark.parametrize("command", ["sync", "--once"])
@pytest.mark.parametrize(
    "script, waited_for",
    [
        ([Act.STALL], "list"),
        ([empty_listing(), Act.STALL], "put"),
    ],
)
def test_being_told_to_end_while_waiting_for_an_answer_ends_soon_with_a_line(
    cli_environment: dict[str, str],
    tmp_path: Path,
    data: Path,
    script: list[Any],
    waited_for: str,
    command: str,
    number: int,
    code: int,
) -> None:
    make(data, 5, 3000)
    env = tmp_path / ".env"
    env.touch(mode=0o600)
    with ScriptedServer(script, then=Act.STALL) as server:
        env.write_text(
            "AWS_ACCESS_KEY_ID=AKIAIFCBSCANTESTS\nAWS_SECRET_ACCESS_KEY=ifcbscan-tests-secret-key\n"
            f"USER_ACCOUNT=hablab\nS3_ENDPOINT_URL={server.endpoint}\nSETTLE_SECONDS=0\n"
        )
        process = start(cli_environment, tmp_path, command, data, "nauset")
        server.wait_for(waited_for)
        began = time.monotonic()
        process.send_signal(number)
        ended, stdout, stderr = end(process)
        assert time.monotonic() - began < 5
    assert ended == code and stdout == ""
    assert "interrupted" in stderr and "next run" in stderr


@pytest.mark.parametrize("number, code", SIGNALS)
@on_moto
def test_being_told_to_end_while_bins_wait_for_their_confirmation_loses_nothing(
    s3: Any,
    ifcbscan_cli: Any,
    cli_environment: dict[str, str],
    env_file: Path,
    data: Path,
    number: int,
    code: int,
) -> None:
    files = make(data, 3, 3000)
    with ScriptedServer(upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        process = start(cli_environment, data.parent, "sync", data, "nauset", "--confirm", "600", "--json")
        between.wait_for("put", 6)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(number)
        ended, stdout, stderr = end(process)
        assert time.monotonic() - began < 5
        report = json.loads(stdout)
        assert ended == code and report["bins"]["unconfirmed"] == 3 and report["files_uploaded"] == 6
        assert sum(report["bins"].values()) == 3
        assert len(between.stored) == 6
        run = checked(ifcbscan_cli)
        report = json.loads(run("--once", data, "nauset", "--json").stdout)
        assert report["bins"]["uploaded"] == 3 and report["requests"]["put"] == 3
        assert_adc_last(between.stored)
    assert_whole(s3, files)


@on_moto
def test_a_second_signal_of_the_same_kind_ends_the_program_at_once(
    s3: Any, cli_environment: dict[str, str], env_file: Path, data: Path
) -> None:
    make(data, 1, 3000)
    with ScriptedServer(then=Act.STALL) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        process = start(cli_environment, data.parent, "sync", data, "nauset")
        server.wait_for("list")
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
        code, _, _ = end(process, 5.0)
    assert code in (143, -signal.SIGTERM)
