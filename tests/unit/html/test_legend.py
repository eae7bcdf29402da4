"""Each state of a bin has a sign, a meaning, and advice where somebody can do something."""

from __future__ import annotations

from support.reports import Page, bad, day, report_on

from ifcbscan.core.states import WORST_FIRST, BinState
from ifcbscan.html.legend import legend_of
from ifcbscan.html.page import render


def test_every_state_has_a_sign_besides_its_colour_and_words_what_to_do() -> None:
    marked = [
        legend_of(state).mark for state in WORST_FIRST if state not in (BinState.SYNCED, BinState.ARCHIVED)
    ]
    assert all(marked) and len(set(marked)) == len(marked)
    # these two differ in shape (a filled cell and a framed one), hence in class
    assert legend_of(BinState.SYNCED).tone != legend_of(BinState.ARCHIVED).tone
    assert all(
        legend_of(state).advice for state in WORST_FIRST if state not in (BinState.SYNCED, BinState.ARCHIVED)
    )
    page = render(report_on([bad(day(index + 1), state) for index, state in enumerate(WORST_FIRST)]))
    text = "".join(Page(page).text)
    for state in WORST_FIRST:
        assert legend_of(state).meaning in text and legend_of(state).advice in text
