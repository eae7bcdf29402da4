"""The decision: what is to be done about one bin. One pure function, `decide`, with its table above it.

No input or output, no clock: all that a verdict depends on is an argument.
"""

from __future__ import annotations

import enum
from typing import Iterable, NamedTuple, Sequence

from ifcbscan.core.adc import Damage, Finding
from ifcbscan.core.bins import DATE_STEP, EXTENSIONS, MISSING, Fileset, RemoteFileset, server_seconds
from ifcbscan.core.states import State as State  # a part of every decision, so it can be had from here
from ifcbscan.core.words import human_duration

#: The archive deletes anything larger (ifcb-data-sharer, validate-ifcb-files). Bytes.
ARCHIVE_LIMIT = 250000000

#: Objects dated further than this in the future: the bucket's clocks disagree, and no run waits for that. Seconds.
_FUTURE = 60.0

#: A bin of which files are missing may still be written if one of the others changed less than so long ago: an instrument
#: takes 20 minutes for a sample. Seconds.
BEING_WRITTEN = 1800.0

#: How long a bin that the archive refused is left alone. Seconds.
RETRY_REJECTED = 24 * 3600


class Action(enum.Enum):
    """What is to be done now."""

    NONE = "none"
    PUT = "put"  # the files named in Decision.send, in that order
    CONFIRM = "confirm"  # wait until the archive has had time to check, then look again
    WATCH = "watch"  # the times cannot be trusted: see whether the files stay as they are


class Policy(NamedTuple):
    """What the operator can set about deciding. Durations in seconds.

    `settle`: a file that changed less long ago may still be written. `confirm`: the archive must have kept .roi and .hdr
    so long before the .adc goes. `retry_rejected_after`: a bin that the archive refused is left alone so long. `replace`:
    send also over a larger file in the archive. `check_integrity`: a finding that an operator may override counts, too.
    """

    settle: float = 60.0
    confirm: float = 30.0
    retry_rejected_after: float = RETRY_REJECTED
    replace: bool = False
    check_integrity: bool = True

    def heeds(self, finding: Finding | None) -> bool:
        """Whether a bin with this finding is held. What would break the dashboard is, whatever the operator sets."""
        return finding is not None and (self.check_integrity or not finding.overridable)


class Now(NamedTuple):
    """The present by two clocks, in seconds since 1970 (UTC).

    `server` is the bucket's (the Date header of its answers); `local` is this machine's, which is often
    wrong but has stamped the files on its own disk.
    """

    server: float
    local: float


class Decision(NamedTuple):
    """A verdict on one bin, with its reason in an operator's words."""

    state: State
    action: Action = Action.NONE
    reason: str = ""
    send: tuple[str, ...] = ()
    wait: float = 0.0  # seconds until it is worth looking again, for CONFIRM and WATCH


class Known(NamedTuple):
    """What is known of a bin besides its files, the archive's listing and the time.

    `finding`: what the examination of its .adc and .hdr said; None as well while nobody has examined the bin, which
    only happens for bins about to be sent, and for those without images (see runs/examination.py). `looked_at`: what is
    said of the remote side was seen there; False while it is what this run has just put, and nobody has looked whether
    the archive has kept it. `other_content`: members of which the archive has other content, whatever their size (see
    `content_marks`). `watched`: all copies have been seen to stay as they are for `Policy.settle` seconds, whatever
    their times say. `retry_rejected`: send again what the archive refused lately. `adc_was_alone`: this run has seen the
    .adc and the .hdr in the archive without the .roi.
    """

    finding: Finding | None = None
    looked_at: bool = True
    other_content: frozenset[str] = frozenset()
    watched: bool = False
    retry_rejected: bool = False
    adc_was_alone: bool = False


NOTHING_ELSE = Known()

_SYNCED = Decision(State.SYNCED)

#: What is told as `rejected` of a bin whose .adc was out without its .roi, whatever is done about it.
_TOLD_AS_REJECTED = (State.SYNCED, State.UPLOAD, State.COMMIT, State.UNCONFIRMED)


def content_marks(remote: RemoteFileset, differing: Iterable[str]) -> frozenset[str]:
    """The members to be sent again when the content of `differing` is known to be another one than here.

    An .hdr is sent with every .roi, so it is marked with it. What is not in the archive needs no mark.
    """
    marked = set(differing)
    if "roi" in marked:
        marked.add("hdr")
    return frozenset(extension for extension in marked if remote.size(extension) != MISSING)


def decide(
    local: Fileset,
    remote: RemoteFileset,
    now: Now,
    policy: Policy,
    copies: Sequence[Fileset] = (),
    known: Known = NOTHING_ELSE,
) -> Decision:
    """The verdict on one bin. `copies` are other complete filesets of the same pid in other folders.

    The first row that fits holds. *Right* is a member of the same size, not in `known.other_content`; *larger* is one
    of more bytes, also if it is in it (an .hdr is, by its .roi):

    | local fileset                          | remote                                 | state           | action  |
    |----------------------------------------|----------------------------------------|-----------------|---------|
    | a member missing, another one young+   | any                                    | being_written   | none    |
    | a member missing                       | any                                    | incomplete      | none    |
    | changed in the last `settle` seconds*  | any                                    | settling        | none    |
    | two copies that differ in size         | any                                    | conflict        | none    |
    | no image, but the .adc names (`finding`)| any                                   | held            | none    |
    | no image (but an .hdr)                 | any                                    | empty           | none    |
    | an empty .hdr or .adc                  | any                                    | held            | none    |
    | a member over 250,000,000 bytes        | any                                    | held            | none    |
    | complete                               | all three right, `looked_at`           | synced          | none    |
    | complete                               | a member larger (not with `replace`)   | conflict        | none    |
    | complete                               | .hdr, put < 24 h ago, but no .roi**    | rejected        | none    |
    | changed in the future, not `watched`   | anything else                          | settling        | watch   |
    | .adc and .roi do not fit (`finding`)***| anything else                          | held            | none    |
    | the dashboard would break (`finding`)  | anything else                          | held            | none    |
    | complete                               | .hdr and .adc, but no .roi             | rejected        | .roi, then .hdr |
    | complete                               | .roi and .hdr right, older than confirm| commit          | .adc    |
    | complete                               | .roi or .hdr dated in the future       | unconfirmed     | none    |
    | complete                               | .roi and .hdr right, younger           | unconfirmed     | wait    |
    | complete                               | anything else                          | upload          | .roi, then .hdr |

    + by either clock, less than 30 minutes ago. * by either clock; once `watched`, by the bucket's alone. ** not with
    `retry_rejected`. *** without `check_integrity` this row is left out, if the finding is `overridable`; the next row
    never is.

    In `upload`, a right .roi is not sent again, and the .hdr always follows a .roi. Because of that order
    "an .hdr without a .roi" means that the archive deleted the .roi, and the .hdr's time is the time of
    the attempt; because the .adc comes last and alone, a bin becomes visible in one step.

    Members of `other_content` (`sync --content`) are brought up to date by the rows `commit` to `upload`, in the same
    order. Also where the .adc is there already and right, the
    bin is only `synced` once a look has shown that the archive has kept what was put: until then it is a `commit`.

    Where .hdr and .adc were seen in this run without the .roi (`known.adc_was_alone`), the rows `synced` and `commit`
    to `upload` are `rejected`, too, with their action: the dashboard does not repair the row that it may have made of
    such a bin, also when the .roi has come back.
    """
    decision = _decide_by_table(local, remote, now, policy, copies, known)
    alone = known.adc_was_alone or adc_is_alone(remote)
    if not alone or decision.state not in _TOLD_AS_REJECTED:
        return decision
    reason = _told_after_adc(decision, local, remote, now)
    return Decision(State.REJECTED, decision.action, reason, decision.send, decision.wait)


def _decide_by_table(
    local: Fileset, remote: RemoteFileset, now: Now, policy: Policy, copies: Sequence[Fileset], known: Known
) -> Decision:
    if not local.complete:
        return _incomplete(local, now, _missing(local))
    clocks = (now.server,) if known.watched else (now.local, now.server)
    if _changed_lately(local, clocks, policy) or any(
        _changed_lately(copy, clocks, policy) for copy in copies
    ):
        return Decision(
            State.SETTLING,
            reason=f"changed in the last {policy.settle:g} s: it may still be written",
        )
    for copy in copies:
        if copy.sizes != local.sizes:
            return Decision(State.CONFLICT, reason=_copies_differ(local, copy))
    if _is_without_images(local):
        # Lost data, and no matter of what may be sent: no option makes a sample without images of it.
        if known.finding is not None and known.finding.damage is Damage.TRUNCATED:
            return Decision(State.HELD, reason=_damaged(known.finding))
        return Decision(
            State.EMPTY,
            reason=f"empty: .roi has {local.roi} bytes, so no image; the dashboard refuses such a bin",
        )
    unacceptable = _unacceptable(local)
    if unacceptable:
        return Decision(State.HELD, reason=unacceptable)
    other = known.other_content
    if remote.sizes == local.sizes and known.looked_at and not other:
        return _SYNCED
    larger = [ext for ext, here, there in zip(EXTENSIONS, local.sizes, remote.sizes) if there > here]
    if larger and not policy.replace:
        return Decision(State.CONFLICT, reason=_archive_has_more(larger, local, remote))
    if remote.roi == MISSING and remote.hdr != MISSING and not known.retry_rejected:
        age = now.server - server_seconds(remote.hdr_put)
        if age < policy.retry_rejected_after:
            return Decision(State.REJECTED, reason=_rejected(age, local, remote, policy))
    if max(local.times) > now.local and policy.settle > 0 and not known.watched:
        return Decision(
            State.SETTLING,
            Action.WATCH,
            f"changed in the future, by this computer's clock: complete once it has stayed as it is for {policy.settle:g} s",
            wait=policy.settle,
        )
    if known.finding is not None and policy.heeds(known.finding):
        return Decision(State.HELD, reason=_damaged(known.finding))
    roi_is_right = remote.roi == local.roi and "roi" not in other
    if roi_is_right and remote.hdr == local.hdr and "hdr" not in other:
        # The .hdr came after the .roi, and S3 dates an object by the start of its upload: the younger counts.
        age = now.server - max(server_seconds(remote.roi_put), server_seconds(remote.hdr_put))
        if age >= policy.confirm or policy.confirm <= 0:
            why = "the archive has kept .roi and .hdr"
            if "adc" in other:
                why += "; its .adc is replaced"
            return Decision(State.COMMIT, Action.PUT, why, ("adc",))
        if age < -_FUTURE:
            return Decision(
                State.UNCONFIRMED,
                reason=f"dated {human_duration(-age)} in the future by the bucket; a later run looks again",
            )
        return Decision(
            State.UNCONFIRMED,
            Action.CONFIRM,
            f"sent {max(age, 0.0):.0f} s ago; the .adc follows once the archive has kept the .roi for {policy.confirm:g} s",
            wait=policy.confirm - age + DATE_STEP,
        )
    send = ("hdr",) if roi_is_right else ("roi", "hdr")
    why = "the archive has other content of the same size" if other else _difference(local, remote)
    return Decision(State.UPLOAD, Action.PUT, why, send)


def decide_absent(remote: RemoteFileset) -> Decision | None:
    """The verdict on a bin that the archive has and this disk has not; None if the archive has all of it."""
    absent = [extension for extension, size in zip(EXTENSIONS, remote.sizes) if size == MISSING]
    if not absent:
        return None
    return Decision(State.INCOMPLETE, reason=f"not on this disk, and the archive has no {_named(absent)}")


def decide_fragment(fragment: Fileset, used: Fileset, now: Now) -> Decision:
    """The verdict on an incomplete fileset of a pid of which another folder has `used`, the one that counts."""
    reason = f"{_missing(fragment)} in {fragment.folder}"
    if used.complete:
        reason += f"; the copy in {used.folder} is used"
    return _incomplete(fragment, now, reason)


def _incomplete(local: Fileset, now: Now, reason: str) -> Decision:
    if _changed_within(BEING_WRITTEN, local, (now.local, now.server)):
        return Decision(State.BEING_WRITTEN, reason=f"{reason}: it may still be written")
    return Decision(State.INCOMPLETE, reason=reason)


def _changed_lately(fileset: Fileset, clocks: tuple[float, ...], policy: Policy) -> bool:
    return _changed_within(policy.settle, fileset, clocks)


def _changed_within(seconds: float, fileset: Fileset, clocks: tuple[float, ...]) -> bool:
    # Either clock may be the wrong one (a clock that jumped leaves times of the other one), so a change
    # that is recent by either counts, of any member. A time in the future says nothing: see the row `watch`.
    times = fileset.times
    newest = max(times)
    if all(clock - newest >= seconds for clock in clocks):
        return False  # as of nearly every bin of a full run
    return any(0 <= clock - changed < seconds for clock in clocks for changed in times)


def _missing(local: Fileset) -> str:
    return _named(local.missing) + " missing"


def _named(extensions: Sequence[str]) -> str:
    return " and ".join("." + extension for extension in extensions)


def _is_without_images(local: Fileset) -> bool:
    # An old-style .roi has one pad byte at each end: with 2 bytes it holds no image (ifcb-acq; ifcbdb refuses such a .roi).
    # An instrument that has seen nothing still writes its .hdr: an empty one is damage.
    return local.hdr > 0 and local.roi <= 2 and (local.roi < 2 or local.pid.old_style)


def _damaged(finding: Finding) -> str:
    return f"{finding.damage.value}: {finding.detail}"


def _unacceptable(local: Fileset) -> str:
    for ext, size in (("hdr", local.hdr), ("adc", local.adc)):
        if size == 0:
            return f"empty: .{ext} has 0 bytes; the dashboard refuses such a bin"
    if max(local.sizes) > ARCHIVE_LIMIT:
        ext = next(ext for ext in EXTENSIONS if local.size(ext) > ARCHIVE_LIMIT)
        return f"too large: .{ext} has {local.size(ext):,} bytes; the archive deletes files over {ARCHIVE_LIMIT:,}"
    return ""


def _copies_differ(local: Fileset, copy: Fileset) -> str:
    ext = next(ext for ext in EXTENSIONS if local.size(ext) != copy.size(ext))
    return f"two copies differ: .{ext} has {local.size(ext):,} bytes in {local.folder} but {copy.size(ext):,} in {copy.folder}"


def _archive_has_more(larger: Sequence[str], local: Fileset, remote: RemoteFileset) -> str:
    ext = larger[0]
    there = remote.sizes[EXTENSIONS.index(ext)]
    return f"the archive's .{ext} is larger ({there:,} bytes) than the one here ({local.size(ext):,}); not overwritten"


def _rejected(age: float, local: Fileset, remote: RemoteFileset, policy: Policy) -> str:
    after = f"next try after {policy.retry_rejected_after / 3600:g} h"
    if remote.adc == MISSING:
        return f"{_deleted(age)}; {after}"
    return f"{_deleted(age)}, after the .adc was out: {_broken_for_good(local)}; {after}"


def _deleted(age: float) -> str:
    return f"the archive deleted the .roi that was sent {max(age, 0.0) / 3600:.1f} h ago"


def _broken_for_good(local: Fileset) -> str:
    # The dashboard makes a row of an .adc without its .roi, and never repairs it (ifcbdb dashboard/accession.py).
    return (
        f"the dashboard may show this bin broken for good, so tell the people who run it its id, {local.pid}"
    )


def adc_is_alone(remote: RemoteFileset) -> bool:
    """Whether the .adc is out and the .roi, which was put before it, is not there any more."""
    return remote.roi == MISSING and remote.hdr != MISSING and remote.adc != MISSING


def _told_after_adc(decision: Decision, local: Fileset, remote: RemoteFileset, now: Now) -> str:
    """Why a bin whose .adc was out without its .roi is `rejected`, though `decision` says that it is as it should
    be, or how it is brought there."""
    if adc_is_alone(remote):
        age = now.server - server_seconds(remote.hdr_put)
        return f"{_deleted(age)}, after the .adc was out: {_broken_for_good(local)}; it is to be sent again"
    if decision.state is State.SYNCED:
        return f"sent again, and whole in the archive; but its .adc was out without the .roi: {_broken_for_good(local)}"
    return f"being sent again; but its .adc was out without the .roi: {_broken_for_good(local)}"


def _difference(local: Fileset, remote: RemoteFileset) -> str:
    if remote.sizes == (MISSING, MISSING, MISSING):
        return "not in the archive"
    parts = []
    for ext, here, there in zip(EXTENSIONS, local.sizes, remote.sizes):
        if there == MISSING:
            parts.append(f".{ext} not in the archive")
        elif there != here:
            parts.append(f".{ext} has {there:,} bytes in the archive, {here:,} here")
    return ", ".join(parts)
