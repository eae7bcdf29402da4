"""`list` and `check`: what exists where, and whether everything is in order and what to do where it is not."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support import certificate
from support.archive import Archive, Rules
from support.dashboard import Behaviour, DashboardStandIn
from support.operator import Done, Operator
from support.runs import end, rewrite_env
from support.scripted import Act, Answer, Request, ScriptedServer, s3_error

from ifcbscan import __version__
from ifcbscan.cli.bins_check import BinsSubject, check_bins
from ifcbscan.cli.job import load_config
from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.window import EVERYTHING, Window
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import ScheduledJob

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)

NOWHERE = "http://127.0.0.1:9"  # nothing answers there


def put(s3: Any, *keys: str) -> None:
    for key in keys:
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=b"x")


# --- list


@on_moto
def test_each_time_series_is_listed_with_where_it_was_found(
    s3: Any, operator: Operator, dashboard: DashboardStandIn
) -> None:
    dashboard.teams["hablab"].append("planned")
    put(s3, "hablab/nauset/2013/a.adc", "hablab/nauset/2013/a.roi", "hablab/forgotten/2013/a.adc")
    put(s3, "hablab2/other/2013/a.adc", "hablab/no-series.txt")
    done = operator.run("list")
    assert done.stderr == ""
    assert dict(line.split(None, 1) for line in done.stdout.splitlines()) == {
        "forgotten": "in the archive only: the dashboard does not know it, so it shows nothing of it",
        "nauset": "on the dashboard and in the archive",
        "planned": "on the dashboard; nothing in the archive yet",
    }
    assert json.loads(operator.run("list", "--json").stdout) == {
        "account": "hablab",
        "time_series": [
            {"name": "forgotten", "dashboard": False, "archive": True},
            {"name": "nauset", "dashboard": True, "archive": True},
            {"name": "planned", "dashboard": True, "archive": False},
        ],
    }


def test_more_time_series_than_one_page_holds_are_all_listed(s3: Any, operator: Operator) -> None:
    names = [f"series{number:04d}" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(s3, f"hablab/{name}/a.adc"), names))
    done = operator.run("list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == names


@on_moto
@pytest.mark.parametrize("how", [Behaviour.CLOSE, Behaviour.HTML])
def test_without_the_dashboard_the_archive_is_listed_and_a_note_says_why(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, how: Behaviour
) -> None:
    dashboard.behaviour["/api/"] = how
    put(s3, "hablab/nauset/2013/a.adc")
    done = operator.run("list")
    assert dashboard.url in done.stderr and "only what is in the archive" in done.stderr
    assert done.stdout == "nauset  in the archive (whether the dashboard shows it is not known)\n"
    (found,) = json.loads(operator.run("list", "--json").stdout)["time_series"]
    assert found == {"name": "nauset", "dashboard": None, "archive": True}


@on_moto
def test_an_account_that_the_dashboard_does_not_know_is_told_from_a_dashboard_that_is_away(
    s3: Any, operator: Operator, dashboard: DashboardStandIn
) -> None:
    dashboard.teams.clear()
    dashboard.bins.clear()
    put(s3, "hablab/nauset/2013/a.adc")
    done = operator.run("list")
    assert "account 'hablab'" in done.stderr
    assert done.stdout.startswith("nauset  in the archive only")


@on_moto
def test_where_teams_are_switched_off_only_what_is_in_the_archive_is_listed(
    s3: Any, operator: Operator, dashboard: DashboardStandIn
) -> None:
    dashboard.teams_on = False
    dashboard.bins["somebody_elses"] = []
    put(s3, "hablab/nauset/2013/a.adc", "hablab/forgotten/2013/a.adc")
    done = operator.run("list")
    assert dict(line.split(None, 1) for line in done.stdout.splitlines()) == {
        "forgotten": "in the archive only: the dashboard does not know it, so it shows nothing of it",
        "nauset": "on the dashboard and in the archive",
    }
    assert "2 time series of all accounts" in done.stderr and "only what is in the archive" in done.stderr
    assert "USER_ACCOUNT" in done.stderr and "teams are switched off" in done.stderr


@on_moto
def test_an_account_with_nothing_is_told_so(operator: Operator, dashboard: DashboardStandIn) -> None:
    dashboard.teams["hablab"] = []
    done = operator.run("list")
    assert done.stdout == "" and "no time series yet" in done.stderr
    assert json.loads(operator.run("list", "--json").stdout)["time_series"] == []


@on_moto
def test_what_check_has_put_to_try_its_rights_is_no_time_series_wherever_it_is_known(
    s3: Any, operator: Operator, dashboard: DashboardStandIn
) -> None:
    dashboard.teams["hablab"] = ["ifcbscan-check"]  # the dashboard makes one of whatever folder it finds
    operator.run("check", operator.home, "--write", code=None)
    (key,) = s3.objects()
    assert key.startswith("hablab/ifcbscan-check/")
    done = operator.run("list")
    assert done.stdout == "" and "no time series yet" in done.stderr
    assert json.loads(operator.run("list", "--json").stdout)["time_series"] == []
    put(s3, "hablab/ifcbscan-check2/2013/a.adc")
    assert operator.run("list").stdout.split()[0] == "ifcbscan-check2"


@on_moto
def test_a_bucket_that_cannot_be_listed_ends_the_list(operator: Operator, env_file: Path) -> None:
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket")
    done = operator.run("list", code=2)
    assert "NoSuchBucket" in done.stderr and done.stdout == ""


# --- check


def cron_runs() -> bool:
    """Whether a cron service of this machine's own runs."""
    names = (
        path.read_text(encoding="utf-8").strip() for path in _readable(Path("/proc").glob("[0-9]*/comm"))
    )
    return any(name in ("cron", "crond", "fcron") for name in names)


def _readable(paths: Any) -> Iterator[Path]:
    for path in paths:
        try:
            path.read_bytes()
        except OSError:
            continue
        yield path


def items(done: Done) -> dict[str, tuple[bool | None, str]]:
    """Each line of a check: name -> whether it is good (None: not checked), and the text."""
    signs = {"ok ": True, "NOT": False, "-- ": None}
    found = {}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"(ok |NOT|-- )  (.{12}) (.*)", line)
        assert match, line
        assert match.group(2) not in found
        found[match.group(2).strip()] = (signs[match.group(1)], match.group(3))
    return found


def red(done: Done) -> dict[str, str]:
    """The items that are not in order."""
    return {name: text for name, (good, text) in items(done).items() if good is False}


def unchecked(done: Done) -> dict[str, str]:
    """The items that were not checked."""
    return {name: text for name, (good, text) in items(done).items() if good is None}


@on_moto
@pytest.mark.parametrize("kind, code", [("INT", 130), ("TERM", 143)])
def test_an_interruption_is_never_taken_for_something_that_is_not_in_order(
    operator: Operator, dashboard: DashboardStandIn, kind: str, code: int
) -> None:
    """It comes while the schedule is read, where what cannot be read is passed over."""
    program = operator.crontab.program.read_text("utf-8")
    operator.crontab.program.write_text(
        program.replace("#!/bin/sh\n", f"#!/bin/sh\nkill -{kind} $PPID\nsleep 5\n"), "utf-8"
    )
    done = operator.run("check", operator.home, "nauset", code=code)
    assert done.stdout == "" and "interrupted; nothing was changed." in done.stderr


@on_moto
def test_where_all_is_in_order_every_line_is_green_and_the_exit_code_0(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    done = operator.run("check", operator.home, "nauset")
    assert list(items(done)) == [
        "scheduler",
        "schedule",
        "log space",
        "settings",
        "folder",
        "credentials",
        "clock",
        "data disk",
        "bins",
        "dashboard",
        "time series",
    ]
    assert red(done) == {} and done.stderr == ""
    assert unchecked(done) == {
        "schedule": "nothing is scheduled for this user; 'ifcbscan start DIR TIME_SERIES' does it"
    }
    assert items(done)["bins"][1] == f"none in {operator.home} yet, and none of nauset in the archive"
    assert s3.objects() == {} and operator.crontab.changes == 0
    assert dashboard.paths() == ["/api/list_datasets/hablab"]


@on_moto
@pytest.mark.parametrize(
    "setting, in_schedule, said",
    [
        ("500K", None, "at most 500.0 kB a second now (MAX_BANDWIDTH; by this computer's clock it is "),
        ("00:00,200K 00:01,200K", None, "at most 200.0 kB a second now (MAX_BANDWIDTH; "),
        ("500K", "Mon-00:00,off Fri-12:00,off", "no limit now (--bandwidth in the schedule; "),
    ],
)
def test_it_says_what_may_be_sent_now(
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    cron_service: None,
    setting: str,
    in_schedule: str | None,
    said: str,
) -> None:
    rewrite_env(env_file, MAX_BANDWIDTH=setting)
    if in_schedule is not None:
        operator.run("start", operator.home, "nauset", "--no-sync", "--bandwidth", in_schedule)
    good, text = items(operator.run("check", operator.home, "nauset"))["bandwidth"]
    assert good and text.startswith(said)


@on_moto
@pytest.mark.parametrize(
    "settings, in_schedule, good, said",
    [
        ("1G", None, True, "at most 1.0 GB of each time series a day (UTC; MAX_DAILY)"),
        ("1G", "2M", True, "at most 2.0 MB of each time series a day (UTC; --max-daily in the schedule)"),
        ("1000", None, False, "most bins are larger. Is a unit missing? Write 500M or 1G"),
        ("off", None, None, ""),
        ("1G", "off", None, ""),
    ],
)
def test_the_budget_of_a_day_is_told_and_one_without_a_unit_is_red(
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    cron_service: None,
    settings: str,
    in_schedule: str | None,
    good: bool | None,
    said: str,
) -> None:
    rewrite_env(env_file, MAX_DAILY=settings)
    if in_schedule is not None:
        operator.run("start", operator.home, "nauset", "--no-sync", "--max-daily", in_schedule)
    found = items(operator.run("check", operator.home, "nauset", code=2 if good is False else 0))
    assert (
        found.get("daily budget", (None, ""))[0] is good and said in found.get("daily budget", (None, ""))[1]
    )


@on_moto
def test_without_arguments_it_checks_what_the_env_file_names(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    unasked = operator.run("check")
    assert red(unasked) == {}
    for name, said in (("folder", "no DIR was given"), ("time series", "no TIME_SERIES was given")):
        assert said in items(unasked)[name][1] and "not checked" in items(unasked)[name][1]
    rewrite_env(env_file, IFCB_DATA_DIR=str(operator.home / "gone"), TIME_SERIES="naust")
    assert set(red(operator.run("check", code=2))) == {"folder", "time series"}


@on_moto
@pytest.mark.parametrize(
    "settings, item, said, code",
    [
        ({"BUCKET_NAME": "no.such.bucket"}, "credentials", "Check BUCKET_NAME", 2),
        ({"S3_ENDPOINT_URL": NOWHERE}, "credentials", "check the network", 5),
        ({"DASHBOARD_URL": NOWHERE}, "dashboard", "check DASHBOARD_URL", 5),
        ({"USER_ACCOUNT": "nobody"}, "dashboard", "Check USER_ACCOUNT", 2),
    ],
)
def test_one_wrong_setting_is_one_red_line_with_what_to_do(
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    cron_service: None,
    settings: dict[str, str],
    item: str,
    said: str,
    code: int,
) -> None:
    rewrite_env(env_file, **settings)
    done = operator.run("check", operator.home, "nauset", code=code)
    found = red(done)
    assert list(found) == [item] and said in found[item]


@on_moto
@pytest.mark.parametrize("earlier", ["nothing", "scheduler", "settings", "folder"])
def test_a_bucket_that_cannot_be_reached_ends_the_check_with_5_whatever_else_is_not_in_order(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None, earlier: str
) -> None:
    with socket.socket() as closed:  # nobody listens on it
        closed.bind(("127.0.0.1", 0))
        rewrite_env(env_file, S3_ENDPOINT_URL=f"http://127.0.0.1:{closed.getsockname()[1]}")
        if earlier == "scheduler":
            operator.crontab.forbid()
        elif earlier == "settings":
            env_file.chmod(0o644)
        folder = operator.home / "gone" if earlier == "folder" else operator.home
        found = red(operator.run("check", folder, "nauset", code=5))
    assert list(found) == [name for name in (earlier, "credentials") if name != "nothing"]
    assert "could not be reached" in found["credentials"]


@on_moto
def test_a_dashboard_that_cannot_be_reached_does_not_hide_that_the_bucket_refuses(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    rewrite_env(env_file, BUCKET_NAME="no.such.bucket", DASHBOARD_URL=NOWHERE)
    assert list(red(operator.run("check", operator.home, "nauset", code=2))) == ["credentials", "dashboard"]


@on_moto
def test_a_time_series_that_the_dashboard_does_not_know_is_red_with_where_to_create_it(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    found = red(operator.run("check", operator.home, "naust", code=2))
    assert list(found) == ["time series"]
    for text in ("'naust'", "It knows nauset.", "create it for 'hablab'", dashboard.url):
        assert text in found["time series"]


@on_moto
def test_with_teams_switched_off_the_archive_says_whether_it_is_the_account(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    dashboard.teams_on = False
    found = red(operator.run("check", operator.home, "nauset", code=2))
    assert list(found) == ["dashboard"]
    for text in ("'hablab'", "USER_ACCOUNT", "teams are switched off", "check --write"):
        assert text in found["dashboard"]
    assert red(operator.run("check", operator.home, "nauset", "--write")) == {}
    put(s3, "hablab/nauset/2013/a.adc")
    done = operator.run("check", operator.home, "nauset")
    assert red(done) == {} and "teams are switched off" in items(done)["dashboard"][1]
    assert items(done)["dashboard"][1].endswith(
        "The archive holds something of it, so the name may well be right"
    )
    found = red(operator.run("check", operator.home, "naust", code=2))
    assert list(found) == ["time series"] and "Did you mean 'nauset'?" in found["time series"]


@on_moto
@pytest.mark.parametrize(
    "name, what",
    [("gone", "does not exist"), (".env", "is a file, not a folder"), (".env/x", "does not exist")],
)
def test_a_folder_that_cannot_be_read_is_red_in_the_words_of_a_scan(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None, name: str, what: str
) -> None:
    folder = operator.folder / name
    found = red(operator.run("check", folder, "nauset", code=2))
    begins, asks = f"The data folder {folder} {what}.", "Is the disk mounted, the name spelt right?"
    assert found == {"folder": f"{begins} {asks}"}
    scan = operator.run("--once", folder, "nauset", code=2).stderr
    assert begins in scan and asks in scan


@on_moto
def test_an_env_file_that_others_can_read_is_red_with_the_command_that_mends_it(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    env_file.chmod(0o644)
    found = red(operator.run("check", code=2))
    assert list(found) == ["settings"]
    (command,) = re.findall(r"chmod 600 .*", found["settings"])
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert red(operator.run("check")) == {}


@on_moto
@pytest.mark.parametrize("content", [None, "USER_ACCOUNT=hablab\n"])
def test_without_settings_the_rest_cannot_be_checked_and_it_says_what_is_missing(
    operator: Operator, env_file: Path, cron_service: None, content: str | None
) -> None:
    env_file.unlink() if content is None else env_file.write_text(content, encoding="utf-8")
    found = items(operator.run("check", code=2))
    assert set(found) == {
        "scheduler",
        "schedule",
        "log space",
        "settings",
        "credentials",
        "clock",
        "dashboard",
    }
    for name in ("credentials", "clock", "dashboard"):
        assert found[name] == (None, "not checked: that takes the settings")
    good, text = found["settings"]
    assert not good
    assert ("Run 'ifcbscan setup'" if content is None else "does not set AWS_ACCESS_KEY_ID") in text


@on_moto
@pytest.mark.parametrize("name, good", [("there", True), ("gone", False)])
def test_a_folder_that_is_named_is_checked_even_without_settings(
    operator: Operator, env_file: Path, cron_service: None, name: str, good: bool
) -> None:
    env_file.unlink()
    (operator.folder / "there").mkdir()
    found = items(operator.run("check", operator.folder / name, "nauset", code=2))
    assert found["folder"][0] == good and found["settings"][0] is False
    assert found["time series"] == (None, "nauset may be a name; whether it exists was not checked")
    wrong = red(operator.run("check", operator.folder / name, "beads", code=2))
    assert "archive deletes every file" in wrong["time series"]


@on_moto
@pytest.mark.parametrize("there", ["none", "away", "good"])
def test_a_time_series_that_can_be_none_is_red_whatever_the_dashboard_does(
    operator: Operator, env_file: Path, cron_service: None, request: pytest.FixtureRequest, there: str
) -> None:
    if there == "good":
        request.getfixturevalue("dashboard")
    if there == "away":
        rewrite_env(env_file, DASHBOARD_URL=NOWHERE)
    away = {"dashboard"} if there == "away" else set()
    swapped = red(operator.run("check", "nauset", operator.home, code=2))
    assert set(swapped) == {"folder", "time series"} | away
    assert "The folder comes first" in swapped["time series"]
    found = red(operator.run("check", operator.home, "my cruise", code=5 if away else 2))
    assert set(found) == {"time series"} | away and "no point at either end" in found["time series"]
    assert "Did you mean" not in found["time series"]  # the dashboard has none like it
    found = red(operator.run("check", operator.home, "nau set", code=5 if away else 2))
    assert ("Did you mean 'nauset'?" in found["time series"]) == (there == "good")


@on_moto
@pytest.mark.parametrize("asked", [True, False])
def test_a_name_that_the_older_client_refuses_is_green_with_a_remark(
    operator: Operator, cron_service: None, request: pytest.FixtureRequest, asked: bool
) -> None:
    if asked:
        request.getfixturevalue("dashboard").teams["hablab"].append("hablab_dock")
    done = operator.run("check", operator.home, "hablab_dock")
    assert red(done) == {} and items(done)["time series"][0] is (True if asked else None)
    assert "begins with that of the account" in items(done)["time series"][1]


@on_moto
@pytest.mark.parametrize("shift", [-3600, 3600])
def test_a_wrong_clock_is_red_with_by_how_much(
    s3: Any,
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    cron_service: None,
    shift: float,
) -> None:
    with ScriptedServer(upstream=s3.endpoint, shift=shift) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        found = red(operator.run("check", code=2))
    assert list(found) == ["clock"]
    minutes, word = re.match(r"([0-9]+) min (ahead of|behind)", found["clock"]).groups()  # type: ignore[union-attr]
    assert abs(int(minutes) - 60) <= 1
    assert word == ("behind" if shift > 0 else "ahead of") and "please set it" in found["clock"]


@on_moto
def test_a_clock_so_wrong_that_the_bucket_refuses_is_told_with_by_how_much(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    refusal = s3_error(403, "RequestTimeTooSkewed")
    refusal = type(refusal)(
        refusal.status, refusal.body, (*refusal.headers, ("Date", "Tue, 01 Jan 2019 00:00:00 GMT"))
    )
    with ScriptedServer(then=refusal) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        found = red(operator.run("check", code=2))
    assert set(found) == {"credentials", "clock"}
    years = r"[0-9.]+ years ahead of the archive's"
    assert re.search(
        r"RequestTimeTooSkewed \(HTTP 403\): this computer's clock is " + years, found["credentials"]
    )
    assert re.match(years + ": please set it", found["clock"])


@on_moto
def test_the_right_to_write_is_tried_only_when_asked_for_and_what_was_written_the_archive_removes(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None, rules: Rules
) -> None:
    done = operator.run("check", operator.home, "nauset", "--write")
    assert items(done)["writing"][0]
    (key,) = s3.objects()
    # Not in the time series: there it would pass for a first file, and the guard would not ask any more.
    assert key.startswith("hablab/") and not key.startswith("hablab/nauset/")
    assert key in items(done)["writing"][1]
    assert "HABON's archive removes by itself; elsewhere delete it" in items(done)["writing"][1]
    Archive(s3.client, s3.bucket, rules).step()
    assert s3.objects() == {}


@on_moto
def test_the_conditions_that_a_server_honours_are_named(
    strict: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    good, text = items(operator.run("check", operator.home, "nauset", "--write"))["writing"]
    assert good and text.endswith(". If-None-Match is honoured, If-Match is honoured")


@on_moto
def test_a_server_that_ignores_conditions_is_green_with_what_that_means(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    stores = Answer(headers=(("ETag", '"' + "1" * 32 + '"'),))

    def ignore(request: Request) -> Answer | None:
        return stores if {"if-match", "if-none-match"} & set(request.headers) else None

    with ScriptedServer(upstream=s3.endpoint, filtered=ignore) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        good, text = items(operator.run("check", operator.home, "nauset", "--write"))["writing"]
    assert good and "If-None-Match is not honoured, If-Match is not honoured: if two computers send" in text


def proxy_with_a_limit(request: Request) -> Answer | None:
    """As nginx, unless it is told otherwise."""
    if request.kind != "put" or int(request.headers["content-length"]) <= 1_000_000:
        return None
    return Answer(
        413, b"<html><h1>413 Request Entity Too Large</h1></html>", (("Content-Type", "text/html"),)
    )


@on_moto
@pytest.mark.parametrize(
    ("options", "limited", "good", "said"),
    [
        (["--write"], True, None, ""),
        (["--write", "--write-size", "900K"], True, True, "one of 900.0 kB was let through"),
        (
            ["--write-size", "5M"],
            True,
            False,
            "one of 5.0 MB: it was refused with HTTP 413: a proxy on the way",
        ),
        (["--write-size", "5M"], False, True, "one of 5.0 MB was let through"),
    ],
)
def test_a_proxy_that_lets_small_files_through_only_shows_by_a_file_of_a_size_that_is_asked_for(
    s3: Any,
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    cron_service: None,
    options: list[str],
    limited: bool,
    good: bool | None,
    said: str,
) -> None:
    with ScriptedServer(upstream=s3.endpoint, filtered=proxy_with_a_limit if limited else None) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        done = operator.run("check", operator.home, "nauset", *options, code=2 if good is False else 0)
    found = items(done)
    assert found["writing"][0]
    assert found.get("large file", (None, ""))[0] is good and said in found.get("large file", (None, ""))[1]
    assert all(key.startswith("hablab/") and not key.startswith("hablab/nauset/") for key in s3.objects())


@pytest.mark.parametrize("size", ["5T", "0", "600M"])
def test_a_size_that_is_none_or_too_large_is_refused(operator: Operator, size: str) -> None:
    done = operator.run("check", "--write-size", size, code=2)
    assert done.stdout == "" and "--write-size: " in done.stderr


@on_moto
def test_the_newest_bin_tells_of_the_inside_of_the_instrument_and_the_rate_of_the_days_left(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    data = operator.home / "data"
    now = time.time()
    for days in range(4):
        moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now - 3600 - 86400 * days))
        write_bin(data, f"D{moment}_IFCB013")
    newest = max(path.stem for path in data.rglob("*.hdr"))
    (header,) = data.rglob(newest + ".hdr")
    header.write_bytes(header.read_bytes() + b"temperature: 30.54\nhumidity: 12.04\n")
    found = items(operator.run("check", data, "nauset"))
    assert found["instrument"] == (True, f"inside: 30.5 degrees C, 12.0 % humidity ({newest})")
    good, text = found["data disk"]
    assert good and re.fullmatch(r".*B free, enough for .* at the rate of the last days", text)


@on_moto
def test_a_data_disk_without_room_is_red(
    operator: Operator,
    dashboard: DashboardStandIn,
    env_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LocalTree, "free_space", lambda self: 10**8 - 1)
    config = load_config(str(env_file))
    subject = BinsSubject(str(operator.home), None, EVERYTHING, None)
    room, bins = check_bins(config, subject, None, Clock(), Interruption())
    assert (room.good, room.name) == (False, "data disk") and "is nearly full: 100.0 MB free" in room.text
    assert bins.name == "bins"


@on_moto
def test_a_missing_right_to_write_is_red(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    def deny(request: Request) -> Answer | None:
        return s3_error(403, "AccessDenied") if request.kind == "put" else None

    with ScriptedServer(upstream=s3.endpoint, filtered=deny) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        found = red(operator.run("check", operator.home, "nauset", "--write", code=2))
    assert list(found) == ["writing"] and "has no right to do this under hablab/" in found["writing"]


@on_moto
@pytest.mark.parametrize("trouble", ["not permitted", "not installed"])
def test_a_scheduler_that_cannot_be_used_is_red(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None, trouble: str
) -> None:
    operator.crontab.forbid()
    path = "/nonexistent" if trouble == "not installed" else operator.environment["PATH"]
    found = red(operator.run("check", code=2, PATH=path))
    assert list(found) == ["scheduler"]
    assert ("/etc/cron.allow" if trouble == "not permitted" else "apt install cron") in found["scheduler"]


@on_moto
def test_a_cron_service_that_does_not_run_is_red(operator: Operator, dashboard: DashboardStandIn) -> None:
    if cron_runs():
        pytest.skip("a cron service runs on this machine")
    found = red(operator.run("check", code=2))
    assert list(found) == ["scheduler"] and "systemctl enable --now cron" in found["scheduler"]


_ON_A_SMALL_DISK = 'mount -t tmpfs -o size=1m tmpfs "$1" && shift && exec "$@"'


@on_moto
def test_too_little_space_for_logs_is_red(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    home = str(operator.home)
    command = ["unshare", "--mount", "sh", "-c", _ON_A_SMALL_DISK, "sh", home]
    if os.getuid() != 0 or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no root or no mount namespace, so no small disk")
    done = subprocess.run(
        command + operator.command("check"),
        cwd=str(operator.folder),
        env=operator.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    found = red(Done(done.returncode, done.stdout.decode("utf-8"), ""))
    assert done.returncode == 2
    assert list(found) == ["log space"]
    assert re.match("[01] MB free", found["log space"]) and "please make room" in found["log space"]


@on_moto
def test_without_a_dashboard_it_says_that_the_time_series_was_not_checked(
    operator: Operator, cron_service: None
) -> None:
    found = unchecked(operator.run("check", operator.home, "nauset"))
    assert found["dashboard"] == "none to ask: DASHBOARD_URL is not set, and the archive is not HABON's"
    assert found["time series"] == "whether nauset exists was not checked: there is no dashboard to ask"


@on_moto
def test_after_a_red_line_all_else_is_checked_and_what_cannot_be_is_named(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL=NOWHERE)
    done = operator.run("check", operator.home, "nauset", "--write", code=5)
    (text,) = red(done).values()
    assert text.endswith(" Please check the network if this lasts.") and "later run" not in text
    found = unchecked(done)
    assert found.pop("schedule")
    assert found == {
        "clock": "not checked: the archive has not answered",
        "writing": "not checked: the archive could not be asked",
        "bins": f"none in {operator.home}; whether the archive holds some was not checked: the archive could not be asked",
    }
    assert items(done)["dashboard"][0] and items(done)["time series"][0]
    rewrite_env(env_file, DASHBOARD_URL=NOWHERE)
    found = unchecked(operator.run("check", operator.home, "nauset", code=5))
    assert found["time series"] == "whether nauset exists was not checked: the dashboard could not be asked"


@on_moto
def test_a_list_that_cannot_be_had_promises_nothing_that_is_sent(operator: Operator, env_file: Path) -> None:
    rewrite_env(env_file, S3_ENDPOINT_URL=NOWHERE)
    (line,) = operator.run("list", code=5).stderr.splitlines()
    assert line.endswith(" Please check the network if this lasts.") and "later run" not in line


# --- check: a folder without bins, a disk that is not mounted


def write_bins(folder: Path, *pids: str) -> None:
    for pid in pids:
        write_bin(folder, pid, mtime=1.0)


@on_moto
def test_a_folder_without_bins_is_red_only_if_the_archive_holds_some_of_this_series(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    data = operator.folder / "data"
    data.mkdir()
    put(s3, "hablab/other/2013/D20130526/D20130526T095207_IFCB013.adc", "hablab/nauset/notes.txt")
    assert red(operator.run("check", data, "nauset")) == {}
    for pid in ("D20130526T095207_IFCB013", "D20130527T095207_IFCB013"):
        put(s3, *(f"hablab/nauset/2013/{pid[:9]}/{pid}.{suffix}" for suffix in ("adc", "hdr", "roi")))
    assert red(operator.run("check", data, "nauset", code=2)) == {
        "bins": f"no bin was found in {data}, though the archive holds 2 of this series. Is the disk mounted?"
    }
    assert unchecked(operator.run("check", data))["bins"] == (
        f"none in {data}; whether the archive holds some was not checked: no TIME_SERIES was given"
    )
    write_bins(data, "D20130528T095207_IFCB013")
    done = operator.run("check", data, "nauset")
    assert items(done)["bins"] == (True, f"1 complete bin in {data}")


@on_moto
def test_bins_that_the_job_is_not_for_do_not_make_its_folder_look_empty(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    data = operator.folder / "data"
    data.mkdir()
    put(s3, "hablab/nauset/2013/D20130526/D20130526T095207_IFCB013.adc")
    operator.run("start", data, "nauset", "--no-sync", "--since", "2020-01-01")
    assert red(operator.run("check", data, "nauset")) == {}


@on_moto
def test_a_folder_in_which_a_new_bin_should_be_by_now_is_red_in_the_words_of_a_scan(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    data = operator.folder / "data"
    write_bins(data, "D20130528T095207_IFCB013")
    job = operator.schedule(data, "nauset")
    said = "(2013-05-28T09:52:07Z), and one is expected every {}. Does the instrument measure, and is its clock right?"
    for extras, window, every in (
        (JobExtras(expect_every="2h"), Window(), "2 h"),
        (JobExtras(expect_every="2h"), Window(until=1400000000.0), None),  # nothing is expected any more
        (JobExtras(expect_every="nonsense"), Window(), None),
        (JobExtras(), Window(), None),
    ):
        made = with_job(None, replace(job, extras=extras, window=window))
        operator.crontab.table.write_bytes(made)
        done = operator.run("check", data, "nauset", code=None)
        assert items(done)["bins"][0] == (every is None)
        assert every is None or items(done)["bins"][1].endswith(said.format(every))
    rewrite_env(env_file, EXPECT_EVERY="3d")
    found = red(operator.run("check", data, "nauset", code=2))
    assert found["bins"].startswith("no new bin: the newest one here was sampled ")
    assert found["bins"].endswith(said.format("3 days"))
    write_bins(data, time.strftime("D%Y%m%dT%H%M%S_IFCB013", time.gmtime(time.time() - 3600)))
    assert red(operator.run("check", data, "nauset")) == {}


@on_moto
def test_a_server_without_https_is_not_said_to_be_trusted_by_certificates(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    bundle, _ = certificate.make(operator.folder)
    done = operator.run("check", operator.home, "nauset", AWS_CA_BUNDLE=bundle)
    assert bundle not in done.stdout
    rewrite_env(env_file, S3_ENDPOINT_URL="https://127.0.0.1:9")
    done = operator.run("check", operator.home, "nauset", code=None, AWS_CA_BUNDLE=bundle)
    assert f"the archive's server is trusted by the certificates in {bundle}" in done.stdout


@on_moto
def test_more_bins_than_one_page_holds_are_told_as_at_least(
    s3: Any, operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    data = operator.folder / "data"
    data.mkdir()
    names = [f"D20130526T{number // 60:02d}{number % 60:02d}00_IFCB013" for number in range(1005)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: put(s3, f"hablab/nauset/2013/D20130526/{name}.adc"), names))
    found = red(operator.run("check", data, "nauset", code=2))
    assert "though the archive holds at least 1,000 of this series." in found["bins"]


@on_moto
def test_a_disk_that_is_mounted_no_more_is_red(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    """`start` has written where it was mounted; here nothing is any more, whatever it was."""
    place = operator.folder / "disk"
    (place / "data").mkdir(parents=True)
    job = operator.schedule(place / "data")
    assert red(operator.run("check", place / "data", "nauset")) == {}
    job = replace(job, extras=JobExtras(mounted_at=str(place)))
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    gone = (
        f"{place} is no mount point any more, so {place}/data is now a folder of the system's own disk: what the "
        "instrument writes to its disk is not seen. Is the disk mounted?"
    )
    schedule = {"schedule": f"{place / 'data'} to nauset: {gone}"}
    for words in ((place / "data", "nauset"), (place / "data",)):
        assert red(operator.run("check", *words, code=2)) == {**schedule, "folder": gone}
    dashboard.teams["hablab"].append("other")
    assert red(operator.run("check", place / "data", "other", code=2)) == schedule
    assert red(operator.run("check", place, "nauset", code=2)) == schedule
    job = replace(job, extras=JobExtras(mounted_at="/proc"))  # this one is mounted
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    assert red(operator.run("check", place / "data", "nauset")) == {}


# --- check: the entries of the schedule


def scheduled(operator: Operator, **changes: Any) -> ScheduledJob:
    """A job in the crontab, with these changes."""
    data = operator.folder / "data"
    data.mkdir(exist_ok=True)
    job = replace(operator.schedule(data), **changes)
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    return job


@on_moto
def test_entries_that_start_this_very_program_are_green(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    job = scheduled(operator)
    done = operator.run("check", PYTHONPATH=str(operator.folder), PYTHONHOME="")
    assert items(done)["schedule"] == (
        True,
        f"{job.directory} to nauset: its entries start ifcbscan {__version__}",
    )
    edited = (operator.crontab.text or b"").replace(b"--quiet", b"--verbose")
    operator.crontab.table.write_bytes(edited)
    good, text = items(operator.run("check"))["schedule"]
    assert good and text.endswith(f"ifcbscan {__version__}, somebody has edited it, and it runs as edited")


def no_such_python(operator: Operator) -> dict[str, str]:
    return {"python": str(operator.folder / "venv" / "python")}


def a_python_without_the_package(operator: Operator) -> dict[str, str]:
    venv.EnvBuilder(symlinks=True, with_pip=False).create(str(operator.folder / "venv"))
    return {"python": str(operator.folder / "venv" / "bin" / "python")}


def a_single_file_that_is_gone(operator: Operator) -> dict[str, str]:
    return {"single_file": str(operator.folder / "ifcbscan.pyz")}


@on_moto
@pytest.mark.parametrize(
    "broken, said",
    [
        (no_such_python, "cannot be started: No such file or directory."),
        (
            a_python_without_the_package,
            "does not start ifcbscan: ModuleNotFoundError: No module named 'botocore'.",
        ),
        (a_single_file_that_is_gone, "can't open file "),
    ],
)
def test_entries_that_start_nothing_are_red_with_the_reason(
    operator: Operator,
    dashboard: DashboardStandIn,
    cron_service: None,
    broken: Callable[[Operator], dict[str, str]],
    said: str,
) -> None:
    job = scheduled(operator, **broken(operator))
    found = red(operator.run("check", job.directory, "nauset", code=2))
    assert list(found) == ["schedule"]
    assert (
        found["schedule"].startswith(f"{job.directory} to nauset: {job.python} ")
        and said in found["schedule"]
    )
    assert found["schedule"].endswith(
        " Nothing of it is sent. Mend that Python, or type the same 'ifcbscan start' with --restart, from one that works."
    )


@on_moto
def test_an_entry_that_is_missing_or_whose_settings_cannot_be_read_is_red(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    job = scheduled(operator, env_file=str(operator.folder / "gone.env"))
    found = red(operator.run("check", job.directory, "nauset", code=2))
    assert found == {
        "schedule": f"{job.directory} to nauset: --env-file: there is no file {job.env_file}. Correct the path, or let "
        "'ifcbscan setup' with that --env-file make it."
    }
    job = scheduled(operator)
    lines = (operator.crontab.text or b"").splitlines(True)
    operator.crontab.table.write_bytes(b"".join(line for line in lines if not line.startswith(b"* *")))
    assert red(operator.run("check", code=2)) == {
        "schedule": f"{job.directory} to nauset: the every-minute entry is missing; the same 'ifcbscan start' again puts it back."
    }


@on_moto
def test_entries_of_an_earlier_version_are_red_until_the_same_start_again(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    job = scheduled(operator)
    now = operator.crontab.text or b""
    operator.crontab.table.write_bytes(re.sub(rb"&& \{ (.*) \|\| \{ r=.*; \} >", rb"&& \1 >", now))
    assert red(operator.run("check", code=2)) == {
        "schedule": f"{job.directory} to nauset: installed by an earlier version; the same 'ifcbscan start' again brings it up to "
        "date. Until then nothing tells if Python does not start any more."
    }


@on_moto
def test_on_a_terminal_good_is_green_and_bad_is_red(
    operator: Operator, dashboard: DashboardStandIn, cron_service: None
) -> None:
    with operator.at_terminal("check", operator.home / "gone", "nauset") as terminal:
        screen = terminal.end().stderr
    assert "\033[32mok \033[0m  settings" in screen and "\033[31mNOT\033[0m  folder" in screen
    with operator.at_terminal("check", operator.home / "gone", "nauset", NO_COLOR="1") as terminal:
        screen = terminal.end().stderr
    assert "\033" not in screen and "ok   settings" in screen and "NOT  folder" in screen


@on_moto
def test_ctrl_c_ends_the_check(
    operator: Operator, dashboard: DashboardStandIn, env_file: Path, cron_service: None
) -> None:
    with ScriptedServer(then=Act.STALL) as server:
        rewrite_env(env_file, S3_ENDPOINT_URL=server.endpoint)
        process = operator.start("check")
        server.wait_for("list")
        process.send_signal(signal.SIGINT)
        code, stdout, _ = end(process)
    assert code == 130 and "credentials" not in stdout
    assert dashboard.paths() == []
