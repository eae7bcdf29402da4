"""From `setup` to the second scan of a schedule, on every system: what `start` would write into the schedule is run by hand.

(With the real cron: integration/schedule/test_cron_runs.py. There is no Task Scheduler under wine.)
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support.dashboard import DashboardStandIn
from support.operator import EVERY_MINUTE, commands_in
from support.runs import rewrite_env, sizes_of

from ifcbscan.demo.sample_bins import write_bin


def every_minute(printed: str) -> list[str] | str:
    """What the system runs every minute, of what `start --print` shows: the words, or on Windows the line."""
    if os.name != "posix":
        found = re.search(r"<Command>(.*?)</Command>\s*<Arguments>(.*?)</Arguments>", printed, re.S)
        assert found is not None, printed
        return '"{}" {}'.format(*map(html.unescape, found.groups()))
    (command,) = commands_in(printed.encode("utf-8"), EVERY_MINUTE)
    return ["/bin/sh", "-c", command]


@pytest.mark.windows_core
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_who_has_a_key_and_a_folder_is_done_without_an_editor(
    s3: Any,
    ifcbscan_cli: Callable[..., Any],
    cli_environment: dict[str, str],
    dashboard: DashboardStandIn,
    env_file: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rewrite_env(env_file, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None, USER_ACCOUNT=None)
    secret = tmp_path_factory.mktemp("kept") / "secret"
    secret.write_text(s3.server.secret_key + "\n", "utf-8")
    data = tmp_path / "data"

    def new_bin(ago: float) -> None:
        pid = time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime(time.time() - ago))
        write_bin(data / pid[1:5] / pid[:9], pid, images=2, roi_bytes=400)

    def sent() -> bool:
        return bool(s3.objects() == sizes_of(path for path in data.rglob("*") if path.is_file()))

    new_bin(3600)
    key = ["--account", "hablab", "--key-id", s3.server.access_key, "--secret-file", secret]
    done = ifcbscan_cli("setup", data, "nauset", *key, "--yes", "--no-start")
    assert "The archive takes this key." in done.stderr and "Written:" in done.stderr
    assert "ok   credentials" in done.stdout and "ok   time series" in done.stdout

    user = {name: os.environ[name] for name in ("USERNAME", "USERDOMAIN") if name in os.environ}
    done = ifcbscan_cli("start", "--print", env=user)
    assert done.code == 0, done.stderr
    scan = every_minute(done.stdout)
    for ago in (1200, 0):
        assert subprocess.call(scan, env=cli_environment, cwd=str(tmp_path), timeout=120) == 0
        assert sent()
        new_bin(ago)
    assert not sent()
