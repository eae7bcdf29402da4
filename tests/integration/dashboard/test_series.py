"""The guard: nothing is sent into a time series that the dashboard does not know; ordinary runs ask nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import Behaviour, DashboardStandIn
from support.runs import assert_whole, rewrite_env, sizes_of

from ifcbscan.demo.sample_bins import write_bin

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)

PID = "D20130526T095207_IFCB013"
ASKED = ["/api/list_datasets/hablab"]
COMMANDS = [("sync",), ("--once",)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write_bin(folder, PID, mtime=1.0)
    return folder


def put_something(s3: Any, key: str) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"something")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_sent_into_a_time_series_that_the_dashboard_does_not_know(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path, command: Any
) -> None:
    done = operator.run(*command, data, "naust", code=2)
    assert s3.objects() == {}
    assert dashboard.paths() == ASKED
    (line,) = done.stderr.splitlines()
    for text in ("'naust'", "'hablab'", "It knows nauset.", "Nothing was sent.", dashboard.url, "--force"):
        assert text in line
    assert "Did you mean 'nauset'?" in line and "under a misspelt name they appear nowhere" in line


def test_the_first_bins_of_a_time_series_that_exists_cost_one_request_to_the_dashboard_and_later_ones_none(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    operator.run("sync", data, "nauset")
    assert_whole(s3, data.iterdir())
    assert dashboard.paths() == ASKED
    write_bin(data, "D20130527T095207_IFCB013", mtime=1.0)
    operator.run("--once", data, "nauset")
    operator.run("--once", data, "nauset")
    assert_whole(s3, data.iterdir())
    assert dashboard.paths() == ASKED


def test_force_sends_all_the_same_and_says_so(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    done = operator.run("--once", data, "naust", "--force")
    assert s3.objects() == sizes_of(data.iterdir(), "hablab/naust/")
    assert "does not know a time series 'naust'" in done.stderr and "--force" in done.stderr


@pytest.mark.parametrize("how", [Behaviour.CLOSE, Behaviour.HTML, Behaviour.ERROR, Behaviour.REDIRECT])
def test_a_dashboard_that_does_not_answer_costs_a_warning_and_no_data(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path, how: Behaviour
) -> None:
    dashboard.behaviour["/api/"] = how
    done = operator.run("sync", data, "naust", "--json")
    assert s3.objects() == sizes_of(data.iterdir(), "hablab/naust/")
    (warning,) = json.loads(done.stdout)["warnings"]
    assert dashboard.url in warning and "'naust'" in warning and "will not be shown" in warning
    assert warning in done.stderr
    assert dashboard.paths() == ASKED  # one try, and none at the page that a redirect names


def test_an_account_that_the_dashboard_does_not_know_gets_nothing_sent(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    dashboard.teams.clear()
    dashboard.bins.clear()
    done = operator.run("sync", data, "nauset", code=2)
    assert s3.objects() == {}
    assert "account 'hablab'" in done.stderr and "USER_ACCOUNT" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_where_teams_are_switched_off_a_time_series_of_the_list_of_all_exists(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path, command: Any
) -> None:
    dashboard.teams_on = False
    done = operator.run(*command, data, "nauset")
    assert_whole(s3, data.iterdir())
    assert len(done.stderr.splitlines()) == 1  # how it went, and no warning
    assert dashboard.paths() == [*ASKED, "/api/list_datasets"]


def test_where_teams_are_switched_off_an_unknown_time_series_is_refused_with_both_causes(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    dashboard.teams_on = False
    dashboard.bins["dock"] = []
    done = operator.run("--once", data, "naust", code=2)
    assert s3.objects() == {}
    (line,) = done.stderr.splitlines()
    for text in ("'naust'", "the 2 of all accounts", "'hablab'", "USER_ACCOUNT", "teams are switched off"):
        assert text in line
    assert "Did you mean 'nauset'?" in line and "dock" not in line


def test_a_list_of_all_that_does_not_come_is_a_dashboard_that_does_not_answer(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    dashboard.teams_on = False
    dashboard.behaviour = {"/api/list_datasets": Behaviour.ERROR, "/api/list_datasets/": Behaviour.GOOD}
    done = operator.run("sync", data, "naust")
    assert len(s3.objects()) == 3 and "nobody could say" in done.stderr


def test_the_every_minute_scan_asks_before_the_first_file_as_well(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    done = operator.run("--once", data, "naust", "--max-age", "20000d", code=2)
    assert s3.objects() == {}
    assert "does not know a time series 'naust'" in done.stderr
    assert dashboard.paths() == ASKED


def test_the_every_minute_scan_asks_nobody_once_the_time_series_has_something(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    # Of other days than those that it lists.
    put_something(s3, "hablab/naust/1999/D19990101/D19990101T000000_IFCB013.hdr")
    operator.run("--once", data, "naust", "--max-age", "20000d")
    assert len(s3.objects("hablab/naust/")) == 4
    assert dashboard.paths() == []


def test_one_object_anywhere_in_the_time_series_is_enough_for_nobody_to_be_asked(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    # Far from where the bins of this run go, so that only the whole listing shows it.
    put_something(s3, "hablab/naust/zzz")
    operator.run("sync", data, "naust")
    assert dashboard.paths() == []
    assert len(s3.objects("hablab/naust/")) == 4


def test_objects_of_a_time_series_whose_name_begins_alike_do_not_count(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    put_something(s3, "hablab/naust2/zzz")
    operator.run("sync", data, "naust", code=2)
    assert list(s3.objects()) == ["hablab/naust2/zzz"]
    assert dashboard.paths() == ASKED


@pytest.mark.parametrize("content", ["nothing", "an incomplete bin"])
def test_a_folder_with_nothing_to_send_asks_nobody(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path, content: str
) -> None:
    for path in list(data.iterdir()):
        if content == "nothing" or path.suffix == ".roi":
            path.unlink()
    operator.run("sync", data, "naust")
    assert dashboard.paths() == []


def test_a_dry_run_says_that_the_time_series_does_not_exist(
    s3: Any, dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    done = operator.run("sync", data, "naust", "--dry-run", code=2)
    assert "does not know a time series 'naust'" in done.stderr


def test_where_there_is_no_dashboard_nobody_is_asked_and_nothing_is_said(
    s3: Any, env_file: Path, operator: Any, data: Path
) -> None:
    rewrite_env(env_file, DASHBOARD_URL=None)
    done = operator.run("--once", data, "naust", "--quiet")
    assert s3.objects() == sizes_of(data.iterdir(), "hablab/naust/")
    assert done.stderr == ""


def test_a_long_list_of_time_series_is_cut_short(
    dashboard: DashboardStandIn, operator: Any, data: Path
) -> None:
    dashboard.teams["hablab"] = [f"series{number:03d}" for number in range(300)]
    done = operator.run("sync", data, "naust", code=2)
    assert "series011 and 288 more" in done.stderr
    assert len(done.stderr) < 1000


def test_a_password_in_the_address_of_the_dashboard_is_not_shown(
    dashboard: DashboardStandIn, env_file: Path, operator: Any, data: Path
) -> None:
    # A password means nothing there, so the address is refused, and not shown.
    rewrite_env(env_file, DASHBOARD_URL=dashboard.url.replace("//", "//me:hushhush@"))
    done = operator.run("sync", data, "naust", "--dry-run", code=2)
    assert "hushhush" not in done.stdout + done.stderr
    assert "DASHBOARD_URL" in done.stderr
