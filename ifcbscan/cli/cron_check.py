"""`ifcbscan check --cron`: does cron really run what stands in its table, and does a scan work that it has started?

The last proof that a schedule works, because cron has other rights (on macOS) and another environment than a terminal.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
import uuid
from typing import Iterator

from ifcbscan.atomic import read_small, replace_file
from ifcbscan.cli import output
from ifcbscan.cli.checked import Item, not_good
from ifcbscan.clock import Clock
from ifcbscan.core.printable import brief
from ifcbscan.errors import ExitCode, IfcbscanError
from ifcbscan.schedule.base import Scheduler
from ifcbscan.schedule.jobs import Mode, ScheduledJob
from ifcbscan.state import paths

#: cron looks into its table once a minute. Seconds.
_LONGEST = 120.0

#: The script itself, the scan, what it says, and the answer.
_SCRIPT = '{0}\ncd / && {1} >/dev/null 2>{2}\necho "exit $?" >>{2}\nmv {2} {3}\n'

#: So many lines of a scan that failed are told.
_MOST_TOLD = 3

_FULL_DISK_ACCESS = (
    " macOS may not let cron read this folder: open System Settings > Privacy & Security > Full Disk Access, press +, then "
    "Command-Shift-G, type /usr/sbin/cron, and switch it on."
)


def check_cron(
    job: ScheduledJob,
    scheduler: Scheduler,
    clock: Clock,
    stopped: threading.Event,
    platform: str = sys.platform,
) -> Item:
    """Let the schedule run the every-minute scan of `job` once, as a dry run. At the end the schedule is as it was.

    `platform`: as `sys.platform`. Raises Interrupted.
    """
    try:
        folder = paths.state_folder()
        script = os.path.join(folder, f"cron-check-{uuid.uuid4().hex}.sh")
        answer = script + ".answer"
        try:
            replace_file(script, _script(job, script, answer), private=True)
            began = clock.monotonic()
            with _hangup_as(signal.SIGTERM), scheduler.trial(script):
                output.say("Waiting for cron to run one line, up to 2 minutes; Ctrl-C ends the waiting.")
                while not os.path.exists(answer) and clock.monotonic() - began < _LONGEST:
                    clock.sleep(0.5, stopped)
            return _judged(script, answer, clock.monotonic() - began, platform)
        finally:
            for path in (script, answer, answer + ".part"):
                _remove(path)
    except IfcbscanError as error:
        return not_good("cron", error)
    except OSError as error:
        return Item(False, "cron", f"{error}: nothing could be tried.")


def _script(job: ScheduledJob, script: str, answer: str) -> bytes:
    """Runs once: it removes itself first. What the scan says on stderr is the answer, and in its last line the exit code."""
    words = job.command(Mode.RECENT)
    scan = [*words[: words.index("--quiet")], "--dry-run"]
    quoted = [
        " ".join(map(shlex.quote, words))
        for words in (["rm", "-f", script], scan, [answer + ".part"], [answer])
    ]
    return os.fsencode(_SCRIPT.format(*quoted))


def _judged(script: str, answer: str, seconds: float, platform: str) -> Item:
    if not os.path.exists(answer):
        if os.path.exists(script):
            where = (
                "'launchctl list com.vix.cron' tells on macOS"
                if platform == "darwin"
                else "'systemctl status cron' tells"
            )
            text = f"cron has not run a line of your crontab within {seconds:.0f} s. Does its service run? {where}"
            return Item(False, "cron", text)
        text = f"cron has started a scan, which has not ended within {seconds:.0f} s; 'ifcbscan status' tells how the next ones do"
        return Item(None, "cron", text)
    *said, last = os.fsdecode(read_small(answer)).splitlines() or [""]
    # The first line of a scan that has ended is its summary; why it failed stands below.
    told = said[1:] if last == f"exit {ExitCode.PARTLY_FAILED}" and len(said) > 1 else said
    reason = "; ".join(brief(line) for line in told[:_MOST_TOLD]) or "it said nothing"
    if last == "exit 0":
        return Item(
            True,
            "cron",
            f"has run a scan of this folder within {seconds:.0f} s (a dry run: nothing was sent)",
        )
    hint = _FULL_DISK_ACCESS if platform == "darwin" and any("not permitted" in line for line in said) else ""
    return Item(False, "cron", f"a scan that cron has started ended with {last}: {reason}{hint}")


@contextlib.contextmanager
def _hangup_as(other: int) -> Iterator[None]:
    """Within it a terminal that goes away (ssh) ends this in order, and not at once: the line must leave the crontab."""
    number = getattr(signal, "SIGHUP", None)
    if number is None or signal.getsignal(number) != signal.SIG_DFL:
        yield
        return
    signal.signal(number, lambda *_: os.kill(os.getpid(), other))
    try:
        yield
    finally:
        signal.signal(number, signal.SIG_DFL)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
