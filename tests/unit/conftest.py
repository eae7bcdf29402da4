"""Settings for the unit tests: those of Hypothesis, and where they run."""

from __future__ import annotations

import pytest
from hypothesis import settings

# No deadline: on a busy machine a slow example says nothing. The blob repeats a failure anywhere.
settings.register_profile("ifcbscan", deadline=None, print_blob=True)
settings.load_profile("ifcbscan")


#: What asks nothing of the system is the same everywhere, and takes a minute under wine.
PURE = frozenset(
    "test_" + name
    for name in [
        "adc",
        "bins",
        "docs",
        "etags",
        "fakes",
        "htmlreport",
        "listing",
        "outcome",
        "plan",
        "s3listing",
        "throttle",
    ]
)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Unit tests run on Windows, too."""
    if item.module.__name__.rpartition(".")[2] not in PURE:  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.windows_core)
