"""`ifcbscan sync`: the scan of `--once`, by hand."""

from __future__ import annotations

from ifcbscan.cli.commands.once import run

__all__ = ["run"]
