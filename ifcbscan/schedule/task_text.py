r"""The text of Windows' tasks: two for each job, in the folder `\ifcbscan\`. Pure: task XML (schema 1.2) out and in.

A task runs for the user who made it and only while that user is logged on (no password is asked for and
none is stored), or, registered by an administrator for the SYSTEM account, always.
"""

from __future__ import annotations

import json
import ntpath
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass, replace

from ifcbscan.core.series import file_name
from ifcbscan.errors import UsageError
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import Entry, Mode, ScheduledJob, parse_command

FOLDER = "\\ifcbscan\\"
SYSTEM = "S-1-5-18"

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_DECLARATION = '<?xml version="1.0" encoding="UTF-16"?>\n'

#: Longest Command that the schema takes (pathType), in characters.
_LONGEST_PROGRAM = 260

#: 12 hours. A run ends by its own time-outs; this ends one that hangs all the same. Long, because the upload of
#: the largest file (250 MB) over a ship's link, once killed, begins again from its start.
_EXECUTION_TIME_LIMIT = "PT12H"


# ---- command lines -------------------------------------------------------------------------------


def split_command_line(text: str) -> list[str]:
    """The arguments that a Windows program gets from `text`: the inverse of subprocess.list2cmdline.

    Rules: Microsoft C++ documentation, "Parsing C command-line arguments".
    """
    words: list[str] = []
    word: str | None = None  # None: between two words
    quoted = False
    for slashes, quote, other in re.findall(r'(\\*)("?)([^\\"]?)', text):
        if slashes:
            pairs, odd = divmod(len(slashes), 2)
            word = (word or "") + "\\" * (pairs if quote else len(slashes))
            if quote and odd:
                word += '"'
                quote = ""
        if quote:
            word = word or ""
            quoted = not quoted
        if other in (" ", "\t") and not quoted:
            if word is not None:
                words.append(word)
            word = None
        elif other:
            word = (word or "") + other
    if word is not None:
        words.append(word)
    return words


def windowless(python: str) -> str:
    """The program beside `python.exe` that opens no console window, which would flash every minute."""
    folder, name = ntpath.split(python)
    return ntpath.join(folder, "pythonw.exe") if name.lower() == "python.exe" else python


def _with_console(program: str) -> str:
    folder, name = ntpath.split(program)
    return ntpath.join(folder, "python.exe") if name.lower() == "pythonw.exe" else program


# ---- one task ------------------------------------------------------------------------------------


def task_name(job: ScheduledJob, mode: Mode) -> str:
    r"""Where a task is registered: `\ifcbscan\<id of the job>-recent`."""
    return FOLDER + file_name(f"{job.id}-{mode.value}")


def task_xml(
    job: ScheduledJob,
    mode: Mode,
    user_id: str,
    program: str | None = None,
    name: str | None = None,
) -> str:
    r"""The definition of one task, beginning with the XML declaration, with `\n` line ends.

    `user_id` is a SID or DOMAIN\name; with SYSTEM the task runs always, with any other only while that
    user is logged on. `program` is what to start (default: the windowless Python beside the job's).
    A task with a `name` of its own is one that people edit: it carries no record of the job.
    Raises UsageError for a job that a task cannot hold.
    """
    command = job.command(mode)
    program = program or windowless(job.python)
    _check_texts(program, command)
    task = ElementTree.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})

    about = ElementTree.SubElement(task, "RegistrationInfo")
    _add(about, "Source", "ifcbscan")
    _add(about, "Description", _description(job, mode))
    _add(about, "URI", name or task_name(job, mode))
    if name is None:
        _add(about, "Documentation", _record(job))

    trigger = ElementTree.SubElement(ElementTree.SubElement(task, "Triggers"), "TimeTrigger")
    _add(trigger, "Enabled", "true")
    # Any moment in the past. In UTC ("Z"), so that no change to or from summer time leaves a gap.
    minute = 0 if mode is Mode.RECENT else job.hourly_minute
    _add(trigger, "StartBoundary", f"2020-01-01T00:{minute:02d}:00Z")
    repetition = ElementTree.SubElement(trigger, "Repetition")
    _add(repetition, "Interval", "PT1M" if mode is Mode.RECENT else "PT1H")  # no Duration: without end

    principal = ElementTree.SubElement(
        ElementTree.SubElement(task, "Principals"), "Principal", {"id": "Author"}
    )
    _add(principal, "UserId", user_id)
    if user_id != SYSTEM:
        _add(principal, "LogonType", "InteractiveToken")
    _add(principal, "RunLevel", "LeastPrivilege")

    settings = ElementTree.SubElement(task, "Settings")
    _add(settings, "MultipleInstancesPolicy", "IgnoreNew")
    _add(settings, "DisallowStartIfOnBatteries", "false")
    _add(settings, "StopIfGoingOnBatteries", "false")
    _add(settings, "StartWhenAvailable", "true")
    _add(settings, "Enabled", "true")
    _add(settings, "ExecutionTimeLimit", _EXECUTION_TIME_LIMIT)

    # No WorkingDirectory: Python looks for modules in the current folder first, and the default is one
    # that only administrators can write to.
    execute = ElementTree.SubElement(ElementTree.SubElement(task, "Actions", {"Context": "Author"}), "Exec")
    _add(execute, "Command", program)
    _add(execute, "Arguments", subprocess.list2cmdline(command[1:]))
    _indent(task)
    return _DECLARATION + ElementTree.tostring(task, encoding="unicode") + "\n"


def file_bytes(xml: str) -> bytes:
    """A task definition as the file that schtasks takes: UTF-16, little-endian, with a byte-order mark."""
    return b"\xff\xfe" + xml.replace("\n", "\r\n").encode("utf-16-le")


def _description(job: ScheduledJob, mode: Mode) -> str:
    what = "new bins, every minute" if mode is Mode.RECENT else "all bins, once an hour"
    return f"Brings IFCB bins from {job.directory} into the time series {job.time_series}: {what}."


def _record(job: ScheduledJob) -> str:
    """The job in plain ASCII: schtasks prints in the console's code page, which lacks most letters."""
    record = asdict(job)
    del record["window"]  # plain ASCII itself: it is read from the command, which is what runs
    extras = {name: value for name, value in job.extras._asdict().items() if value is not None}
    if extras:
        record["extras"] = extras
    else:
        del record["extras"]
    return json.dumps(record)


def _check_texts(program: str, command: list[str]) -> None:
    if len(program) > _LONGEST_PROGRAM:
        raise UsageError(
            f"{program!r} is longer than the {_LONGEST_PROGRAM} characters that the Task Scheduler takes. "
            "Nothing was installed; please install ifcbscan in a folder with a shorter name."
        )
    for text in [program] + command:
        if re.search("[\0-\x1f\ud800-\udfff\ufffe\uffff]", text):
            raise UsageError(
                f"{text!r} has a character in it that no task definition can hold. Nothing was installed; please "
                "rename it."
            )
        if re.search(r"%[^%\\/]+%|\$\(", text):
            raise UsageError(
                f"{text!r}: the Task Scheduler would put something else in the place of %...% or $(...). Nothing was "
                "installed; please rename the folder, or make a junction with a plain name (mklink /J)."
            )


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text


def _indent(element: ElementTree.Element, depth: int = 0) -> None:
    """Line breaks for people (ElementTree has this from Python 3.9 on)."""
    for number, child in enumerate(element):
        if number == 0:
            element.text = "\n" + "  " * (depth + 1)
        child.tail = "\n" + "  " * (depth + (number < len(element) - 1))
        _indent(child, depth + 1)


# ---- reading tasks back --------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    r"""What we need to know of a registered task in `\ifcbscan\`. `exact`: as `task_xml` writes it now."""

    name: str
    entry: Entry
    enabled: bool
    exact: bool


def tasks_in(xml: str) -> list[Task]:
    """Our tasks in what `schtasks /Query /XML` prints: the definitions of all tasks, one after another.

    Declarations and comments between them, a `<Tasks>` around them, and tasks of others do not matter.
    """
    found = []
    for definition in re.findall(r"<Task[ >].*?</Task>", xml, re.DOTALL):
        if FOLDER in definition:  # of the hundreds that Windows has, only ours are taken apart
            task = read_task(definition)
            if task is not None:
                found.append(task)
    return found


def read_task(xml: str) -> Task | None:
    r"""The task of one definition; None if it is not one of ours in `\ifcbscan\`, or not well-formed.

    A definition with a document type is not read at all, so that no entity is ever expanded.
    """
    body = re.sub(r"^\s*<\?xml.*?\?>", "", xml)  # it has been decoded, whatever the declaration says
    if "<!DOCTYPE" in body:
        return None
    try:
        task = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return None
    name = _text(task, "RegistrationInfo/URI")
    program = _text(task, "Actions/Exec/Command").strip('"')
    arguments = _text(task, "Actions/Exec/Arguments")
    if not name.startswith(FOLDER):
        return None
    as_shown = parse_command([_with_console(program)] + split_command_line(arguments))
    if as_shown is None:
        return None
    recorded = _read_record(_text(task, "RegistrationInfo/Documentation"))
    entry = as_shown
    if recorded is not None and task_name(recorded, as_shown.mode) == name:
        extras = _extras(recorded.extras, as_shown.job.extras)
        entry = Entry(replace(recorded, window=as_shown.job.window, extras=extras), as_shown.mode)
    wanted = entry.job.command(entry.mode)
    exact = (
        _may_show(wanted[0], _with_console(program))
        and _may_show(subprocess.list2cmdline(wanted[1:]), arguments)
        and name == task_name(entry.job, entry.mode)
    )
    return Task(name, entry, _text(task, "Settings/Enabled") != "false", exact)


def _text(task: ElementTree.Element, path: str) -> str:
    steps = "/".join(f"{{{_NAMESPACE}}}{step}" for step in path.split("/"))
    return (task.findtext(steps) or "").strip(" \t\r\n")


def _read_record(text: str) -> ScheduledJob | None:
    try:
        record = json.loads(text)
        if "extras" in record:
            record["extras"] = JobExtras(**record["extras"])
        return ScheduledJob(**record)
    except (ValueError, TypeError, AttributeError, UsageError):
        return None


def _extras(recorded: JobExtras, shown: JobExtras) -> JobExtras:
    """What a command says, which is what runs, in the letters of the record where the console has lost some."""
    return JobExtras(
        *(
            old if old is not None and now is not None and _may_show(old, now) else now
            for old, now in zip(recorded, shown)
        )
    )


def _may_show(text: str, shown: str) -> bool:
    """Whether a console may print `text` as `shown`: it replaces each UTF-16 unit that its code page lacks by one other."""
    wanted, got = _utf16_units(text), _utf16_units(shown)
    return len(wanted) == len(got) and all(a == b or a > 126 for a, b in zip(wanted, got))


def _utf16_units(text: str) -> list[int]:
    raw = text.encode("utf-16-le", "surrogatepass")
    return [low + 256 * high for low, high in zip(raw[::2], raw[1::2])]


def decode_output(raw: bytes) -> str:
    """What schtasks printed: usually in the console's code page, whatever its XML declaration says."""
    if raw.startswith(b"\xff\xfe"):
        return raw.decode("utf-16", "replace")
    return raw.decode("oem" if os.name == "nt" else "utf-8", "replace")
