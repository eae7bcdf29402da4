"""Looks into the files of a bin that is about to be sent, or that the dashboard does not show: the .adc once, and the .hdr.
Of a bin without images both, whether they know of some.

Reads, and decides nothing: the rules are in core/adc.py, core/hdr.py and core/dashboard_rules.py. Memory is bounded, whatever the
files are.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, Iterable, NamedTuple, TypeVar

from ifcbscan.core import adc, hdr
from ifcbscan.core.bins import Fileset
from ifcbscan.core.dashboard_rules import refusal
from ifcbscan.core.decision import Decision
from ifcbscan.core.states import State
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import LocalFileProblem

_T = TypeVar("_T")

#: Two threads of one process that parse literals at the same moment can disturb each other in Python 3.11: "SystemError: AST
#: constructor recursion depth mismatch" (python/cpython issue 106905).
one_at_a_time = threading.Lock()


class Examination(NamedTuple):
    """What the files of a bin have shown.

    `finding`: why the bin should not be sent, None if nothing speaks against it. `refusal`: why the dashboard
    will refuse it if it is sent, "" if nothing speaks for that.
    """

    finding: adc.Finding | None
    refusal: str


def examine(tree: LocalTree, local: Fileset) -> Examination:
    """Look into a fileset on the disk. Raises LocalFileProblem."""
    contents = _of_adc(tree, local, adc.read)
    data = _read_hdr(tree, local)
    with one_at_a_time:  # the second reads numbers of the header
        header = hdr.read_header(data)
        refused = refusal(contents, header, sum(local.sizes), local.pid.old_style)
    return Examination(_worst(contents.finding, header.finding), refused)


def lost_images(tree: LocalTree, local: Fileset, decision: Decision) -> adc.Finding | None:
    """What speaks against a bin that `decision` takes for a sample without images: that its .adc or its .hdr knows of some.

    Reads the files of no other bin. One that cannot be read now says nothing.
    """
    if decision.state is not State.EMPTY:
        return None
    named = None
    with contextlib.suppress(LocalFileProblem):
        named = _of_adc(tree, local, adc.lost_images) if local.adc > 0 else None
    if named is None:
        with contextlib.suppress(LocalFileProblem):
            named = hdr.lost_images(_read_hdr(tree, local))
    return named


def _read_hdr(tree: LocalTree, local: Fileset) -> bytes:
    with tree.open(local, "hdr") as file:
        try:
            return file.read(hdr.LONGEST_HEADER + 1)
        except OSError as error:
            raise LocalFileProblem(f".hdr in {local.folder} cannot be read: {error.strerror}") from None


def _of_adc(tree: LocalTree, local: Fileset, read: Callable[[Iterable[bytes], int, bool], _T]) -> _T:
    with tree.open(local, "adc") as file:
        try:
            rows = iter(lambda: file.readline(adc.LONGEST_ROW + 1), b"")
            return read(rows, local.roi, local.pid.old_style)
        except OSError as error:
            raise LocalFileProblem(f".adc in {local.folder} cannot be read: {error.strerror}") from None


def predicted_refusal(tree: LocalTree, local: Fileset) -> str:
    """Why the dashboard will refuse a bin of the archive, by its files here; "" if nothing speaks for that."""
    try:
        return examine(tree, local).refusal
    except LocalFileProblem:
        return ""  # what is wrong with the files is told where they are compared


def _worst(of_adc: adc.Finding | None, of_hdr: adc.Finding | None) -> adc.Finding | None:
    """The one of two findings that counts: what cannot be overridden, else that of the .adc."""
    if of_hdr is not None and (of_adc is None or of_adc.overridable):
        return of_hdr
    return of_adc
