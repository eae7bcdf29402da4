"""What the packaging tests look at: an sdist and two wheels, each built once a test session.

No __init__.py in this folder: with one, a test run that has tests/ on its path would import it in
place of the library that is also called "packaging".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import filelock
import pytest

PROJECT = Path(__file__).resolve().parents[2]

# What a build may read. Everything else (.git, environments, leftovers of other builds) stays out,
# so that a page or a module that only lies about here cannot make a test pass.
FOLDERS = (".ci", ".github", "docs", "ifcbscan", "packaging", "tests")
FILES = (
    ".env.example",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
    "setup.cfg",
)


def _run(*command: object, cwd: Path) -> None:
    """Run a command to its end; when it fails, fail the test with what it printed."""
    # A narrow terminal, the one place where the page could depend on who builds it.
    env = dict(os.environ, COLUMNS="40", PIP_DISABLE_PIP_VERSION_CHECK="1")
    done = subprocess.run(
        [str(word) for word in command],
        cwd=str(cwd),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    if done.returncode:
        output = done.stdout.decode("utf-8", "replace")
        pytest.fail(f"{command} ended with {done.returncode}:\n{output}")


@pytest.fixture(scope="session")
def index() -> dict[str, str]:
    """The variable that names pip's package index to uv, which does not read pip's files; none where pip uses its own."""
    pip = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    url = os.environ.get("PIP_INDEX_URL", done.stdout.strip())
    return {"UV_DEFAULT_INDEX": url} if url else {}


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`built_once(name, make)`: a folder that `make` fills once for all workers of the test session. Nobody may change it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def build(name: str, make: Callable[[Path], object]) -> Path:
        folder = shared / name
        with filelock.FileLock(str(folder) + ".lock"):
            if not folder.exists():
                made = tmp_path_factory.mktemp(name)
                make(made)
                made.rename(folder)
        return folder

    return build


@pytest.fixture(scope="session")
def source_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files that a build may read."""
    tree = tmp_path_factory.mktemp("source") / "ifcbscan-source"
    tree.mkdir()
    for name in FILES:
        shutil.copy(str(PROJECT / name), str(tree))
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(str(PROJECT / name), str(tree / name), ignore=ignored)
    return tree


@pytest.fixture(scope="session")
def wheel(source_tree: Path, built_once: Callable[..., Path]) -> Path:
    """The wheel that pip builds from the tree. Downloads the build requirements."""

    def make(out: Path) -> None:
        tree = out / "tree"
        shutil.copytree(str(source_tree), str(tree))
        _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", out, tree, cwd=out)

    return _only(built_once("wheel", make), "ifcbscan-*.whl")


@pytest.fixture(scope="session")
def distributions(source_tree: Path, built_once: Callable[..., Path]) -> Path:
    """A folder with an sdist of the tree, and the wheel that was built out of that sdist."""

    def make(out: Path) -> None:
        tree = out / "tree"
        shutil.copytree(str(source_tree), str(tree))
        _run(sys.executable, "-m", "build", "--outdir", out, tree, cwd=out)

    return built_once("distributions", make)


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    return _only(distributions, "ifcbscan-*.tar.gz")


@pytest.fixture(scope="session")
def wheel_of_sdist(distributions: Path) -> Path:
    return _only(distributions, "ifcbscan-*.whl")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix into which the wheel, without its dependencies, was installed."""
    prefix = tmp_path_factory.mktemp("prefix")
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index")
    # --ignore-installed, because this environment usually holds an ifcbscan already
    _run(*pip, "--ignore-installed", "--prefix", prefix, wheel, cwd=prefix)
    return prefix
