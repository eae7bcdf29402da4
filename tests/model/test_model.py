"""The invariants under any interleaving of instrument, archive, network, processes and clocks.

Hypothesis drives `support.world.World`, whose docstring says what the invariants I1 to I5 mean exactly.
The scan is the real one. `IFCBSCAN_MODEL_EXAMPLES=2000 pytest tests/model` runs longer; tests/soak.py
drives the same world by a seed.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.world import (
    DAY,
    FAULTS,
    LAGS,
    PIDS,
    QUARTERS,
    Fault,
    World,
)

EXAMPLES = int(os.environ.get("IFCBSCAN_MODEL_EXAMPLES", "60"))

pids = st.sampled_from(PIDS)
machines = st.integers(0, 1)
folders = st.sampled_from(["new", "new", "copy"])
max_ages = st.sampled_from([None, None, 3 * DAY])
fault = st.builds(
    Fault,
    st.integers(0, 25),
    st.sampled_from(FAULTS),
    st.sampled_from([1, 1, 1, 2, 6, 1000]),
)
faults = st.lists(fault, max_size=4)


class Faults(RuleBasedStateMachine):
    """What may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(wire=st.booleans(), second=st.sampled_from(["none", "shares the disk", "a disk of its own"]))
    def begin(self, wire: bool, second: str) -> None:
        self.world.wire = wire
        if second != "none":
            self.world.add_second_machine(shares_disk=second == "shares the disk")

    def _machine(self, number: int) -> int:
        return min(number, len(self.world.machines) - 1)

    @rule(
        pid=pids,
        extension=st.sampled_from(["hdr", "adc", "roi"]),
        quarters=st.integers(0, QUARTERS),
        old=st.booleans(),
        machine=machines,
        folder=folders,
    )
    def a_file_grows(
        self, pid: str, extension: str, quarters: int, old: bool, machine: int, folder: str
    ) -> None:
        self.world.grow(pid, extension, quarters, old, self._machine(machine), folder)

    @rule(
        pid=pids,
        quarters=st.tuples(*[st.integers(1, QUARTERS)] * 3),
        old=st.booleans(),
        machine=machines,
        folder=folders,
    )
    def a_bin_is_half_written(
        self, pid: str, quarters: tuple[int, int, int], old: bool, machine: int, folder: str
    ) -> None:
        self.world.write_so_far(pid, quarters, old, self._machine(machine), folder)

    @rule(pid=pids, old=st.booleans(), machine=machines, folder=folders)
    def a_bin_is_finished(self, pid: str, old: bool, machine: int, folder: str) -> None:
        self.world.finish(pid, old, self._machine(machine), folder)

    @rule(pid=pids, machine=machines, folder=folders)
    def a_bin_is_deleted_from_a_disk(self, pid: str, machine: int, folder: str) -> None:
        self.world.remove(pid, self._machine(machine), folder)

    @rule(seconds=st.sampled_from([5.0, 40.0, 70.0, 3600.0, DAY]))
    def time_passes(self, seconds: float) -> None:
        self.world.true.advance(seconds)

    @rule(machine=machines, seconds=st.sampled_from([-10 * DAY, -90.0, 0.0, 90.0, 10 * DAY]))
    def somebody_sets_a_clock(self, machine: int, seconds: float) -> None:
        self.world.machines[self._machine(machine)].wall_error = seconds

    @rule(lag=st.sampled_from(sorted(LAGS)))
    def the_archive_is_as_busy_as(self, lag: str) -> None:
        self.world.archive = lag

    @rule(pid=pids, refuses=st.booleans())
    def the_archive_changes_its_mind(self, pid: str, refuses: bool) -> None:
        (self.world.refused.add if refuses else self.world.refused.discard)(pid)

    @rule(
        machine=machines,
        breaks=faults,
        max_age=max_ages,
        jobs=st.sampled_from([1, 4]),
        dry_run=st.sampled_from([False, False, False, True]),
        time_limit=st.sampled_from([None, None, 0.0, 300.0]),
    )
    def a_scan(
        self,
        machine: int,
        breaks: list[Fault],
        max_age: float | None,
        jobs: int,
        dry_run: bool,
        time_limit: float | None,
    ) -> None:
        self.world.scan(self._machine(machine), breaks, max_age, jobs, dry_run, time_limit)

    @rule(
        schedule=st.lists(machines, max_size=60),
        first=faults,
        second=faults,
        jobs=st.sampled_from([1, 4]),
        max_age=max_ages,
    )
    def two_scans_at_once(
        self,
        schedule: list[int],
        first: list[Fault],
        second: list[Fault],
        jobs: int,
        max_age: float | None,
    ) -> None:
        self.world.scan_both(schedule, (first, second), jobs, (None, max_age))

    @rule()
    def faults_stop(self) -> None:
        self.world.check_arrived()

    @invariant()
    def nothing_is_violated(self) -> None:
        assert self.world.violations == []

    def teardown(self) -> None:
        if not self.world.violations:
            self.world.check_arrived()
            assert self.world.violations == []


Faults.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestFaults = Faults.TestCase
