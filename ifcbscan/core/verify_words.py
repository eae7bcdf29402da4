"""How a verification is told: the summary, the lines that say what it means, and reasons of states. Pure."""

from __future__ import annotations

import datetime
import math
from typing import Sequence

from ifcbscan.core.bins import Fileset
from ifcbscan.core.verify_report import DeletableReport, Publication, VerifyReport, VerifyState
from ifcbscan.core.words import counted, human_bytes, human_duration
from ifcbscan.errors import ExitCode

_WORDS = (
    (VerifyState.PROVEN, "proven to be in the archive"),
    (VerifyState.MISSING, "not in the archive"),
    (VerifyState.DIFFERENT, "with other content in the archive"),
    (VerifyState.SIZE, "with other sizes in the archive"),
    (VerifyState.UNPROVEN, "not proven"),
    (VerifyState.SETTLING, "still being written"),
    (VerifyState.INCOMPLETE, "incomplete"),
    (VerifyState.HELD, "held back"),
    (VerifyState.REJECTED, "rejected by the archive"),
    (VerifyState.CONFLICT, "in conflict"),
    (VerifyState.EXCLUDED, "in excluded folders (not looked at)"),
    (VerifyState.OUTSIDE, "outside the window (not looked at)"),
)


def summary(report: VerifyReport) -> str:
    """The verification in one line of words."""
    parts = [f"{report.bins[state]:,} {words}" for state, words in _WORDS if report.bins[state]]
    line = "{}{}: {}".format(
        report.time_series, _of_part(report), ", ".join(parts) if parts else "no bins found"
    )
    if report.published is not None:
        counts = report.published
        line += (
            f"; published {counts[Publication.PUBLISHED]:,}, unpublished {counts[Publication.UNPUBLISHED]:,}"
        )
        if counts[Publication.UNKNOWN]:
            line += f", unknown {counts[Publication.UNKNOWN]:,}"
    if report.bytes_read:
        rate = report.bytes_read / report.seconds if report.seconds > 0 else 0.0
        line += f"; read {human_bytes(report.bytes_read)} in {report.seconds:.0f} s ({human_bytes(rate)}/s)"
    if report.deletable is not None:
        line += "; " + _list_in_words(report.deletable)
    return line


def _of_part(report: VerifyReport) -> str:
    part = report.part
    if part is None:
        return ""
    return f", {part.part.words} ({part.bins:,} of {part.bins + part.others:,} bins)"


def _list_in_words(deletable: DeletableReport) -> str:
    if not deletable.written:
        return "no list of deletable files"
    words = f"{counted(deletable.files, 'file')} of {counted(deletable.bins, 'bin')} listed as deletable"
    if deletable.too_young:
        words += f", {counted(deletable.too_young, 'bin')} too young for it"
    if deletable.changed:
        words += ", " + counted(
            deletable.changed, "bin changed since it was read", "bins changed since they were read"
        )
    return words


def conclusion(report: VerifyReport) -> Sequence[str]:
    """What the verification means for the data, and what to do: the lines that follow the problems."""
    lines = [_verdict(report)]
    deletable = report.deletable
    if deletable is None:
        if report.exit_code == ExitCode.DONE and not report.nothing_found:
            lines.append(
                "Before you delete anything: --deletable FILE looks at everything again and lists what may go."
            )
    elif not deletable.written:
        lines.append("No list of deletable files was written. Delete nothing, and use no older list.")
    else:
        lines.extend(_left_out(deletable))
    beside = report.bins[VerifyState.INCOMPLETE] + report.bins[VerifyState.EXCLUDED]
    if beside:
        lines.append(
            f"Not compared: bins that are incomplete or in excluded folders ({beside:,}). They may exist only on this disk."
        )
    if report.bins[VerifyState.OUTSIDE]:
        lines.append(
            f"Not compared: bins outside the window ({report.bins[VerifyState.OUTSIDE]:,}). This says nothing of them."
        )
    if report.part is not None and report.part.others:
        lines.append(
            f"Not compared: bins of the other parts ({report.part.others:,}). This says nothing of them."
        )
    if report.excluded_copies:
        lines.append(
            "Not compared: copies in excluded folders of bins that are compared elsewhere "
            f"({report.excluded_copies:,}). They may differ."
        )
    if report.out_of_sight:
        folders = counted(
            report.out_of_sight,
            "folder that may hold bins; the warnings name it. What is in it",
            "folders that may hold bins; the warnings name the first. What is in them",
        )
        lines.append(f"Not looked into: {folders} may exist only on this disk.")
    if report.foreign:
        files = counted(
            report.foreign,
            "file that is no part of a bin. It",
            "files that are no part of a bin. They",
        )
        lines.append(f"Not looked at: {files} may exist only on this disk.")
    return lines


def _verdict(report: VerifyReport) -> str:
    part = "" if report.part is None else f" in {report.part.part.words}"
    if report.exit_code == ExitCode.DONE and report.nothing_found:
        return f"There was nothing to prove{part}: no complete bin is in it."
    if report.exit_code == ExitCode.DONE:
        return f"Everything that was asked for{part} is proven."
    if report.nothing_found:
        return "There was nothing to prove: no complete bin was found. Is this the right folder?"
    if report.silence:
        return "NOT everything is proven: what this folder should hold is not seen (see the warnings). Delete nothing."
    if not report.all_proven:
        # Not "what is listed here": the list of problems may be cut short.
        return f"NOT everything{part} is proven. Delete nothing, or only what --deletable FILE lists."
    if not report.all_published:
        published = report.published or {}
        if not published.get(Publication.UNPUBLISHED):
            bins = counted(published.get(Publication.UNKNOWN, 0), "bin")
            return (
                f"Everything{part} is proven to be in the archive, but of {bins} the dashboard did not say whether it shows them. "
                "Delete nothing, or only what --deletable FILE lists."
            )
        return (
            f"Everything{part} is proven to be in the archive, but the dashboard does not show all of it. Delete nothing, "
            "or only what --deletable FILE lists."
        )
    return f"Everything{part} is proven to be in the archive, but NOT everything may be deleted yet."


def _left_out(deletable: DeletableReport) -> list[str]:
    lines = []
    if deletable.too_young:
        line = (
            f"Left out of the list: {counted(deletable.too_young, 'bin')} of which the archive got a file less than "
            f"{human_duration(deletable.after)} ago (--deletable-after); it may still refuse one."
        )
        if deletable.first_at is not None and deletable.all_at is not None:
            first, last = _utc(deletable.first_at), _utc(deletable.all_at)
            line += f" All of them can be listed from {last}" + (
                f", the first from {first}" if first != last else ""
            )
            line += ": verify again then."
        lines.append(line)
    if deletable.changed:
        bins = counted(
            deletable.changed, "bin that is not the same any more", "bins that are not the same any more"
        )
        lines.append(
            f"Left out of the list: {bins}, here or in the archive. "
            "Send what is missing with 'ifcbscan sync', then verify again."
        )
    if deletable.unlistable:
        bins = counted(deletable.unlistable, "bin")
        lines.append(f"Left out of the list: {bins} with a line end in the path of a file; use -0.")
    return lines


def _utc(seconds: float) -> str:
    """`2026-06-02 11:15 UTC`: the minute after which it is true."""
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=math.ceil(seconds / 60))
    except OverflowError:
        return "the year 10000"
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def fragment_reason(fragment: Fileset, compared_in: str) -> str:
    """Why a part of a bin is `incomplete`, though there is a fileset of it in the folder `compared_in`."""
    missing = " and ".join("." + extension for extension in fragment.missing)
    return f"{missing} missing in {fragment.folder}; only the copy in {compared_in} is compared"


def copies_differ(extension: str, folder: str, other_folder: str) -> str:
    """Why a bin is in `conflict`: a file of it has the same size in two folders, and other content."""
    return f"two copies differ: .{extension} has other content in {folder} than in {other_folder}"
