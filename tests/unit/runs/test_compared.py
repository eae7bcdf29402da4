"""The first decision on a bin goes by all that is known of it."""

from __future__ import annotations

from typing import Any

import pytest
from support.fakes import FakeTree, VirtualClock

from ifcbscan.core.bins import MISSING, Fileset, Pid, RemoteFileset
from ifcbscan.core.decision import Known, Now, Policy
from ifcbscan.core.states import State
from ifcbscan.runs.compared import Compared

PID = Pid("D20231114T200000_IFCB013")


class Scene:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.tree: Any = FakeTree()
        self.tree.write_bin(PID, self.clock.wall() - 3600)
        self.remote: dict[Pid, RemoteFileset] = {}

    def compared(
        self, retry_rejected: bool = False, other_content: dict[Pid, frozenset[str]] | None = None
    ) -> tuple[Compared, Fileset]:
        inventory = self.tree.walk()
        now = Now(self.clock.now, self.clock.wall())
        compared = Compared(inventory, self.remote, now, Policy(), retry_rejected, other_content or {})
        return compared, inventory.filesets[PID]

    def whole(self) -> RemoteFileset:
        local = self.compared()[1]
        return RemoteFileset(local.hdr, local.adc, local.roi, "2023-11-14T20:30:00Z", "2023-11-14T20:30:00Z")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_the_bucket_holds_and_the_copies_decide(scene: Scene) -> None:
    compared, local = scene.compared()
    assert compared.decide(local).state is State.UPLOAD and compared.copies(PID) == ()
    scene.remote[PID] = scene.whole()
    compared, local = scene.compared()
    assert compared.decide(local).state is State.SYNCED and compared.there(PID) == scene.whole()
    scene.tree.write_bin(PID, scene.clock.wall() - 3600, folder="copy", images=5)
    compared, local = scene.compared()
    assert compared.decide(local).state is State.CONFLICT and len(compared.copies(PID)) == 1


def test_a_younger_listing_decides_and_does_not_forget_that_an_adc_was_alone(scene: Scene) -> None:
    whole = scene.whole()
    scene.remote[PID] = whole._replace(roi=MISSING)
    older, local = scene.compared()
    later = Now(scene.clock.now + 60, scene.clock.wall() + 60)
    younger = older.listed_again({PID: whole}, later)
    assert older.decide(local).state is State.REJECTED
    assert younger.there(PID) == whole and younger.now == later
    assert younger.decide(local).state is State.REJECTED  # the dashboard may keep a broken row of it
    again = younger.listed_again({PID: whole}, later)
    assert again.decide(local).state is State.REJECTED
    never = scene.compared()[0]._replace(remote={})
    assert never.listed_again({PID: whole}, later).decide(local).state is State.SYNCED


@pytest.mark.parametrize("retry_rejected", [False, True])
def test_other_content_and_the_wish_to_try_again_are_known_together(
    scene: Scene, retry_rejected: bool
) -> None:
    marks = {PID: frozenset({"adc"})}
    compared, local = scene.compared(retry_rejected, marks)
    assert compared.known(PID) == Known(retry_rejected=retry_rejected, other_content=marks[PID])
    compared, local = scene.compared(retry_rejected)
    assert compared.known(PID) == Known(retry_rejected=retry_rejected)
