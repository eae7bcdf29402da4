"""How this program is started again: by a schedule, by the demo, or for another command after this one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Sequence

from ifcbscan.errors import ExitCode

if TYPE_CHECKING:
    from ifcbscan.cli.signals import Interruption


def single_file() -> str | None:
    """The `ifcbscan.pyz` (absolute) that this process runs from, if it does: then that must be run again, too."""
    archive: str | None = getattr(getattr(sys.modules["__main__"], "__loader__", None), "archive", None)
    # The launchers that pip makes on Windows are archives as well, but the package is installed beside them.
    if archive is None or archive.lower().endswith(".exe"):
        return None
    return os.path.abspath(archive)


def command_words() -> list[str]:
    """The words that start this program with the Python that runs now; the options follow."""
    archive = single_file()
    return [sys.executable, archive] if archive is not None else [sys.executable, "-m", "ifcbscan"]


def run_command(words: Sequence[str], interruption: Interruption) -> int:
    """Carry out another command of this program at the same terminal; returns its exit code, or that of an interruption.

    Ctrl-C reaches it as it reaches this process, which waits for its end; a SIGTERM is handed on.
    """
    import subprocess

    with interruption.deferred():
        process = subprocess.Popen([*command_words(), *words])
        handed_on = False
        while True:
            try:
                code = process.wait(0.2)
                return interruption.exit_code if interruption.requested.is_set() else code
            except subprocess.TimeoutExpired:
                asked_to_end = interruption.requested.is_set()
                if asked_to_end and interruption.exit_code == ExitCode.TERMINATED and not handed_on:
                    process.terminate()
                    handed_on = True


def typed(words: Sequence[str]) -> str:
    """A command of ifcbscan's as a person would type it in this system's shell."""
    import shlex
    import subprocess

    all_words = ["ifcbscan", *words]
    return subprocess.list2cmdline(all_words) if os.name == "nt" else " ".join(map(shlex.quote, all_words))
