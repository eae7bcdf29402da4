"""What people and programs read: lines on stderr, results on stdout. Knows nothing of what they are about.

Every text from outside goes through core/printable here, so that no caller has to think of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

from ifcbscan.core.printable import printable
from ifcbscan.errors import OutputLost


def make_streams_forgiving() -> None:
    """A file name that the console cannot show must not end a run (cp1252 on Windows, LANG=C)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # pythonw.exe, which the Task Scheduler starts, has none
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """A line for the person at the terminal, or for cron's mail."""
    with contextlib.suppress(OSError):  # a closed terminal must not keep data from being sent
        print(printable(line), file=sys.stderr, flush=True)


def prompt(text: str) -> None:
    """What a person is asked; the answer is typed behind it."""
    with contextlib.suppress(OSError):
        print(printable(text), end="", file=sys.stderr, flush=True)


def result(*lines: str) -> None:
    """Lines of what was asked for, on stdout. A line end within one of them is shown, and does not take effect."""
    _print("\n".join(map(printable, lines)))


def result_json(made: Any) -> None:
    """One JSON object on stdout, in ASCII: whatever else its texts hold is escaped in it."""
    _print(json.dumps(made, indent=2))


def result_checked(good: bool | None, line: str) -> str:
    """A line on stdout with the sign for good, not good or (None) not checked before it, in colour where that can be seen.

    Returns it without colour.
    """
    sign, colour = {True: ("ok ", 32), False: ("NOT", 31), None: ("-- ", 33)}[good]
    plain = f"{sign}  {printable(line)}"
    if _shows_colour():
        sign = f"\033[{colour}m{sign}\033[0m"
    _print(f"{sign}  {printable(line)}")
    return plain


def _shows_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and nobody has asked for none (NO_COLOR).

    Windows' console prints the codes of colours as they are, unless a program switches that.
    """
    return os.name == "posix" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Whoever reads it (head, less) has seen enough; Python would complain once more at its end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise OutputLost(
            f"What was asked for could not be printed: {error.strerror}. What was done before is done; print it to a disk "
            "with room."
        ) from None
