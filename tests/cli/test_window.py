"""--since, --until and --instrument, as an operator meets them: which bins go where, and what is said of the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ifcbscan.core.bins import Pid, parse_pid
from ifcbscan.demo.sample_bins import write_bin

PIDS = (
    "IFCB5_2012_028_081515",
    "D20251231T235959_IFCB013",
    "D20260101T000000_IFCB013",
    "D20260101T000001_IFCB010",
    "D20260531T235959_IFCB013",
    "D20260601T000000_IFCB010",
)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    for number, pid in enumerate(PIDS):
        write_bin(tmp_path / "disk" / str(number % 2), pid, images=2, roi_bytes=400, mtime=1500000000.0)
    return tmp_path / "disk"


on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)


def _pid(key: str) -> Pid | None:
    return parse_pid(key.rsplit("/", 1)[-1].partition(".")[0])


def test_two_windows_that_meet_share_a_disk_between_two_series_whole(
    env_file: Path, s3: Any, ifcbscan_cli: Any, disk: Path
) -> None:
    for series, *window in (
        ("spring", "--until", "2026-05-31"),
        ("summer", "--since", "2026-05-31"),
    ):
        done = ifcbscan_cli("sync", disk, series, *window, "--confirm", "0", "--json", "--force")
        assert done.code == 0, done.stderr
        bins = json.loads(done.stdout)["bins"]
        assert (bins["uploaded"], bins["outside"]) == ((4, 2) if series == "spring" else (2, 4))
    pids: dict[Any, set[str]] = {}
    for item in s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]:
        pids.setdefault(_pid(item["Key"]), set()).add(item["Key"].split("/")[1])
    assert set(pids) == set(PIDS)
    assert all(len(series) == 1 for series in pids.values())


@on_moto
@pytest.mark.parametrize(
    "command, words, said",
    [
        ("once", ["--since", "yesterday"], "--since"),
        ("start", ["--instrument", "IFCB"], "--instrument"),
        ("verify", ["--since", "2026-06-01", "--until", "2026-05-01"], "exchanged"),
    ],
)
def test_a_window_that_cannot_be_understood_ends_the_command(
    env_file: Path, s3: Any, ifcbscan_cli: Any, disk: Path, command: str, words: list[str], said: str
) -> None:
    done = ifcbscan_cli(command, disk, "nauset", *words)
    assert done.code == 2
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert "Contents" not in s3.client.list_objects_v2(Bucket=s3.bucket)


def test_a_verification_says_what_it_did_not_look_at(
    env_file: Path, s3: Any, ifcbscan_cli: Any, disk: Path
) -> None:
    window = ["--since", "2026-01-01", "--until", "2026-05-31"]
    ifcbscan_cli("sync", disk, "nauset", *window, "--confirm", "0", "--force")
    done = ifcbscan_cli("verify", disk, "nauset", *window, "--json")
    assert done.code == 0, done.stderr
    assert json.loads(done.stdout)["bins"]["outside"] == 4
    assert "outside the window (4)" in done.stderr
