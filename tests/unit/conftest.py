"""Settings for the unit tests: those of Hypothesis, and where they run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: on a busy machine a slow example says nothing. The blob repeats a failure anywhere.
settings.register_profile("ifcbscan", deadline=None, print_blob=True)
settings.load_profile("ifcbscan")


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
