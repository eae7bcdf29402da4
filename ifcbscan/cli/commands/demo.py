"""`ifcbscan demo`: tells the demo how to run this program, and where to print."""

from __future__ import annotations

from ifcbscan.cli import output
from ifcbscan.cli.more_options import DemoArguments
from ifcbscan.cli.program import command_words
from ifcbscan.cli.signals import Interruption
from ifcbscan.demo import show


def run(_arguments: DemoArguments, _interruption: Interruption) -> int:
    """Show how it works; returns an exit code."""
    return show.run(command_words(), output.result)
