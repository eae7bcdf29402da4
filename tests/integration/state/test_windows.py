"""What is different on Windows: paths, sharing of files, consoles, processes, the Task Scheduler.

The rest of the tests marked windows_core runs everywhere; these need Windows, or the Windows Python under
wine that .ci/run makes.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.runs import assert_decent, assert_whole, checked, rewrite_env, upper_case

from ifcbscan.demo.sample_bins import write_bin

pytestmark = [
    pytest.mark.windows_core,
    pytest.mark.skipif(os.name != "nt", reason="needs Windows"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

LONG_AGO = 1400000000.0
OPERATOR = {"USERNAME": "operator", "USERDOMAIN": "BOAT"}
"""Who is at work, where whoami does not say so (wine has none)."""

# Has a file open until its standard input closes: argv is the mode and the path.
_HOLD = """
import sys
how, path = sys.argv[1:]
if how == "nobody else":
    import ctypes
    create = ctypes.windll.kernel32.CreateFileW
    create.restype = ctypes.c_void_p
    handle = create(ctypes.c_wchar_p(path), 0x80000000, 0, None, 3, 0, None)  # GENERIC_READ, no sharing
    assert handle != ctypes.c_void_p(-1).value, ctypes.GetLastError()
else:
    file = open(path, how)
print("held", flush=True)
sys.stdin.read()
"""

_NO_STREAMS = """
import sys
sys.stdin = sys.stdout = sys.stderr = sys.__stdin__ = sys.__stdout__ = sys.__stderr__ = None
from ifcbscan.__main__ import run
run()
"""

_SCAN_LOCK = """
import sys
from ifcbscan.state.run_locks import hold
with hold(*sys.argv[1:]):
    print("held", flush=True)
    sys.stdin.read()
"""


def pid(number: int) -> str:
    return f"D20260101T1000{number:02d}_IFCB199"


def make(folder: Path, *numbers: int, **options: Any) -> list[Path]:
    options.setdefault("images", 3)
    options.setdefault("mtime", LONG_AGO)
    folder.mkdir(parents=True, exist_ok=True)
    return [path for number in numbers for path in write_bin(folder, pid(number), **options)]


@contextlib.contextmanager
def another_process(
    script: str, *arguments: object, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds something while inside the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == b"held"
        yield process
    finally:
        process.communicate()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def run(ifcbscan_cli: Any, env_file: Path) -> Callable[..., Any]:
    return checked(ifcbscan_cli)


def assert_plain_keys(s3: Any) -> None:
    """No key holds a backslash, a drive letter or anything else of a Windows path."""
    assert s3.objects()
    for key in s3.objects():
        assert key.startswith("hablab/nauset/2026/D20260101/D20260101T1000") and key.count("/") == 4, key
        assert "\\" not in key and ":" not in key and key.isascii(), key


def counts(done: Any) -> dict[str, int]:
    return {name: count for name, count in json.loads(done.stdout)["bins"].items() if count}


# --- paths


def test_bins_arrive_under_plain_keys_however_the_folder_is_written(
    s3: Any, run: Any, tmp_path: Path, data: Path
) -> None:
    data = tmp_path / "Donn\u00e9es \u4e2d\u6587 100%"
    files = upper_case(make(data / "ann\u00e9e", 1))
    drive, rest = os.path.splitdrive(str(data))
    assert drive[1:] == ":"
    spellings = [
        data,
        drive.lower() + rest.replace("\\", "/"),
        "\\\\?\\" + str(data),
        os.path.join(data.name, "."),  # relative to the current folder
    ]
    for number, spelling in enumerate(spellings):
        done = run("--once", spelling, "nauset", "--json")
        assert json.loads(done.stdout)["bins"]["synced"] == number, spelling
        assert_whole(s3, files)
        assert_plain_keys(s3)
        files += make(data / "2026" / "D20260101", 10 + number)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and its name without a drive letter; skips where the disk has no such name."""
    wine = os.path.isdir("\\\\?\\unix\\tmp")
    with tempfile.TemporaryDirectory(dir="Z:\\tmp" if wine else str(tmp_path)) as folder:
        drive, rest = os.path.splitdrive(folder)
        share = ("\\\\?\\unix" if wine else f"\\\\localhost\\{drive[0]}$") + rest
        if not os.path.isdir(share):
            pytest.skip(f"there is no {share} on this computer")
        yield Path(folder), share


def test_folders_on_another_computer_are_read(s3: Any, run: Any, elsewhere: tuple[Path, str]) -> None:
    folder, share = elsewhere
    files = make(folder, 1)
    assert counts(run("--once", share, "nauset", "--json")) == {"uploaded": 1}
    assert_whole(s3, files)
    assert_plain_keys(s3)


def test_a_folder_too_deep_for_old_windows_programs_is_read(s3: Any, run: Any, data: Path) -> None:
    deep = data.joinpath(*["a folder with a very long name " + "x" * 60] * 4)
    os.makedirs("\\\\?\\" + str(deep))
    files = make(data, 1)
    files += [Path(path) for path in write_bin(Path("\\\\?\\" + str(deep)), pid(2), images=3, mtime=LONG_AGO)]
    assert len(str(files[-1])) > 400
    assert counts(run("--once", data, "nauset", "--json")) == {"uploaded": 2}
    assert_whole(s3, files)
    assert_plain_keys(s3)


# --- files that other programs have open


def test_a_file_that_the_instruments_software_has_to_itself_is_sent_when_it_lets_go(
    s3: Any, run: Any, data: Path
) -> None:
    free = make(data, 1)
    held = make(data, 2)
    with another_process(_HOLD, "nobody else", held[2]):
        done = run("--once", data, "nauset", "--json", code=3)
        assert counts(done) == {"uploaded": 1, "failed": 1}
        (problem,) = json.loads(done.stdout)["problems"]
        assert problem["pid"] == pid(2) and "Permission denied" in problem["reason"]
        assert_whole(s3, free)
    assert counts(run("--once", data, "nauset", "--json")) == {"synced": 1, "uploaded": 1}
    assert_whole(s3, free + held)


def test_a_log_that_another_program_has_open_is_written_to_and_turned_over_later(
    run: Any, data: Path, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "scan.log"
    log.parent.mkdir()
    log.write_text("x" * 1900000 + "\n", "utf-8")
    make(data, 1)
    with another_process(_HOLD, "a", log):
        done = run("--once", data, "nauset", "--quiet", "--log-file", log)
        assert (done.stdout, done.stderr) == ("", "")
        assert f"{pid(1)} uploaded" in log.read_text("utf-8")
        assert [path.name for path in log.parent.iterdir()] == ["scan.log"]
    make(data, 2)
    run("--once", data, "nauset", "--quiet", "--log-file", log)
    assert f"{pid(2)} uploaded" in log.read_text("utf-8") and log.stat().st_size < 10000
    assert f"{pid(1)} uploaded" in (log.parent / "scan.log.1").read_text("utf-8")


def test_a_second_scan_is_refused_and_the_end_of_the_first_by_stop_frees_the_lock(
    run: Any, data: Path, cli_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from ifcbscan.cli.commands import stop
    from ifcbscan.state import run_locks

    make(data, 1)
    for name, value in cli_environment.items():
        monkeypatch.setenv(name, value)
    with another_process(_SCAN_LOCK, data, "nauset", "full", environment=cli_environment) as holder:
        done = run("--once", data, "nauset", code=4)
        assert f"process {holder.pid} on" in done.stderr
        path = run_locks.lock_path(str(data), "nauset", "full")
        found = run_locks.living_holder(path)  # its file can be read while the lock is held
        assert found is not None and found.pid == holder.pid
        stop.end_scan(path, "nauset")
        assert "Ended the scan of nauset" in capsys.readouterr().err
        assert holder.wait(timeout=10) != 0
    assert counts(run("--once", data, "nauset", "--json")) == {"uploaded": 1}


# --- what people type and read


def test_a_console_that_lacks_letters_shows_something_else_and_the_run_goes_on(
    s3: Any, run: Any, data: Path, cli_environment: dict[str, str]
) -> None:
    files = make(data, 1)
    make(data / "\u4e2d\u6587 \U0001f980", 2)
    make(data / "other", 2, images=5)
    del cli_environment["PYTHONIOENCODING"]  # as Windows itself has it
    for encoding in (None, "cp1252"):
        environment = {} if encoding is None else {"PYTHONIOENCODING": encoding}
        done = run("--once", data, "nauset", "--verbose", env=environment)
        assert f"{pid(2)}  conflict:" in done.stderr and "\\u4e2d\\u6587" in done.stderr
    assert_whole(s3, files)


def test_a_configuration_as_notepad_saves_it_is_understood(
    s3: Any, run: Any, data: Path, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    rewrite_env(env_file, IFCB_DATA_DIR=f'"{data}"'.replace("\\", "\\\\"), TIME_SERIES="nauset")
    text = env_file.read_text("utf-8").replace("\n", "\r\n")
    for content in (b"\xef\xbb\xbf" + text.encode("utf-8"), text.encode("utf-16")):
        env_file.write_bytes(content)
        assert json.loads(run("--once", "--json").stdout)["directory"] == str(data)
    # without quotes a backslash is a backslash
    plain = [line for line in text.split("\r\n") if not line.startswith("IFCB_DATA_DIR")]
    env_file.write_text("\r\n".join([f"IFCB_DATA_DIR={data}"] + plain), "utf-8-sig", newline="")
    files = make(data, 1)
    assert counts(run("--once", "--json")) == {"uploaded": 1}
    assert_whole(s3, files)


# --- the Task Scheduler


def test_a_scan_without_any_console_as_the_task_scheduler_starts_it_sends_the_bins(
    s3: Any, data: Path, env_file: Path, tmp_path: Path, cli_environment: dict[str, str]
) -> None:
    pythonw = Path(sys.executable).with_name("pythonw.exe")
    command = [str(pythonw), "-m", "ifcbscan"]
    if not pythonw.exists():  # the one made for wine has none
        command = [sys.executable, "-c", _NO_STREAMS]
    files = make(data, 1)
    log = tmp_path / "scan.log"
    command += ["--once", str(data), "nauset", "--env-file", str(env_file), "--log-file", str(log)]
    for options in ([], ["--json", "--verbose"]):
        # DETACHED_PROCESS: no console is handed on, so there are no standard streams at all
        code = subprocess.call(
            command + options, cwd=str(tmp_path), env=cli_environment, creationflags=8, timeout=120
        )
        assert code == 0
    assert_whole(s3, files)
    assert_decent(log.read_text("utf-8"))
    assert f"{pid(1)} uploaded" in log.read_text("utf-8")


def test_start_shows_the_tasks_and_installs_none_with_print(s3: Any, run: Any, data: Path) -> None:
    done = run("start", data, "nauset", "--print", env=OPERATOR)
    assert done.stderr == ""
    assert done.stdout.count("<Task ") == 2 and "<UserId>" in done.stdout
    assert f"<Arguments>-m ifcbscan --once {data} nauset --env-file" in done.stdout


def test_what_pip_installs_as_a_program_schedules_the_python_module(
    s3: Any, data: Path, env_file: Path, tmp_path: Path, cli_environment: dict[str, str]
) -> None:
    program = shutil.which("ifcbscan", path=sysconfig.get_path("scripts"))
    if program is None:
        pytest.skip("ifcbscan is not installed in this Python")
    done = subprocess.run(
        [program, "start", str(data), "nauset", "--print"],
        cwd=str(tmp_path),
        env={**cli_environment, **OPERATOR},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"<Arguments>-m ifcbscan --once " in done.stdout


def test_start_hands_the_tasks_to_windows_own_tool(s3: Any, run: Any, data: Path) -> None:
    windows: Any = ctypes
    if not hasattr(windows.WinDLL("ntdll"), "wine_get_version"):
        pytest.skip("it would leave tasks in the Task Scheduler of this computer")
    done = run("start", data, "nauset", "--force", "--no-sync", env=OPERATOR)
    assert "Scheduled with Task Scheduler" in done.stderr
    assert "only while you are logged on" in done.stderr
