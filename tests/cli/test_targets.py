"""Where an option may make ifcbscan write: never over a bin, never over somebody else's file in the data folder.

And what is no plain file (a FIFO nobody reads, a device without end) neither holds a run up nor fills the memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.operator import Operator
from support.runs import assert_whole, checked, end, rewrite_env, snapshot

from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.state import paths

posix = pytest.mark.skipif(os.name != "posix", reason="needs links, FIFOs and devices")
on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20260101T100001_IFCB199"
OTHER = "D20260101T100002_IFCB199"

#: An option that takes the name of a file -> a command line with it, as far as the name.
WRITERS: dict[str, list[Any]] = {
    "--log-file": ["--once", "data", "nauset", "--log-file"],
    "--log-file of verify": ["verify", "data", "nauset", "--log-file"],
    "--metrics-file": ["--once", "data", "nauset", "--metrics-file"],
    "--deletable": ["verify", "data", "nauset", "--deletable-after", "0", "--deletable"],
    "--output": ["report", "data", "nauset", "-o"],
}
everywhere = pytest.mark.parametrize("option", list(WRITERS))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_bin(folder, PID, mtime=1400000000.0)
    return folder


def refused(cli: Callable[..., Any], option: str, target: Path, folder: Path) -> str:
    """The run is refused with a line that names the option and the file, and nothing on the disk changes."""
    before = snapshot(folder)
    done = checked(cli)(*WRITERS[option], target, code=2)
    assert snapshot(folder) == before
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert f"{option.split()[0]}: {target} " in done.stderr
    return str(done.stderr)


@on_moto
@everywhere
@pytest.mark.parametrize("name", ["{}.roi", "{}.HDR", "other.aDc", "{}.roi."])
def test_no_option_overwrites_or_makes_what_is_called_like_a_file_of_a_bin(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str, name: str
) -> None:
    for folder in (data, env_file.parent):
        target = folder / name.format(PID)
        assert "is called like a file of a bin" in refused(ifcbscan_cli, option, target, data)
        assert folder is data or not target.exists()
    assert s3.objects() == {}


@posix
@on_moto
@everywhere
def test_no_link_leads_an_option_to_a_file_of_a_bin(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    soft, hard = env_file.parent / "soft.log", env_file.parent / "hard.log"
    soft.symlink_to(data / f"{PID}.roi")
    os.link(str(data / f"{PID}.roi"), str(hard))
    refused(ifcbscan_cli, option, soft, data)
    refused(ifcbscan_cli, option, hard, data)


@on_moto
@everywhere
def test_no_option_overwrites_a_file_in_the_data_folder_that_ifcbscan_has_not_made(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    (data / "sub").mkdir()
    notes = data / "sub" / "cruise notes.txt"
    notes.write_text("calibrated on Monday\n")
    said = refused(ifcbscan_cli, option, notes, data)
    if option.startswith("--log-file"):
        assert "lies in the data folder" in said and "was not made by ifcbscan" in said
    else:
        assert "is a file that ifcbscan has not made" in said


@on_moto
@pytest.mark.parametrize("option", ["--metrics-file", "--deletable", "--output"])
def test_no_option_replaces_a_file_that_ifcbscan_has_not_made_wherever_it_is(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    """`--deletable .env` once destroyed the settings, with the only copy of the keys."""
    settings = env_file.read_bytes()
    assert "is a file that ifcbscan has not made" in refused(ifcbscan_cli, option, env_file, data)
    assert env_file.read_bytes() == settings


@on_moto
def test_no_log_is_written_to_the_settings_nor_rotated_into_them(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path
) -> None:
    settings = env_file.read_bytes()
    assert "is the settings file" in refused(ifcbscan_cli, "--log-file", env_file, data)
    turned = env_file.parent / "a.log.2"
    env_file.rename(turned)
    words = ["--once", "data", "nauset", "--env-file", turned, "--log-file", env_file.parent / "a.log"]
    assert "is the settings file" in checked(ifcbscan_cli)(*words, code=2).stderr
    turned.rename(env_file)
    assert env_file.read_bytes() == settings and not (env_file.parent / "a.log").exists()


@posix
@on_moto
@everywhere
def test_no_option_writes_to_a_record_of_ifcbscans_own(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(ifcbscan_cli)("--once", "data", "nauset")
    monkeypatch.setenv("HOME", str(env_file.parent / "home"))
    records = sorted(Path(paths.state_folder()).glob("*"))
    assert {path.suffix for path in records} >= {".lock", ".json"}
    for record in records:
        assert "is a record that ifcbscan keeps for itself" in refused(ifcbscan_cli, option, record, data)


@posix
@on_moto
def test_a_log_and_another_file_by_one_name_are_refused(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path
) -> None:
    folder = env_file.parent
    (folder / "linked").symlink_to(folder / "both.1")
    for name in ("both", "both.4", "linked"):
        for option in ("--metrics-file", "--deletable"):
            words = [*WRITERS[option], folder / name, "--log-file", folder / "both"]
            said = checked(ifcbscan_cli)(*words, code=2).stderr
            assert f"{option}: {folder / name} is the file of the log" in said
    assert not (folder / "both").exists()


@posix
@on_moto
@pytest.mark.parametrize("option", ["--deletable", "--output"])
@pytest.mark.parametrize("stream", ["/dev/stdout", "/proc/self/fd/1"])
def test_a_stream_is_no_plain_file_even_if_it_leads_to_one(
    s3: Any,
    cli_environment: dict[str, str],
    tmp_path: Path,
    env_file: Path,
    data: Path,
    option: str,
    stream: str,
) -> None:
    """As root, the link /dev/stdout itself was once replaced by a list."""
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "ifcbscan", *map(str, WRITERS[option]), stream],
            cwd=str(tmp_path),
            env=cli_environment,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 2 and b"it is no plain file" in done.stderr
    assert (tmp_path / "out").read_bytes() == b""


@posix
@on_moto
def test_a_link_to_a_list_stays_a_link(s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path) -> None:
    run = checked(ifcbscan_cli)
    run("sync", "data", "nauset")
    link, there = env_file.parent / "link", env_file.parent / "there"
    link.symlink_to(there)
    for _ in range(2):
        run(*WRITERS["--deletable"], link)
        assert link.is_symlink() and there.read_bytes().count(b"\n") == 3


@posix
@on_moto
@everywhere
def test_a_data_folder_reached_by_another_name_is_the_same_folder(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    notes = data / "notes.txt"
    notes.write_text("calibrated on Monday\n")
    (env_file.parent / "link").symlink_to(data)
    refused(ifcbscan_cli, option, env_file.parent / "link" / "notes.txt", data)
    # and the folder from the settings file
    rewrite_env(env_file, IFCB_DATA_DIR=str(env_file.parent / "link"), TIME_SERIES="nauset")
    before = snapshot(data)
    command, _, _, *rest = WRITERS[option]
    assert checked(ifcbscan_cli)(command, *rest, notes, code=2).stderr.count("\n") == 1
    assert snapshot(data) == before


@on_moto
@everywhere
def test_a_new_file_in_the_data_folder_is_made_and_then_replaced_as_ifcbscans_own(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    run = checked(ifcbscan_cli)
    target = data / ("made.prom" if option == "--metrics-file" else "made.txt")
    if option == "--output":
        said = f"{option}: {target} lies in the data folder {data}, where nothing is ever written."
        assert said in refused(ifcbscan_cli, option, target, data)
        target.touch()  # whoever makes it wants it there
    if option == "--deletable":
        run("sync", "data", "nauset")
    for _ in range(3):
        run(*WRITERS[option], target, code=3 if option == "--log-file of verify" else 0)
        assert target.exists()
        if option == "--log-file of verify":
            break  # nothing is in the archive
    empty = target.with_name("empty" + target.suffix)
    empty.touch()
    run(*WRITERS[option], empty, code=3 if option == "--log-file of verify" else 0)


@posix
@on_moto
@pytest.mark.parametrize("option", ["--output"])
def test_no_link_leads_to_a_new_file_in_the_data_folder(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path, option: str
) -> None:
    link = env_file.parent / "link.prom"
    link.symlink_to(data / "new.prom")
    assert "where nothing is ever written" in refused(ifcbscan_cli, option, link, data)


@posix
@on_moto
def test_no_page_is_made_in_the_folder_of_another_job_that_is_scheduled(
    s3: Any, operator: Operator, data: Path, tmp_path: Path
) -> None:
    other, link = tmp_path / "other", tmp_path / "one.html"
    write_bin(other, OTHER, mtime=1400000000.0)
    operator.schedule(data, "nauset")
    before = snapshot(data)
    link.symlink_to(data / "one.html")
    said = operator.run("report", other, "nauset", "-o", link, code=2).stderr
    assert f"--output: {link} lies in the data folder {data}, where nothing is ever written." in said
    assert snapshot(data) == before


@on_moto
def test_no_rotation_of_a_log_overwrites_a_file_in_the_data_folder(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path
) -> None:
    log = data / "a.log"
    for part in range(1, 5):
        theirs = data / f"a.log.{part}"
        theirs.write_text("not ours\n")
        before = snapshot(data)
        said = checked(ifcbscan_cli)(*WRITERS["--log-file"], log, code=2).stderr
        assert f"--log-file: {theirs} " in said and snapshot(data) == before
        theirs.unlink()


@on_moto
def test_settings_that_cannot_be_read_are_no_way_to_append_to_a_file_that_is_not_a_log(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path
) -> None:
    rewrite_env(env_file, AWS_SECRET_ACCESS_KEY=None)
    notes = data / "notes.txt"
    notes.write_text("calibrated on Monday\n")
    log = data / "a.log"
    for _ in range(2):
        done = checked(ifcbscan_cli)("--once", "--log-file", log, code=2)
        assert "does not set AWS_SECRET_ACCESS_KEY" in done.stderr
    assert log.read_text().count("does not set AWS_SECRET_ACCESS_KEY") == 2
    checked(ifcbscan_cli)("--once", "--log-file", notes, code=2)
    assert notes.read_text() == "calibrated on Monday\n"


@posix
@on_moto
def test_no_schedule_is_installed_whose_log_would_be_a_file_of_the_data_folder(
    s3: Any, operator: Operator, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(operator.home))
    log = Path(paths.job_file(str(operator.home), "nauset", ".log"))
    log.write_text("not ours\n")
    done = operator.run("start", operator.home, "nauset", "--force", code=2)
    assert f"--log-file: {log} lies in the data folder" in done.stderr
    assert operator.crontab.text is None and log.read_text() == "not ours\n"


# --- what is no plain file


@pytest.fixture
def limited(cli_environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Runs that may neither wait for ever nor take more than a GB of memory; what they say on stderr."""

    def run(*arguments: Any, code: int = 0) -> str:
        limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); "
        command = [sys.executable, "-c", limit + "os.execv(sys.executable, [sys.executable] + sys.argv[1:])"]
        process = subprocess.Popen(
            command + ["-m", "ifcbscan"] + [str(argument) for argument in arguments],
            cwd=str(tmp_path),
            env=cli_environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        ended, stdout, stderr = end(process, 40.0)
        assert ended == code, f"{ended}, not {code}: {stdout}{stderr}"
        return stderr

    return run


def odd_files(folder: Path) -> list[Path]:
    """A FIFO that nobody reads or writes, a folder, and devices without end."""
    fifo, closed = folder / "fifo", folder / "folder"
    os.mkfifo(str(fifo))
    closed.mkdir()
    return [fifo, closed, *(path for path in (Path("/dev/zero"), Path("/dev/full")) if path.exists())]


@posix
@on_moto
@everywhere
def test_what_is_no_plain_file_is_told_and_holds_nothing_up(
    s3: Any, limited: Callable[..., str], env_file: Path, data: Path, option: str
) -> None:
    limited("sync", "data", "nauset")
    for target in odd_files(env_file.parent):
        kind = os.stat(str(target)).st_mode
        stops = option in ("--deletable", "--output")
        code = 2 if stops else 3 if option.startswith("--log-file") else 0
        said = limited(*WRITERS[option], target, *(["--verbose"] if not stops else []), code=code)
        assert "it is no plain file" in said
        assert os.stat(str(target)).st_mode == kind
    assert_whole(s3, data.glob("*.*"))


@posix
@on_moto
def test_a_log_to_dev_null_is_no_log_and_one_to_dev_stderr_is_a_warning(
    s3: Any, ifcbscan_cli: Any, env_file: Path, data: Path
) -> None:
    run = checked(ifcbscan_cli)
    before = os.stat("/dev/null")
    assert run(*WRITERS["--log-file"], "/dev/null").stderr.count("\n") == 1  # the summary
    after = os.stat("/dev/null")
    assert (after.st_ino, after.st_rdev) == (before.st_ino, before.st_rdev)
    assert "it is no plain file" in run(*WRITERS["--log-file"], "/dev/stderr", code=3).stderr


def one_of_each(state: Path, replace: Callable[[Path], None]) -> list[str]:
    """Put something else in the place of every file that runs have left; their names."""
    left = sorted(path for path in state.iterdir() if path.is_file())
    for path in left:
        path.unlink()
        replace(path)
    return [path.name for path in left]


@posix
@on_moto
@pytest.mark.parametrize("what", ["fifo", "/dev/zero", "/dev/full", "folder", "large"])
def test_state_files_that_are_something_else_hold_no_scan_up_and_fill_no_memory(
    s3: Any,
    limited: Callable[..., str],
    env_file: Path,
    data: Path,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if what.startswith("/dev") and not os.path.exists(what):
        pytest.skip(f"no {what} here")
    log, metrics = env_file.parent / "logs" / "a.log", env_file.parent / "logs" / "a.prom"
    words = ["sync", "data", "nauset", "--log-file", log, "--metrics-file", metrics]
    limited(*words)
    monkeypatch.setenv("HOME", str(env_file.parent / "home"))
    state = Path(paths.state_folder())

    def replace(path: Path) -> None:
        # The lock itself must be a lock, and those beside it: what if not is the matter of test_run_locks.py.
        if path.name.endswith((".lock", ".named", ".claims")):
            return
        if what == "fifo":
            os.mkfifo(str(path))
        elif what == "folder":
            path.mkdir()
        elif what == "large":
            with path.open("wb") as file:
                file.truncate(3 << 30)
        else:
            path.symlink_to(what)

    names = one_of_each(state, replace)
    assert [ending for ending in (".told.json", ".last.json", ".holder") if ending in " ".join(names)]
    one_of_each(log.parent, replace if what != "large" else lambda path: None)
    write_bin(data, OTHER, mtime=1400000000.0)
    limited(*words, code=0 if what == "large" else 3)  # there is no log
    assert_whole(s3, data.glob("*.*"))
