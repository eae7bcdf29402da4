"""What the model has found once, each in its shortest form. `support.world` checks the invariants itself."""

from __future__ import annotations

import random

import pytest
from support.world import CONFIRM, DAY, FOREIGN, LAGS, PIDS, SETTLE, Fault, World, foreign_keys, key_of

from ifcbscan.core.states import BinState
from ifcbscan.runs import upload

PID = PIDS[0]


def test_a_bin_with_two_copies_from_the_future_is_sent_and_does_not_settle_for_ever() -> None:
    world = World()
    world.finish(PID, dated="now", folder="copy")
    world.true.advance(40.0)
    world.finish(PID, dated="now")
    world.machines[0].wall_error = -10 * DAY
    world.true.advance(3600.0)
    run = world.scan()
    assert run.states == {PID: "uploaded"}
    assert world.violations == []


def test_a_copy_that_still_grows_keeps_a_bin_from_the_future_from_being_sent() -> None:
    world = World()
    for folder in ("a", "b"):
        world.write_so_far(PID, (4, 2, 4), dated="now", folder=folder)
    world.machines[0].wall_error = -10 * DAY
    world.true.advance(3600.0)
    # while the run waits to see that all stands still
    world.true.after(30.0, lambda: world.grow(PID, "adc", 4, dated="now", folder="b"))
    run = world.scan()
    assert run.states == {PID: "settling"} and world.effects == []


def test_a_larger_file_that_another_machine_puts_meanwhile_is_not_overwritten() -> None:
    for wire in (True, False):
        world = World(wire)
        world.add_second_machine(shares_disk=False)
        world.finish(PID, dated="last week")
        world.write_so_far(PID, (4, 2, 3), dated="last week", machine=1)
        # The second machine (1) has listed the empty bucket when the first sends everything but the .adc.
        runs = world.scan_both([1, 1] + [0] * 60)
        assert world.violations == []
        assert runs[0].states == {PID: "uploaded"}
        assert runs[1].states == {PID: "failed"}
        assert runs[1].report is not None and "somebody else" in runs[1].report.problems[0].reason
        world.check_arrived()
        assert world.violations == []


def test_two_runs_that_send_the_same_bytes_at_once_store_them_once_and_both_succeed() -> None:
    for wire in (True, False):
        world = World(wire)
        world.machines[0].claims.work = False
        world.finish(PID, dated="last week")
        runs = world.scan_both([0, 1] * 40)
        assert [run.ended for run in runs] == ["exit 0", "exit 0"]
        assert [effect.key[-3:] for effect in world.effects] == ["roi", "hdr", "adc"]
        assert world.violations == []


def test_a_file_that_grows_while_a_slow_put_of_it_is_under_way_is_not_undone_by_that_put() -> None:
    world = World()
    world.add_second_machine(shares_disk=True)
    world.write_so_far(PID, (4, 2, 3), dated="last week")
    # The first computer's put of the .roi takes long; the bin is finished, and the second sends it.
    slow = [Fault(1, "it grows"), Fault(1, "slow")]
    runs = world.scan_both([0, 0, 0, 0] + [1] * 60, (slow, ()))
    assert [run.states for run in runs] == [{PID: "failed"}, {PID: "uploaded"}]
    assert world.violations == []


def test_no_adc_is_put_beside_an_hdr_that_another_machine_has_put_while_this_one_waited() -> None:
    for wire in (True, False):
        world = World(wire)
        world.add_second_machine(shares_disk=False)
        # Its .hdr and .adc only look complete here; the second machine has the whole bin.
        world.write_so_far(PID, (1, 3, 4), dated="last week")
        world.finish(PID, dated="last week", machine=1)
        # The first puts .roi and .hdr and waits; meanwhile the second replaces the .hdr.
        runs = world.scan_both([0] * 9 + [1] * 60)
        assert world.violations == []
        assert runs[0].states == {PID: "conflict"}
        assert runs[1].states == {PID: "uploaded"}


# What follows was found when the world had learnt the classes of its docstring's end.


def _bytes_there(world: World, pid: str = PID) -> list[bytes]:
    return [world.objects[key_of(pid, extension)].body for extension in ("hdr", "adc", "roi")]


def _bytes_here(world: World, pid: str = PID) -> list[bytes]:
    found = world.machines[0].disk.triple("new", pid)
    assert found is not None
    return list(found)


@pytest.mark.parametrize("dated", ["now", None], ids=["with a new time", "with its old time"])
@pytest.mark.parametrize("wire", [True, False], ids=["wire", "interface"])
def test_a_roi_written_again_at_equal_size_after_its_put_is_sent_again_before_the_adc_goes(
    dated: str | None, wire: bool
) -> None:
    world = World(wire)
    world.finish(PID, dated="last week")
    world.scan(faults=[Fault(3, "killed")])  # .roi and .hdr are there
    world.rewrite(PID, ["roi"], dated)
    world.true.advance(3600.0)
    world.scan()
    assert world.violations == []
    assert _bytes_there(world) == _bytes_here(world)


def test_a_copy_that_stalls_longer_than_settle_and_is_filled_before_the_adc_goes_is_archived_with_its_content() -> (
    None
):
    world = World()
    world.preallocate(PID, ["roi"], dated="now")
    world.true.advance(2 * SETTLE)
    world.true.after(CONFIRM / 2, lambda: world.finish(PID, dated="now"))
    world.scan()
    world.true.advance(2 * SETTLE)
    world.scan()
    assert world.violations == []
    assert _bytes_there(world) == _bytes_here(world)


def test_a_bin_written_again_between_the_last_look_at_it_and_the_opening_of_its_adc_is_not_completed() -> (
    None
):
    for dated in ("now", None):
        world = World()
        world.finish(PID, dated="last week")
        # All three files at once, when the run opens the .adc to send it. (Which call of the tree that is depends
        # on what the run looks at before, so all of them get their turn.)
        for at in range(30):
            world.scan(faults=[Fault(at, "rewritten in the tree")])
            assert world.violations == [], f"{dated}, call {at}"
            world.true.advance(3600.0)
            world.remove(PID)
            world.objects.clear()
            world.finish(PID, dated="last week")


@pytest.mark.parametrize("extension", ["hdr", "adc", "roi"])
@pytest.mark.parametrize("way", ["no put", "no look", "puts are cut"])
def test_an_object_that_something_on_the_way_refuses_for_ever_does_not_keep_other_bins_from_arriving(
    extension: str, way: str
) -> None:
    for wire in (True, False):
        world = World(wire)
        newest = PIDS[2]
        for pid in PIDS:
            world.finish(pid, dated="last week")
        world.refuse(newest, extension, way)
        run = world.scan()
        # (The look at the bins of a day is a listing, which is not held up by what refuses single objects.)
        assert run.states.pop(newest) == ("uploaded" if way == "no look" else "failed")
        assert set(run.states.values()) == {"uploaded"}
        world.check_arrived()
        assert world.violations == []


def test_several_bins_that_something_on_the_way_cuts_off_do_not_end_every_run_before_the_others() -> None:
    world = World()
    for pid in PIDS:
        world.finish(pid, dated="last week")
    for pid in PIDS[1:]:
        world.refuse(pid, "roi", "puts are cut")
    world.check_arrived()
    assert world.violations == []
    assert key_of(PIDS[0], "adc") in world.objects


def test_a_run_says_that_a_stopped_one_holds_a_bin_and_does_not_end_with_0_after_an_hour() -> None:
    world = World()
    world.finish(PID, dated="last week")
    world.stops = [(120.0, 2580.0, 2700.0)]  # the every-minute run comes after 2, 45 and 90 minutes
    world.scan(faults=[Fault(2, "stopped")])
    reports = [run.report for run in world.beside]
    assert [(report.exit_code, bool(report.warnings)) for report in reports[1:] if report] == [
        (0, True),
        (3, True),
    ]
    assert world.violations == []


def test_a_run_ends_though_the_clock_of_the_server_stands_still_and_the_bin_arrives_when_it_goes_again() -> (
    None
):
    for wire in (True, False):
        world = World(wire)
        world.stop_server_clock(True)
        world.finish(PID, dated="last week")
        world.scan()
        assert world.violations == []
        world.check_arrived()
        assert world.violations == []


@pytest.mark.parametrize("conditions", ["ignored", "not implemented"])
def test_an_adc_that_a_short_run_has_put_during_the_listing_of_this_one_is_not_put_again(
    conditions: str,
) -> None:
    for lead in range(4):  # so many turns the first run has before the second comes, puts the .adc, and goes
        world = World()
        world.conditions = conditions
        world.finish(PID, dated="last week")
        refused = conditions == "not implemented"  # then the first put takes two requests
        world.scan(faults=[Fault(3 + refused, "killed")])  # .roi and .hdr are there
        world.true.advance(3600.0)
        runs = world.scan_both([0] * lead + [1] * 60)
        assert world.violations == [], f"lead {lead}"
        assert [effect.key[-3:] for effect in world.effects] == ["roi", "hdr", "adc"]
        assert {run.ended for run in runs} == {"exit 0"}


def test_a_bin_whose_roi_the_archive_deletes_hours_after_its_adc_went_is_told_as_rejected_with_its_adc_out() -> (
    None
):
    world = World()
    world.archive = "throttled"
    world.refused.add(PID)
    world.finish(PID, dated="last week")
    assert world.scan().states == {PID: "uploaded"}
    world.true.advance(LAGS["throttled"] + 60.0)
    run = world.scan()
    assert world.violations == []
    assert run.report is not None
    assert [(problem.pid, str(problem.state)) for problem in run.report.problems] == [(PID, "rejected")]
    assert ".adc" in run.report.problems[0].reason


def test_a_run_that_sends_a_bin_again_whose_adc_is_out_does_not_call_it_archived_before_the_archive_has_judged() -> (
    None
):
    world = World()
    world.archive = "throttled"
    world.refused.add(PID)
    world.finish(PID, dated="last week")
    world.scan()
    world.true.advance(DAY + 3600.0)
    world.archive = "prompt"
    run = world.scan()  # it tries the .roi once more, and the archive deletes it two seconds later
    assert [effect.key[-3:] for effect in world.effects if effect.kind == "put"] == [
        "roi",
        "hdr",
        "adc",
        "roi",
        "hdr",
    ]
    assert world.violations == []
    assert run.states == {PID: "rejected"}


@pytest.mark.parametrize("wire", [True, False], ids=["wire", "interface"])
def test_a_bin_that_a_newer_archive_takes_after_its_adc_was_out_alone_is_rejected_in_that_run_and_then_synced(
    wire: bool,
) -> None:
    world = World(wire)
    world.archive = "throttled"
    world.refused.add(PID)
    world.finish(PID, dated="last week")
    world.scan()
    world.true.advance(DAY + 3600.0)
    world.archive, world.generation = "prompt", "lenient"
    assert world.scan(dry_run=True).report.bins[BinState.REJECTED] == 1  # type: ignore[union-attr]
    run = world.scan()
    assert run.states == {PID: "rejected"} and [key[-3:] for key in run.puts] == ["roi", "hdr"]
    run = world.scan()
    assert run.states == run.left_alone == {} and run.report is not None
    assert run.report.bins[BinState.SYNCED] == 1
    world.check_arrived()
    assert world.violations == []


def test_a_bin_that_only_a_strict_archive_refuses_arrives_in_a_lenient_one() -> None:
    world = World()
    world.generation = "lenient"
    world.refused.update(PIDS)
    for pid in PIDS:
        world.finish(pid, dated="last week")
    assert set(world.scan().states.values()) == {"uploaded"}
    world.check_arrived()
    assert world.violations == []


def test_a_file_written_again_that_another_computer_has_sent_since_this_one_looked_is_not_sent_over_it() -> (
    None
):
    for lead in range(1, 16):  # so many turns the first computer has before the second does all its work
        world = World()
        world.add_second_machine(shares_disk=True)
        world.finish(PID, dated="last week")
        world.scan(faults=[Fault(3, "killed")])  # .roi and .hdr are there
        world.rewrite(PID, ["roi"], "last week")
        world.true.advance(3600.0)
        world.scan_both([0] * lead + [1] * 60)
        assert world.violations == [], f"lead {lead}"


def test_a_roi_that_the_archive_has_deleted_while_a_put_over_it_was_tried_again_is_not_sent_within_the_day() -> (
    None
):
    world = World()
    world.conditions = "ignored"  # S3 would refuse the second try by its condition
    world.archive = "throttled"
    world.refused.add(PID)
    world.finish(PID, dated="last week")
    world.scan(faults=[Fault(3, "killed")])  # .roi and .hdr are there
    world.rewrite(PID, ["roi"], "last week")
    world.true.advance(LAGS["throttled"] - 60.0)
    # The run has looked, and wants to replace the .roi; it stands still, the archive deletes, the connection breaks.
    world.stops = [(120.0,)]
    world.scan(faults=[Fault(5, "stopped"), Fault(5, "reset")])
    assert world.violations == []


@pytest.mark.parametrize("conditions", ["kept", "unquoted only", "ignored"])
def test_two_computers_that_send_the_same_bins_in_any_order_of_turns_break_nothing(
    conditions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_MOST_IN_VAIN", 1)  # a world has four bins only
    uploaded: set[tuple[int, ...]] = set()
    for seed in range(60):
        draw = random.Random(seed)
        random.seed(seed)
        world = World()
        world.conditions = conditions
        world.add_second_machine(shares_disk=seed % 2 == 0)
        for pid in PIDS:
            for machine in (0, 1):
                world.finish(pid, "last week", machine)
        if seed % 3 == 0:
            world.refused.add(PIDS[seed % 4])
        runs = world.scan_both([draw.randrange(2) for _ in range(80)], jobs=draw.choice([1, 4]))
        uploaded.add(tuple(list(run.states.values()).count("uploaded") for run in runs))
        world.check_arrived()
        assert world.violations == [], f"seed {seed}"
    assert len(uploaded) > 2  # sometimes the one, sometimes the other


@pytest.mark.parametrize("dated", ["1970", "a second before 1970", "1601", "2106"])
def test_a_bin_with_a_time_of_any_sign_is_sent(dated: str) -> None:
    world = World()
    world.finish(PID, dated=dated)
    assert world.scan().states == {PID: "uploaded"}
    assert world.violations == []


def test_foreign_objects_and_files_among_the_members_of_bins_change_nothing() -> None:
    world = World()
    for name in foreign_keys():
        world.add_foreign_object(name)
    for ending in FOREIGN:
        world.add_foreign_file("new/" + PID + ending)
    for pid in PIDS:
        world.finish(pid, dated="last week")
    run = world.scan()
    assert set(run.states.values()) == {"uploaded"}
    world.check_arrived()
    assert world.violations == []
