"""Where the unit tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

#: What asks nothing of the system is the same everywhere, and takes a minute under wine.
PURE = (
    "core/",
    "demo/",
    "html/",
    "support/",
    "s3/test_list_page.py",
    "s3/test_throttle.py",
    "test_docs.py",
    "test_mirror.py",
)
HERE = Path(__file__).resolve().parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """Unit tests run on Windows, too."""
    if not Path(str(item.fspath)).relative_to(HERE).as_posix().startswith(PURE):
        item.add_marker(pytest.mark.windows_core)
