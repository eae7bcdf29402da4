"""One scan as an operator runs it: the program as a subprocess, real files, real servers.

Looked at from outside only: stdout, stderr, exit code, the log, and what the bucket holds afterwards.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support.places import REPOSITORY
from support.runs import (
    COUNTS,
    assert_adc_last,
    assert_decent,
    assert_whole,
    checked,
    end,
    permissions_hold,
    place,
    rewrite_env,
    sizes_of,
    snapshot,
    start,
    upper_case,
    without_privileges,
)
from support.scripted import Act, Answer, Request, ScriptedServer, empty_listing, html, s3_error

import ifcbscan
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.s3.retry import ATTEMPTS

LONG_AGO = 1400000000.0
OLD_STYLE = "IFCB5_2012_028_081515"
HOUR = 3600.0

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files and terminals")
on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)
on_rclone = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


def pid(number: int) -> str:
    """The pids of these tests, in the order of their sample times."""
    return f"D202601{number // 60 + 1:02d}T{10 + number // 60:02d}{number % 60:02d}00_IFCB199"


def pid_at(seconds: float) -> str:
    return time.strftime("D%Y%m%dT%H%M%S_IFCB199", time.gmtime(seconds))


def make(folder: Path, *numbers: int, **options: Any) -> list[Path]:
    """Small bins, old enough to be sent; the paths of their files."""
    options.setdefault("mtime", LONG_AGO)
    options.setdefault("images", 3)
    return [path for number in numbers for path in write_bin(folder, pid(number), **options)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def run(ifcbscan_cli: Any, env_file: Path, data: Path) -> Callable[..., Any]:
    """`ifcbscan_cli` with everything checked that must hold for any run; `touched` if the test itself
    changes files during the run."""
    decent = checked(ifcbscan_cli)

    def run_once(*arguments: Any, touched: bool = False, **options: Any) -> Any:
        before = {} if touched else snapshot(data)
        done = decent(*arguments, **options)
        assert touched or snapshot(data) == before, "something local changed"
        return done

    return run_once


@pytest.fixture
def bare(ifcbscan_cli: Any) -> Callable[..., Any]:
    """The same without any `.env` file and without a bucket."""
    return checked(ifcbscan_cli)


def env_for(path: Path, endpoint: str, **values: str) -> Path:
    """A `.env` for a server of the test's own."""
    fields = {
        "AWS_ACCESS_KEY_ID": "AKIAIFCBSCANTESTS",
        "AWS_SECRET_ACCESS_KEY": "ifcbscan-tests-secret-key",
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": "bucket.of.tests",
        "S3_ENDPOINT_URL": endpoint,
        "CONFIRM_SECONDS": "0",
        "SETTLE_SECONDS": "0",
    }
    path.touch(mode=0o600)
    path.write_text("".join("{}={}\n".format(*item) for item in {**fields, **values}.items()), "utf-8")
    return path


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


# --- the main job


@pytest.mark.windows_core
def test_every_complete_bin_arrives_whole_in_its_place_once_and_nothing_local_changes(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data / "2026" / "D20260101", 1, 2)
    files += make(data, 3)  # flat
    files += write_bin(data / "data" / "2012", OLD_STYLE, images=3, mtime=LONG_AGO)
    files += upper_case(make(data / "copied", 4))
    (data / "notes.txt").write_text("no bin")

    first = run("--once", data, "nauset", "--json")
    report = json.loads(first.stdout)
    assert_whole(s3, files)
    assert report["bins"] == {**dict.fromkeys(COUNTS, 0), "uploaded": 5}
    assert report["files_uploaded"] == 15
    assert report["bytes_uploaded"] == sum(path.stat().st_size for path in files)
    assert report["requests"]["put"] == 15 and report["requests"]["head"] == 0

    second = run("--once", data, "nauset", "--json")
    report = json.loads(second.stdout)
    assert report["bins"] == {**dict.fromkeys(COUNTS, 0), "synced": 5}
    assert report["requests"] == {"list": 1, "head": 0, "put": 0}
    assert second.stderr == ""


def test_the_adc_of_a_bin_comes_last_and_requests_are_counted_as_the_server_sees_them(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    make(data, *range(6))
    with ScriptedServer(upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        report = json.loads(run("sync", data, "nauset", "--json").stdout)
        assert_adc_last(between.stored)
        # one listing of everything, and one for each time that some bins were due
        lists = report["requests"]["list"]
        assert report["requests"] == {"list": lists, "head": 0, "put": 18} and 2 <= lists <= 7
        assert between.kinds() == {"list": lists, "put": 18}
        for request in between.requests:
            assert request.path.startswith(f"/{s3.bucket}")
            assert "prefix=hablab%2Fnauset%2F" in request.query or request.kind != "list"


@on_moto
def test_other_time_series_and_foreign_objects_neither_matter_nor_suffer(
    s3: Any, run: Any, data: Path
) -> None:
    (files,) = [make(data, 1)]
    foreign = {
        f"hablab/nauset2/2026/D20260101/{pid(1)}.roi": b"other series",
        f"hablab/nauset/old layout/{pid(1)}.roi": b"other place",
        "hablab/nauset/notes.txt": b"note",
        f"other/nauset/2026/D20260101/{pid(1)}.adc": b"other account",
        f"hablab/nauset/2026/D20260101/{pid(1)}.roi.bak": b"x",
    }
    for key, body in foreign.items():
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=body)
    run("--once", data, "nauset")
    assert s3.objects() == {**sizes_of(files), **{key: len(body) for key, body in foreign.items()}}


# --- arguments


@posix
@on_moto
@pytest.mark.parametrize(
    "order",
    [
        ["--once", "DIR", "nauset", "--json"],
        ["DIR", "nauset", "--json", "--once"],
        ["DIR", "--once", "nauset", "--json"],
        ["--json", "--once", "DIR", "nauset"],
        ["--once", "--max-age", "3d", "DIR", "--json", "nauset"],
        ["--settle", "5", "DIR", "--exclude", "x", "nauset", "--json", "--once"],
        ["once", "DIR", "nauset", "--json"],
    ],
)
def test_once_and_its_words_may_stand_anywhere(run: Any, data: Path, order: list[str]) -> None:
    report = json.loads(run(*[str(data) if word == "DIR" else word for word in order]).stdout)
    assert (report["directory"], report["time_series"]) == (str(data), "nauset")
    assert report["mode"] == ("recent" if "--max-age" in order else "full")


@on_moto
def test_folder_and_time_series_come_from_the_env_file_where_they_are_not_given(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    files = make(data, 1)
    missing = run("--once", code=2)
    assert "DIR (or IFCB_DATA_DIR" in missing.stderr and "TIME_SERIES (or" in missing.stderr
    rewrite_env(env_file, IFCB_DATA_DIR=str(data))
    assert "DIR (or" not in run("--once", code=2).stderr
    rewrite_env(env_file, TIME_SERIES="from-the-file")
    run("--once")
    assert_whole(s3, files, "hablab/from-the-file/")
    report = json.loads(run("--once", "data", "given", "--dry-run", "--json").stdout)
    assert (report["directory"], report["time_series"]) == (str(data), "given")


@pytest.mark.windows_core
def test_the_version_is_printed(bare: Any) -> None:
    for option in ("-V", "--version"):
        done = bare(option)
        assert done.stdout.split() == ["ifcbscan", ifcbscan.__version__] and done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["sync", "data"],
        ["--once", "data", "nauset", "third"],
        ["--once", "data", "nauset", "--nonsense"],
        ["--once", "data", "nauset", "--verbose", "--quiet"],
        ["--once", "data", "nauset", "--jobs", "0"],
        ["--once", "data", "nauset", "--max-age", "soon"],
        ["--once", "data", "nauset", "--max-age=-3d"],
        ["--once", "data", "nauset", "--confirm", "nan"],
        ["--once", "data", "nauset", "--env-file", "no-such-file"],
    ],
)
def test_what_cannot_be_understood_is_refused_before_anything_is_sent(
    bare: Any, tmp_path: Path, arguments: list[str]
) -> None:
    make(tmp_path / "data", 1)
    with ScriptedServer(then=empty_listing()) as server:
        env_for(tmp_path / ".env", server.endpoint)
        done = bare(*arguments, code=2)
        assert server.requests == []
    assert lines(done.stdout + done.stderr)
    for word in arguments[3:4]:
        assert word.split("=")[0] in done.stderr


# --- what is printed


@pytest.mark.windows_core
@on_moto
def test_json_has_exactly_the_agreed_keys_and_nothing_else_is_on_stdout(
    s3: Any, run: Any, data: Path
) -> None:
    make(data, 1)
    make(data, 2, images=0)
    make(data / "skip", 3)
    make(data, 4)[0].unlink()
    report = json.loads(run("--once", data, "nauset", "--json", "--verbose").stdout)
    assert set(report) == {
        "time_series",
        "directory",
        "mode",
        "dry_run",
        "bins",
        "files_uploaded",
        "bytes_uploaded",
        "requests",
        "uploaded_bins",
        "newest",
        "problems",
        "warnings",
        "seconds",
    }
    assert set(report["bins"]) == COUNTS
    assert {name: count for name, count in report["bins"].items() if count} == {
        "uploaded": 1,
        "held": 1,
        "excluded": 1,
        "incomplete": 1,
    }
    assert set(report["requests"]) == {"list", "head", "put"}
    assert {(p["pid"], p["state"]) for p in report["problems"]} == {(pid(2), "held"), (pid(4), "incomplete")}
    assert all(set(p) == {"pid", "state", "reason"} and p["reason"] for p in report["problems"])
    assert report["dry_run"] is False and report["warnings"] == [] and report["seconds"] > 0


@on_moto
def test_nothing_is_printed_without_a_terminal_when_there_is_nothing_to_tell(
    run: Any, data: Path, env_file: Path
) -> None:
    make(data, 1)
    make(data, 2, mtime=time.time())
    first = run("--once", data, "nauset", "--settle", "3600")
    assert first.stdout == "" and "1 uploaded" in first.stderr and "1 still being written" in first.stderr
    for arguments in (["--settle", "3600"], ["--settle", "3600", "--quiet"]):
        again = run("--once", data, "nauset", *arguments)
        assert (again.stdout, again.stderr) == ("", "")
    by_hand = run("sync", data, "nauset", "--settle", "3600")
    assert by_hand.stdout == "" and "1 already in the archive" in by_hand.stderr


@posix
@on_moto
def test_on_a_terminal_a_run_without_news_says_so(
    run: Any, data: Path, tmp_path: Path, cli_environment: dict[str, str]
) -> None:
    import pty

    make(data, 1)
    run("--once", data, "nauset")
    ours, its = pty.openpty()
    process = start(cli_environment, tmp_path, "--once", data, "nauset", stderr=its)
    os.close(its)
    code, stdout, _ = end(process)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert (code, stdout) == (0, "")
    assert "1 already in the archive" in shown


@on_moto
def test_verbose_names_every_bin_and_quiet_only_errors(run: Any, data: Path) -> None:
    make(data, 1)
    make(data, 2, images=0)
    quiet = run("--once", data, "nauset", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    make(data, 3)
    verbose = run("--once", data, "nauset", "--verbose")
    assert verbose.stdout == "" and f"{pid(3)} uploaded" in verbose.stderr
    assert f"{pid(2)} held: empty" in verbose.stderr
    settling = run("--once", data, "nauset", "--verbose", "--settle", "9999d", "--replace")
    assert f"{pid(3)} settling: changed in the last" in settling.stderr
    failing = run("--once", data / "none", "nauset", "--quiet", code=2)
    assert "does not exist" in failing.stderr


@pytest.mark.windows_core
def test_a_dry_run_says_what_would_be_sent_and_why_and_sends_nothing(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    run("sync", data, "nauset")
    files += make(data, 2, 3)
    make(data, 4, images=0)
    cut = make(data, 5)[2]
    cut.write_bytes(cut.read_bytes()[:-100])
    os.utime(str(cut), (LONG_AGO, LONG_AGO))
    stays = s3.objects()
    shown = run("sync", data, "nauset", "--dry-run")
    assert s3.objects() == stays
    listed = lines(shown.stdout)
    assert [line.split()[0] for line in listed] == [pid(5), pid(3), pid(2)]  # newest first
    assert "held: truncated" in listed[0]
    size = sum(path.stat().st_size for path in files[6:])
    assert f"{size:,} bytes  .roi .hdr .adc" in listed[1] and "not in the archive" in listed[1]
    assert "dry run: nothing was sent" in shown.stderr
    report = json.loads(run("--once", data, "nauset", "--dry-run", "--json").stdout)
    assert report["dry_run"] is True and report["requests"]["put"] == report["requests"]["head"] == 0
    assert {name: count for name, count in report["bins"].items() if count} == {
        "synced": 1,
        "to_upload": 2,
        "held": 2,
    }
    assert s3.objects() == stays


@posix
@on_moto
def test_the_log_is_private_in_utc_and_rotates(run: Any, data: Path, tmp_path: Path) -> None:
    make(data, 1)
    make(data, 2, images=0)
    log = tmp_path / "logs" / "deep" / "scan.log"
    began = int(time.time())
    done = run("--once", data, "nauset", "--log-file", log, "--quiet", env={"TZ": "XYZ-9"})
    assert (done.stdout, done.stderr) == ("", "")
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text("utf-8")
    assert_decent(text)
    assert f"{pid(1)} uploaded" in text and "1 uploaded, 1 held back" in text
    for line in lines(text):
        stamp = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z [A-Z]+ ", line)
        assert stamp, line
        seconds = time.mktime(time.strptime(stamp.group(1) + " UTC", "%Y-%m-%dT%H:%M:%S %Z"))
        assert began - 1 <= seconds - time.timezone <= time.time() + 1
    for number in range(1, 7):
        (tmp_path / "logs" / "deep" / f"scan.log.{number}").write_text(f"part {number}")
    with open(str(log), "a") as file:
        file.write("x" * 1900000)
    make(data, 3)
    run("--once", data, "nauset", "--log-file", log)
    parts = {path.name: path for path in log.parent.iterdir()}
    assert "uploaded" in log.read_text() and log.stat().st_size < 10000
    assert parts["scan.log.1"].stat().st_size > 1900000
    assert parts["scan.log.2"].read_text() == "part 1" and parts["scan.log.4"].read_text() == "part 3"
    assert {path.stat().st_mode & 0o777 for path in (log, parts["scan.log.1"])} == {0o600}


@posix
@on_moto
def test_a_log_that_cannot_be_written_is_a_warning_and_the_run_goes_on(
    s3: Any, run: Any, data: Path, tmp_path: Path
) -> None:
    files = make(data, 1)
    (tmp_path / "file").write_text("")
    for log in (tmp_path / "file" / "scan.log", data):
        done = run("--once", data, "nauset", "--log-file", log, "--json", code=3)
        (warning,) = json.loads(done.stdout)["warnings"]
        assert str(log) in warning and "goes on without it" in warning and warning in done.stderr
    assert_whole(s3, files)


@on_moto
def test_an_error_is_in_the_log_as_well(run: Any, data: Path, tmp_path: Path, env_file: Path) -> None:
    make(data, 1)
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket")
    log = tmp_path / "scan.log"
    done = run("--once", data, "nauset", "--log-file", log, code=2)
    assert "NoSuchBucket" in log.read_text("utf-8")
    assert len(lines(done.stderr)) == 1


# --- which bins


@on_moto
def test_max_age_goes_by_the_pid_and_leaves_the_rest_uncounted(s3: Any, run: Any, data: Path) -> None:
    now = time.time()
    young = write_bin(data, pid_at(now - 2 * HOUR), images=3, mtime=LONG_AGO)
    write_bin(data, pid_at(now - 100 * HOUR), images=3, mtime=now - 2 * HOUR)
    report = json.loads(run("--once", data, "nauset", "--max-age", "3d", "--json").stdout)
    # The second listing, of one key, is the question whether the time series is empty; the third is the look at the bin.
    assert report["mode"] == "recent" and report["requests"] == {"list": 3, "head": 0, "put": 3}
    assert {name: count for name, count in report["bins"].items() if count} == {"uploaded": 1}
    assert_whole(s3, young)
    assert json.loads(run("--once", data, "nauset", "--json").stdout)["bins"]["uploaded"] == 1


@on_moto
def test_a_recent_run_with_nothing_to_look_at_asks_once_whether_its_clock_is_right(
    run: Any, data: Path
) -> None:
    make(data, 1)
    report = json.loads(run("--once", data, "nauset", "--max-age", "1h", "--json").stdout)
    assert report["requests"] == {"list": 1, "head": 0, "put": 0} and sum(report["bins"].values()) == 0


@on_moto
def test_folders_are_excluded_by_name_and_their_bins_counted(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    files = make(data / "2026", 1)
    for number, folder in enumerate(("skip", "beads", "Bad", "a/b/test", "Raw/deeper", "own"), start=2):
        make(data / folder, number)
    report = json.loads(
        run(
            "--once", data, "nauset", "--exclude", "test", "--exclude", "RAW", "--exclude=own", "--json"
        ).stdout
    )
    assert report["bins"]["excluded"] == 6 and report["bins"]["uploaded"] == 1
    assert_whole(s3, files)
    rewrite_env(env_file, EXCLUDE_DIRS="own")
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["excluded"] == 1 and report["bins"]["uploaded"] == 5


def test_a_larger_file_in_the_archive_is_only_overwritten_with_replace(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    key = place(pid(1)) + ".roi"
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"x" * 100000)
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["conflict"] == 1 and report["requests"]["put"] == 0
    (problem,) = report["problems"]
    assert "100,000" in problem["reason"] and "not overwritten" in problem["reason"]
    assert s3.objects() == {key: 100000}
    assert json.loads(run("--once", data, "nauset", "--json", "--replace").stdout)["bins"]["uploaded"] == 1
    assert_whole(s3, files)


@on_moto
def test_a_smaller_file_in_the_archive_is_completed(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    for extension in ("adc", "roi", "hdr"):
        s3.client.put_object(Bucket=s3.bucket, Key=f"{place(pid(1))}.{extension}", Body=b"half")
    run("--once", data, "nauset")
    assert_whole(s3, files)


@on_moto
def test_two_copies_that_differ_are_not_sent_and_equal_ones_once(s3: Any, run: Any, data: Path) -> None:
    files = make(data / "a", 1)
    make(data / "b", 1)
    make(data / "a", 2)
    make(data / "b", 2, images=4)
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["uploaded"] == report["bins"]["conflict"] == 1
    assert str(data / "a") in report["problems"][0]["reason"]
    assert_whole(s3, files)


@on_moto
def test_a_bin_whose_roi_ends_too_early_is_held_unless_the_check_is_switched_off(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data, 1)
    files[2].write_bytes(files[2].read_bytes()[:-1])
    unreadable = make(data, 2)
    unreadable[1].write_bytes(b"1,0.05\n")  # no image can be read, but the dashboard does not mind
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["held"] == 2 and s3.objects() == {}
    assert {p["reason"].split(":")[0] for p in report["problems"]} == {"truncated", "unreadable"}
    report = json.loads(run("--once", data, "nauset", "--json", "--no-integrity-check").stdout)
    assert report["bins"]["uploaded"] == 2
    assert_whole(s3, files + unreadable)


@on_moto
def test_a_bin_that_would_break_the_dashboard_is_held_and_switching_the_check_off_does_not_change_that(
    s3: Any, run: Any, data: Path
) -> None:
    adc, hdr, position = make(data, 1)[1], make(data, 2)[0], make(data, 3)[0]
    adc.write_bytes(adc.read_bytes() + b"\0" * 100)
    hdr.write_bytes(hdr.read_bytes().decode().encode("utf-16"))
    position.write_bytes(position.read_bytes() + b"latitude: 41.5\nlongitude: -70.6\ndepth: surface\n")
    for options in ((), ("--no-integrity-check",)):
        report = json.loads(run("--once", data, "nauset", "--json", *options, touched=True).stdout)
        assert report["bins"]["held"] == 3 and s3.objects() == {}
        assert [p["reason"].split(": ")[0] for p in report["problems"]] == ["unreadable"] * 3


@on_moto
def test_a_bin_that_the_dashboard_will_refuse_is_sent_and_named_with_the_reason(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data, 1)
    files[1].write_bytes(b",".join([b"name"] * 24) + b"\n" + files[1].read_bytes())
    make(data, 2)
    told = run("--once", data, "nauset", "--dry-run").stdout
    assert (
        f"{pid(1)}" in told
        and told.count("the dashboard will refuse it: the .adc begins with a row of names") == 1
    )
    done = run("--once", data, "nauset", "--json", "--verbose")
    report = json.loads(done.stdout)
    assert report["bins"]["uploaded"] == 2 and report["problems"] == []
    (warning,) = report["warnings"]
    assert warning.endswith(f"the dashboard will refuse it: {pid(1)} (the .adc begins with a row of names)")
    assert (
        f"{pid(1)} uploaded: the dashboard will refuse it: the .adc begins with a row of names" in done.stderr
    )
    assert json.loads(run("--once", data, "nauset", "--json").stdout)["warnings"] == []


@on_moto
def test_what_the_archive_would_refuse_is_held_and_switching_the_check_off_does_not_change_that(
    s3: Any, run: Any, data: Path
) -> None:
    make(data, 1, images=0)
    write_bin(data, OLD_STYLE, images=0, mtime=LONG_AGO)
    for number, member in ((2, 0), (3, 1)):
        make(data, number)[member].write_bytes(b"")
    with open(str(make(data, 4)[2]), "r+b") as file:
        file.truncate(250000001)  # sparse
    done = run("--once", data, "nauset", "--json", "--no-integrity-check", touched=True)  # 250 MB to look at
    report = json.loads(done.stdout)
    assert report["bins"]["held"] == 5 and s3.objects() == {}
    reasons = {p["pid"]: p["reason"] for p in report["problems"]}
    assert "empty: .hdr" in reasons[pid(2)] and "empty: .adc" in reasons[pid(3)]
    assert "too large: .roi has 250,000,001 bytes" in reasons[pid(4)]
    assert "no image" in reasons[OLD_STYLE]


@on_moto
def test_a_rejected_bin_is_sent_again_when_told_to(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    s3.client.put_object(Bucket=s3.bucket, Key=place(pid(1)) + ".hdr", Body=files[0].read_bytes())
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["rejected"] == 1 and report["requests"]["put"] == 0
    assert "deleted the .roi" in report["problems"][0]["reason"]
    report = json.loads(run("--once", data, "nauset", "--json", "--retry-rejected").stdout)
    assert report["bins"]["uploaded"] == 1
    assert_whole(s3, files)


@on_moto
def test_what_was_changed_lately_settles_first(s3: Any, run: Any, data: Path, env_file: Path) -> None:
    files = make(data, 1)
    os.utime(str(files[0]), (time.time() - 30, time.time() - 30))
    rewrite_env(env_file, SETTLE_SECONDS="3600")
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["settling"] == 1 and report["problems"] == [] and s3.objects() == {}
    assert (
        json.loads(run("--once", data, "nauset", "--json", "--settle", "5").stdout)["bins"]["uploaded"] == 1
    )
    assert_whole(s3, files)


# --- how


def test_the_adc_follows_only_after_the_confirm_time_and_all_bins_wait_together(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    files = make(data, *range(8))
    times: dict[str, float] = {}

    def note(request: Request) -> None:
        times.setdefault(request.name, time.monotonic())

    with ScriptedServer(upstream=s3.endpoint, watcher=note) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        began = time.monotonic()
        report = json.loads(run("sync", data, "nauset", "--confirm", "2", "--jobs", "2", "--json").stdout)
        took = time.monotonic() - began
        assert_adc_last(between.stored)
    assert report["bins"]["uploaded"] == 8
    lists = report["requests"]["list"]
    assert report["requests"] == {"list": lists, "head": 0, "put": 24} and 2 <= lists <= 9
    for number in range(8):
        assert times[pid(number) + ".adc"] - times[pid(number) + ".hdr"] >= 2
    last_roi = max(times[pid(number) + ".roi"] for number in range(8))
    assert last_roi < min(times[pid(number) + ".adc"] for number in range(8))
    assert took < 8 * 2
    assert_whole(s3, files)


@on_moto
def test_a_bin_that_waits_for_its_confirmation_is_finished_by_a_later_run_too(
    s3: Any, run: Any, data: Path
) -> None:
    files = make(data, 1)
    for path in (files[2], files[0]):
        s3.client.put_object(Bucket=s3.bucket, Key=place(pid(1)) + path.suffix, Body=path.read_bytes())
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["requests"]["put"] == 1 and report["bins"]["uploaded"] == 1
    assert_whole(s3, files)


@on_moto
def test_bins_are_sent_newest_first_and_not_more_at_a_time_than_jobs(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    make(data, 3, 1, 4, 2)
    under_way: set[int] = set()
    most = [0]
    lock = threading.Lock()

    def watch(request: Request) -> None:
        with lock:
            under_way.add(id(request))
            most[0] = max(most[0], len(under_way))
        time.sleep(0.05)
        with lock:
            under_way.discard(id(request))

    with ScriptedServer(upstream=s3.endpoint, watcher=watch) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        run("sync", data, "nauset", "--jobs", "1")
        rois = [name for name in between.names("put") if name.endswith(".roi")]
        assert rois == [pid(number) + ".roi" for number in (4, 3, 2, 1)]
        assert most == [1]
        make(data, *range(5, 17))
        run("sync", data, "nauset", "--jobs", "3")
        assert 2 <= most[0] <= 3


@on_moto
def test_no_bin_is_begun_after_the_time_limit(s3: Any, run: Any, data: Path, env_file: Path) -> None:
    make(data, *range(6))
    report = json.loads(run("--once", data, "nauset", "--time-limit", "0s", "--json").stdout)
    assert report["bins"]["to_upload"] == 6 and report["requests"]["put"] == 0
    with ScriptedServer(upstream=s3.endpoint, delay=0.4) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        limited = run("--once", data, "nauset", "--time-limit", "1s", "--jobs", "1", "--json")
        report = json.loads(limited.stdout)
        assert_adc_last(between.stored)
    assert 1 <= report["bins"]["uploaded"] < 6
    assert report["bins"]["uploaded"] + report["bins"]["to_upload"] == 6
    # what was begun is finished
    assert report["files_uploaded"] == 3 * report["bins"]["uploaded"] == len(s3.objects())
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    assert json.loads(run("--once", data, "nauset", "--json").stdout)["bins"]["to_upload"] == 0


@posix
@on_moto
def test_a_second_scan_of_the_same_job_does_nothing_and_names_the_first(
    s3: Any, run: Any, data: Path, tmp_path: Path, env_file: Path, cli_environment: dict[str, str]
) -> None:
    files = make(data, 1)
    with ScriptedServer([Act.STALL], upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        first = start(cli_environment, tmp_path, "sync", data, "nauset")
        try:
            between.wait_for("list")
            (tmp_path / "link").symlink_to(data)
            for directory in (data, "data", tmp_path / "link"):
                second = run("--once", directory, "nauset", code=4)
                (line,) = lines(second.stderr)
                assert f"process {first.pid} " in line and "nauset" in line
            assert run("--once", data, "nauset", "--quiet", code=4).stderr == ""
            assert len(between.requests) == 1
            # another mode, another time series: not the same job
            run("--once", data, "nauset", "--max-age", "1h")
            run("--once", data, "other", "--dry-run")
        finally:
            first.kill()
            end(first)
        run("--once", data, "nauset")  # the lock went with its process
    assert_whole(s3, files)


# --- bad input: the configuration


def test_without_any_configuration_it_says_which_file_to_write(bare: Any, tmp_path: Path) -> None:
    make(tmp_path / "data", 1)
    (line,) = lines(bare("--once", "data", "nauset", code=2).stderr)
    for word in (
        ".env.example",
        "USER_ACCOUNT",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "Nothing was sent",
    ):
        assert word in line


@pytest.mark.parametrize(
    "name, value",
    [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", ""), ("USER_ACCOUNT", "<yours>")],
)
def test_a_missing_value_or_a_placeholder_is_named(bare: Any, tmp_path: Path, name: str, value: Any) -> None:
    make(tmp_path / "data", 1)
    env = env_for(tmp_path / ".env", "http://127.0.0.1:9")
    rewrite_env(env, **{name: value})
    (line,) = lines(bare("--once", "data", "nauset", code=2).stderr)
    assert name in line and str(env) in line and "Nothing was sent" in line and "dashboard" in line


def test_the_example_file_as_it_is_is_refused(bare: Any, tmp_path: Path) -> None:
    example = REPOSITORY / ".env.example"
    env = tmp_path / ".env"
    env.touch(mode=0o600)
    env.write_bytes(example.read_bytes())
    (tmp_path / "data").mkdir()
    (line,) = lines(bare("--once", "data", "nauset", code=2).stderr)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT", "placeholder"):
        assert name in line


@posix
@on_moto
def test_an_env_file_that_others_can_read_is_a_warning(s3: Any, run: Any, data: Path, env_file: Path) -> None:
    files = make(data, 1)
    env_file.chmod(0o644)
    done = run("--once", data, "nauset")
    assert f"chmod 600 '{env_file}'" in done.stderr
    assert_whole(s3, files)


@on_moto
def test_an_env_file_from_windows_and_one_named_by_hand_work(
    s3: Any, run: Any, data: Path, env_file: Path, tmp_path: Path
) -> None:
    files = make(data, 1)
    text = env_file.read_text("utf-8").replace("\n", "\r\n")
    other = tmp_path / "other folder" / "my settings.env"
    other.parent.mkdir()
    other.touch(mode=0o600)
    other.write_bytes(b"\xef\xbb\xbf" + text.encode())
    env_file.unlink()
    run("--once", data, "nauset", code=2)
    run("--once", data, "nauset", "--env-file", other)
    assert_whole(s3, files)


@on_rclone
def test_keys_of_the_environment_do_not_mix_with_those_of_the_file(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    run(
        "--once",
        data,
        "nauset",
        env={
            "AWS_ACCESS_KEY_ID": "FOREIGN",
            "AWS_SECRET_ACCESS_KEY": "foreign",
            "AWS_SESSION_TOKEN": "foreign",
            "AWS_PROFILE": "nobody",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        },
    )
    assert_whole(s3, files)


# --- bad input: the folder and the name


def test_a_folder_that_is_not_there_or_no_folder_is_named(bare: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with ScriptedServer(then=empty_listing()) as server:
        env_for(tmp_path / ".env", server.endpoint)
        for name, what in (("nowhere", "does not exist"), ("file", "is a file, not a folder")):
            (line,) = lines(bare("--once", name, "nauset", code=2).stderr)
            assert str(tmp_path / name) in line and what in line and "Nothing was sent" in line
        assert server.requests == []


@pytest.mark.parametrize(
    "name, said",
    [
        ("my cruise", "1 to 53 of the characters"),
        ("a/b", "1 to 53 of the characters"),
        ("..", "The folder comes first"),
        ("n" * 54, "1 to 53 of the characters"),
        ("nauset\n", "1 to 53 of the characters"),
        (" ", "1 to 53 of the characters"),
        ("beads", "archive deletes every file below a folder of that name"),
    ],
)
def test_a_name_that_no_time_series_can_have_is_refused_before_anybody_is_asked(
    bare: Any, tmp_path: Path, name: str, said: str
) -> None:
    make(tmp_path / "data", 1)
    with ScriptedServer(then=empty_listing()) as server:
        env_for(tmp_path / ".env", server.endpoint)
        (line,) = lines(bare("--once", "data", name, code=2).stderr)
        assert server.requests == []
    assert said in line and "Nothing was sent" in line


@on_moto
def test_an_empty_tree_is_no_error(s3: Any, run: Any, data: Path) -> None:
    assert run("--once", data, "nauset").stderr == ""
    assert "no bins found" in run("sync", data, "nauset").stderr
    assert s3.objects() == {}


@on_moto
def test_names_that_are_almost_a_pid_are_told_and_not_sent(s3: Any, run: Any, data: Path) -> None:
    files = make(data, 1)
    odd = [
        "D20261301T101010_IFCB199",
        "D20260230T101010_IFCB199",
        "D20260101T101010_IFCB19",
        "IFCB5_2011_366_081515",
    ]
    for name in odd:
        for extension in ("hdr", "adc", "roi"):
            (data / f"{name}.{extension}").write_bytes(b"1,2,3")
    done = run("--once", data, "nauset", "--json")
    report = json.loads(done.stdout)
    (warning,) = report["warnings"]
    assert "12 files" in warning and "left out" in warning and warning in done.stderr
    assert sum(report["bins"].values()) == 1
    assert_whole(s3, files)


@pytest.mark.slow
@on_moto
def test_a_hundred_thousand_foreign_files_only_take_a_moment(s3: Any, run: Any, data: Path) -> None:
    _foreign(s3, run, data, 100000)


@on_moto
def test_many_foreign_files_do_not_matter(s3: Any, run: Any, data: Path) -> None:
    _foreign(s3, run, data, 5000)


def _foreign(s3: Any, run: Any, data: Path, count: int) -> None:
    files = make(data, 1)
    for number in range(count):
        suffix = ("_blobs_v4.zip", "_features_v4.csv", ".dig", ".txt", ".roi.tmp")[number % 5]
        os.close(os.open(str(data / f"{pid(number % 900)}-{number}{suffix}"), os.O_CREAT | os.O_WRONLY))
    began = time.monotonic()
    done = run("--once", data, "nauset", touched=True)  # to look at so many would take longer than to run
    assert time.monotonic() - began < 20
    assert len(lines(done.stderr)) == 1
    assert_whole(s3, files)


ODD_NAMES = [
    b"a b",
    b"100%",
    b"%20",
    b"it's",
    b'say "hi"',
    b"back\\slash",
    b"new\nline",
    b"tab\tand\rreturn",
    "caf\u00e9 \u4e2d\u6587 \U0001f980".encode(),
    b"not utf-8 \xff\xe9",
    b"-leading",
    b"--once",
    b"*?[x]",
    b"esc\x1b[31m",
    b"$(reboot)`x`",
]


@posix
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@on_moto
def test_odd_names_of_folders_and_files_neither_stop_a_run_nor_reach_a_key(
    s3: Any, run: Any, data: Path, tmp_path: Path, encoding: str
) -> None:
    files = []
    for number, name in enumerate(ODD_NAMES):
        folder = data / os.fsdecode(name)
        files += make(folder, number)
        make(folder, 100 + number, images=0)
        make(folder, 200 + number)[number % 3].unlink()
        for suffix in (b".roi", b".txt", b""):
            with open(os.path.join(os.fsencode(str(folder)), name + suffix), "wb") as file:
                file.write(b"foreign")
        bad = os.fsencode(str(folder / pid(300 + number)))
        for ending in (b"\n.roi", b" .adc", b".hdr\n", b"\xff.roi"):
            with open(bad + ending, "wb") as file:
                file.write(b"foreign")
    log = tmp_path / "scan.log"
    done = run("--once", data, "nauset", "--json", "--log-file", log, env={"PYTHONIOENCODING": encoding})
    report = json.loads(done.stdout)
    count = len(ODD_NAMES)
    assert report["bins"]["uploaded"] == report["bins"]["held"] == report["bins"]["incomplete"] == count
    assert_whole(s3, files)
    assert_decent(log.read_text("utf-8"))


@posix
@on_moto
def test_a_name_with_a_newline_cannot_forge_a_line_or_colour_the_terminal(
    run: Any, data: Path, tmp_path: Path
) -> None:
    evil = data / "x\nifcbscan: all is well\x1b[2J"
    make(data / "a", 1, images=4)
    make(evil, 1)
    log = tmp_path / "scan.log"
    done = run("--once", data, "nauset", "--verbose", "--log-file", log)
    for text in (done.stderr, log.read_text("utf-8")):
        assert "two copies differ" in text and "\x1b" not in text
        assert not [line for line in lines(text) if line.startswith("ifcbscan: all")]


@posix
@on_moto
def test_links_and_pipes_named_like_bins_are_not_followed_into_trouble(
    s3: Any, run: Any, data: Path, tmp_path: Path
) -> None:
    files = make(data / "real", 1)
    make(tmp_path / "outside", 2)
    (data / "out").symlink_to(tmp_path / "outside")
    (data / "loop").symlink_to(data)
    pipe = make(data, 3)[2]
    pipe.unlink()
    os.mkfifo(str(pipe))
    dangling = make(data, 4)[1]
    dangling.unlink()
    dangling.symlink_to(tmp_path / "nothing")
    report = json.loads(run("--once", data, "nauset", "--json", code=3).stdout)
    assert {name: count for name, count in report["bins"].items() if count} == {
        "uploaded": 1,
        "incomplete": 2,
    }
    assert_whole(s3, files)


@posix
@on_moto
def test_what_may_not_be_read_is_told_and_the_rest_is_sent(
    s3: Any, run: Any, data: Path, tmp_path: Path, cli_environment: dict[str, str]
) -> None:
    files = make(data / "open", 1)
    make(data / "closed", 2)
    unreadable = make(data, 3)[2]
    closed = data / "closed"
    closed.chmod(0)
    unreadable.chmod(0)
    try:
        if not permissions_hold(closed):
            pytest.skip("this machine does not let a test give up its privileges")
        code, stdout, stderr = without_privileges(
            cli_environment, tmp_path, "--once", data, "nauset", "--json"
        )
        assert code == 3
        report = json.loads(stdout)
        assert {name: count for name, count in report["bins"].items() if count} == {
            "uploaded": 1,
            "failed": 1,
        }
        (problem,) = report["problems"]
        assert problem["pid"] == pid(3) and "Permission denied" in problem["reason"]
        (warning,) = report["warnings"]
        assert str(closed) in warning and "not seen" in warning and warning in stderr
        assert_whole(s3, files)
        data.chmod(0)
        code, stdout, stderr = without_privileges(cli_environment, tmp_path, "--once", data, "nauset")
        assert code == 2 and len(lines(stderr)) == 1 and "Permission denied" in stderr
        (tmp_path / ".env").chmod(0)
        code, stdout, stderr = without_privileges(cli_environment, tmp_path, "--once", data, "nauset")
        assert code == 2 and len(lines(stderr)) == 1 and ".env cannot be read" in stderr
    finally:
        for path in (data, closed, unreadable, tmp_path / ".env"):
            path.chmod(0o700)


# --- bad input: files that do not stay as they are


@on_moto
@pytest.mark.parametrize(
    "change, member", [("grows", 2), ("grows", 1), ("is rewritten", 0), ("vanishes", 2), ("is cut", 1)]
)
def test_a_file_that_changes_while_the_bin_is_sent_keeps_the_adc_back(
    s3: Any, run: Any, data: Path, env_file: Path, change: str, member: int
) -> None:
    files = make(data, 1)
    body = files[member].read_bytes()

    def spoil(request: Request) -> None:
        if request.kind == "put" and len(between.stored) == 0:
            if change == "vanishes":
                files[member].unlink()
            elif change == "grows":
                with open(str(files[member]), "ab") as file:
                    file.write(b"9,more\n")
            else:
                files[member].write_bytes(body if change == "is rewritten" else body[:-1])

    with ScriptedServer(upstream=s3.endpoint, watcher=spoil) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        report = json.loads(run("--once", data, "nauset", "--json", touched=True).stdout)
        assert between.names("put") == [pid(1) + ".roi"]
    assert report["bins"]["settling"] == 1 and report["bins"]["uploaded"] == 0
    if change in ("vanishes", "is cut"):
        files[member].write_bytes(body)
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    # A .roi that went up before it grew is smaller than the file now; the next run puts that right.
    later = json.loads(run("--once", data, "nauset", "--json", "--no-integrity-check").stdout)
    assert later["bins"]["uploaded"] == 1
    assert_whole(s3, files)


@on_moto
def test_a_folder_that_is_moved_away_during_the_run_is_no_disaster(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    make(data / "day", *range(5))

    def move(request: Request) -> None:
        if request.kind == "list":
            (data / "day").rename(data / "moved")

    with ScriptedServer(upstream=s3.endpoint, watcher=move) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        report = json.loads(run("--once", data, "nauset", "--json", touched=True).stdout)
        assert between.names("put") == []
    assert sum(report["bins"].values()) == 5 and report["bins"]["uploaded"] == 0
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    report = json.loads(run("--once", data, "nauset", "--json").stdout)
    assert report["bins"]["uploaded"] == 5


# --- bad input: the bucket


def test_a_bucket_that_does_not_exist_is_named(run: Any, data: Path, env_file: Path) -> None:
    make(data, 1)
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket")
    for command in (["sync", "--dry-run"], ["--once", "--json", "--quiet"]):
        (line,) = lines(run(*command, data, "nauset", code=2).stderr)
        assert "no.such.bucket" in line and "BUCKET_NAME" in line and "Nothing was sent" in line


@on_rclone
@pytest.mark.parametrize(
    "name, value, advice",
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong-secret-of-tests", "Check AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", "AKIAWRONG", "Check AWS_ACCESS_KEY_ID"),
    ],
)
def test_refused_credentials_are_told_apart_and_not_shown(
    s3: Any, run: Any, data: Path, env_file: Path, name: str, value: str, advice: str
) -> None:
    make(data, 1)
    rewrite_env(env_file, **{name: value})
    done = run("--once", data, "nauset", code=2)
    (line,) = lines(done.stderr)
    assert advice in line and "wrong-secret-of-tests" not in done.stdout + done.stderr
    assert s3.objects() == {}


@pytest.mark.parametrize(
    "answer, advice",
    [
        (s3_error(403, "RequestTimeTooSkewed"), "clock is more than 15 minutes wrong"),
        (s3_error(403, "AccessDenied"), "USER_ACCOUNT"),
        (html(407, "proxy"), "http_proxy"),
    ],
)
def test_a_refusal_ends_the_run_with_one_line(bare: Any, tmp_path: Path, answer: Answer, advice: str) -> None:
    make(tmp_path / "data", *range(5))
    with ScriptedServer(then=answer) as server:
        env_for(tmp_path / ".env", server.endpoint)
        (line,) = lines(bare("--once", "data", "nauset", code=2).stderr)
        assert len(server.requests) == 1
    assert advice in line and "bucket.of.tests" in line


@pytest.mark.parametrize(
    ("answer", "begins"),
    [
        (s3_error(403, "AccessDenied"), "AccessDenied (HTTP 403)"),
        (s3_error(403, "SignatureDoesNotMatch"), "SignatureDoesNotMatch (HTTP 403)"),
        (s3_error(400, "ExpiredToken"), "ExpiredToken (HTTP 400)"),
        (s3_error(403, "RequestTimeTooSkewed"), "RequestTimeTooSkewed (HTTP 403)"),
        (Answer(403), "HTTP 403"),
    ],
)
def test_a_clock_that_is_far_off_is_told_and_not_that_the_key_has_no_right(
    bare: Any, tmp_path: Path, answer: Answer, begins: str
) -> None:
    make(tmp_path / "data", *range(5))
    date = ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 50 * HOUR + 60)))
    with ScriptedServer(then=Answer(answer.status, answer.body, (*answer.headers, date))) as server:
        env_for(tmp_path / ".env", server.endpoint)
        (line,) = lines(bare("--once", "data", "nauset", code=2).stderr)
        assert len(server.requests) == 1
    assert line == (
        f"ifcbscan: The bucket bucket.of.tests at {server.endpoint} refused: {begins}: this computer's clock is 2 days behind the "
        "archive's, which is too much. Set it (UTC, ideally by NTP); nothing is lost meanwhile. Nothing was sent."
    )


def test_without_the_right_to_write_nothing_is_tried_for_long_and_every_bin_is_counted(
    bare: Any, tmp_path: Path
) -> None:
    make(tmp_path / "data", *range(12))
    with ScriptedServer([empty_listing()], then=s3_error(403, "AccessDenied")) as server:
        env_for(tmp_path / ".env", server.endpoint)
        done = bare("--once", "data", "nauset", "--jobs", "2", "--json", code=2)
        assert 1 <= server.kinds()["put"] <= 2
    report = json.loads(done.stdout)
    assert sum(report["bins"].values()) == 12 == report["bins"]["failed"] + report["bins"]["to_upload"]
    assert lines(done.stderr)[-1].startswith("ifcbscan: The bucket") and "USER_ACCOUNT" in done.stderr


def test_one_refusal_of_several_uploads_at_once_is_said_once_on_the_terminal_and_in_the_log(
    bare: Any, tmp_path: Path
) -> None:
    make(tmp_path / "data", *range(8))
    everybody = threading.Barrier(4)

    def refuse_four_at_once(request: Request) -> None:
        if request.kind == "put":
            everybody.wait(60)

    with ScriptedServer(
        [empty_listing()], then=s3_error(403, "QuotaExceeded", ""), watcher=refuse_four_at_once
    ) as server:
        env_for(tmp_path / ".env", server.endpoint)
        done = bare("--once", "data", "nauset", "--jobs", "4", "--json", "--log-file", "log", code=2)
        assert server.kinds()["put"] == 4
    assert done.stderr.count("QuotaExceeded") == 1 and "no right" not in done.stderr
    assert (tmp_path / "log").read_text(encoding="utf-8").count("QuotaExceeded") == 1
    # For programs every bin has its reason.
    assert sum("QuotaExceeded" in problem["reason"] for problem in json.loads(done.stdout)["problems"]) == 4


@on_moto
@pytest.mark.parametrize("command, waits", [("sync", True), ("--once", False)])
def test_only_a_run_by_hand_waits_for_a_server_that_starts_anew_and_says_so_once(
    s3: Any, run: Any, data: Path, env_file: Path, command: str, waits: bool
) -> None:
    files = make(data, 1, 2)
    away = [Act.RESET] * (ATTEMPTS + 1)
    with ScriptedServer([Act.FORWARD, *away], upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        done = run(command, data, "nauset", "--confirm", "0", "--jobs", "1", code=0 if waits else 3)
    assert done.stderr.count("The archive does not answer any more (") == waits
    if waits:
        assert_whole(s3, files)
        assert "asked again for up to a minute" in done.stderr


@on_moto
def test_one_bin_that_the_bucket_will_not_have_does_not_hold_up_the_others(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    files = make(data, 1, 2)
    refused = make(data, 3)
    script = [Act.FORWARD, s3_error(400, "EntityTooLarge", "not with us")]
    with ScriptedServer(script, upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        report = json.loads(run("--once", data, "nauset", "--jobs", "1", "--json", code=3).stdout)
    assert report["bins"]["uploaded"] == 2 and report["bins"]["failed"] == 1
    (problem,) = report["problems"]
    assert problem["pid"] == pid(3) and "EntityTooLarge" in problem["reason"]
    assert_whole(s3, files)
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    run("--once", data, "nauset")
    assert_whole(s3, files + refused)


@pytest.mark.parametrize("trouble", [s3_error(503, "SlowDown"), Act.RESET, Act.FORWARD_THEN_DROP])
@on_moto
def test_trouble_that_passes_costs_a_second_try_and_nothing_else(
    s3: Any, run: Any, data: Path, env_file: Path, trouble: Any
) -> None:
    files = make(data, 1)
    # list, put .roi, put .hdr, head, put .adc: each is spoilt once
    script = [trouble if number % 2 == 0 else Act.FORWARD for number in range(4)]
    with ScriptedServer(script, upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        done = run("--once", data, "nauset", "--json")
        report = json.loads(done.stdout)
        assert_adc_last(between.stored)
        assert sorted(request.name for request in between.stored) == sorted(path.name for path in files)
        assert between.kinds() == report["requests"]
    assert report["bins"]["uploaded"] == 1 and report["files_uploaded"] == 3
    assert_whole(s3, files)


@pytest.mark.windows_core
def test_no_network_is_said_so_with_its_own_exit_code(bare: Any, tmp_path: Path) -> None:
    make(tmp_path / "data", 1)
    endpoint = f"http://127.0.0.1:{closed_port()}"
    env_for(tmp_path / ".env", endpoint)
    (line,) = lines(bare("--once", "data", "nauset", "--quiet", code=5).stderr)
    assert endpoint in line and "stays on this disk" in line


def test_a_proxy_that_does_not_answer_is_named_without_its_password(bare: Any, tmp_path: Path) -> None:
    make(tmp_path / "data", 1)
    proxy = f"127.0.0.1:{closed_port()}"
    with ScriptedServer(then=empty_listing()) as server:
        env_for(tmp_path / ".env", server.endpoint)
        environment = {"http_proxy": f"http://captain:hunter2hunter2@{proxy}"}
        done = bare("--once", "data", "nauset", code=5, env=environment)
        assert server.requests == []
    (line,) = lines(done.stderr)
    assert "proxy does not answer" in line and proxy in line and "hunter2" not in line


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "DASHBOARD_URL"])
def test_a_password_in_an_address_ends_every_command_and_is_shown_by_none(
    bare: Any, tmp_path: Path, name: str
) -> None:
    """What a command prints is searched for it by `bare` (support/secrecy.py), and the files by conftest.py."""
    make(tmp_path / "data", 1)
    address = "http://captain:hunter2hunter2@127.0.0.1:9"
    env_for(tmp_path / ".env", **{"endpoint": "http://127.0.0.1:9", name: address})
    for command in (
        ("--once", "data", "nauset", "--json", "--log-file", "log"),
        ("verify", "data", "nauset"),
        ("report", "data", "nauset", "-o", "page.html"),
        ("list",),
        ("check", "data", "nauset"),
    ):
        done = bare(*command, code=2)
        assert f"{name} must be an address alone" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "proxy",
    [
        "http://captain:hunter2hunter2#x@127.0.0.1:9",
        "socks5://captain:hunter2hunter2@127.0.0.1:9",
        "http://captain:x/hunter2hunter2@127.0.0.1:9",
        "http://captain:hunter2hunter2@127.0.0.1:port",
    ],
)
def test_an_odd_proxy_is_told_of_without_its_password(bare: Any, tmp_path: Path, proxy: str) -> None:
    make(tmp_path / "data", 1)
    env_for(tmp_path / ".env", "http://127.0.0.1:9")
    done = bare("--once", "data", "nauset", "--json", "--time-limit", "0", code=5, env={"http_proxy": proxy})
    assert "proxy" in done.stderr and "hunter2" not in done.stdout + done.stderr


def test_a_harbour_networks_login_page_is_not_taken_for_an_empty_archive(bare: Any, tmp_path: Path) -> None:
    make(tmp_path / "data", 1)
    with ScriptedServer(then=html(200, "log in")) as server:
        env_for(tmp_path / ".env", server.endpoint)
        (line,) = lines(bare("--once", "data", "nauset", code=5).stderr)
        assert set(server.kinds()) == {"list"} and len(server.requests) == 5
    assert "no S3 server" in line


@on_moto
def test_a_bucket_that_fails_in_the_middle_ends_the_run_and_the_next_one_goes_on(
    s3: Any, run: Any, data: Path, env_file: Path
) -> None:
    files = make(data, *range(6))
    with ScriptedServer([Act.FORWARD] * 4, then=Act.RESET, upstream=s3.endpoint) as between:
        rewrite_env(env_file, S3_ENDPOINT_URL=between.endpoint)
        done = run("--once", data, "nauset", "--jobs", "1", "--json", code=3)
        report = json.loads(done.stdout)
    assert sum(report["bins"].values()) == 6 and report["bins"]["to_upload"] >= 4
    assert "could not be reached" in done.stderr
    rewrite_env(env_file, S3_ENDPOINT_URL=s3.endpoint)
    run("--once", data, "nauset")
    assert_whole(s3, files)
