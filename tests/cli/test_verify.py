"""`ifcbscan verify` as a command: exit code, stdout, stderr and the list of files."""

from __future__ import annotations

import calendar
import json
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from support.dashboard import Behaviour, DashboardStandIn, ShownBin
from support.faultproxy import Break, FaultProxy
from support.operator import Operator
from support.runs import rewrite_env

from ifcbscan.core.bins import parse_pid
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.extras import JobExtras

PIDS = ("D20130526T095207_IFCB013", "D20140101T000000_IFCB013")

pytestmark = pytest.mark.parametrize("s3", ["moto", "ceph"], indirect=True)


@pytest.fixture
def data(s3: Any, tmp_path: Path) -> Path:
    """Two bins on the disk and in the bucket."""
    folder = tmp_path / "data"
    for pid in PIDS:
        parsed = parse_pid(pid)
        assert parsed is not None
        for path in write_bin(folder, pid, mtime=1400000000.0):
            key = parsed.key("hablab/nauset/", path.suffix[1:])
            s3.client.put_object(Bucket=s3.bucket, Key=key, Body=path.read_bytes())
    return folder


def test_a_disk_that_is_wholly_archived_ends_in_0_with_a_line_and_a_list(
    data: Path, tmp_path: Path, env_file: Path, ifcbscan_cli: Callable[..., Any]
) -> None:
    words = ("verify", data, "nauset", "--env-file", env_file, "--deletable", "list", "-0")
    done = ifcbscan_cli(*words, "--deletable-after", "0")
    assert (done.code, done.stdout) == (0, "") and "2 proven to be in the archive" in done.stderr
    assert "6 files of 2 bins listed as deletable" in done.stderr
    assert "Everything that was asked for is proven." in done.stderr
    listed = (tmp_path / "list").read_bytes().split(b"\0")
    assert sorted(listed)[1:] == sorted(str(path).encode() for path in data.iterdir())


@pytest.mark.parametrize("setting", [None, "2h"])
def test_what_the_archive_got_a_moment_ago_is_not_listed_and_the_time_from_when_it_will_be_is_told(
    data: Path, tmp_path: Path, env_file: Path, ifcbscan_cli: Callable[..., Any], setting: str | None
) -> None:
    if setting:
        rewrite_env(env_file, DELETABLE_AFTER=setting)
    began = time.time()
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, "--deletable", "list", "--json")
    assert done.code == 3 and (tmp_path / "list").read_bytes() == b""
    report = json.loads(done.stdout)
    assert report["bins"]["proven"] == 2
    assert report["deletable"] == {"files": 0, "bins": 0, "too_young": 2, "changed": 0}
    assert "Everything that was asked for is proven." not in done.stderr
    assert f"less than {'2 h' if setting else '24 h'} ago" in done.stderr
    found = re.search(r"All of them can be listed from (\d+-\d+-\d+ \d+:\d+) UTC", done.stderr)
    assert found is not None
    told = calendar.timegm(time.strptime(found.group(1), "%Y-%m-%d %H:%M"))
    assert -120 < told - (began + (7200 if setting else 86400)) < 120


def test_a_bin_that_leaves_the_archive_while_the_disk_is_read_is_not_listed(
    data: Path, tmp_path: Path, env_file: Path, s3: Any, ifcbscan_cli: Callable[..., Any]
) -> None:
    gone = parse_pid(PIDS[1])
    assert gone is not None
    late = Break("list", "delay", up=0, first=1, seconds=2.0)  # the second listing

    def delete() -> None:
        while not between.broken["delay"]:
            time.sleep(0.02)
        s3.client.delete_object(Bucket=s3.bucket, Key=gone.key("hablab/nauset/", "roi"))

    with FaultProxy(s3.endpoint, late) as between:
        archive = threading.Thread(target=delete, daemon=True)
        archive.start()
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        words = ("verify", data, "nauset", "--env-file", env_file, "--deletable", "list", "--json")
        done = ifcbscan_cli(*words, "--deletable-after", "0")
        archive.join(10)
    report = json.loads(done.stdout)
    assert done.code == 3 and report["deletable"] == {"files": 3, "bins": 1, "too_young": 0, "changed": 1}
    assert PIDS[1] not in (tmp_path / "list").read_text(encoding="utf-8")
    assert f"{PIDS[1]}  changed: .roi is not in the archive any more" in done.stderr
    assert "NOT everything is proven." in done.stderr


def test_one_damaged_file_ends_in_3_and_is_named(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any]
) -> None:
    path = data / f"{PIDS[0]}.roi"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, "--json")
    report = json.loads(done.stdout)
    assert done.code == 3 and report["bins"]["different"] == 1 and report["bins"]["proven"] == 1
    (problem,) = report["problems"]
    assert problem["pid"] == PIDS[0] and problem["pid"] in done.stderr and ".roi" in problem["reason"]


@pytest.mark.parametrize("words", [[], ["--max-age", "1d"]])
def test_a_disk_that_is_not_mounted_is_not_proven(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any], words: list[str]
) -> None:
    if not words:
        for path in data.iterdir():
            path.unlink()
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, *words)
    assert done.code == 3
    said = f"no bin was found in {data}, though the archive holds 2 of this series. Is the disk mounted?"
    assert (said in done.stderr) == (not words)
    assert "There was nothing to prove: no complete bin was found." in done.stderr
    assert "proven." not in done.stderr


def test_a_folder_whose_disk_is_not_mounted_any_more_is_not_proven_whatever_lies_in_it(
    data: Path, tmp_path: Path, operator: Operator
) -> None:
    operator.run("verify", data, "nauset")
    job = operator.schedule(data, "nauset")
    job = replace(job, extras=JobExtras(mounted_at=str(tmp_path)))
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    (data / "sub").mkdir()
    write_bin(data / "sub", PIDS[0], mtime=1400000000.0)
    for folder in (data, data / "sub"):
        done = operator.run(
            "verify", folder, "nauset", "--deletable", "list", "--deletable-after", "0", code=3
        )
        assert (
            f"  warning: {tmp_path} is no mount point any more, so {folder} is now a folder of" in done.stderr
        )
        assert "NOT everything is proven: what this folder should hold is not seen" in done.stderr
        assert "Everything that was asked for is proven." not in done.stderr
    job = replace(job, extras=JobExtras(mounted_at="/"))
    operator.crontab.table.write_bytes(with_job(None, job))
    operator.run("verify", data, "nauset")


def test_files_that_are_no_part_of_a_bin_are_told_and_do_not_count(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any]
) -> None:
    words = ("verify", data, "nauset", "--env-file", env_file)
    assert "Not looked at" not in ifcbscan_cli(*words).stderr
    for name in ("notes.txt", "settings.roi"):
        (data / name).write_bytes(b"x")
    done = ifcbscan_cli(*words)
    assert done.code == 0 and "Everything that was asked for is proven." in done.stderr
    line = "Not looked at: 2 files that are no part of a bin. They may exist only on this disk."
    assert line in done.stderr.splitlines()


@pytest.mark.parametrize("alone", [False, True])
def test_files_whose_name_is_almost_a_bins_spoil_the_proof(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any], alone: bool
) -> None:
    if alone:
        for path in data.iterdir():
            path.unlink()
    for extension in ("hdr", "adc", "roi"):
        (data / f"D20150101T000000_IFCB13.{extension}").write_bytes(b"x")
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, "--json")
    assert done.code == 3 and "NOT everything is proven." in done.stderr
    assert "Not looked at: 3 files" in done.stderr and "D20150101T000000_IFCB13" in done.stderr
    assert not {"foreign", "misnamed"} & set(json.loads(done.stdout))


@pytest.mark.skipif(os.name != "posix", reason="Windows lets only administrators make links")
def test_bins_behind_a_link_that_leads_elsewhere_keep_the_rest_from_being_all(
    data: Path, tmp_path: Path, env_file: Path, ifcbscan_cli: Callable[..., Any]
) -> None:
    write_bin(tmp_path / "elsewhere", "D20150101T000000_IFCB013", mtime=1400000000.0)
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    words = ("verify", data, "nauset", "--env-file", env_file, "--deletable", "list")
    done = ifcbscan_cli(*words, "--deletable-after", "0")
    assert done.code == 3 and "NOT everything is proven." in done.stderr
    assert "Not looked into: 1 folder that may hold bins; the warnings name it." in done.stderr
    assert str(data / "linked") in done.stderr
    assert len((tmp_path / "list").read_bytes().splitlines()) == 6


@pytest.mark.parametrize("how, code", [(Behaviour.GOOD, 0), (Behaviour.ERROR, 3)], ids=["good", "failing"])
def test_what_the_dashboard_says_is_told_apart_from_what_is_proven(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any], how: Behaviour, code: int
) -> None:
    with DashboardStandIn(bins={"nauset": [ShownBin(pid) for pid in PIDS]}) as stand_in:
        stand_in.behaviour["/api/"] = how
        with open(str(env_file), "a", encoding="utf-8") as file:
            file.write(f"DASHBOARD_URL={stand_in.url}\n")
        words = ("verify", data, "nauset", "--env-file", env_file, "--json", "--published")
        done = ifcbscan_cli(*words, env={"no_proxy": "127.0.0.1"})
    report = json.loads(done.stdout)
    assert done.code == code and report["bins"]["proven"] == 2
    assert report["published"]["published" if code == 0 else "unknown"] == 2
    assert any(stand_in.url in warning for warning in report["warnings"]) == (code == 3)


@pytest.mark.parametrize(
    "words, told",
    [
        (["-0"], "--deletable"),
        (["--deletable-after", "3d"], "--deletable"),
        (["--deletable", "list", "--deletable-after", "soon"], "--deletable-after"),
        (["--published"], "DASHBOARD_URL"),
        (["--deletable", "/no/such/x"], "list"),
    ],
)
def test_options_that_cannot_be_carried_out_are_refused_with_a_line(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any], words: list[str], told: str
) -> None:
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, *words)
    assert done.code == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_a_part_a_night_proves_everything_once_and_says_that_it_is_a_part(
    data: Path, env_file: Path, ifcbscan_cli: Callable[..., Any]
) -> None:
    proven = 0
    for number in (1, 2):
        words = ("verify", data, "nauset", "--env-file", env_file, "--part", f"{number}/2", "--json")
        done = ifcbscan_cli(*words)
        report = json.loads(done.stdout)
        assert done.code == 0 and report["part"] == f"{number}/2"
        assert report["bins"]["proven"] + report["other_parts"] == 2 and report["bins"]["missing"] == 0
        assert f"nauset, part {number} of 2 ({report['bins']['proven']} of 2 bins): " in done.stderr
        assert f"in part {number} of 2" in done.stderr and "asked for is proven." not in done.stderr
        proven += report["bins"]["proven"]
    assert proven == 2
    done = ifcbscan_cli("verify", data, "nauset", "--env-file", env_file, "--part", "3/2")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("ifcbscan: --part: '3/2' names no part; ") and done.stderr.count("\n") == 1
