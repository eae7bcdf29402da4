"""The decision: every row of its table, and what must hold for any bin, any bucket and any policy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import ifcbscan
from ifcbscan.core.adc import Damage, Finding
from ifcbscan.core.bins import (
    EXTENSIONS,
    MISSING,
    NEVER,
    NOTHING_REMOTE,
    Fileset,
    RemoteFileset,
    pack_stamps,
    parse_pid,
    server_text,
)
from ifcbscan.core.decision import (
    ARCHIVE_LIMIT,
    RETRY_REJECTED,
    Action,
    Decision,
    Known,
    Now,
    Policy,
    State,
    decide,
    decide_absent,
    decide_fragment,
)

NOW = 1700000000.0
HOUR = 3600.0
DAY = 24 * HOUR
NEW = "D20130526T095207_IFCB013"
OLD = "IFCB5_2012_028_081515"
TRUNCATED = Finding(Damage.TRUNCATED, "the .adc names images up to byte 9 but the .roi ends at 8")
HARMFUL = Finding(Damage.UNREADABLE, "the last row of the .adc begins with NUL bytes", overridable=False)

LOST = Finding(
    Damage.TRUNCATED, "the .adc names 9 bytes of images and the .roi holds none", overridable=False
)
UNCHECKED = Policy(check_integrity=False)


def local(
    hdr: int = 100, adc: int = 200, roi: int = 300, age: float = HOUR, pid: str = NEW, folder: str = "/data"
) -> Fileset:
    """A fileset that was changed `age` seconds ago."""
    parsed = parse_pid(pid)
    assert parsed is not None
    return Fileset(parsed, folder, (".hdr", ".adc", ".roi"), hdr, adc, roi, pack_stamps([NOW - age] * 3))


def remote(
    hdr: int = MISSING,
    adc: int = MISSING,
    roi: int = MISSING,
    age: float = HOUR,
    hdr_age: float | None = None,
) -> RemoteFileset:
    """What is in the bucket, `.roi` (and `.hdr` where not said otherwise) put `age` seconds ago."""
    hdr_put = server_text(NOW - (age if hdr_age is None else hdr_age)) if hdr != MISSING else ""
    return RemoteFileset(hdr, adc, roi, hdr_put, server_text(NOW - age) if roi != MISSING else "")


SAME = remote(100, 200, 300)
PART = remote(100, MISSING, 300)  # all but the .adc, and old enough


class Case(NamedTuple):
    """One line of the table test."""

    name: str
    local: Fileset
    remote: RemoteFileset
    state: State
    action: Action = Action.NONE
    send: tuple[str, ...] = ()
    policy: Policy = Policy()
    copies: tuple[Fileset, ...] = ()
    known: Known = Known()
    reason: str = ""  # a part of it


TABLE = [
    # a member missing
    Case("no .hdr", local(hdr=MISSING), NOTHING_REMOTE, State.INCOMPLETE, reason=".hdr missing"),
    Case("no .adc", local(adc=MISSING), NOTHING_REMOTE, State.INCOMPLETE, reason=".adc missing"),
    Case("no .roi", local(roi=MISSING), NOTHING_REMOTE, State.INCOMPLETE, reason=".roi missing"),
    Case(
        "only .adc",
        local(hdr=MISSING, roi=MISSING),
        NOTHING_REMOTE,
        State.INCOMPLETE,
        reason=".hdr and .roi missing",
    ),
    Case("incomplete here, whole in the archive", local(roi=MISSING), SAME, State.INCOMPLETE),
    Case(
        "incomplete and just changed",
        local(roi=MISSING, age=1),
        NOTHING_REMOTE,
        State.BEING_WRITTEN,
        reason=".roi missing: it may still be written",
    ),
    Case("29 min ago", local(roi=MISSING, age=1799), SAME, State.BEING_WRITTEN),
    Case("30 min ago", local(roi=MISSING, age=1800), SAME, State.INCOMPLETE),
    Case("from the future", local(roi=MISSING, age=-1), SAME, State.INCOMPLETE),
    # changed in the last `settle` seconds
    Case("just changed", local(age=0), NOTHING_REMOTE, State.SETTLING, reason="changed in the last 60 s"),
    Case("changed 59.9 s ago", local(age=59.9), NOTHING_REMOTE, State.SETTLING),
    Case("changed 60 s ago", local(age=60), NOTHING_REMOTE, State.UPLOAD, Action.PUT, ("roi", "hdr")),
    Case("just changed, same in the archive", local(age=1), SAME, State.SETTLING),
    Case("just changed and still empty", local(roi=0, age=1), NOTHING_REMOTE, State.SETTLING),
    Case(
        "a copy is still being made", local(), NOTHING_REMOTE, State.SETTLING, copies=(local(roi=1, age=1),)
    ),
    Case(
        "settle 0: at once",
        local(age=0),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        Policy(settle=0),
    ),
    # no image, or an empty .hdr or .adc
    Case("new .roi of 0 bytes", local(roi=0), NOTHING_REMOTE, State.EMPTY, reason="empty: .roi has 0 bytes"),
    Case("new .roi of 1 byte", local(roi=1), NOTHING_REMOTE, State.EMPTY, reason="empty: .roi has 1 bytes"),
    Case("new .roi of 2 bytes", local(roi=2), NOTHING_REMOTE, State.UPLOAD, Action.PUT, ("roi", "hdr")),
    Case("old .roi of 2 bytes", local(roi=2, pid=OLD), NOTHING_REMOTE, State.EMPTY, reason="no image"),
    Case(
        "old .roi of 3 bytes", local(roi=3, pid=OLD), NOTHING_REMOTE, State.UPLOAD, Action.PUT, ("roi", "hdr")
    ),
    Case(
        "neither .hdr nor .roi",
        local(hdr=0, roi=0),
        NOTHING_REMOTE,
        State.HELD,
        reason="empty: .hdr has 0 bytes",
    ),
    Case(
        "no image, but the .adc names some",
        local(roi=0),
        SAME,
        State.HELD,
        known=Known(LOST),
        reason="truncated: the",
    ),
    Case("the same, sent unchecked", local(roi=0), SAME, State.HELD, policy=UNCHECKED, known=Known(LOST)),
    Case("no image, and an odd .adc", local(roi=0), NOTHING_REMOTE, State.EMPTY, known=Known(HARMFUL)),
    Case("no image, just changed", local(roi=0, age=1), SAME, State.SETTLING, known=Known(LOST)),
    Case("neither .adc nor .roi", local(adc=0, roi=0), NOTHING_REMOTE, State.EMPTY, reason="no image"),
    Case("empty .hdr", local(hdr=0), NOTHING_REMOTE, State.HELD, reason="empty: .hdr has 0 bytes"),
    Case("empty .adc", local(adc=0), NOTHING_REMOTE, State.HELD, reason="empty: .adc has 0 bytes"),
    Case("empty, and the same in the archive", local(roi=0), remote(100, 200, 0), State.EMPTY),
    # over 250,000,000 bytes
    Case(
        ".roi at the limit",
        local(roi=ARCHIVE_LIMIT),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
    ),
    Case(
        ".roi over the limit",
        local(roi=ARCHIVE_LIMIT + 1),
        NOTHING_REMOTE,
        State.HELD,
        reason="too large: .roi has 250,000,001 bytes; the archive deletes files over 250,000,000",
    ),
    Case(
        ".adc over the limit",
        local(adc=ARCHIVE_LIMIT + 1),
        NOTHING_REMOTE,
        State.HELD,
        reason="too large: .adc",
    ),
    Case(
        ".hdr over the limit",
        local(hdr=ARCHIVE_LIMIT + 1),
        NOTHING_REMOTE,
        State.HELD,
        reason="too large: .hdr",
    ),
    # two copies
    Case(
        "a copy of another size",
        local(),
        NOTHING_REMOTE,
        State.CONFLICT,
        copies=(local(folder="/data/b"), local(roi=301, folder="/data/c")),
        reason="two copies differ: .roi has 300 bytes in /data but 301 in /data/c",
    ),
    Case(
        "a copy of another size, one is in the archive",
        local(),
        SAME,
        State.CONFLICT,
        copies=(local(hdr=99, folder="/data/b"),),
        reason="two copies differ: .hdr",
    ),
    Case(
        "a copy of another size, even with replace",
        local(),
        SAME,
        State.CONFLICT,
        policy=Policy(replace=True),
        copies=(local(adc=199),),
    ),
    Case(
        "copies of the same sizes",
        local(),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        copies=(local(folder="/data/b"), local(folder="/data/c")),
    ),
    # synced
    Case("the same", local(), SAME, State.SYNCED),
    Case("the same, put a moment ago", local(), remote(100, 200, 300, age=0), State.SYNCED),
    Case("the same, with replace", local(), SAME, State.SYNCED, policy=Policy(replace=True)),
    Case("the same, though damaged", local(), SAME, State.SYNCED, known=Known(finding=TRUNCATED)),
    Case("the same, changed in the future", local(age=-HOUR), SAME, State.SYNCED),
    # a member larger in the archive
    Case(
        ".roi larger there",
        local(),
        remote(100, 200, 301),
        State.CONFLICT,
        reason="the archive's .roi is larger (301 bytes) than the one here (300); not overwritten",
    ),
    Case(".hdr larger there", local(), remote(101, 200, 300), State.CONFLICT, reason="the archive's .hdr"),
    Case(".adc larger there", local(), remote(100, 201, 300), State.CONFLICT, reason="the archive's .adc"),
    Case("one larger, one missing", local(), remote(101, MISSING, MISSING, age=1), State.CONFLICT),
    Case(
        "replace: .roi larger there",
        local(),
        remote(100, 200, 301),
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        Policy(replace=True),
    ),
    Case(
        "replace: .hdr larger there",
        local(),
        remote(101, 200, 300),
        State.UPLOAD,
        Action.PUT,
        ("hdr",),
        Policy(replace=True),
    ),
    Case(
        "replace: .adc larger there",
        local(),
        remote(100, 201, 300),
        State.COMMIT,
        Action.PUT,
        ("adc",),
        Policy(replace=True),
    ),
    # rejected
    Case(
        ".hdr put, .roi gone",
        local(),
        remote(100, age=2 * HOUR),
        State.REJECTED,
        reason="the archive deleted the .roi that was sent 2.0 h ago; next try after 24 h",
    ),
    Case(
        "a second before 24 h",
        local(),
        remote(100, age=DAY - 1),
        State.REJECTED,
        reason="next try after 24 h",
    ),
    Case("after 24 h", local(), remote(100, age=DAY), State.UPLOAD, Action.PUT, ("roi", "hdr")),
    Case("of another .hdr", local(), remote(99, age=HOUR), State.REJECTED),
    Case(
        "with an .adc there",
        local(),
        remote(100, 200, age=HOUR),
        State.REJECTED,
        reason="the archive deleted the .roi that was sent 1.0 h ago, after the .adc was out: the dashboard may show "
        f"this bin broken for good, so tell the people who run it its id, {NEW}; next try after 24 h",
    ),
    # rejected, and sent again: the .adc is out without its .roi
    Case(
        "with an .adc there, after 24 h",
        local(),
        remote(100, 200, age=30 * HOUR),
        State.REJECTED,
        Action.PUT,
        ("roi", "hdr"),
        reason="the archive deleted the .roi that was sent 30.0 h ago, after the .adc was out: the dashboard may show "
        f"this bin broken for good, so tell the people who run it its id, {NEW}; it is to be sent again",
    ),
    Case(
        "with another .adc there, asked to retry",
        local(),
        remote(100, 150, age=HOUR),
        State.REJECTED,
        Action.PUT,
        ("roi", "hdr"),
        known=Known(retry_rejected=True),
    ),
    Case(
        "with an .adc there, after 24 h, damaged",
        local(),
        remote(100, 200, age=2 * DAY),
        State.HELD,
        known=Known(finding=TRUNCATED),
    ),
    Case("with a larger .adc there, after 24 h", local(), remote(100, 201, age=2 * DAY), State.CONFLICT),
    Case(
        "with an .adc there, after 24 h, changed in the future",
        local(age=-HOUR),
        remote(100, 200, age=2 * DAY),
        State.SETTLING,
        Action.WATCH,
    ),
    Case("an .adc without an .hdr", local(), remote(adc=200), State.UPLOAD, Action.PUT, ("roi", "hdr")),
    Case(
        "the .adc was alone, and the rest is just sent",
        local(),
        remote(100, 200, 300, age=2),
        State.REJECTED,
        Action.CONFIRM,
        known=Known(looked_at=False, adc_was_alone=True),
        reason=f"being sent again; but its .adc was out without the .roi: the dashboard may show this bin broken for "
        f"good, so tell the people who run it its id, {NEW}",
    ),
    Case(
        "the .adc was alone, and it is time to look",
        local(),
        remote(100, 200, 300, age=40),
        State.REJECTED,
        Action.PUT,
        ("adc",),
        known=Known(looked_at=False, adc_was_alone=True),
    ),
    Case(
        "the .adc was alone, and all are right again",
        local(),
        SAME,
        State.REJECTED,
        reason="sent again, and whole in the archive; but its .adc was out without the .roi: the dashboard may show "
        f"this bin broken for good, so tell the people who run it its id, {NEW}",
        known=Known(adc_was_alone=True),
    ),
    Case(
        "the .adc was alone, and the .roi is deleted again",
        local(),
        remote(100, 200, age=40),
        State.REJECTED,
        reason="next try after 24 h",
        known=Known(adc_was_alone=True),
    ),
    Case(
        "the .adc was alone, and the files have changed since",
        local(age=1),
        SAME,
        State.SETTLING,
        known=Known(adc_was_alone=True),
    ),
    Case(
        "rejected, and damaged",
        local(),
        remote(100, age=HOUR),
        State.REJECTED,
        known=Known(finding=TRUNCATED),
    ),
    Case("rejected, in the future", local(age=-HOUR), remote(100, age=HOUR), State.REJECTED),
    Case(
        "asked to retry",
        local(),
        remote(100, age=1),
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        known=Known(retry_rejected=True),
    ),
    Case(
        "in the future, but seen to stand still",
        local(age=-HOUR),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        known=Known(watched=True),
    ),
    Case(
        "in the future, seen to stand still, and damaged",
        local(age=-HOUR),
        NOTHING_REMOTE,
        State.HELD,
        known=Known(watched=True, finding=TRUNCATED),
    ),
    # changed in the future
    Case(
        "in the future",
        local(age=-HOUR),
        NOTHING_REMOTE,
        State.SETTLING,
        Action.WATCH,
        reason="changed in the future",
    ),
    Case("in the future, to be committed", local(age=-HOUR), PART, State.SETTLING, Action.WATCH),
    Case(
        "in the future, damaged",
        local(age=-1),
        NOTHING_REMOTE,
        State.SETTLING,
        Action.WATCH,
        known=Known(finding=TRUNCATED),
    ),
    Case(
        "in the future, settle 0",
        local(age=-HOUR),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        Policy(settle=0),
    ),
    # .adc and .roi do not fit
    Case(
        "truncated",
        local(),
        NOTHING_REMOTE,
        State.HELD,
        known=Known(finding=TRUNCATED),
        reason="truncated: the .adc names images up to byte 9",
    ),
    Case("truncated, to be committed", local(), PART, State.HELD, known=Known(finding=TRUNCATED)),
    Case(
        "truncated, but the check is switched off",
        local(),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        policy=Policy(check_integrity=False),
        known=Known(finding=TRUNCATED),
    ),
    Case(
        "harmful to the dashboard",
        local(),
        NOTHING_REMOTE,
        State.HELD,
        known=Known(finding=HARMFUL),
        reason="unreadable: the last row of the .adc begins with NUL bytes",
    ),
    Case(
        "harmful, and the check is switched off",
        local(),
        NOTHING_REMOTE,
        State.HELD,
        policy=Policy(check_integrity=False, replace=True),
        known=Known(finding=HARMFUL, retry_rejected=True),
    ),
    Case(
        "harmful, to be committed without the check",
        local(),
        PART,
        State.HELD,
        policy=Policy(check_integrity=False),
        known=Known(finding=HARMFUL),
    ),
    Case(
        "unreadable",
        local(),
        NOTHING_REMOTE,
        State.HELD,
        known=Known(finding=Finding(Damage.UNREADABLE, "no row of the .adc can be read")),
        reason="unreadable: no row",
    ),
    # .roi and .hdr right
    Case("only the .adc is left", local(), PART, State.COMMIT, Action.PUT, ("adc",)),
    Case("the .adc there is smaller", local(), remote(100, 199, 300), State.COMMIT, Action.PUT, ("adc",)),
    Case("30 s old", local(), remote(100, MISSING, 300, age=30), State.COMMIT, Action.PUT, ("adc",)),
    Case("29 s old", local(), remote(100, MISSING, 300, age=29), State.UNCONFIRMED, Action.CONFIRM),
    Case(
        "put a moment ago",
        local(),
        remote(100, MISSING, 300, age=0),
        State.UNCONFIRMED,
        Action.CONFIRM,
        reason="sent 0 s ago",
    ),
    Case(
        "the .hdr is younger",
        local(),
        remote(100, MISSING, 300, age=HOUR, hdr_age=5),
        State.UNCONFIRMED,
        Action.CONFIRM,
        reason="sent 5 s ago",
    ),
    Case(
        "the .roi is younger",
        local(),
        remote(100, MISSING, 300, age=5, hdr_age=HOUR),
        State.UNCONFIRMED,
        Action.CONFIRM,
        reason="sent 5 s ago",
    ),
    Case(
        "put in the server's future",
        local(),
        remote(100, MISSING, 300, age=-5),
        State.UNCONFIRMED,
        Action.CONFIRM,
        reason="sent 0 s ago",
    ),
    Case(
        "put in the server's far future",
        local(),
        remote(100, MISSING, 300, age=-DAY),
        State.UNCONFIRMED,
        reason="dated 24 h in the future by the bucket; a later run looks again",
    ),
    Case(
        "confirm 0",
        local(),
        remote(100, MISSING, 300, age=-5),
        State.COMMIT,
        Action.PUT,
        ("adc",),
        Policy(confirm=0),
    ),
    # anything else
    Case(
        "nothing there",
        local(),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        reason="not in the archive",
    ),
    Case(
        "nothing there, old style",
        local(pid=OLD),
        NOTHING_REMOTE,
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
    ),
    Case(
        "only .roi there",
        local(),
        remote(roi=300, age=0),
        State.UPLOAD,
        Action.PUT,
        ("hdr",),
        reason=".hdr not in the archive, .adc not in the archive",
    ),
    Case("a smaller .hdr there", local(), remote(99, MISSING, 300), State.UPLOAD, Action.PUT, ("hdr",)),
    Case(
        "a smaller .roi there",
        local(),
        remote(100, MISSING, 299),
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
        reason=".roi has 299 bytes in the archive, 300 here",
    ),
    Case(
        "a smaller .roi, all else right",
        local(),
        remote(100, 200, 1),
        State.UPLOAD,
        Action.PUT,
        ("roi", "hdr"),
    ),
    Case("only .adc there", local(), remote(adc=200), State.UPLOAD, Action.PUT, ("roi", "hdr")),
    Case("a smaller .hdr, all else right", local(), remote(99, 200, 300), State.UPLOAD, Action.PUT, ("hdr",)),
]


@pytest.mark.parametrize("case", TABLE, ids=[case.name for case in TABLE])
def test_row(case: Case) -> None:
    decision = decide(case.local, case.remote, Now(NOW, NOW), case.policy, case.copies, case.known)
    assert (decision.state, decision.action, decision.send) == (case.state, case.action, case.send)
    assert case.reason in decision.reason


def test_the_table_reaches_every_state_and_every_action() -> None:
    assert {case.state for case in TABLE} == set(State)
    assert {case.action for case in TABLE} == set(Action)


@pytest.mark.parametrize(
    ("local_error", "changed_by", "age", "settling"),
    [
        (0, "both", 59, True),
        (0, "both", 60, False),
        # This computer's clock is a day wrong and has stamped the file: a fresh file by its own clock.
        (-DAY, "local", 10, True),
        (+DAY, "local", 10, True),
        (-DAY, "local", 61, False),
        # The file was stamped by a right clock (an instrument writing to a share, or before the clock jumped).
        (-DAY, "server", 10, True),
        (+DAY, "server", 10, True),
        (+DAY, "server", 61, False),
    ],
)
def test_a_change_that_is_recent_by_either_clock_counts(
    local_error: float, changed_by: str, age: float, settling: bool
) -> None:
    now = Now(server=NOW, local=NOW + local_error)
    changed = (now.server if changed_by == "server" else now.local) - age
    decision = decide(local(age=NOW - changed), NOTHING_REMOTE, now, Policy())
    assert (decision.state is State.SETTLING and decision.action is Action.NONE) == settling


@pytest.mark.parametrize("wrong", [-DAY, DAY])
@pytest.mark.parametrize("changed_by", ["local", "server"])
def test_a_bin_with_a_file_missing_is_being_written_if_another_one_is_young_by_either_clock(
    wrong: float, changed_by: str
) -> None:
    now = Now(server=NOW, local=NOW + wrong)
    changed = (now.server if changed_by == "server" else now.local) - 20 * 60
    part = local(roi=MISSING, age=NOW - changed)
    assert decide(part, NOTHING_REMOTE, now, Policy()).state is State.BEING_WRITTEN


def test_the_newest_of_the_files_that_are_there_says_whether_a_bin_is_being_written() -> None:
    part = local(roi=MISSING)._replace(stamps=pack_stamps([NOW - DAY, NOW - 60, NEVER]))
    assert decide(part, NOTHING_REMOTE, Now(NOW, NOW), Policy()).state is State.BEING_WRITTEN


def test_a_file_stamped_by_a_right_clock_is_watched_where_this_computers_clock_is_behind() -> None:
    decision = decide(local(age=HOUR), NOTHING_REMOTE, Now(server=NOW, local=NOW - DAY), Policy())
    assert (decision.state, decision.action, decision.wait) == (State.SETTLING, Action.WATCH, 60.0)


def test_the_wait_for_the_archive_ends_when_the_age_is_certainly_reached() -> None:
    """S3 lists times to the second: one second more than the rest is certainly enough."""
    part = remote(100, MISSING, 300, age=10)
    decision = decide(local(), part, Now(NOW, NOW), Policy())
    assert decision.wait == pytest.approx(21.0)
    later = decide(local(), part, Now(NOW + decision.wait, NOW), Policy())
    assert later.state is State.COMMIT


def test_a_damage_found_by_nobody_yet_does_not_hold_a_bin() -> None:
    assert (
        decide(local(), NOTHING_REMOTE, Now(NOW, NOW), Policy(), (), Known(finding=None)).state
        is State.UPLOAD
    )


def test_the_deciding_half_imports_nothing_of_the_acting_half() -> None:
    script = (
        "import sys, ifcbscan.core.decision, ifcbscan.core.scan_report\n"
        "print(*sorted(m for m in sys.modules if m.startswith(('ifcbscan.', 'boto', 'tenacity', 'dotenv'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=str(Path(ifcbscan.__file__).parents[1]),
        capture_output=True,
        timeout=60,
        check=True,
    )
    loaded = done.stdout.decode().split()
    assert "ifcbscan.core.decision" in loaded
    assert not [name for name in loaded if not re.fullmatch(r"ifcbscan\.(core(\.\w+)?|errors)", name)]


# What must hold for anything: generated cases.


def _mostly(usual: list[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of `usual` in three cases of four, so that the rows further down the table are reached."""
    return st.integers(0, 3).flatmap(lambda number: other if number == 3 else st.sampled_from(usual))


healthy = st.sampled_from([3, 4, 99, 100, 101, ARCHIVE_LIMIT])
members = st.sampled_from([0, 1, 2, 3, 99, 100, 101, ARCHIVE_LIMIT, ARCHIVE_LIMIT + 1, MISSING])
moments = _mostly(
    [NOW - 2 * DAY, NOW - DAY, NOW - HOUR, NOW - 61, NOW - 60, NOW - 30],
    st.one_of(st.sampled_from([NOW - 1, NOW, NOW + 1, NOW + DAY]), st.floats(NOW - 1e6, NOW + 1e6)),
)
policies = st.builds(
    Policy,
    settle=st.sampled_from([0.0, 1.0, 60.0]),
    confirm=st.sampled_from([0.0, 1.0, 30.0, 3600.0]),
    retry_rejected_after=st.sampled_from([float(RETRY_REJECTED), 0.0]),
    replace=st.booleans(),
    check_integrity=st.just(True),
)
nows = st.builds(
    lambda server, error: Now(server, server + error),
    _mostly([NOW, NOW, NOW + DAY], st.floats(NOW - 1e6, NOW + 1e6)),
    _mostly([0.0], st.sampled_from([-DAY, DAY, 40.0, -1e7])),
)
things_known = st.builds(
    Known,
    finding=_mostly([None], st.just(TRUNCATED)),
    looked_at=st.just(True),
    other_content=st.just(frozenset()),
    watched=_mostly([False], st.just(True)),
    retry_rejected=_mostly([False], st.just(True)),
    adc_was_alone=_mostly([False, False], st.just(True)),
)


@st.composite
def filesets(draw: st.DrawFn, member: st.SearchStrategy[int]) -> Fileset:
    pid = parse_pid(draw(st.sampled_from([NEW, OLD])))
    assert pid is not None
    hdr, adc, roi = draw(member), draw(member), draw(member)
    return Fileset(
        pid,
        "/data",
        (".hdr", ".adc", ".roi"),
        hdr,
        adc,
        roi,
        pack_stamps([draw(moments) for _ in EXTENSIONS]),
    )


@st.composite
def remotes_for(draw: st.DrawFn, fileset: Fileset) -> RemoteFileset:
    """In one case of four all but the .adc is right; else each member may be; else anything."""
    others = [_mostly([size, size, MISSING, max(size - 1, MISSING)], members) for size in fileset.sizes]
    hdr, adc, roi = (draw(other) for other in others)
    if draw(st.integers(0, 3)) == 3:
        hdr, roi = fileset.hdr, fileset.roi
    puts = [server_text(int(draw(moments))) for _ in range(2)]
    return RemoteFileset(hdr, adc, roi, puts[0] if hdr != MISSING else "", puts[1] if roi != MISSING else "")


class World(NamedTuple):
    """All that a decision depends on."""

    local: Fileset
    remote: RemoteFileset
    now: Now
    policy: Policy
    copies: tuple[Fileset, ...]
    known: Known

    def decide(self) -> Decision:
        """The decision, its kind noted for Hypothesis' statistics."""
        decision = decide(*self)
        event(f"{decision.state.value} {decision.action.value}")
        return decision


@st.composite
def worlds(draw: st.DrawFn, member: st.SearchStrategy[int]) -> World:
    fileset = draw(filesets(member))
    copies = draw(_mostly([(), (fileset,)], st.builds(lambda copy: (fileset, copy), filesets(healthy))))
    there = draw(remotes_for(fileset))
    return World(fileset, there, draw(nows), draw(policies), copies, draw(things_known))


any_world = st.one_of(worlds(healthy), worlds(healthy), worlds(members))


def _remote_size(there: RemoteFileset, extension: str) -> int:
    return there.sizes[EXTENSIONS.index(extension)]


@given(any_world)
def test_every_case_has_one_state_with_the_action_that_belongs_to_it(world: World) -> None:
    decision = world.decide()
    actions = {
        State.UPLOAD: {Action.PUT},
        State.COMMIT: {Action.PUT},
        State.UNCONFIRMED: {Action.CONFIRM, Action.NONE},
        State.SETTLING: {Action.NONE, Action.WATCH},
        State.REJECTED: {Action.NONE, Action.PUT, Action.CONFIRM},
    }
    assert decision.action in actions.get(decision.state, {Action.NONE})
    assert bool(decision.send) == (decision.action is Action.PUT)
    assert (decision.wait > 0) == (decision.action in (Action.CONFIRM, Action.WATCH))
    assert decision.wait <= max(world.policy.confirm, world.policy.settle) + 61, "no run waits for ever"
    assert decision.reason or decision.state is State.SYNCED
    assert "\n" not in decision.reason


@given(any_world)
def test_a_smaller_file_never_goes_over_a_larger_one_unless_told_to(world: World) -> None:
    for extension in world.decide().send:
        if not world.policy.replace:
            assert _remote_size(world.remote, extension) <= world.local.size(extension)


@given(any_world)
def test_the_adc_is_sent_alone_and_only_where_roi_and_hdr_are_right_and_old_enough(world: World) -> None:
    decision = world.decide()
    if "adc" not in decision.send:
        return
    assert decision.send == ("adc",)
    assert world.remote.roi == world.local.roi and world.remote.hdr == world.local.hdr
    for put in (world.remote.roi_put, world.remote.hdr_put):
        assert world.policy.confirm <= 0 or put <= server_text(world.now.server - world.policy.confirm)


@given(any_world)
def test_files_are_sent_roi_first_then_hdr_and_then_alone_the_adc(world: World) -> None:
    assert world.decide().send in ((), ("roi", "hdr"), ("hdr",), ("adc",))


@given(any_world)
def test_a_right_roi_is_never_sent_again(world: World) -> None:
    if world.remote.roi == world.local.roi:
        assert "roi" not in world.decide().send


@given(any_world)
def test_only_a_whole_acceptable_bin_that_stands_still_is_sent(world: World) -> None:
    if world.decide().action is not Action.PUT:
        return
    assert world.local.complete
    assert all(0 < size <= ARCHIVE_LIMIT for size in world.local.sizes)
    assert world.local.roi > (2 if world.local.pid.old_style else 1)
    assert world.known.finding is None
    assert all(copy.sizes == world.local.sizes for copy in world.copies)
    # What has been watched stands still, whatever the times say by the clock of this computer.
    for clock in (world.now.server,) if world.known.watched else (world.now.local, world.now.server):
        assert not any(0 <= clock - changed < world.policy.settle for changed in world.local.times)


@given(any_world)
def test_synced_is_said_of_a_bin_that_is_wholly_there_and_of_no_other(world: World) -> None:
    decision = world.decide()
    if decision.state is State.SYNCED:
        assert world.local.complete and world.remote.sizes == world.local.sizes
    elif decision.action is Action.PUT:
        assert world.remote.sizes != world.local.sizes


@given(any_world)
def test_a_bin_whose_adc_is_out_without_its_roi_is_never_told_as_on_its_way_or_done(world: World) -> None:
    there = world.remote
    alone = there.adc != MISSING and there.hdr != MISSING and there.roi == MISSING
    if alone or world.known.adc_was_alone:
        good = {State.SYNCED, State.UPLOAD, State.COMMIT, State.UNCONFIRMED}
        assert world.decide().state not in good


@given(any_world)
def test_that_an_adc_was_out_without_its_roi_changes_what_is_told_and_not_what_is_done(world: World) -> None:
    usual = decide(*world._replace(known=world.known._replace(adc_was_alone=False)))
    decision = decide(*world._replace(known=world.known._replace(adc_was_alone=True)))
    assert (decision.action, decision.send, decision.wait) == (usual.action, usual.send, usual.wait)


@given(any_world)
def test_the_same_case_has_the_same_decision(world: World) -> None:
    assert world.decide() == decide(*world)


class Played(NamedTuple):
    """How a bin fared over many decisions: the last one, what was sent when, what is in the bucket."""

    last: Decision
    sent: list[tuple[str, float]]
    remote: RemoteFileset


def _play(world: World, until: float, step: float, keeps_roi: bool = True) -> Played:
    """Decide every `step` seconds for `until` seconds, and let the bucket have what is decided.

    Where `keeps_roi` is False the archive deletes every .roi after its .hdr has come. A bin that was
    watched for as long as its decision says is taken to have settled, as the uploader does.
    """
    there = world.remote
    known = world.known._replace(
        adc_was_alone=False
    )  # which lasts for one run, and here each decision is another's
    sent: list[tuple[str, float]] = []
    passed = 0.0
    while True:
        now = Now(world.now.server + passed, world.now.local + passed)
        decision = decide(world.local, there, now, world.policy, world.copies, known)
        for extension in decision.send:
            there = there.after_put(extension, world.local.size(extension), server_text(int(now.server)))
            sent.append((extension, passed))
        if not keeps_roi and "roi" in decision.send:
            there = there.after_put("roi", MISSING, "")
        if passed >= until:
            return Played(decision, sent, there)
        if decision.action is Action.WATCH:
            known = known._replace(watched=True)
        passed += decision.wait or step


@given(worlds(healthy))
def test_in_time_every_acceptable_bin_is_synced_with_each_file_sent_at_most_once(world: World) -> None:
    """The archive keeps what it gets, and the clocks go on: 200 days later all is said and done."""
    played = _play(world, until=200 * DAY, step=4 * DAY)
    assert played.last.send == () and played.last.action is Action.NONE
    if played.last.state is not State.SYNCED:
        # The three reasons that do not pass by themselves.
        assert (
            (played.last.state is State.HELD and world.known.finding)
            or (played.last.state is State.CONFLICT and not world.policy.replace)
            or any(copy.sizes != world.local.sizes for copy in world.copies)
        )
        assert played.sent == []
    extensions = [extension for extension, _ in played.sent]
    assert len(set(extensions)) == len(extensions)
    assert extensions == [ext for ext in ("roi", "hdr", "adc") if ext in extensions]
    assert ("roi" not in extensions) or ("hdr" in extensions)


@given(worlds(healthy), st.sampled_from([5 * HOUR, 25 * HOUR]))
def test_a_bin_that_the_archive_always_refuses_is_tried_once_a_day_and_never_published(
    world: World, step: float
) -> None:
    start = world.remote.after_put("roi", MISSING, "")
    policy = Policy(world.policy.settle, world.policy.confirm, replace=world.policy.replace)
    usual = world._replace(remote=start, policy=policy, known=world.known._replace(retry_rejected=False))
    played = _play(usual, until=30 * DAY, step=step, keeps_roi=False)
    tries = [when for extension, when in played.sent if extension == "roi"]
    assert "adc" not in [extension for extension, _ in played.sent]
    # S3 lists times to the second, so a day may be a second short.
    assert all(later - earlier >= DAY - 1 for earlier, later in zip(tries, tries[1:]))
    if played.last.state in (State.REJECTED, State.UPLOAD):
        event("was tried")
        assert tries


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (remote(100, MISSING, 300), "not on this disk, and the archive has no .adc"),
        (remote(MISSING, 200, MISSING), "not on this disk, and the archive has no .hdr and .roi"),
    ],
)
def test_a_bin_that_only_the_archive_has_is_incomplete_if_it_lacks_a_file(
    there: RemoteFileset, reason: str
) -> None:
    assert decide_absent(there) == Decision(State.INCOMPLETE, reason=reason)


def test_a_bin_that_only_the_archive_has_is_nothing_to_tell_of_if_it_is_whole() -> None:
    assert decide_absent(SAME) is None


@pytest.mark.parametrize(
    ("used", "more"),
    [(local(), "; the copy in /data is used"), (local(adc=MISSING), "")],
)
def test_a_part_of_a_bin_beside_another_fileset_of_it_says_whether_that_one_is_used(
    used: Fileset, more: str
) -> None:
    fragment = local(roi=MISSING, folder="/data/b")
    reason = f".roi missing in /data/b{more}"
    assert decide_fragment(fragment, used, Now(NOW, NOW)) == Decision(State.INCOMPLETE, reason=reason)
    young = Decision(State.BEING_WRITTEN, reason=f"{reason}: it may still be written")
    assert decide_fragment(fragment, used, Now(NOW, NOW - HOUR)) == young
