"""What the model has found once, each in its shortest form. `support.world` checks the invariants itself."""

from __future__ import annotations

from support.world import DAY, PIDS, Fault, World

PID = PIDS[0]


def test_a_bin_with_two_copies_from_the_future_is_sent_and_does_not_settle_for_ever() -> None:
    world = World()
    world.finish(PID, old=False, folder="copy")
    world.true.advance(40.0)
    world.finish(PID, old=False)
    world.machines[0].wall_error = -10 * DAY
    world.true.advance(3600.0)
    run = world.scan()
    assert run.states == {PID: "uploaded"}
    assert world.violations == []


def test_a_copy_that_still_grows_keeps_a_bin_from_the_future_from_being_sent() -> None:
    world = World()
    for folder in ("a", "b"):
        world.write_so_far(PID, (4, 2, 4), old=False, folder=folder)
    world.machines[0].wall_error = -10 * DAY
    world.true.advance(3600.0)
    # while the run waits to see that all stands still
    world.true.after(30.0, lambda: world.grow(PID, "adc", 4, old=False, folder="b"))
    run = world.scan()
    assert run.states == {PID: "settling"} and world.effects == []


def test_a_larger_file_that_another_machine_puts_meanwhile_is_not_overwritten() -> None:
    for wire in (True, False):
        world = World(wire)
        world.add_second_machine(shares_disk=False)
        world.finish(PID, old=True)
        world.write_so_far(PID, (4, 2, 3), old=True, machine=1)
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
        world.finish(PID, old=True)
        runs = world.scan_both([0, 1] * 40)
        assert [run.ended for run in runs] == ["exit 0", "exit 0"]
        assert [effect.key[-3:] for effect in world.effects] == ["roi", "hdr", "adc"]
        assert world.violations == []


def test_a_file_that_grows_while_a_slow_put_of_it_is_under_way_is_not_undone_by_that_put() -> None:
    world = World()
    world.write_so_far(PID, (4, 2, 3), old=True)
    # The hourly run's put of the .roi takes long; the bin is finished, and an every-minute run sends it.
    slow = [Fault(1, "it grows"), Fault(1, "slow")]
    runs = world.scan_both([0, 0, 0] + [1] * 60, (slow, ()))
    assert [run.states for run in runs] == [{PID: "failed"}, {PID: "uploaded"}]
    assert world.violations == []


def test_no_adc_is_put_beside_an_hdr_that_another_machine_has_put_while_this_one_waited() -> None:
    for wire in (True, False):
        world = World(wire)
        world.add_second_machine(shares_disk=False)
        # Its .hdr and .adc only look complete here; the second machine has the whole bin.
        world.write_so_far(PID, (1, 3, 4), old=True)
        world.finish(PID, old=True, machine=1)
        # The first puts .roi and .hdr and waits; meanwhile the second replaces the .hdr.
        runs = world.scan_both([0] * 9 + [1] * 60)
        assert world.violations == []
        assert runs[0].states == {PID: "conflict"}
        assert runs[1].states == {PID: "uploaded"}
