"""Files of the right size but with other content in the archive: the decision brings them up to date in order."""

from __future__ import annotations

import itertools

import pytest

from ifcbscan.core.bins import EXTENSIONS, Fileset, RemoteFileset, pack_stamps, parse_pid, server_text
from ifcbscan.core.decision import Action, Known, Now, Policy, State, content_marks, decide

PUT = 1500000000.0  # seconds since 1970: when all was put
PID = parse_pid("D20130526T095207_IFCB013")
assert PID is not None
LOCAL = Fileset(PID, "/data", (".hdr", ".adc", ".roi"), 10, 20, 3000, pack_stamps([PUT - 1e6] * 3))
REMOTE = RemoteFileset(10, 20, 3000, server_text(PUT), server_text(PUT))
SUBSETS = [subset for count in (1, 2, 3) for subset in itertools.combinations(EXTENSIONS, count)]


@pytest.mark.parametrize("differing", SUBSETS, ids=lambda names: "-".join(names))
def test_what_differs_is_put_and_the_adc_alone_at_the_end(differing: tuple[str, ...]) -> None:
    """Where the .adc is right, the last decision sends it only if a look shows that it is not there any more."""
    remote = REMOTE
    known = Known(other_content=content_marks(REMOTE, differing))
    now = PUT + 86400.0
    sent: list[tuple[str, ...]] = []
    waited = False
    for _ in range(6):
        decision = decide(LOCAL, remote, Now(now, now), Policy(), (), known)
        if decision.state is State.SYNCED:
            break
        if decision.action is Action.CONFIRM:
            waited = True
            now += decision.wait
            continue
        assert decision.action is Action.PUT and decision.reason
        sent.append(decision.send)
        known = known._replace(
            looked_at=decision.send == ("adc",),
            other_content=known.other_content - set(decision.send),
        )
        for extension in decision.send:
            remote = remote.after_put(extension, LOCAL.size(extension), server_text(now))
    assert decision.state is State.SYNCED
    together = ("roi", "hdr") if "roi" in differing else ("hdr",) if "hdr" in differing else ()
    assert sent == ([together] if together else []) + [("adc",)]
    assert waited == bool(together)


def test_a_larger_hdr_is_not_overwritten_because_the_roi_has_other_content() -> None:
    """A second computer has put an .hdr of more bytes; only the .roi was seen to differ at equal size."""
    remote = RemoteFileset(LOCAL.hdr + 1, REMOTE.adc, REMOTE.roi, REMOTE.hdr_put, REMOTE.roi_put)
    known = Known(other_content=content_marks(remote, ["roi"]))
    now = PUT + 86400.0
    assert decide(LOCAL, remote, Now(now, now), Policy(), (), known).state is State.CONFLICT
    assert decide(LOCAL, remote, Now(now, now), Policy(replace=True), (), known).action is Action.PUT


def test_nothing_differing_is_nothing_to_do() -> None:
    assert content_marks(REMOTE, ()) == frozenset()
    assert decide(LOCAL, REMOTE, Now(PUT + 60, PUT + 60), Policy()).state is State.SYNCED


def test_an_archive_that_deletes_the_new_roi_is_left_alone() -> None:
    gone = REMOTE.after_put("hdr", 10, server_text(PUT)).after_put("roi", -1, "")
    known = Known(other_content=content_marks(gone, ("roi",)))
    assert decide(LOCAL, gone, Now(PUT + 60, PUT + 60), Policy(), (), known).state is State.REJECTED
