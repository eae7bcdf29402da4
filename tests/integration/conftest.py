"""Fixtures of the integration tests: an operator with a schedule and a dashboard."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import Iterator

import pytest
from support.dashboard import DashboardStandIn
from support.operator import Crontab, Operator, make_python
from support.runs import rewrite_env

import ifcbscan


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
