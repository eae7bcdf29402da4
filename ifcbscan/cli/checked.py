"""One line of `ifcbscan check`. What is checked, and how, is said elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from ifcbscan.cli.endings import ending_of
from ifcbscan.errors import ExitCode, IfcbscanError


@dataclass(frozen=True)
class Item:
    """`good`: None if it was not checked. `decides`: it says alone with which code the check ends, if it is not good."""

    good: bool | None
    name: str
    text: str
    exit_code: int = ExitCode.USAGE
    decides: bool = False


def not_good(name: str, error: IfcbscanError) -> Item:
    """The line of what an error has shown."""
    ending = ending_of(error, sends=False)
    return Item(False, name, ending.line, ending.exit_code)
