"""The text of a crontab: a block between `# BEGIN ifcbscan` and `# END ifcbscan`. Pure: crontab bytes in, bytes out.

Whatever stands outside the block is kept byte for byte, and so is whatever somebody has written into it. Removing the
last job takes the block out and restores the table as it was before the first. Only the table itself remembers how that
was: where there was no table at all, or its last line had no line end, a comment inside the block says so.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from dataclasses import dataclass, replace
from typing import Callable

from ifcbscan.errors import UsageError
from ifcbscan.schedule.jobs import Entry, InstalledJob, Mode, ScheduledJob, Written, installed, parse_command

BEGIN = b"# BEGIN ifcbscan"
END = b"# END ifcbscan"
ABOUT = b'# Written by "ifcbscan start"; "ifcbscan stop" takes it out again.\n'
WAS_ABSENT = b"# (there was no crontab before this block)\n"
WAS_UNENDED = b"# (the line before this block had no line end)\n"
_OWN_COMMENTS = (ABOUT, WAS_ABSENT, WAS_UNENDED)

#: How a line ends that only tries whether cron runs what stands in the table.
_TRIAL = b" # ifcbscan check --cron\n"

#: Longest command that every cron runs whole, in bytes. Vixie's cron, from which Debian's and macOS's come, has room for
#: 998 (measured with Debian's: 999 are refused); others cut the rest off and say nothing.
LONGEST_COMMAND = 998

#: What sh writes into the log, behind time and level, where ifcbscan does not start.
NOT_STARTED = "ifcbscan could not be started, so nothing is sent. Its Python or its package is gone or broken: docs/upgrading.md"

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

    Where the scan has failed and ifcbscan cannot even say its version, it could not be started at all, and sh itself writes
    a line into the log: an upgrade of Python may have broken the environment, and nothing else would tell.
    Raises UsageError for a command that cron would cut off, or that this system's encoding cannot hold.
    `cd /` because Python looks for modules in the current folder first, which under cron is the home
    folder with whatever scripts are in it.
    """
    scan = " ".join(quote(word) for word in job.command(mode))
    version = " ".join(quote(word) for word in job.program())
    command = WITH_FALLBACK.format(scan=scan, version=version, log=quote(job.log_file), line=NOT_STARTED)
    if len(_encode(command)) <= LONGEST_COMMAND:
        return command
    return _plain_command_line(job, mode)  # better than no job


#: The scan, and what is left to sh where it could not be started. The exit code is that of the scan. One line a day at most,
#: whichever of the two entries writes it: cron tries again every minute, and nobody rotates the log meanwhile.
WITH_FALLBACK = (
    "cd / && {{ {scan} || {{ r=$?; l={log}; {version} --version || "
    'tail -n 1 "$l" | grep "^$(date -u +\\%F).*not be started" || '
    "(umask 77; date -u +\\%FT\\%TZ' ERROR {line}' >>\"$l\"); exit $r; }}; }} >/dev/null 2>&1"
)


def has_fallback(job: ScheduledJob, mode: Mode) -> bool:
    """Whether the entry has room for what is left to sh where ifcbscan does not start. Raises UsageError."""
    return command_line(job, mode) != _plain_command_line(job, mode)


def _plain_command_line(job: ScheduledJob, mode: Mode) -> str:
    """The same without anything for a Python that does not start: what version 0.1.0 wrote. Raises UsageError."""
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
    """One line of a crontab, with its line end; `user` is for tables in /etc/cron.d, which name one. Raises UsageError."""
    return _line(job, mode, command_line(job, mode), user)


def _line(job: ScheduledJob, mode: Mode, command: str, user: str | None = None) -> bytes:
    when = "* * * * *" if mode is Mode.RECENT else f"{job.hourly_minute} * * * *"
    who = "" if user is None else user + " "
    return _encode(f"{when} {who}{command}\n")


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
    """The jobs of a crontab (None: there is none), read from the lines of its block. Raises UsageError if it is damaged."""
    entries = []
    for line in take_apart(text or b"").lines:
        entry = parse_line(line)
        if entry is not None:
            entries.append((entry, how_written(entry, line)))
    return installed(entries)


def how_written(entry: Entry, line: bytes, user: str | None = None) -> Written:
    """How the line of an entry compares with what would be written now; `user` as in `entry_line`."""
    job, mode = entry.job, entry.mode
    with contextlib.suppress(UsageError):  # somebody's own line, longer than we would write it
        if line == entry_line(job, mode, user):
            return Written.AS_NOW
        if line == _line(job, mode, _plain_command_line(job, mode), user):
            return Written.AS_EARLIER
    return Written.OTHERWISE


def with_job(text: bytes | None, job: ScheduledJob) -> bytes:
    """The crontab `text` (None: there is none) with exactly the two entries of `job`, replacing older ones.

    Raises UsageError for a damaged block, for a shell that is not like sh, and for a job that cron cannot run.
    """
    wanted = [entry_line(job, mode) for mode in Mode]
    table = take_apart(text or b"")
    if not table.has_block:
        table = _with_new_block(text)
    _check_shell(table.before)
    # Without the line of a check that was killed.
    kept = [line for line in table.lines if not line.endswith(_TRIAL)]
    old = [line for line in kept if _is_of(line, job)]
    if old == wanted:
        return replace(table, lines=tuple(kept)).text
    place = kept.index(old[0]) if old else len(kept)
    lines = [line for line in kept if not _is_of(line, job)]
    lines[place:place] = wanted
    return replace(table, lines=tuple(lines)).text


def without_job(text: bytes | None, job: ScheduledJob) -> bytes | None:
    """The crontab `text` without the entries of `job`; None if there should be no crontab.

    Raises UsageError for a damaged block.
    """
    return _without(text, lambda line: _is_of(line, job) or line.endswith(_TRIAL))


def with_trial(text: bytes | None, script: str) -> bytes:
    """The crontab `text` with one line more, by which sh runs the file `script` every minute, if it is there.

    Raises UsageError for a damaged block, for a shell that is not like sh, and for a path that cron cannot hold.
    """
    table = take_apart(text or b"")
    if not table.has_block:
        table = _with_new_block(text)
    _check_shell(table.before)
    line = _trial_line(script)
    if len(line) > LONGEST_COMMAND or re.search(r"[\n\0]", script):
        raise UsageError(f"The path {script!r} is too long for cron, or has a line end in it.")
    return replace(table, lines=(line, *table.lines)).text


def without_trial(text: bytes | None, script: str) -> bytes | None:
    """The crontab `text` without that line; None if there should be no crontab. Raises UsageError for a damaged block."""
    trial = _trial_line(script)
    return _without(text, lambda line: line == trial)


def _trial_line(script: str) -> bytes:
    path = quote(script)
    return _encode(f"* * * * * [ ! -f {path} ] || /bin/sh {path}") + _TRIAL


def _without(text: bytes | None, is_one: Callable[[bytes], bool]) -> bytes | None:
    table = take_apart(text or b"")
    lines = tuple(line for line in table.lines if not is_one(line))
    if lines == table.lines:
        return text
    if any(line not in _OWN_COMMENTS for line in lines):
        return replace(table, lines=lines).text
    if table.after:  # lines were added later, so the end of the old table is no longer the end
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
