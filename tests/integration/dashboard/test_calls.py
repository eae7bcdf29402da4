"""The dashboard's calls over HTTP: what each answer means, and that no answer hangs, misleads or follows."""

from __future__ import annotations

import datetime
import socket
import time
import urllib.request
from typing import Any, Callable, Iterator

import pytest
from support.dashboard import Behaviour, Columns, DashboardStandIn, ShownBin
from support.scripted import Answer, ScriptedServer, Slow

from ifcbscan.dashboard.calls import (
    BinInfo,
    Dashboard,
    DashboardUnreachable,
    PublishedBin,
    SeriesList,
    UnknownToDashboard,
)
from ifcbscan.dashboard.fetch import Site
from ifcbscan.errors import ExitCode

FIRST, LAST = datetime.date(2013, 1, 1), datetime.date(2013, 12, 31)
PIDS = ["D20130526T095207_IFCB013", "D20130527T101010_IFCB013", "D20131231T235959_IFCB013"]

CALLS: dict[str, Callable[[Dashboard], Any]] = {
    "list_datasets": lambda dashboard: dashboard.list_datasets("hablab"),
    "bin": lambda dashboard: dashboard.bin_info(PIDS[0], "nauset"),
    "export_metadata": lambda dashboard: list(dashboard.export_metadata("nauset", FIRST, LAST)),
    "series_list": lambda dashboard: dashboard.series_list("hablab"),
    "most_recent_bin": lambda dashboard: dashboard.most_recent_bin("nauset"),
}
MISBEHAVIOUR = [how for how in Behaviour if how is not Behaviour.GOOD]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[DashboardStandIn]:
    bins = [ShownBin(pid, comment='calm, "clear"\nsea') for pid in PIDS]
    bins[1].skip = True
    with DashboardStandIn({"hablab": ["nauset", "salt pond/2"]}, {"nauset": bins}) as stand_in:
        yield stand_in


@pytest.fixture
def dashboard(server: DashboardStandIn) -> Dashboard:
    return Dashboard(server.url + "/", timeout=10)


def test_the_time_series_of_an_account_are_listed(dashboard: Dashboard) -> None:
    assert dashboard.list_datasets("hablab") == ["nauset", "salt pond/2"]


def test_an_account_that_the_dashboard_does_not_know_is_told_apart_from_a_dashboard_that_is_away(
    dashboard: Dashboard,
) -> None:
    with pytest.raises(UnknownToDashboard, match="account 'nobody'.*USER_ACCOUNT") as refusal:
        dashboard.list_datasets("nobody")
    assert refusal.value.exit_code == ExitCode.USAGE


def test_the_list_of_an_account_says_that_it_is_one(server: DashboardStandIn, dashboard: Dashboard) -> None:
    server.teams["other"] = ["dock"]
    assert dashboard.series_list("hablab") == SeriesList(("nauset", "salt pond/2"), of_account=True)
    assert server.paths() == ["/api/list_datasets/hablab"]


@pytest.mark.parametrize("team, teams_on", [("hablab", False), ("nobody", True)])
def test_where_no_account_is_known_all_time_series_are_listed_and_it_is_said_that_they_are_all(
    server: DashboardStandIn, dashboard: Dashboard, team: str, teams_on: bool
) -> None:
    server.teams["other"] = ["dock"]
    server.teams_on = teams_on
    assert dashboard.series_list(team) == SeriesList(("dock", "nauset", "salt pond/2"), of_account=False)
    assert server.paths() == [f"/api/list_datasets/{team}", "/api/list_datasets"]


def test_a_dashboard_that_lists_nothing_at_all_does_not_know_the_account() -> None:
    not_found = Answer(404, b"<html>", (("Content-Type", "text/html"),))
    unknown = pytest.raises(UnknownToDashboard, match="account 'hablab'.*USER_ACCOUNT")
    with ScriptedServer(then=not_found) as server, unknown:
        Dashboard(server.endpoint).series_list("hablab")


def test_whether_an_account_is_known_is_not_said_by_a_dashboard_that_fails_in_between(
    server: DashboardStandIn, dashboard: Dashboard
) -> None:
    server.behaviour["/api/list_datasets"] = Behaviour.ERROR
    server.behaviour["/api/list_datasets/"] = Behaviour.GOOD
    with pytest.raises(DashboardUnreachable):
        dashboard.series_list("nobody")


def test_the_newest_bin_that_people_see_is_named(server: DashboardStandIn, dashboard: Dashboard) -> None:
    server.now = datetime.datetime(2013, 6, 1)
    assert dashboard.most_recent_bin("nauset") == PIDS[0]  # the next is skipped, the last of the future
    assert [(asked.path, asked.query) for asked in server.asked] == [
        ("/api/most_recent_bin", {"dataset": "nauset"})
    ]
    assert dashboard.most_recent_bin("unknown") is None


@pytest.mark.parametrize("body", [b"{}", b'{"pid": null}', b'{"pid": 7}'])
def test_an_answer_that_names_no_newest_bin_is_no_answer(body: bytes) -> None:
    dashboard = Dashboard("http://127.0.0.1", opener=_opener_that_answers(body))
    with pytest.raises(DashboardUnreachable, match="newest bin of nauset"):
        dashboard.most_recent_bin("nauset")


@pytest.mark.parametrize("columns", Columns)
def test_an_export_is_read_in_the_columns_of_each_release(
    server: DashboardStandIn, dashboard: Dashboard, columns: Columns
) -> None:
    server.columns = columns
    found = [(row.pid, row.skip) for row in dashboard.export_metadata("nauset", FIRST, LAST)]
    assert found == [(PIDS[0], False), (PIDS[1], True), (PIDS[2], False)]


def test_a_bin_is_described_with_the_time_series_that_show_it(dashboard: Dashboard) -> None:
    shown = dashboard.bin_info(PIDS[0], "nauset")
    assert shown == BinInfo(PIDS[0], ("nauset",), False)
    assert shown.published_in("nauset") and not shown.published_in("nauset2")
    skipped = dashboard.bin_info(PIDS[1], "nauset")
    assert skipped is not None and not skipped.published_in("nauset")


def test_a_bin_of_another_time_series_is_not_published_in_this_one(
    server: DashboardStandIn, dashboard: Dashboard
) -> None:
    server.bins["other"] = [ShownBin("D20140101T000000_IFCB013")]
    info = dashboard.bin_info("D20140101T000000_IFCB013", "nauset")
    assert info is not None and not info.published_in("nauset")


@pytest.mark.parametrize("pid, series", [("D20990101T000000_IFCB001", "nauset"), (PIDS[0], "unknown")])
def test_a_bin_or_time_series_that_is_not_there_is_no_error(
    dashboard: Dashboard, pid: str, series: str
) -> None:
    assert dashboard.bin_info(pid, series) is None


def test_an_export_holds_every_bin_of_the_days_with_its_skip(dashboard: Dashboard) -> None:
    assert list(dashboard.export_metadata("nauset", FIRST, LAST)) == [
        PublishedBin("nauset", PIDS[0], False),
        PublishedBin("nauset", PIDS[1], True),
        PublishedBin("nauset", PIDS[2], False),
    ]


def test_an_unknown_time_series_gets_a_line_that_says_so(server: DashboardStandIn) -> None:
    server.bins.clear()
    with pytest.raises(UnknownToDashboard, match="time series 'nauset'"):
        CALLS["export_metadata"](Dashboard(server.url))


def test_names_end_up_in_one_part_of_the_path(server: DashboardStandIn, dashboard: Dashboard) -> None:
    server.teams["a b/c?d"] = ["x"]
    assert dashboard.list_datasets("a b/c?d") == ["x"]


@pytest.mark.parametrize("how", MISBEHAVIOUR, ids=lambda how: how.name)
@pytest.mark.parametrize("call", CALLS)
def test_whatever_the_dashboard_does_ends_in_one_line_that_says_so(
    server: DashboardStandIn, call: str, how: Behaviour
) -> None:
    server.behaviour["/api/"] = how
    began = time.monotonic()
    with pytest.raises(DashboardUnreachable) as trouble:
        CALLS[call](Dashboard(server.url, timeout=0.3, longest_answer=0.5))
    assert time.monotonic() - began < 20
    line = str(trouble.value)
    assert server.url in line and "DASHBOARD_URL" in line and "\n" not in line
    assert trouble.value.exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize(
    "how, words",
    [
        (Behaviour.SILENT, "within 0.3 s"),
        (Behaviour.HTML, "web page"),
        (Behaviour.ERROR, "HTTP 500"),
        (Behaviour.REDIRECT, "elsewhere.*/login"),
        (Behaviour.CUT, "broke off"),
    ],
)
def test_the_line_names_what_happened(server: DashboardStandIn, how: Behaviour, words: str) -> None:
    server.behaviour["/api/"] = how
    with pytest.raises(DashboardUnreachable, match=words):
        Dashboard(server.url, timeout=0.3).list_datasets("hablab")


def test_a_redirect_is_not_followed(server: DashboardStandIn) -> None:
    with DashboardStandIn({"hablab": ["elsewhere"]}) as other:
        server.behaviour["/api/"] = Behaviour.REDIRECT
        server.redirect_to = other.url + "/api/list_datasets/hablab"
        with pytest.raises(DashboardUnreachable):
            Dashboard(server.url).list_datasets("hablab")
        assert other.asked == [] and server.paths() == ["/api/list_datasets/hablab"]


def test_nothing_is_asked_twice_when_it_fails(server: DashboardStandIn, dashboard: Dashboard) -> None:
    server.behaviour["/api/"] = Behaviour.ERROR
    with pytest.raises(DashboardUnreachable):
        dashboard.bin_info(PIDS[0], "nauset")
    assert len(server.asked) == 1


def test_a_dashboard_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DashboardUnreachable, match="could not be reached"):
        Dashboard(f"http://127.0.0.1:{port}").list_datasets("hablab")


@pytest.mark.parametrize("url", ["http://127.0.0.1:port", "http://[::1", "https://"])
def test_an_address_that_cannot_be_one_is_unreachable(url: str) -> None:
    with pytest.raises(DashboardUnreachable):
        Dashboard(url).list_datasets("hablab")


def test_an_answer_that_drips_in_for_ever_is_given_up(server: DashboardStandIn) -> None:
    server.behaviour["/api/"] = Behaviour.DRIP
    with pytest.raises(DashboardUnreachable, match="too slowly"):
        Dashboard(server.url, timeout=10, longest_answer=0.3).list_datasets("hablab")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_headers_that_drip_in_for_ever_are_given_up(call: str, status: int) -> None:
    """Each byte comes within the time-out, so that only the time of the whole can end it."""
    headers = tuple((f"X-{number}", "x" * 100) for number in range(20))
    with ScriptedServer(then=Slow(Answer(status, b"{}", headers), 0.1)) as server:
        began = time.monotonic()
        with pytest.raises(DashboardUnreachable, match="too slowly"):
            CALLS[call](Dashboard(server.endpoint, timeout=10, longest_answer=0.5))
        assert time.monotonic() - began < 5


def test_headers_have_less_time_than_the_whole_answer() -> None:
    with ScriptedServer(then=Slow(Answer(200, b"{}"), 0.1)) as server:
        began = time.monotonic()
        with pytest.raises(DashboardUnreachable, match="too slowly"):
            Site(server.endpoint, timeout=10, longest_headers=0.5).json("bin/x")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("row", ["nauset,D1,,maybe", "nauset,D1", "nauset,D1,,1,1", 'nauset,"D1,,1'])
def test_what_came_before_a_broken_line_of_an_export_is_still_told(row: str) -> None:
    body = f"dataset,pid,sample_time,skip\nnauset,{PIDS[0]},,0\n{row}\n"
    dashboard = Dashboard("http://127.0.0.1", opener=_opener_that_answers(body.encode()))
    rows = dashboard.export_metadata("nauset", FIRST, LAST)
    assert next(rows).pid == PIDS[0]
    with pytest.raises(DashboardUnreachable, match="broken at line"):
        next(rows)


def test_bytes_that_are_no_text_are_a_broken_export() -> None:
    dashboard = Dashboard("http://127.0.0.1", opener=_opener_that_answers(b"pid,skip\n\xff\xfe,0\n"))
    with pytest.raises(DashboardUnreachable, match="broken"):
        list(dashboard.export_metadata("nauset", FIRST, LAST))


def test_a_password_in_the_address_is_not_repeated(server: DashboardStandIn) -> None:
    with pytest.raises(DashboardUnreachable) as trouble:
        Dashboard("http://someone:sesame@127.0.0.1:1").list_datasets("hablab")
    assert "sesame" not in str(trouble.value)


def test_sync_bin_is_never_called(server: DashboardStandIn, dashboard: Dashboard) -> None:
    for call in CALLS.values():
        call(dashboard)
    assert len(server.asked) == len(CALLS) and not any("sync" in path for path in server.paths())


def _opener_that_answers(body: bytes) -> urllib.request.OpenerDirector:
    """urllib itself, with this answer to everything in place of a network."""
    import email
    import io
    import urllib.response

    class Answering(urllib.request.HTTPHandler):
        def http_open(self, request: Any) -> Any:
            headers = email.message_from_string(f"Content-Type: text/csv\nContent-Length: {len(body)}\n\n")
            answer = urllib.response.addinfourl(io.BufferedReader(io.BytesIO(body)), headers, "", 200)
            answer.msg = "OK"  # type: ignore[attr-defined]  # what http.client sets
            return answer

    return urllib.request.build_opener(Answering())
