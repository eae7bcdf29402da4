"""The same world as in test_model.py, played by seeds: more of it in the same time, and no shrinking."""

from __future__ import annotations

import pytest
from support.randomworld import play
from support.world import FAULTS, FILTERS, GENERATIONS, digest


def test_whatever_breaks_the_invariants_hold_in_a_hundred_and_twenty_worlds() -> None:
    happened: set[str] = set()
    generations = set()
    for seed in range(120):
        world = play(seed)
        assert world.violations == [], f"seed {seed}"
        generations.add(world.generation)
        happened.update(world.statistics)
    assert {"fault: " + kind for kind in FAULTS} <= happened
    assert {"filtered: " + way for way in FILTERS} <= happened
    assert generations == set(GENERATIONS)
    assert "deleted by the archive after the .adc" in happened
    assert "listed with its .adc and without its .roi" in happened
    assert {"deleted by the archive", "run: killed", "run: exit 0", "run: exit 130"} <= happened


@pytest.mark.parametrize("conditions", ["unquoted only", "neither spelling", "kept, 404"])
def test_however_a_server_takes_the_etag_of_what_is_to_be_replaced_the_invariants_hold(
    conditions: str,
) -> None:
    for seed in range(2000, 2040):
        assert play(seed, conditions=conditions).violations == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.matrix
def test_whatever_breaks_the_invariants_hold_in_two_hundred_more_worlds() -> None:
    for seed in range(1000, 1200):
        assert play(seed).violations == [], f"seed {seed}"


def test_a_seed_repeats_what_happened() -> None:
    assert [digest(play(seed)) for seed in range(5)] == [digest(play(seed)) for seed in range(5)]
    assert len({digest(play(seed)) for seed in range(5)}) == 5
