"""`ifcbscan demo`."""

from __future__ import annotations

from argparse import Namespace

from ifcbscan import demo
from ifcbscan.interruption import Interruption


def run(_options: Namespace, _interruption: Interruption) -> int:
    """Show how it works; returns an exit code."""
    return demo.run()
