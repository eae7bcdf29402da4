"""The invariants under any interleaving of instrument, archive, network, processes and clocks.

Hypothesis drives `support.world.World`, whose docstring says what the invariants I1 to I7 mean exactly.
The scan is the real one. `IFCBSCAN_MODEL_EXAMPLES=2000 pytest tests/model` runs longer; tests/soak.py
drives the same world by a seed.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.disks import QUARTERS
from support.world import (
    CONDITIONS,
    DAY,
    FAULTS,
    FILTERS,
    FOREIGN,
    GENERATIONS,
    LAGS,
    PIDS,
    TIMES,
    Fault,
    World,
    foreign_keys,
)

EXAMPLES = int(os.environ.get("IFCBSCAN_MODEL_EXAMPLES", "60"))

pids = st.sampled_from(PIDS)
machines = st.integers(0, 1)
folders = st.sampled_from(["new", "new", "copy"])
max_ages = st.sampled_from([None, None, 3 * DAY])
times = st.one_of(st.sampled_from(["now", "last week"]), st.sampled_from(sorted(TIMES)))
extensions = st.lists(st.sampled_from(["hdr", "adc", "roi"]), min_size=1, max_size=3, unique=True)
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

    @initialize(
        wire=st.booleans(),
        second=st.sampled_from(["none", "shares the disk", "a disk of its own"]),
        conditions=st.sampled_from(CONDITIONS),
        generation=st.sampled_from(GENERATIONS),
    )
    def begin(self, wire: bool, second: str, conditions: str, generation: str) -> None:
        self.world.wire = wire
        self.world.generation = generation
        self.world.conditions = conditions
        if second != "none":
            self.world.add_second_machine(shares_disk=second == "shares the disk")

    def _machine(self, number: int) -> int:
        return min(number, len(self.world.machines) - 1)

    @rule(
        pid=pids,
        extension=st.sampled_from(["hdr", "adc", "roi"]),
        quarters=st.integers(0, QUARTERS),
        dated=times,
        machine=machines,
        folder=folders,
    )
    def a_file_grows(
        self, pid: str, extension: str, quarters: int, dated: str, machine: int, folder: str
    ) -> None:
        self.world.grow(pid, extension, quarters, dated, self._machine(machine), folder)

    @rule(
        pid=pids,
        quarters=st.tuples(*[st.integers(1, QUARTERS)] * 3),
        dated=times,
        machine=machines,
        folder=folders,
    )
    def a_bin_is_half_written(
        self, pid: str, quarters: tuple[int, int, int], dated: str, machine: int, folder: str
    ) -> None:
        self.world.write_so_far(pid, quarters, dated, self._machine(machine), folder)

    @rule(pid=pids, dated=times, machine=machines, folder=folders)
    def a_bin_is_finished(self, pid: str, dated: str, machine: int, folder: str) -> None:
        self.world.finish(pid, dated, self._machine(machine), folder)

    @rule(pid=pids, blank=extensions, dated=times, machine=machines, folder=folders)
    def a_copy_begins_with_zeros(
        self, pid: str, blank: list[str], dated: str, machine: int, folder: str
    ) -> None:
        self.world.preallocate(pid, blank, dated, self._machine(machine), folder)

    @rule(
        pid=pids,
        which=extensions,
        dated=st.one_of(st.none(), times),
        machine=machines,
        folder=folders,
    )
    def files_are_written_again_in_place(
        self, pid: str, which: list[str], dated: str | None, machine: int, folder: str
    ) -> None:
        self.world.rewrite(pid, which, dated, self._machine(machine), folder)

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

    @rule(key=st.sampled_from(foreign_keys()))
    def somebody_puts_a_foreign_object(self, key: str) -> None:
        self.world.add_foreign_object(key)

    @rule(pid=pids, ending=st.sampled_from(FOREIGN), machine=machines, folder=folders)
    def somebody_writes_a_foreign_file(self, pid: str, ending: str, machine: int, folder: str) -> None:
        self.world.add_foreign_file(f"{folder}/{pid}{ending}", self._machine(machine))

    @rule(pid=pids, extension=st.sampled_from(["hdr", "adc", "roi"]), way=st.sampled_from(sorted(FILTERS)))
    def something_on_the_way_refuses_an_object(self, pid: str, extension: str, way: str) -> None:
        self.world.refuse(pid, extension, way)

    @rule()
    def nothing_on_the_way_refuses_any_more(self) -> None:
        self.world.filters.clear()

    @rule(machine=machines, work=st.booleans())
    def claims_can_be_had(self, machine: int, work: bool) -> None:
        self.world.machines[self._machine(machine)].claims.work = work

    @rule(stands=st.booleans())
    def the_servers_clock_stands_still(self, stands: bool) -> None:
        self.world.stop_server_clock(stands)

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
