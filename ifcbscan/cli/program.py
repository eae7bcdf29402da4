"""How this program is started again, by a schedule or by the demo."""

from __future__ import annotations

import os
import sys


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
