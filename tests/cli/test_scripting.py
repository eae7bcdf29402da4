"""The scripts of docs/scripting.md, and the nightly line of docs/verify.md, as cron starts them: what they do, and what not.

The scripts are those of the page, word for word; only `/data/ifcb` is another folder. The classifier and `mail` are stand-ins.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Operator, commands_in, start_as_cron
from support.places import REPOSITORY
from support.runs import assert_decent, end

from ifcbscan.demo.sample_bins import write_bin

pytestmark = [
    pytest.mark.any_python,
    pytest.mark.skipif(os.name != "posix", reason="scripts for sh"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

PAGE = (REPOSITORY / "docs" / "scripting.md").read_text(encoding="utf-8")
SCRIPTS = dict(re.findall(r"<!-- file: (\S+) -->\n```sh\n(.*?)^```", PAGE, re.M | re.S))
ACCOUNTS = re.findall(r"<!-- run with: each-account -->\n```sh\n(.*?)^```", PAGE, re.M | re.S)

_STAND_INS = {
    "ifcbscan": 'exec "{python}" -m ifcbscan "$@"',
    "my-classifier": 'echo "${{1##*/}}" >> {home}/calls; [ ! -e {home}/broken ] && echo Guinardia',
    "mail": '{{ echo "$@"; cat; }} >> {home}/mails',
}


def _pid(hours: int) -> str:
    """Of a bin that was sampled so many hours ago."""
    return time.strftime("D%Y%m%dT%H0000_IFCB199", time.gmtime(time.time() - 3600 * hours))


class Computer:
    """The operator's home folder with the scripts of the page in it; what cron starts there sees nothing else."""

    def __init__(self, operator: Operator, env_file: Path) -> None:
        self.operator = operator
        self.home = operator.home
        self.data = operator.folder / "ifcb"
        self.data.mkdir()
        programs = self.home / ".local" / "bin"
        programs.mkdir(parents=True)
        for name, line in _STAND_INS.items():
            (programs / name).write_text(
                "#!/bin/sh\n" + line.format(python=operator.python, home=self.home) + "\n", encoding="utf-8"
            )
            (programs / name).chmod(0o755)
        for name, script in SCRIPTS.items():
            (self.home / name).write_text(script.replace("/data/ifcb", str(self.data)), encoding="utf-8")
        (self.home / ".env").touch(mode=0o600)
        (self.home / ".env").write_text(env_file.read_text(encoding="utf-8"), encoding="utf-8")

    def write(self, pid: str) -> None:
        write_bin(self.data, pid, mtime=time.time() - 3600)

    def cron(self, command: str) -> tuple[int, str]:
        """The exit code, and what cron would mail."""
        code, stdout, stderr = end(start_as_cron(command, self.home))
        assert_decent(stdout + stderr)
        return code, stdout + stderr

    def noted(self, name: str) -> list[str]:
        """The lines that a stand-in has written down."""
        path = self.home / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def computer(operator: Operator, env_file: Path, dashboard: DashboardStandIn) -> Computer:
    return Computer(operator, env_file)


def test_each_bin_that_comes_into_the_archive_is_classified_once_whoever_has_sent_it(
    computer: Computer,
) -> None:
    ours, theirs, incomplete = _pid(5), _pid(4), _pid(3)
    computer.write(ours)
    assert computer.cron("sh $HOME/scan-and-classify")[0] == 0
    assert computer.noted("calls") == [f"{ours}.roi"]
    computer.write(theirs)
    computer.write(incomplete)
    (computer.data / f"{incomplete}.adc").unlink()
    computer.operator.run("sync", computer.data, "nauset")
    assert computer.cron("sh $HOME/scan-and-classify")[0] == 0
    assert computer.noted("calls") == [f"{ours}.roi"], "this scan has sent nothing"
    for _ in range(2):
        assert computer.cron("sh $HOME/classify-archived") == (0, "")
    assert computer.noted("calls") == [f"{ours}.roi", f"{theirs}.roi"]
    results = computer.home / "classified"
    assert {path.name for path in results.iterdir()} == {f"{ours}.csv", f"{theirs}.csv"}
    assert (results / f"{theirs}.csv").read_text(encoding="utf-8") == "Guinardia\n"


def test_what_the_classifier_could_not_do_and_what_is_not_yet_in_the_archive_comes_the_next_time(
    computer: Computer,
) -> None:
    first, second = _pid(5), _pid(4)
    computer.write(first)
    (computer.home / "broken").touch()
    computer.cron("sh $HOME/scan-and-classify")
    assert list((computer.home / "classified").iterdir()) == []
    computer.write(second)
    (computer.home / "broken").unlink()
    code, mailed = computer.cron("sh $HOME/classify-archived")
    assert (code, mailed) == (0, ""), "one bin is not in the archive: no failure, and no mail"
    assert computer.noted("calls") == [f"{first}.roi"] * 2
    computer.operator.run("sync", computer.data, "nauset")
    computer.cron("sh $HOME/classify-archived")
    assert computer.noted("calls")[2:] == [f"{second}.roi"]


def test_a_scan_that_could_not_begin_starts_no_classifier_and_its_code_stays(computer: Computer) -> None:
    computer.write(_pid(5))
    (computer.home / ".env").unlink()
    for script in ("scan-and-classify", "classify-archived"):
        code, mailed = computer.cron(f"sh $HOME/{script}")
        assert code == 2 and "No .env file found" in mailed and "Traceback" not in mailed
    assert computer.noted("calls") == []


def test_a_nightly_part_mails_only_what_is_not_proven(computer: Computer) -> None:
    pids = [_pid(hours) for hours in range(1, 5)]
    for pid in pids:
        computer.write(pid)
    computer.operator.run("sync", computer.data, "nauset")
    for part in ("1/2", "2/2"):
        assert computer.cron(f"sh $HOME/nightly-verify {part}") == (0, "")
    assert computer.noted("mails") == []
    roi = computer.data / f"{pids[0]}.roi"
    content, times = roi.read_bytes(), os.stat(str(roi))
    roi.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(str(roi), (times.st_atime, times.st_mtime))
    codes = [computer.cron(f"sh $HOME/nightly-verify {part}")[0] for part in ("1/2", "2/2")]
    assert sorted(codes) == [0, 3]
    mail = computer.noted("mails")
    part = f"{codes.index(3) + 1}/2"
    assert mail[0] == f"-s ifcbscan verify: part {part} ended with 3 you@example.org"
    assert any(f"{pids[0]}  different: " in line for line in mail)
    assert mail[-1] == f"Once more: sh ~/nightly-verify {part}"


def _parts_now() -> set[str]:
    """The part of this day; at midnight also that of the day before."""
    return {f"{int(moment // 86400) % 30 + 1}/30" for moment in (time.time() - 120, time.time())}


def test_each_night_has_its_part(computer: Computer) -> None:
    (computer.home / ".env").unlink()
    assert computer.cron("sh $HOME/nightly-verify")[0] == 2
    assert computer.noted("mails")[0] in {
        f"-s ifcbscan verify: part {part} ended with 2 you@example.org" for part in _parts_now()
    }


@pytest.mark.parametrize("keeps_backslash", [False, True])
def test_the_line_for_the_crontab_is_silent_where_all_is_proven_and_mails_else(
    computer: Computer, keeps_backslash: bool
) -> None:
    page = (REPOSITORY / "docs" / "verify.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^17 3 \* \* \*  (.*)$", page, re.M)
    (command,) = commands_in(f"17 3 * * * {line}\n".encode())
    command = line if keeps_backslash else command
    command = command.replace("/data/ifcb", str(computer.data))
    computer.write(_pid(1))
    computer.operator.run("sync", computer.data, "nauset")
    assert computer.cron(command) == (0, "")
    shown = computer.cron("set -x; " + command)[1]
    assert any(f"--part {part}" in shown for part in _parts_now())
    (computer.home / ".env").unlink()
    assert "No .env file found" in computer.cron(command)[1]


def test_two_accounts_are_fed_from_one_computer(
    computer: Computer, dashboard: DashboardStandIn, s3: Any
) -> None:
    dashboard.teams["otherlab"] = ["dock"]
    dashboard.bins["dock"] = []
    accounts = computer.home / "accounts"
    accounts.mkdir()
    for account, series in (("hablab", "nauset"), ("otherlab", "dock")):
        write_bin(computer.data / series, f"D20260601T120031_IFCB{len(series):03d}", mtime=1500000000.0)
        text = (computer.home / ".env").read_text(encoding="utf-8").replace("=hablab", f"={account}")
        (accounts / f"{account}.env").touch(mode=0o600)
        (accounts / f"{account}.env").write_text(
            f"{text}IFCB_DATA_DIR={computer.data / series}\nTIME_SERIES={series}\n", encoding="utf-8"
        )
    programs = computer.home / ".local" / "bin"
    environment = computer.operator.environment
    said = ""
    for line in ACCOUNTS[0].splitlines():
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=str(computer.operator.folder),
            env={**environment, "PATH": f"{programs}:{environment['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode("utf-8", "replace")
        # `check` and `status` are red where no cron service runs
        assert done.returncode in ((0,) if "start" in line else (0, 2, 3)), (line, said)
    assert re.search(r"^nauset ", said, re.M) and re.search(r"^dock ", said, re.M)
    table = (computer.operator.crontab.text or b"").decode("utf-8")
    assert table.count(f"--env-file {accounts}/hablab.env") == 2
    assert table.count(f"--env-file {accounts}/otherlab.env") == 2
    assert {key.rsplit("/", 3)[0] for key in s3.objects()} == {"hablab/nauset", "otherlab/dock"}
