"""A budget of bytes a day on the command line, by the dates that real servers give to what was put today."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support.runs import rewrite_env, sizes_of

from ifcbscan.demo.sample_bins import write_bin


@pytest.fixture
def bins(tmp_path: Path) -> list[str]:
    """The pids of four bins of the last hours, newest first."""
    now = time.time()
    if time.gmtime(now).tm_mday != time.gmtime(now + 300).tm_mday:
        pytest.skip("it is nearly midnight (UTC), and a new budget begins then")
    pids = [time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime(now - 3600 * age)) for age in (1, 2, 3, 4)]
    for pid in pids:
        write_bin(tmp_path / "data", pid, images=2, roi_bytes=20_000, mtime=now - 3600)
    return pids


def test_what_does_not_fit_into_the_day_waits_and_is_told_of_without_an_alarm(
    s3: Any, ifcbscan_cli: Callable[..., Any], env_file: Path, tmp_path: Path, bins: list[str]
) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    size = {pid: sum(path.stat().st_size for path in data.glob(pid + ".*")) for pid in bins}
    s3.client.put_object(Bucket=s3.bucket, Key="hablab/nauset/notes.txt", Body=bytes(1000))
    rewrite_env(env_file, MAX_DAILY=str(1000 + size[bins[0]] + size[bins[1]]))

    dry = ifcbscan_cli("--once", data, "nauset", "--dry-run")
    assert (
        dry.stdout.count("waits for tomorrow (MAX_DAILY)") == 2 and "2 bins wait for tomorrow" in dry.stderr
    )

    first = ifcbscan_cli("--once", data, "nauset", "--max-age", "3d", "--json", "--log-file", log)
    report = json.loads(first.stdout)
    assert first.code == 0 and report["warnings"] == report["problems"] == []
    assert (set(report["uploaded_bins"]), report["bins"]["to_upload"]) == (set(bins[:2]), 2)
    told = " has no more room today: 2 bins wait for tomorrow (00:00 UTC)"
    assert told in first.stderr and told in log.read_text(encoding="utf-8")

    # Each minute the same: nothing is said where cron would mail it.
    for options in (["--max-age", "3d"], []):
        again = ifcbscan_cli("--once", data, "nauset", *options)
        assert (again.code, again.stdout, again.stderr) == (0, "", "")
    by_hand = ifcbscan_cli("sync", data, "nauset")
    assert by_hand.code == 0 and told in by_hand.stderr

    beyond = ifcbscan_cli("sync", data, "nauset", "--max-daily", "off")
    assert beyond.code == 0 and "MAX_DAILY" not in beyond.stderr
    assert s3.objects() == {**sizes_of(data.iterdir()), "hablab/nauset/notes.txt": 1000}
