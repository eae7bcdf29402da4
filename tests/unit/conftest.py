"""Settings for the unit tests: those of Hypothesis, and where they run."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No deadline: on a busy machine a slow example says nothing. The blob repeats a failure anywhere.
settings.register_profile("ifcbscan", deadline=None, print_blob=True)
settings.load_profile("ifcbscan")


def pytest_itemcollected(item: pytest.Item) -> None:
    """All unit tests run on Windows, too."""
    item.add_marker(pytest.mark.windows_core)
