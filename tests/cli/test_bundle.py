"""`check --bundle`: a zip that the maintainers can work with, that holds no secret from wherever, and that spoils nothing.

(The search for secrets in every file that a test leaves, also within a zip, is support/secrecy.py's.)
"""

from __future__ import annotations

import os
import re
import time
import zipfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Done, Operator
from support.secrecy import leaks

from ifcbscan import __version__
from ifcbscan.cli import bundle as module
from ifcbscan.cli.bundle import Bundle
from ifcbscan.cli.options import JobArguments
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.errors import UsageError
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import InstalledJob, ScheduledJob
from ifcbscan.schedule.system_tables import SystemJob

pytestmark = [
    pytest.mark.any_python,
    pytest.mark.skipif(os.name != "posix", reason="the operator has a crontab"),
    pytest.mark.parametrize("s3", ["moto"], indirect=True),
]

NO_JOB = JobArguments(None, None, None)
PID = "D20260601T120031_IFCB199"

#: Where each of them is put: see `planted`.
SECRETS = {
    "key": "wJalrXUtnFEMI/K7'MDENG+bPx\"RfiCY$EXAMPLEKEY",
    "older key": "oldKey/OLDoldOLDold+oldOLDold=oldOLDoldOLD",
    "pasted": "pastedSecret0123456789",
    "password": "geheim pass#word",
    "ping": "9d1f0c1e-5a2b-secret-check",
    "ping of another job": "0a1b2c3d-other-secret",
    "key of another job": "anotherJobsSecretKey0123456789abcdefghij",
    "proxy": "p@ss/word-of-the-proxy",
    "token": "tokenOfTheEnvironment0123456789",
}


class Planted:
    """A computer on which secrets lie at every place from which something gets into a bundle."""

    def __init__(self, operator: Operator, env_file: Path) -> None:
        self.operator = operator
        self.data = operator.folder / "ifcb"
        write_bin(self.data / "2026" / "D20260601", PID, mtime=1780315231.0)
        (self.data / SECRETS["pasted"]).write_bytes(b"x")
        text = env_file.read_text(encoding="utf-8")
        key = SECRETS["key"].replace('"', '\\"')
        text = re.sub(r"AWS_SECRET_ACCESS_KEY=.*", lambda _: f'AWS_SECRET_ACCESS_KEY = "{key}" # ours', text)
        env_file.write_text(
            f"{text}#AWS_SECRET_ACCESS_KEY={SECRETS['older key']}\n{SECRETS['pasted']}\nIFCB_DATA_DIR={self.data}\n"
            f"TIME_SERIES=nauset\nMY_PASSWORD='{SECRETS['password']}'\n"
            f"PING_URL=http://127.0.0.1:9/{SECRETS['ping']}?rid=1\n",
            encoding="utf-8",
        )
        other_env = operator.folder / "other.env"
        other_env.touch(mode=0o600)
        other_env.write_text(f"AWS_SECRET_ACCESS_KEY={SECRETS['key of another job']}\n", encoding="utf-8")
        self.job = operator.schedule(self.data)
        extras = JobExtras(ping=f"https://ping.example.org/{SECRETS['ping of another job']}")
        job = ScheduledJob(
            str(operator.python), str(other_env), str(self.data), "dock", self.job.log_file, extras=extras
        )
        operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
        self.environment: dict[str, Any] = {
            "HTTPS_PROXY": f"http://me:{SECRETS['proxy']}@proxy.example.org:3128",
            "MY_SERVICE_TOKEN": SECRETS["token"],
        }
        self.log = Path(self.job.log_file)
        lines = [f"line {number}" for number in range(3000)]
        lines += [f"{name}: {secret}" for name, secret in SECRETS.items()]
        lines += [f"called https://me:{SECRETS['proxy']}@ping.example.org/x/{SECRETS['ping']}/start."]
        lines += [f'{{"all": {list(SECRETS.values())!r}}}', "the last line"]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(f"{stamp} INFO {line}\n" for line in lines)

    def check(self, *words: Any) -> Done:
        return self.operator.run("check", *words, code=None, **self.environment)

    def here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make this process one of the operator's."""
        monkeypatch.setattr(os, "environ", {**self.operator.environment, **self.environment})
        monkeypatch.chdir(self.operator.folder)

    def given_away(self, path: Path) -> set[str]:
        """Which of the secrets are in the bundle, or a good part of one."""
        told = "\n".join(contents(path).values()) + path.read_bytes().decode("latin-1")
        return {name for name, secret in SECRETS.items() if secret in told or secret[:10] in told}


def contents(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(str(path)) as made:
        return {name: made.read(name).decode("utf-8") for name in made.namelist()}


@pytest.fixture
def planted(operator: Operator, env_file: Path, dashboard: DashboardStandIn) -> Iterator[Planted]:
    made = Planted(operator, env_file)
    yield made
    made.log.unlink()  # it was this test that has put secrets there


def test_a_bundle_holds_what_helps_and_no_secret_wherever_one_lies(planted: Planted, tmp_path: Path) -> None:
    path = tmp_path / "for-help.zip"
    done = planted.check("--bundle", path)
    assert planted.given_away(path) == set() and leaks(tmp_path) == [str(planted.log)]
    assert path.stat().st_mode & 0o777 == 0o600
    assert str(path) in done.stderr and "it can be mailed" in done.stderr
    found = contents(path)
    assert list(found) == [
        "ifcbscan-bundle.txt",
        "check.txt",
        "versions.txt",
        "settings.txt",
        "schedule.txt",
        "last-runs.txt",
        "folder.txt",
        "log-1.txt",
    ]
    assert f"ifcbscan {__version__}" in found["versions.txt"] and "botocore " in found["versions.txt"]
    assert "USER_ACCOUNT: hablab (in the file)" in found["settings.txt"]
    assert "AWS_SECRET_ACCESS_KEY: set (in the file)" in found["settings.txt"]
    assert "PING_URL: set (in the file)" in found["settings.txt"]
    assert "HTTPS_PROXY: http://proxy.example.org:3128 (in the environment)" in found["settings.txt"]
    assert f"{planted.data} to nauset: " in found["schedule.txt"]
    assert "a monitor at ping.example.org is told" in found["schedule.txt"]
    assert f"{planted.data} to nauset, recent: no record" in found["last-runs.txt"]
    assert re.search(rf"2026-06-01T12:00:31Z +[\d,]+  2026/D20260601/{PID}\.roi", found["folder.txt"])
    assert re.search(r"^ +3  2026/D20260601$", found["folder.txt"], re.M)
    log = found["log-1.txt"].splitlines()
    assert log[0] == str(planted.log) and log[-1].endswith("the last line") and len(log) == 2001
    for name in ("the rest could not be collected", "Traceback"):
        assert not any(name in text for text in found.values())


def test_the_lines_and_the_exit_code_of_the_check_are_the_same_with_a_bundle(
    planted: Planted, tmp_path: Path, cron_service: None
) -> None:
    def alike(text: str) -> list[str]:
        return [re.sub(r"[\d.,]+ (ms|s|MB)|http\S+", "", line) for line in text.splitlines()]

    without = planted.check()
    done = planted.check("--bundle", tmp_path / "a.zip")
    assert done.code == without.code and alike(done.stdout) == alike(without.stdout)
    assert alike(contents(tmp_path / "a.zip")["check.txt"]) == alike(done.stdout)


def test_what_the_settings_of_a_job_of_the_systems_tables_hold_is_a_secret_too(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs.env"
    theirs.write_text("AWS_SECRET_ACCESS_KEY=theirSecretKey0123\n", encoding="utf-8")
    job = ScheduledJob(
        str(planted.operator.python), str(theirs), str(planted.data), "pier", planted.job.log_file
    )
    found = SystemJob(InstalledJob(job, recent=True, full=True, up_to_date=True), "/etc/crontab", "ifcb")
    planted.here(monkeypatch)
    monkeypatch.setattr(module, "system_jobs", lambda: [found])
    Bundle(str(tmp_path / "a.zip"), NO_JOB).write(["with theirSecretKey0123"])
    theirs.unlink()
    assert contents(tmp_path / "a.zip")["check.txt"] == "with [masked]\n"


@pytest.mark.parametrize(
    "line",
    [
        f"USER_ACCOUNT=hablab AWS_SECRET_ACCESS_KEY={SECRETS['key of another job']}",
        f"S3_ENDPOINT_URL=me:{SECRETS['token']}@host:9000",
        f"DASHBOARD_URL=https:/me:{SECRETS['token']}@host",
    ],
)
def test_a_secret_in_the_place_of_another_setting_is_in_no_text_of_a_bundle(
    operator: Operator, env_file: Path, tmp_path: Path, line: str
) -> None:
    others = re.sub(line.partition("=")[0] + "=.*\n", "", env_file.read_text(encoding="utf-8"))
    env_file.write_text(f"{others}{line}\n", encoding="utf-8")
    done = operator.run("check", "--bundle", "a.zip", code=2)
    told = "\n".join([*contents(tmp_path / "a.zip").values(), done.stdout, done.stderr])
    assert SECRETS["token"] not in told and SECRETS["key of another job"] not in told
    assert f"{line.partition('=')[0]}: set, not shown because it may hold a secret (in the file)" in told


def test_a_value_that_a_bundle_does_not_show_in_one_place_is_in_no_other(
    operator: Operator, env_file: Path, tmp_path: Path
) -> None:
    env_file.write_text(env_file.read_text("utf-8") + "MAX_BANDWIDTH=Zx9kQ2mW7pL4\n", "utf-8")
    operator.run("check", "--bundle", tmp_path / "b.zip", "--env-file", env_file, code=None)
    found = contents(tmp_path / "b.zip")
    assert "MAX_BANDWIDTH: set, not shown" in found["settings.txt"]
    assert "Zx9kQ2mW7pL4" not in "".join(found.values())


def test_without_the_mask_every_secret_that_was_planted_would_be_found(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.here(monkeypatch)
    monkeypatch.setattr(module, "Mask", lambda secrets: str)
    path = tmp_path / "open.zip"
    Bundle(str(path), NO_JOB).write([])
    assert planted.given_away(path) == set(SECRETS)
    assert str(path) in leaks(tmp_path)
    path.unlink()


def test_without_settings_and_schedule_a_bundle_says_what_it_could_not_find(
    operator: Operator, tmp_path: Path, env_file: Path
) -> None:
    env_file.unlink()
    done = operator.run("check", "--bundle", "a.zip", code=2)
    assert "NOT  settings     No .env file found" in done.stdout
    found = contents(tmp_path / "a.zip")
    assert "file: none\nAWS_ACCESS_KEY_ID: not set\n" in found["settings.txt"]
    assert "nothing is scheduled for this user" in found["schedule.txt"]
    assert found["folder.txt"] == "no data folder is known\n"


def test_what_cannot_be_read_is_told_inside_and_is_no_failure(
    planted: Planted, tmp_path: Path, env_file: Path
) -> None:
    code = planted.check().code
    hidden = planted.log.with_suffix(".hidden")
    planted.log.rename(hidden)
    planted.log.mkdir()
    with env_file.open("a", encoding="utf-8") as file:
        file.write("EXPECT_EVERY='2h\n")
    try:
        done = planted.check(planted.data / "gone", "nauset", "--bundle", tmp_path / "a.zip")
    finally:
        planted.log.rmdir()
        hidden.rename(planted.log)
    assert done.code == 2 == code and "it can be mailed" in done.stderr
    found = contents(tmp_path / "a.zip")
    assert "the rest could not be collected: OSError: " in found["log-1.txt"]
    assert "cannot be understood by itself" in found["settings.txt"]
    assert "USER_ACCOUNT: hablab (in the file)" in found["settings.txt"]
    assert "  not read: " in found["folder.txt"]


def test_a_bundle_replaces_only_a_bundle_and_never_lies_in_a_data_folder(
    planted: Planted, tmp_path: Path, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.here(monkeypatch)
    path = tmp_path / "a.zip"
    for lines in (["one"], ["two"]):
        Bundle(str(path), NO_JOB).write(lines)
    assert contents(path)["check.txt"] == "two\n"
    notes = tmp_path / "notes.zip"
    with zipfile.ZipFile(str(notes), "w") as made:
        made.writestr("notes.txt", "mine")
    before = {name: name.read_bytes() for name in (notes, env_file)}
    for place, said in (
        (notes, "is a file that ifcbscan has not made, so it is not replaced"),
        (env_file, "is a file that ifcbscan has not made, so it is not replaced"),
        (planted.data / "2026" / "a.zip", "lies in the data folder"),
        (tmp_path / "a.roi", "is called like a file of a bin"),
        (tmp_path / "nowhere" / "a.zip", "cannot be written: there is no such folder. Choose another place."),
        ("/dev/stdout", "cannot be replaced: it is no plain file"),
    ):
        with pytest.raises(UsageError) as refused:
            Bundle(str(place), NO_JOB)
        assert str(refused.value).startswith(f"--bundle: {place} ") and said in str(refused.value)
    done = planted.check("--bundle", notes)
    assert (done.code, done.stdout) == (2, "") and done.stderr.startswith(f"ifcbscan: --bundle: {notes} ")
    assert {name: name.read_bytes() for name in before} == before
    assert sorted(item.name for item in planted.data.iterdir()) == ["2026", SECRETS["pasted"]]


def test_the_log_is_followed_into_its_older_parts_and_a_folder_of_many_files_is_cut_off(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = Path(f"{planted.log}.1")
    planted.log.rename(older)
    planted.log.write_text("2026-06-02T00:00:00Z INFO new\n", encoding="utf-8")
    lines = list(module._log(str(planted.log)))
    older.unlink()
    assert len(lines) == 2001 and lines[-2].endswith("the last line") and lines[-1].endswith("new")
    monkeypatch.setattr(module, "_FILES_AT_MOST", 1)
    monkeypatch.setattr(module, "_NEWEST", 1)
    shape = list(module._shape(str(planted.data)))
    assert "  more than 1 files; the rest was not looked at" in shape
    assert shape[-1].endswith(SECRETS["pasted"])


def test_a_disk_that_is_full_is_told_and_the_check_is_not_called_done(
    planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    planted.here(monkeypatch)
    monkeypatch.setattr(module, "replace_file", full)
    bundle = Bundle(str(tmp_path / "a.zip"), JobArguments(str(planted.data), "nauset", None))
    with pytest.raises(UsageError, match="a.zip cannot be written: No space left on device"):
        bundle.write([])
    assert not (tmp_path / "a.zip").exists()
