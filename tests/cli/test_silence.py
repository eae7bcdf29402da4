"""What a run says of a folder that is silent, and what it does not say of one in good health: the program as a subprocess."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support.runs import checked, rewrite_env, sizes_of
from support.scripted import ScriptedServer

from ifcbscan.demo.sample_bins import write_bin

HOUR = 3600.0
DAY = 24 * HOUR

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)


def pid_at(seconds: float) -> str:
    return time.strftime("D%Y%m%dT%H%M%S_IFCB199", time.gmtime(seconds))


def make(folder: Path, sampled: float, **more: Any) -> list[Path]:
    return write_bin(folder, pid_at(sampled), images=more.pop("images", 3), mtime=sampled, **more)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def once(ifcbscan_cli: Callable[..., Any], env_file: Path, data: Path) -> Callable[..., Any]:
    run = checked(ifcbscan_cli)

    def scan(*options: Any, **more: Any) -> Any:
        return run("--once", data, "nauset", *options, **more)

    return scan


def empty_words(data: Path, number: str) -> str:
    return (
        f"no bin was found in {data}, though the archive holds {number} of this series. Is the disk mounted?"
    )


@on_moto
def test_an_empty_folder_is_told_and_ends_with_3_as_long_as_it_is_empty(
    s3: Any, once: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    assert once().stderr == "", "a new time series is no silence"
    files = make(data, time.time() - 2 * HOUR) + make(data, time.time() - 30 * DAY)
    once()
    assert s3.objects() == sizes_of(files)
    for path in files:
        path.unlink()
    said = empty_words(data, "2")
    log = tmp_path / "log"
    for options, none in (
        ([], "no bins found"),
        (["--max-age", "3d"], "no bin of the last 3 days"),
        (["--dry-run"], "no bins found (dry run: nothing was sent)"),
    ):
        done = once(*options, code=3)
        assert done.stderr.splitlines() == [f"nauset: {none}", f"  warning: {said}"]
    done = once("--json", "--quiet", "--log-file", log, code=3)
    assert json.loads(done.stdout)["warnings"] == [said] and done.stderr == ""
    assert f"WARNING {said}\n" in log.read_text("utf-8")
    make(data, time.time() - 2 * HOUR)
    assert once("--quiet").stderr == ""


@on_moto
def test_a_run_below_what_was_a_mount_point_says_that_it_is_none_and_does_its_work(
    s3: Any, once: Callable[..., Any], data: Path
) -> None:
    files = make(data, time.time() - 2 * HOUR)
    done = once("--mounted-at", data, code=3)
    assert s3.objects() == sizes_of(files)
    assert done.stderr.splitlines()[1:] == [
        f"  warning: {data} is no mount point any more, so {data} is now a folder of the system's own disk: what the instrument "
        "writes to its disk is not seen. Is the disk mounted?"
    ]
    once("--mounted-at", data, "--dry-run", code=3)
    assert once("--mounted-at", os.path.abspath(os.sep)).stderr == ""


@on_moto
def test_an_instrument_that_is_silent_for_longer_than_expected(
    once: Callable[..., Any], env_file: Path, data: Path
) -> None:
    sampled = float(int(time.time() - 26 * HOUR))
    make(data, sampled)
    once("--quiet")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(sampled))
    question = "Does the instrument measure, and is its clock right?"
    said = f"no new bin: the newest one here was sampled 26 h ago ({moment}), and one is expected every 2 h. {question}"
    for options in (["--expect-every", "2h"], ["--expect-every", "2h", "--max-age", "3d"]):
        done = once(*options, code=3)
        assert done.stderr.splitlines() == ["nauset: 1 already in the archive", f"  warning: {said}"]
    assert once("--expect-every", "2h", "--max-age", "12h", code=3).stderr.splitlines() == [
        "nauset: no bin of the last 12 h",
        f"  warning: no new bin: there is none of the last 12 h, and one is expected every 2 h. {question}",
    ]
    assert once("--expect-every", "2d").stderr == once("--max-age", "12h").stderr == ""
    assert once("--expect-every", "2h", "--until", moment[:10]).stderr == ""
    rewrite_env(env_file, EXPECT_EVERY="2h")
    assert said in once(code=3).stderr
    assert once("--expect-every", "2d").stderr == "", "the option beats the setting"


@on_moto
def test_a_bin_that_is_being_written_and_one_without_images_are_no_alarm(
    once: Callable[..., Any], data: Path, tmp_path: Path
) -> None:
    make(data, time.time() - 2 * HOUR)
    without_images = make(data, time.time() - HOUR, images=0)[0].stem
    being_written = make(data, time.time() - 60)
    being_written[2].unlink()
    once("--quiet")
    log = tmp_path / "log"
    assert once("--log-file", log).stderr == "", "cron mails what a run prints"
    assert "WARNING" not in log.read_text("utf-8")
    assert "nauset: 1 already in the archive, 1 incomplete, 1 held back\n" in log.read_text("utf-8")
    found = json.loads(once("--json").stdout)
    assert (found["bins"]["incomplete"], found["bins"]["held"], found["warnings"]) == (1, 1, [])
    assert {problem["pid"]: (problem["state"], problem["reason"]) for problem in found["problems"]} == {
        being_written[0].stem: ("incomplete", ".roi missing: it may still be written"),
        without_images: (
            "held",
            "empty: .roi has 0 bytes, so no image; the dashboard refuses such a bin",
        ),
    }
    told = once("--verbose").stderr
    assert f"{being_written[0].stem} incomplete: .roi missing: it may still be written\n" in told
    for path in being_written[:2]:
        os.utime(str(path), (time.time() - HOUR,) * 2)
    assert f"  {being_written[0].stem}  incomplete: .roi missing\n" in once("--log-file", log).stderr
    assert f"WARNING {being_written[0].stem} incomplete: .roi missing\n" in log.read_text("utf-8")


@on_moto
def test_a_clock_that_is_days_wrong_is_told_and_the_last_days_are_the_archives(
    s3: Any, once: Callable[..., Any], env_file: Path, data: Path
) -> None:
    with ScriptedServer(upstream=s3.endpoint, shift=-5 * DAY) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        files = make(data, time.time() - 6 * DAY)  # a day ago, by the archive's clock
        done = once("--max-age", "3d")
        assert s3.objects() == sizes_of(files)
        assert done.stderr.splitlines()[1:] == [
            "  warning: this computer's clock is 5 days ahead of the archive's, by which the ages of bins are told instead. Please "
            "set it (UTC, ideally by NTP)"
        ]


@on_moto
def test_a_folder_with_nothing_but_misnamed_bins_is_no_folder_in_good_health(
    s3: Any, once: Callable[..., Any], data: Path
) -> None:
    for path in make(data, time.time() - 2 * HOUR):
        path.rename(path.with_name(path.name.replace("_IFCB199", "_IFCB19")))
    done = once(code=3)
    assert f"no bin was found in {data}, only 3 files that look like a bin's" in done.stderr
    assert once("--max-age", "3d", code=3).stderr.count("nothing of it is ever sent") == 1
