"""What is handed out: a wheel with everything in it, and an sdist that builds the same wheel."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import ifcbscan

PROJECT = Path(__file__).resolve().parents[2]

# where pip puts console scripts
_SCRIPTS = ("Scripts",) if sys.platform == "win32" else ("bin",)


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(str(wheel)) as archive:
        return sorted(archive.namelist())


@pytest.fixture(scope="module")
def extras() -> dict[str, set[str]]:
    """The extras of setup.cfg and the requirements that each one holds, without comments."""
    config = configparser.RawConfigParser()
    config.read(str(PROJECT / "setup.cfg"), encoding="utf-8")
    section = config["options.extras_require"]
    return {name: {line for line in section[name].splitlines() if line} for name in section}


@pytest.mark.windows_core
@pytest.mark.parametrize("part", ["demo", "report", "metrics"])
def test_the_test_extra_holds_what_the_tested_parts_need(extras: dict[str, set[str]], part: str) -> None:
    assert extras[part] - extras["test"] == set()


@pytest.mark.windows_core
def test_the_dev_extra_holds_the_types_of_the_optional_packages(
    extras: dict[str, set[str]],
) -> None:
    assert (extras["report"] | extras["metrics"]) - extras["dev"] == set()


@pytest.mark.windows_core
def test_every_requirement_says_what_it_saves() -> None:
    """A comment stands directly above each requirement of the program and of its extras."""
    if (PROJECT / "PKG-INFO").exists():
        pytest.skip("an unpacked sdist: setuptools writes setup.cfg anew there, without its comments")
    lines = (PROJECT / "setup.cfg").read_text(encoding="utf-8").splitlines()
    requirements = [n for n, line in enumerate(lines) if re.match(r" {4}[A-Za-z][\w.-]*>=", line)]
    assert len(requirements) > 5
    assert [lines[n] for n in requirements if not lines[n - 1].startswith("    # ")] == []


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_nothing_else_to_import(
    source_tree: Path, wheel: Path
) -> None:
    package = source_tree / "ifcbscan"
    expected = {path.relative_to(source_tree).as_posix() for path in package.rglob("*") if path.is_file()}
    assert "ifcbscan/py.typed" in expected
    info = f"ifcbscan-{ifcbscan.__version__}."
    assert {name for name in _names(wheel) if not name.startswith(info)} == expected


@pytest.mark.slow
def test_the_wheel_runs_on_every_platform_and_names_version_licence_and_python(wheel: Path) -> None:
    version = ifcbscan.__version__
    assert wheel.name == f"ifcbscan-{version}-py3-none-any.whl"
    info = f"ifcbscan-{version}.dist-info/"
    with zipfile.ZipFile(str(wheel)) as archive:
        metadata = archive.read(info + "METADATA").decode("utf-8").splitlines()
        licences = [name for name in archive.namelist() if name.endswith("/LICENSE")]
    assert "Version: " + version in metadata
    assert "License: MIT" in metadata
    assert "Requires-Python: >=3.7" in metadata
    assert len(licences) == 1


@pytest.mark.slow
def test_the_sdist_builds_a_wheel_with_the_same_files(wheel: Path, wheel_of_sdist: Path) -> None:
    assert _names(wheel_of_sdist) == _names(wheel)


@pytest.mark.slow
def test_the_sdist_holds_every_file_of_the_source_and_no_generated_page(
    source_tree: Path, sdist: Path
) -> None:
    with tarfile.open(str(sdist)) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    source = {path.relative_to(source_tree).as_posix() for path in source_tree.rglob("*") if path.is_file()}
    assert source - names == set()
    made_by_the_build = {name for name in names - source if not name.startswith("ifcbscan.egg-info/")}
    assert made_by_the_build == {"PKG-INFO"}


@pytest.mark.slow
def test_tests_run_from_the_unpacked_sdist(sdist: Path, tmp_path: Path) -> None:
    """Some that read the pages, the tests and packaging/; all of them would take minutes."""
    subprocess.check_call([sys.executable, "-m", "tarfile", "-e", str(sdist), str(tmp_path)])
    (unpacked,) = tmp_path.iterdir()
    some = ("tests/unit/test_docs.py", "tests/unit/test_mirror.py", "tests/packaging")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some],
        # the unpacked package before the one in the environment of the tests
        env=dict(os.environ, PYTHONPATH=str(unpacked)),
        cwd=str(unpacked),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "replace")


@pytest.mark.slow
def test_alert_rules_and_dashboard_are_installed(installed: Path) -> None:
    (folder,) = installed.rglob("share/doc/ifcbscan/monitoring")
    for name in ("alerts.yml", "grafana.json"):
        assert (folder / name).read_bytes() == (PROJECT / "docs" / "monitoring" / name).read_bytes()


@pytest.mark.slow
def test_the_installed_command_starts_and_tells_its_version(installed: Path) -> None:
    (package,) = (path.parent for path in installed.rglob("ifcbscan/__init__.py"))
    scripts = [path for path in installed.rglob("ifcbscan*") if path.parent.name in _SCRIPTS]
    assert len(scripts) == 1
    done = subprocess.run(
        [str(scripts[0]), "-V"],
        # the new files first; the dependencies come from the environment of the tests
        env=dict(os.environ, PYTHONPATH=str(package.parent)),
        cwd=str(installed),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert done.stderr.decode("utf-8", "replace") == ""
    assert done.returncode == 0
    assert ifcbscan.__version__ in done.stdout.decode("utf-8", "replace")
