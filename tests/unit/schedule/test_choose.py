"""Which scheduler a system has."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ifcbscan.errors import UsageError
from ifcbscan.schedule.choose import for_this_system

pytestmark = pytest.mark.windows_core


def test_the_scheduler_of_this_system_is_the_one_it_has() -> None:
    assert for_this_system().name == ("Task Scheduler" if os.name == "nt" else "cron")


@pytest.mark.skipif(os.name == "nt", reason="Windows has a SYSTEM account")
def test_the_system_account_is_refused_where_there_is_none() -> None:
    with pytest.raises(UsageError, match="Windows"):
        for_this_system(system_account=True)


_LOADED = """
import sys
import ifcbscan.schedule.choose
print(*sorted(name for name in sys.modules if name.startswith("ifcbscan.schedule.")))
"""


def test_no_scheduler_is_loaded_before_it_is_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], stdout=subprocess.PIPE, timeout=60, check=True)
    loaded = done.stdout.decode().split()
    assert "ifcbscan.schedule.base" in loaded
    assert "ifcbscan.schedule.cron" not in loaded and "ifcbscan.schedule.taskscheduler" not in loaded
