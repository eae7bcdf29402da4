"""A `World` driven by a seed: the same seed does the same, on every machine and Python."""

from __future__ import annotations

import random
from typing import Callable

from ifcbscan.core.bins import EXTENSIONS
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

STEPS = 30


def play(seed: int, steps: int = STEPS, conditions: str = "") -> World:
    """A world with `steps` random events, after which faults stop; ends early at the first violation.

    `conditions`: one of CONDITIONS; else that is random, too.
    """
    draw = random.Random(seed)
    random.seed(seed)  # for the pauses between retries
    world = World(wire=draw.random() < 0.5)
    world.conditions = draw.choice(["kept", "kept", *CONDITIONS])
    world.conditions = conditions or world.conditions
    world.generation = draw.choice(GENERATIONS)
    machines = draw.randrange(3)
    if machines:
        world.add_second_machine(shares_disk=machines == 1)
    for _ in range(steps):
        weights = [weight for weight, _ in _EVENTS]
        index = _weighted(draw, weights)
        _EVENTS[index][1](world, draw)
        if world.violations:
            return world
    world.check_arrived()
    return world


def _weighted(draw: random.Random, weights: list[int]) -> int:
    # Not random.choices, whose rounding differs between Pythons.
    left = draw.randrange(sum(weights))
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    raise AssertionError("not reached")


def _place(world: World, draw: random.Random) -> tuple[int, str]:
    return draw.randrange(len(world.machines)), draw.choice(["new", "new", "new", "copy"])


def _dated(draw: random.Random) -> str:
    return draw.choice(["now", "last week"]) if draw.random() < 0.7 else draw.choice(sorted(TIMES))


def _some(draw: random.Random) -> list[str]:
    return [ext for ext in EXTENSIONS if draw.random() < 0.5] or list(EXTENSIONS)


def _write_so_far(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    quarters = [draw.randrange(1, QUARTERS + 1) for _ in EXTENSIONS]
    world.write_so_far(draw.choice(PIDS), quarters, _dated(draw), machine, folder)


def _grow(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    extension, quarters = draw.choice(EXTENSIONS), draw.randrange(QUARTERS + 1)
    world.grow(draw.choice(PIDS), extension, quarters, _dated(draw), machine, folder)


def _finish(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    world.finish(draw.choice(PIDS), _dated(draw), machine, folder)


def _preallocate(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    world.preallocate(draw.choice(PIDS), _some(draw), _dated(draw), machine, folder)


def _rewrite(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    dated = None if draw.random() < 0.4 else _dated(draw)
    world.rewrite(draw.choice(PIDS), _some(draw), dated, machine, folder)


def _remove(world: World, draw: random.Random) -> None:
    machine, folder = _place(world, draw)
    world.remove(draw.choice(PIDS), machine, folder)


def _wait(world: World, draw: random.Random) -> None:
    world.true.advance(draw.choice([5.0, 40.0, 70.0, 3600.0, DAY]))


def _set_clock(world: World, draw: random.Random) -> None:
    draw.choice(world.machines).wall_error = draw.choice([-10 * DAY, -90.0, 0.0, 90.0, 10 * DAY])


def _load_archive(world: World, draw: random.Random) -> None:
    world.archive = draw.choice(sorted(LAGS))


def _change_mind(world: World, draw: random.Random) -> None:
    pid = draw.choice(PIDS)
    (world.refused.add if draw.random() < 0.4 else world.refused.discard)(pid)


def _put_foreign(world: World, draw: random.Random) -> None:
    if draw.random() < 0.5:
        world.add_foreign_object(draw.choice(foreign_keys()))
    else:
        machine, folder = _place(world, draw)
        world.add_foreign_file(folder + "/" + draw.choice(PIDS) + draw.choice(FOREIGN), machine)


def _filter(world: World, draw: random.Random) -> None:
    if draw.random() < 0.3:
        world.filters.clear()
    else:
        world.refuse(draw.choice(PIDS), draw.choice(EXTENSIONS), draw.choice(sorted(FILTERS)))


def _lock_trouble(world: World, draw: random.Random) -> None:
    draw.choice(world.machines).claims.work = draw.random() < 0.4


def _server_clock(world: World, draw: random.Random) -> None:
    world.stop_server_clock(draw.random() < 0.5)


def _faults(draw: random.Random) -> list[Fault]:
    return [
        Fault(draw.randrange(draw.choice([5, 20])), draw.choice(FAULTS), draw.choice([1, 1, 1, 2, 6, 1000]))
        for _ in range(draw.choice([0, 1, 1, 2, 4]))
    ]


def _scan(world: World, draw: random.Random) -> None:
    world.scan(
        draw.randrange(len(world.machines)),
        _faults(draw),
        draw.choice([None, None, 3 * DAY]),
        draw.choice([1, 4]),
        draw.random() < 0.1,
        draw.choice([None, None, 0.0, 300.0]),
    )


def _scan_both(world: World, draw: random.Random) -> None:
    schedule = [draw.randrange(2) for _ in range(draw.randrange(60))]
    recent = draw.choice([None, 3 * DAY])
    world.scan_both(schedule, (_faults(draw), _faults(draw)), draw.choice([1, 4]), (None, recent))


def _stop_faults(world: World, draw: random.Random) -> None:
    world.check_arrived()


_EVENTS: list[tuple[int, Callable[[World, random.Random], None]]] = [
    (6, _write_so_far),
    (6, _grow),
    (13, _finish),
    (4, _preallocate),
    (6, _rewrite),
    (3, _remove),
    (10, _wait),
    (4, _set_clock),
    (4, _load_archive),
    (6, _change_mind),
    (2, _put_foreign),
    (2, _filter),
    (2, _lock_trouble),
    (1, _server_clock),
    (27, _scan),
    (27, _scan_both),
    (2, _stop_faults),
]
