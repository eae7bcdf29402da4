"""Jobs in the user's crontab: a block between `# BEGIN ifcbscan` and `# END ifcbscan`.

The first part is pure: crontab bytes in, crontab bytes out. Whatever stands outside the block is kept
byte for byte, and so is whatever somebody has written into it. Removing the last job takes the block out
and restores the table as it was before the first; nothing but the table itself remembers how that was:
where there was no table at all, or its last line had no end, a comment inside the block says so.

The acting part, `Cron`, reads with `crontab -l` and writes with `crontab -`; it never touches the file.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, replace
from typing import Iterator, Sequence

from ifcbscan.errors import IfcbscanError, UsageError
from ifcbscan.schedule.base import Scheduler
from ifcbscan.schedule.jobs import (
    Entry,
    InstalledJob,
    Mode,
    ScheduledJob,
    ScheduleError,
    installed,
    parse_command,
)
from ifcbscan.schedule.process import Finished, Runner, run
from ifcbscan.state import locks
from ifcbscan.state.paths import state_folder

BEGIN = b"# BEGIN ifcbscan"
END = b"# END ifcbscan"
ABOUT = b'# Written by "ifcbscan start"; "ifcbscan stop" takes it out again.\n'
WAS_ABSENT = b"# (there was no crontab before this block)\n"
WAS_UNENDED = b"# (the line before this block had no line end)\n"
_OWN_COMMENTS = (ABOUT, WAS_ABSENT, WAS_UNENDED)

#: Longest command that every cron runs: Vixie's, so Debian's and macOS's, has room for 998 bytes
#: (measured with Debian's: 999 are refused); others cut the rest off and say nothing.
LONGEST_COMMAND = 998

#: How long a change waits for another one.
_LOCK_SECONDS = 30.0

#: Shells that read a line as sh does. A crontab can ask for another one with SHELL=.
_LIKE_SH = ("sh", "ash", "bash", "busybox", "dash", "ksh", "ksh93", "mksh", "zsh")


# ---- one line ------------------------------------------------------------------------------------


def quote(word: str) -> str:
    r"""`word` for a line that first cron reads and then sh.

    A `%` would be a newline to cron; `\%` is the character itself, and stands outside the quotes because
    some crons leave the backslash to sh. Some crons also halve `\\`: here no backslash is ever followed
    by another one or by a `%` of the word, because a quote comes between.
    """
    if re.fullmatch(r"[A-Za-z0-9_@+=:,./-]+", word):
        return word
    escaped = word.replace("'", "'\"'\"'").replace("\\", "\\''").replace("%", "'\\%'")
    return f"'{escaped}'"


def command_line(job: ScheduledJob, mode: Mode) -> str:
    """What cron hands to sh. It prints nothing, so cron never mails: all there is to say is in the log.

    `cd /` because Python looks for modules in the current folder first, which under cron is the home
    folder with whatever scripts are in it.
    """
    words = " ".join(quote(word) for word in job.command(mode))
    command = f"cd / && {words} >/dev/null 2>&1"
    if len(_encode(command)) > LONGEST_COMMAND:
        raise UsageError(
            f"The paths of this job are too long for cron: its command has {len(_encode(command))} bytes, and cron "
            f"takes {LONGEST_COMMAND}. Nothing was installed. A symbolic link with a short name to "
            f"{job.directory} helps."
        )
    return command


def entry_line(job: ScheduledJob, mode: Mode, user: str | None = None) -> bytes:
    """One line of a crontab, with its line end; `user` is for tables in /etc/cron.d, which name one."""
    when = "* * * * *" if mode is Mode.RECENT else f"{job.hourly_minute} * * * *"
    who = "" if user is None else user + " "
    return _encode(f"{when} {who}{command_line(job, mode)}\n")


def parse_line(line: bytes) -> Entry | None:
    """The entry that a line of a crontab holds, or None if it is not one of ours."""
    if line.lstrip().startswith(b"#"):
        return None
    try:
        words = shlex.split(os.fsdecode(line).replace("\\%", "%"))
    except ValueError:  # a quote that does not end
        return None
    return parse_command(words)


def _encode(text: str) -> bytes:
    try:
        return os.fsencode(text)  # the very bytes of the path, whatever encoding they are in
    except UnicodeEncodeError:
        raise UsageError(
            f"{text!r} cannot be written in the encoding of this system. Nothing was installed."
        ) from None


# ---- a whole table -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A crontab taken apart. Lines have their line ends; all parts one after another are the table."""

    before: bytes
    begin: bytes
    lines: tuple[bytes, ...]
    end: bytes
    after: bytes

    @property
    def has_block(self) -> bool:
        """There is a block (perhaps with no job in it)."""
        return self.begin != b""

    @property
    def text(self) -> bytes:
        """The table, byte for byte."""
        return b"".join((self.before, self.begin, *self.lines, self.end, self.after))


def take_apart(text: bytes) -> Table:
    """The parts of a crontab. Raises UsageError for a damaged block; what it holds is never guessed."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", text)  # not splitlines(): only \n ends a line for cron
    begins = [number for number, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return Table(text, b"", (), b"", b"")
    if len(begins) == len(ends) == 1 and begins < ends:
        (begin,), (end,) = begins, ends
        return Table(
            b"".join(lines[:begin]),
            lines[begin],
            tuple(lines[begin + 1 : end]),
            lines[end],
            b"".join(lines[end + 1 :]),
        )
    found = "; ".join(
        f"line {number + 1}: {os.fsdecode(lines[number].strip())}" for number in sorted(begins + ends)
    )
    raise UsageError(
        f'The ifcbscan block of your crontab is damaged: one "{BEGIN.decode()}" and after it one '
        f'"{END.decode()}" were expected, found: {found}. The crontab was not changed. Please put the lines '
        'in order with "crontab -e".'
    )


def jobs_in(text: bytes | None) -> list[InstalledJob]:
    """The jobs of a crontab (None: there is none), read from the lines of its block."""
    entries = []
    for line in take_apart(text or b"").lines:
        entry = parse_line(line)
        if entry is not None:
            entries.append((entry, line == _line_or_none(entry)))
    return installed(entries)


def _line_or_none(entry: Entry) -> bytes | None:
    try:
        return entry_line(entry.job, entry.mode)
    except UsageError:  # somebody's own line, longer than we would write it
        return None


def with_job(text: bytes | None, job: ScheduledJob) -> bytes:
    """The crontab `text` (None: there is none) with exactly the two entries of `job`, replacing older ones."""
    wanted = [entry_line(job, mode) for mode in Mode]
    table = take_apart(text or b"")
    if not table.has_block:
        table = _with_new_block(text)
    _check_shell(table.before)
    old = [line for line in table.lines if _is_of(line, job)]
    if old == wanted:
        return table.text
    place = table.lines.index(old[0]) if old else len(table.lines)
    lines = [line for line in table.lines if not _is_of(line, job)]
    lines[place:place] = wanted
    return replace(table, lines=tuple(lines)).text


def without_job(text: bytes | None, job: ScheduledJob) -> bytes | None:
    """The crontab `text` without the entries of `job`; None if there should be no crontab."""
    table = take_apart(text or b"")
    lines = tuple(line for line in table.lines if not _is_of(line, job))
    if lines == table.lines:
        return text
    if any(line not in _OWN_COMMENTS for line in lines):
        return replace(table, lines=lines).text
    if table.after:  # lines that came later; what was special about the end of the table is so no more
        return table.before + table.after
    if WAS_ABSENT in lines and not table.before:
        return None
    if WAS_UNENDED in lines and table.before.endswith(b"\n"):
        return table.before[:-1]
    return table.before


def _with_new_block(text: bytes | None) -> Table:
    """`text` followed by an empty block that remembers what `without_job` needs to restore `text`."""
    unended = bool(text) and not (text or b"").endswith(b"\n")
    comments = [ABOUT]
    if text is None:
        comments.append(WAS_ABSENT)
    if unended:
        comments.append(WAS_UNENDED)
    before = (text or b"") + (b"\n" if unended else b"")
    return Table(before, BEGIN + b"\n", tuple(comments), END + b"\n", b"")


def _is_of(line: bytes, job: ScheduledJob) -> bool:
    entry = parse_line(line)
    return entry is not None and entry.job.id == job.id


def _check_shell(before: bytes) -> None:
    """Raises UsageError if cron would hand our lines to something that does not read them as sh does."""
    settings = re.findall(rb"^[ \t]*SHELL[ \t]*=[ \t]*(.*?)[ \t]*$", before, re.MULTILINE)
    if not settings:
        return
    shell = os.fsdecode(settings[-1]).strip("\"'")
    if os.path.basename(shell) not in _LIKE_SH:
        raise UsageError(
            f"Your crontab sets SHELL={shell}, and the lines of ifcbscan are written for sh. Nothing was "
            'installed. Please add a line SHELL=/bin/sh at the end of your crontab with "crontab -e".'
        )


def render_block(job: ScheduledJob) -> bytes:
    """The block of one job, as it comes into a table that ends with a whole line."""
    return with_job(b"", job)


def render_drop_in(job: ScheduledJob, user: str) -> bytes:
    """The lines of one job for a file in /etc/cron.d, where each line names the account that runs it."""
    return b"SHELL=/bin/sh\n" + b"".join(entry_line(job, mode, user) for mode in Mode)


# ---- acting --------------------------------------------------------------------------------------


class Cron(Scheduler):
    """The crontab of the user who runs this process."""

    name = "cron"

    def __init__(
        self,
        crontab: Sequence[str] = ("crontab",),
        runner: Runner = run,
        lock_file: str | None = None,
        platform: str = sys.platform,
    ) -> None:
        """`crontab` is the command to call; `lock_file` keeps two changes apart (default: the state folder's)."""
        self._crontab = tuple(crontab)
        self._run = runner
        self._lock_file = lock_file
        self._platform = platform

    def available(self) -> str | None:
        try:
            self.read()
        except ScheduleError as error:
            return str(error)
        return None

    def notes(self) -> list[str]:
        found = []
        if self._platform == "darwin":
            found.append(
                "macOS lets cron read Desktop, Documents, Downloads and other disks only after you have added "
                "/usr/sbin/cron to System Settings > Privacy & Security > Full Disk Access."
            )
        if self._platform.startswith("linux") and _daemon_runs() is False:
            found.append(
                "The cron service does not seem to run on this computer, so nothing will be started by itself. "
                "Please start it, on most systems with: sudo systemctl enable --now cron"
            )
        return found

    def jobs(self) -> list[InstalledJob]:
        return jobs_in(self.read())

    def render(self, job: ScheduledJob) -> str:
        return os.fsdecode(render_block(job))

    def install(self, job: ScheduledJob) -> None:
        with self._alone():
            text = self.read()
            wanted = with_job(text, job)
            if wanted != text:
                self._write(wanted)
            if not any(found.job == job and found.up_to_date for found in self.jobs()):
                raise ScheduleError(
                    "crontab accepted the new table, but shows another one. Please look at it with "
                    '"crontab -l"; the job may not run.'
                )

    def remove(self, job: ScheduledJob) -> None:
        with self._alone():
            text = self.read()
            wanted = without_job(text, job)
            if wanted != text:
                self._write(wanted)

    def read(self) -> bytes | None:
        """The crontab, byte for byte; None if there is none."""
        done = self._call("-l")
        if done.code == 0:
            return self._exactly(done.stdout)
        # Vixie's and cronie's words for it, then BusyBox's
        if re.search(rb"no crontab|No such file", done.stderr, re.IGNORECASE):
            return None
        raise self._refused(done, "cannot be read")

    def _write(self, text: bytes | None) -> None:
        """Replace the crontab in one step (None: remove it)."""
        done = self._call("-r") if text is None else self._call("-", stdin=text)
        if done.code != 0 and text and not text.endswith(b"\n"):
            # Debian's refuses a table whose last line has no end, even where it was there before.
            done = self._call("-", stdin=text + b"\n")
        if done.code != 0:
            raise self._refused(done, "was not changed")

    def _exactly(self, shown: bytes) -> bytes:
        r"""The table of which `crontab -l` has shown this.

        Debian's shows `\r` and `\b` for a carriage return and a backspace, and shows the same for these two
        characters written out. To an editor it gives the table as it is, and `cat` is an editor that prints
        it and changes nothing.
        """
        if b"\\r" not in shown and b"\\b" not in shown:
            return shown
        done = self._call("-e", before=("env", "VISUAL=cat", "EDITOR=cat"))
        if done.code == 0 and shown in (done.stdout, _as_debian_shows(done.stdout)):
            return done.stdout
        raise ScheduleError(
            "Your crontab may hold carriage returns, and crontab does not show it exactly, so it was not changed. "
            'Please add the lines that "ifcbscan start --print" shows yourself, with "crontab -e".'
        )

    def _call(self, option: str, stdin: bytes = b"", before: Sequence[str] = ()) -> Finished:
        program = shutil.which(self._crontab[0])
        if program is None:
            raise ScheduleError(
                "cron is not installed (there is no command crontab), so nothing can be scheduled. Please "
                "install it, on Debian and Ubuntu with: sudo apt install cron"
            )
        return self._run([*before, program, *self._crontab[1:], option], stdin)

    def _refused(self, done: Finished, what: str) -> ScheduleError:
        said = " ".join(os.fsdecode(done.stderr).split()) or f"exit code {done.code}"
        if re.search(r"not allowed", said, re.IGNORECASE):
            return ScheduleError(
                f"You may not use cron on this computer ({said}). Nothing was changed. Ask its administrator to "
                "take you into /etc/cron.allow, or out of /etc/cron.deny."
            )
        return ScheduleError(f"Your crontab {what}: {said}.")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two changes at once would lose one of them: a crontab is read, changed and written as a whole."""
        with contextlib.ExitStack() as stack:
            try:
                lock = locks.FileLock(self._lock_file or os.path.join(state_folder(), "crontab.lock"))
                lock.acquire(_LOCK_SECONDS)
            except locks.HeldByAnother:
                raise ScheduleError(
                    "Another ifcbscan is changing your crontab; nothing was changed. Please try again."
                ) from None
            except (OSError, IfcbscanError):
                pass  # no lock is to be had here: then nothing is in the way of the one person who does this now
            else:
                stack.callback(lock.release)
            yield


def _as_debian_shows(text: bytes) -> bytes:
    return text.replace(b"\r", b"\\r").replace(b"\b", b"\\b")


def _daemon_runs() -> bool | None:
    """Whether a cron service runs on this Linux; None if that cannot be seen."""
    names = set()
    for pid in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", "rb") as file:
            names.add(file.read().strip())
    if not os.path.exists("/proc/1/comm"):  # no /proc, or one that hides what belongs to others
        return None
    return bool(names & {b"cron", b"crond", b"fcron"})
