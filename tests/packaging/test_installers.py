"""pipx and uv, by the lines of the pages: what they install runs, in a new terminal and from a schedule, also when upgraded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import ifcbscan
from ifcbscan.schedule import crontab_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the pages have them for Linux and macOS"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs"

#: Nothing answers there.
_SETTINGS = """\
USER_ACCOUNT=hablab
AWS_ACCESS_KEY_ID=key
AWS_SECRET_ACCESS_KEY=made-up
S3_ENDPOINT_URL=http://127.0.0.1:9
DASHBOARD_URL=http://127.0.0.1:9
"""


def lines_of(page: str, program: str) -> list[str]:
    """The lines of a page's blocks that begin with this program."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith(program + " ")]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs `pipx` and `uv`, fresh from the package index; and nothing else that makes programs."""
    folder = tmp_path_factory.mktemp("tools")
    venv.create(str(folder), with_pip=True)
    pip = subprocess.run(
        [str(folder / "bin" / "pip"), "install", "-q", "pipx", "uv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    if pip.returncode:
        pytest.skip("pip cannot get pipx and uv: " + pip.stdout.decode("utf-8", "replace").strip()[-200:])
    return folder / "bin"


@pytest.mark.parametrize("program", ["pipx", "uv"])
def test_what_it_installs_runs_in_a_new_terminal_and_from_a_schedule_and_after_an_upgrade(
    program: str, tools: Path, index: dict[str, str], sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON", "XDG_", "PIPX_", "UV_"))
    }
    environment = dict(
        kept,
        HOME=str(tmp_path),
        SHELL="/bin/bash",
        PATH=f"{tools}:/usr/bin:/bin",
        UV_CACHE_DIR=str(tools.parent / "cache"),
        UV_PYTHON=sys.executable,
        PIPX_DEFAULT_PYTHON=sys.executable,
        **index,
    )

    def sh(line: str, shell: str = "/bin/sh", **more: str) -> str:
        done = subprocess.run(
            [*shell.split(), "-c", line],
            cwd=str(tmp_path),
            env=dict(environment, **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    version = f"ifcbscan {ifcbscan.__version__}\n"
    sh(f'"{sys.executable}" -m tarfile -e "{sdist}" . && mv ifcbscan-* ifcbscan')
    install, known = lines_of("getting-started-server.md", program)
    sh(install)
    sh(known)
    for terminal in ("bash -i", "bash -l"):
        assert sh("ifcbscan --version", terminal, PATH="/usr/bin:/bin") == version

    (tmp_path / ".env").write_text(_SETTINGS, "utf-8")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "data").mkdir()
    printed = sh(".local/bin/ifcbscan start data nauset --print --force")
    entries = [crontab_text.parse_line(line.encode()) for line in printed.splitlines() if "--once" in line]
    (python,) = {entry.job.python for entry in entries if entry is not None}
    assert python.startswith(
        f"{tmp_path}/.local/"
    )  # and so neither in a cache nor the Python that it was made with

    source = tmp_path / "ifcbscan" / "ifcbscan" / "__init__.py"
    source.write_text(source.read_text("utf-8").replace(ifcbscan.__version__, "9.9.9"), "utf-8")
    (upgrade,) = lines_of("upgrading.md", program)
    sh(upgrade)
    assert sh(f'"{python}" -m ifcbscan --version') == "ifcbscan 9.9.9\n"

    sh(install.replace("install", "install --force").replace("~/ifcbscan", str(wheel)))
    assert sh(f'"{python}" -m ifcbscan --version') == version
