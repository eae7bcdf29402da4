"""The decision: what is to be done about one bin. One pure function, `decide`, with its table above it.

No input or output, no clock: all that a verdict depends on is an argument.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Sequence

from ifcbscan.core.adc import Finding
from ifcbscan.core.bins import EXTENSIONS, MISSING, OTHER_CONTENT, Fileset, RemoteFileset, server_seconds
from ifcbscan.core.states import State as State  # a part of every decision, so it can be had from here

#: The archive deletes anything larger (ifcb-data-sharer, validate-ifcb-files). Bytes.
ARCHIVE_LIMIT = 250000000

#: S3 dates objects and answers to the second, so an age is only known to the second. Seconds.
_DATE_STEP = 1.0

#: Objects dated further than this in the future: the bucket's clocks disagree, and no run waits for that. Seconds.
_FUTURE = 60.0

#: How long a bin that the archive refused is left alone. Seconds.
RETRY_REJECTED = 24 * 3600


class Action(enum.Enum):
    """What is to be done now."""

    NONE = "none"
    PUT = "put"  # the files named in Decision.send, in that order
    CONFIRM = "confirm"  # wait until the archive has had time to check, then look again
    WATCH = "watch"  # the times cannot be trusted: see whether the files stay as they are


@dataclass(frozen=True)
class Policy:
    """What the operator can set about deciding. Durations in seconds."""

    settle: float = 60.0
    confirm: float = 30.0
    retry_rejected_after: float = RETRY_REJECTED
    replace: bool = False
    check_integrity: bool = True


@dataclass(frozen=True)
class Now:
    """The present by two clocks, in seconds since 1970 (UTC).

    `server` is the bucket's (the Date header of its answers); `local` is this machine's, which is often
    wrong but has stamped the files on its own disk.
    """

    server: float
    local: float


@dataclass(frozen=True)
class Decision:
    """A verdict on one bin, with its reason in an operator's words."""

    state: State
    action: Action = Action.NONE
    reason: str = ""
    send: tuple[str, ...] = ()
    wait: float = 0.0  # seconds until it is worth looking again, for CONFIRM and WATCH


_SYNCED = Decision(State.SYNCED)


def decide(
    local: Fileset,
    remote: RemoteFileset,
    now: Now,
    policy: Policy,
    copies: Sequence[Fileset] = (),
    finding: Finding | None = None,
    looked_at: bool = True,
) -> Decision:
    """The verdict on one bin.

    `copies` are other complete filesets of the same pid in other folders. `finding` is what `adc.examine`
    said; it is None as well while nobody has looked, which only happens for bins about to be sent. `looked_at`: what
    is said of the remote side was seen there; False while it holds what a run has just put, and nobody has looked
    whether the archive has kept it.

    The first row that fits holds:

    | local fileset                          | remote                                 | state           | action  |
    |----------------------------------------|----------------------------------------|-----------------|---------|
    | a member missing                       | any                                    | incomplete      | none    |
    | changed in the last `settle` seconds   | any                                    | settling        | none    |
    | two copies that differ in size         | any                                    | conflict        | none    |
    | no image, or an empty .hdr or .adc     | any                                    | held            | none    |
    | a member over 250,000,000 bytes        | any                                    | held            | none    |
    | complete                               | all three, same sizes, looked at       | synced          | none    |
    | complete                               | a member larger (not with `replace`)   | conflict        | none    |
    | complete                               | .hdr, put < 24 h ago, but no .roi      | rejected        | none    |
    | changed in the future                  | anything else                          | settling        | watch   |
    | .adc and .roi do not fit (`finding`)   | anything else                          | held            | none    |
    | complete                               | .roi and .hdr right, older than confirm| commit          | .adc    |
    | complete                               | .roi or .hdr dated in the future       | unconfirmed     | none    |
    | complete                               | .roi and .hdr right, younger           | unconfirmed     | wait    |
    | complete                               | anything else                          | upload          | .roi, then .hdr |

    In `upload`, a right .roi is not sent again, and the .hdr always follows a .roi. Because of that order
    "an .hdr without a .roi" means that the archive deleted the .roi, and the .hdr's time is the time of
    the attempt; because the .adc comes last and alone, a bin becomes visible in one step.

    A member whose size is OTHER_CONTENT (`sync --content`) is there and neither right nor larger: the rows
    `commit` to `upload` bring it up to date in the same order. Also where the .adc is there already and right, the
    bin is only `synced` once a look has shown that the archive has kept what was put: until then it is a `commit`.
    """
    if not local.complete:
        return Decision(State.INCOMPLETE, reason=_missing(local))
    if _changed_lately(local, now, policy) or any(_changed_lately(copy, now, policy) for copy in copies):
        return Decision(
            State.SETTLING,
            reason=f"changed in the last {policy.settle:g} s: it may still be written",
        )
    for copy in copies:
        if copy.sizes != local.sizes:
            return Decision(State.CONFLICT, reason=_copies_differ(local, copy))
    unacceptable = _unacceptable(local)
    if unacceptable:
        return Decision(State.HELD, reason=unacceptable)
    if remote.sizes == local.sizes and looked_at:
        return _SYNCED
    larger = [ext for ext, here, there in zip(EXTENSIONS, local.sizes, remote.sizes) if there > here]
    if larger and not policy.replace:
        return Decision(State.CONFLICT, reason=_archive_has_more(larger, local, remote))
    if remote.roi == MISSING and remote.hdr != MISSING:
        age = now.server - server_seconds(remote.hdr_put)
        if age < policy.retry_rejected_after:
            return Decision(State.REJECTED, reason=_rejected(age, remote, policy))
    if max(local.times) > now.local and policy.settle > 0:
        return Decision(
            State.SETTLING,
            Action.WATCH,
            f"changed in the future, by this computer's clock: waiting {policy.settle:g} s to see that it stays as it is",
            wait=policy.settle,
        )
    if finding is not None:
        return Decision(State.HELD, reason=f"{finding.damage.value}: {finding.detail}")
    if remote.roi == local.roi and remote.hdr == local.hdr:
        # The .hdr came after the .roi, and S3 dates an object by the start of its upload: the younger counts.
        age = now.server - max(server_seconds(remote.roi_put), server_seconds(remote.hdr_put))
        if age >= policy.confirm or policy.confirm <= 0:
            why = "the archive has kept .roi and .hdr"
            if remote.adc == OTHER_CONTENT:
                why += "; its .adc is replaced"
            return Decision(State.COMMIT, Action.PUT, why, ("adc",))
        if age < -_FUTURE:
            return Decision(
                State.UNCONFIRMED,
                reason=f"dated {-age:.0f} s in the future by the bucket; a later run looks again",
            )
        return Decision(
            State.UNCONFIRMED,
            Action.CONFIRM,
            f"sent {max(age, 0.0):.0f} s ago; the .adc follows once the archive has kept the .roi for {policy.confirm:g} s",
            wait=policy.confirm - age + _DATE_STEP,
        )
    send = ("hdr",) if remote.roi == local.roi else ("roi", "hdr")
    return Decision(State.UPLOAD, Action.PUT, _difference(local, remote), send)


def _changed_lately(fileset: Fileset, now: Now, policy: Policy) -> bool:
    # Either clock may be the wrong one (a clock that jumped leaves times of the other one), so a change
    # that is recent by either counts, of any member. A time in the future says nothing: see the row `watch`.
    return any(
        0 <= clock - changed < policy.settle for clock in (now.local, now.server) for changed in fileset.times
    )


def _missing(local: Fileset) -> str:
    return "{} missing".format(" and ".join("." + ext for ext in local.missing))


def _unacceptable(local: Fileset) -> str:
    # An old-style .roi has one pad byte at each end: with 2 bytes it holds no image (FACTS: acq, ifcbdb).
    if local.roi <= (2 if local.pid.old_style else 1):
        return f"empty: .roi has {local.roi} bytes, so no image; the archive deletes such a bin"
    for ext in ("hdr", "adc"):
        if local.size(ext) == 0:
            return f"empty: .{ext} has 0 bytes; the dashboard refuses such a bin"
    for ext in EXTENSIONS:
        if local.size(ext) > ARCHIVE_LIMIT:
            return f"too large: .{ext} has {local.size(ext):,} bytes; the archive deletes files over {ARCHIVE_LIMIT:,}"
    return ""


def _copies_differ(local: Fileset, copy: Fileset) -> str:
    ext = next(ext for ext in EXTENSIONS if local.size(ext) != copy.size(ext))
    return f"two copies differ: .{ext} has {local.size(ext):,} bytes in {local.folder} but {copy.size(ext):,} in {copy.folder}"


def _archive_has_more(larger: Sequence[str], local: Fileset, remote: RemoteFileset) -> str:
    ext = larger[0]
    there = remote.sizes[EXTENSIONS.index(ext)]
    return f"the archive's .{ext} is larger ({there:,} bytes) than the one here ({local.size(ext):,}); not overwritten"


def _rejected(age: float, remote: RemoteFileset, policy: Policy) -> str:
    sent, after = f"{max(age, 0.0) / 3600:.1f} h ago", f"{policy.retry_rejected_after / 3600:g} h"
    if remote.adc == MISSING:
        return f"the archive deleted the .roi that was sent {sent}; next try after {after}"
    # The dashboard makes a row of an .adc without its .roi, and never repairs it (ifcbdb dashboard/accession.py).
    return (
        f"the archive deleted the .roi that was sent {sent}, after the .adc was out: the dashboard may show this bin "
        f"broken for good, so tell the people who run it; next try after {after}"
    )


def _difference(local: Fileset, remote: RemoteFileset) -> str:
    if OTHER_CONTENT in remote.sizes:
        return "the archive has other content of the same size"
    if remote.sizes == (MISSING, MISSING, MISSING):
        return "not in the archive"
    parts = []
    for ext, here, there in zip(EXTENSIONS, local.sizes, remote.sizes):
        if there == MISSING:
            parts.append(f".{ext} not in the archive")
        elif there != here:
            parts.append(f".{ext} has {there:,} bytes in the archive, {here:,} here")
    return ", ".join(parts)
