"""`ifcbscan demo`."""

from __future__ import annotations

from argparse import Namespace

from ifcbscan.cli.signals import Interruption
from ifcbscan.demo import show


def run(_options: Namespace, _interruption: Interruption) -> int:
    """Show how it works; returns an exit code."""
    return show.run()
