"""`ifcbscan report` from its options to its file: a folder, a bucket and a dashboard, all real."""

from __future__ import annotations

import datetime
import html
import json
import os
import re
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import Behaviour, DashboardStandIn, ShownBin
from support.operator import Operator
from support.runs import rewrite_env

from ifcbscan.cli.commands import report
from ifcbscan.cli.more_options import ReportArguments
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.signals import Interruption
from ifcbscan.core.bins import parse_pid
from ifcbscan.core.last_run import FORM, LastRun
from ifcbscan.core.window import Window
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import ConfigError, ExitCode, UsageError
from ifcbscan.schedule.crontab_text import with_job
from ifcbscan.schedule.extras import JobExtras
from ifcbscan.schedule.jobs import ScheduledJob
from ifcbscan.state import last_runs

only_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)

WHOLE, SHOWN, NEW, HIDDEN = (f"D2013052{day}T095207_IFCB013" for day in range(1, 5))
OLD = "IFCB5_2012_028_081515"


@pytest.fixture
def folder(tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five bins, all but `NEW` in the bucket."""
    made = tmp_path / "data <b>&"
    for pid in (WHOLE, SHOWN, NEW, HIDDEN, OLD):
        write_bin(made, pid, images=4, mtime=1400000000.0)
        parsed = parse_pid(pid)
        assert parsed is not None
        for extension in ("roi", "hdr", "adc") if pid != NEW else ():
            body = (made / f"{pid}.{extension}").read_bytes()
            s3.client.put_object(Bucket=s3.bucket, Key=parsed.key("hablab/nauset/", extension), Body=body)
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return made


def options(folder: Path, env_file: Path, **more: Any) -> ReportArguments:
    """The record of `report FOLDER nauset` and of the options given."""
    job = JobArguments(str(folder), "nauset", str(env_file))
    usual = ReportArguments(job, (), None, as_json=False, published=False, images=False, open_browser=False)
    return replace(usual, **more)


def run(given: ReportArguments, capsys: Any) -> tuple[int, str, str]:
    code = report.run(given, Interruption())
    out, err = capsys.readouterr()
    return code, out, err


def test_the_page_is_written_and_its_place_told_to_whoever_sits_there(
    folder: Path, env_file: Path, tmp_path: Path, s3: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = s3.objects()
    assert run(options(folder, env_file), capsys) == (ExitCode.DONE, "", "")  # nothing for cron to mail
    target = tmp_path / "nauset-report.html"
    target.unlink()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, err = run(options(folder, env_file), capsys)
    assert (code, out) == (ExitCode.DONE, "") and str(target) in err
    page = target.read_text(encoding="utf-8")
    assert "All is well; 1 bin on its way; last bin " in page and "data &lt;b&gt;&amp;" in page
    assert "<title>2013-05-22: 1 synced</title>" in page and "data:image" not in page
    assert s3.objects() == before


def test_the_json_goes_to_stdout_without_a_page_unless_one_is_asked_for(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    _, out, _ = run(options(folder, env_file, as_json=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["synced"], figures["bins"]["to_upload"]) == (4, 1)
    assert [entry["pid"] for entry in figures["unfinished"]] == [NEW]
    assert not list(tmp_path.glob("*.html"))
    _, out, _ = run(options(folder, env_file, as_json=True, output="there.html"), capsys)
    page = (tmp_path / "there.html").read_text(encoding="utf-8")
    assert re.findall(r'data-figure="totals.bins" value="(\d+)"', page) == [
        str(json.loads(out)["totals"]["bins"])
    ]


def test_images_of_the_newest_bin_come_along_when_asked_for(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    run(options(folder, env_file, images=True, output="x.html"), capsys)
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count('src="data:image/png;base64,') == 4
    assert re.search(f"Some of those in .*{HIDDEN}", page)


def with_dashboard(env_file: Path, url: str) -> None:
    with env_file.open("a", encoding="utf-8") as file:
        file.write(f"DASHBOARD_URL={url}\n")


def test_bins_that_the_dashboard_does_not_show_are_told(folder: Path, env_file: Path, capsys: Any) -> None:
    shown = [ShownBin(WHOLE), ShownBin(SHOWN), ShownBin(HIDDEN), ShownBin(NEW)]
    shown[2].skip = True
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": shown}) as server:
        with_dashboard(env_file, server.url)
        code, out, err = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    # of 2012 the dashboard has nothing at all; a bin that is not in the archive stays what it is
    assert [(entry["pid"], entry["state"]) for entry in figures["unfinished"]] == [
        (HIDDEN, "unpublished"),
        (OLD, "unpublished"),
        (NEW, "to_upload"),
    ]
    assert (code, err, figures["published_known"]) == (ExitCode.DONE, "", True)


def test_the_report_tells_as_verify_does_why_a_bin_is_not_shown(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    bins = {
        "nauset": [ShownBin(SHOWN, sample_time=datetime.datetime(2019, 1, 1)), ShownBin(HIDDEN, skip=True)],
        "dock": [ShownBin(OLD)],
    }
    with DashboardStandIn({"hablab": ["nauset"]}, bins, [ShownBin(WHOLE, skip=True)]) as server:
        with_dashboard(env_file, server.url)
        more = {"as_json": True, "published": True, "output": "x.html"}
        code, out, err = run(options(folder, env_file, **more), capsys)
    figures = json.loads(out)
    reasons = {entry["pid"]: entry["reason"] for entry in figures["unfinished"] if entry["pid"] != NEW}
    assert set(reasons) == {WHOLE, HIDDEN, OLD}  # not the one whose sample time somebody has edited
    assert "broken entry" in reasons[WHOLE] and "marked as skipped" in reasons[HIDDEN]
    assert "under the time series dock" in reasons[OLD]
    assert (code, err, figures["published_known"]) == (ExitCode.DONE, "", True)
    assert figures["bins"]["unpublished"] == 3 and figures["bins"]["synced"] == 1
    singly = [asked.path for asked in server.asked if asked.path.startswith("/api/bin/")]
    assert sorted(singly) == sorted(f"/api/bin/{pid}" for pid in (WHOLE, SHOWN, OLD))
    assert "has a broken entry of it" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_what_the_dashboard_said_before_it_failed_is_in_the_report_and_the_rest_is_not_known(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    class FailsLater(DashboardStandIn):
        def how(self, path: str) -> Behaviour:
            return Behaviour.ERROR if len(self.asked) == 2 else Behaviour.GOOD

    with FailsLater({"hablab": ["nauset"]}, {"nauset": [ShownBin(OLD, skip=True)]}) as server:
        with_dashboard(env_file, server.url)
        _, out, _ = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["unpublished"], figures["bins"]["synced"]) == (1, 3)
    assert figures["published_known"] is False
    (warning,) = figures["warnings"]
    assert "of 2013 and later is not known" in warning and "does not say of all bins" in warning


def test_of_a_bin_that_the_dashboard_will_refuse_the_report_says_why(
    folder: Path, env_file: Path, tmp_path: Path, s3: Any, capsys: Any
) -> None:
    # Both have a header row; only one is not shown.
    for pid in (SHOWN, HIDDEN):
        path = folder / f"{pid}.adc"
        path.write_bytes(b",".join([b"name"] * 24) + b"\n" + path.read_bytes())
        os.utime(str(path), (1400000000.0, 1400000000.0))
        parsed = parse_pid(pid)
        assert parsed is not None
        key = parsed.key("hablab/nauset/", "adc")
        s3.client.put_object(Bucket=s3.bucket, Key=key, Body=path.read_bytes())
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": [ShownBin(WHOLE), ShownBin(SHOWN)]}) as server:
        with_dashboard(env_file, server.url)
        _, out, _ = run(options(folder, env_file, as_json=True, published=True, output="x.html"), capsys)
    reasons = {entry["pid"]: entry["reason"] for entry in json.loads(out)["unfinished"]}
    why = "the dashboard will refuse it: the .adc begins with a row of names"
    assert reasons[HIDDEN] == why and SHOWN not in reasons
    assert reasons[OLD] == "the dashboard does not have it"
    assert why in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_a_dashboard_without_the_time_series_publishes_nothing_and_the_report_says_so(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    with DashboardStandIn({"hablab": []}, {}) as server:
        with_dashboard(env_file, server.url)
        _, out, err = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert (figures["bins"]["unpublished"], figures["bins"]["synced"]) == (4, 0)
    assert len(figures["warnings"]) == 1 and "nauset" in figures["warnings"][0] and "warning: " in err


def test_a_dashboard_that_does_not_answer_takes_nothing_from_the_rest(
    folder: Path, env_file: Path, capsys: Any
) -> None:
    with DashboardStandIn({"hablab": ["nauset"]}, {"nauset": []}) as server:
        server.behaviour["/api/"] = Behaviour.ERROR
        with_dashboard(env_file, server.url)
        code, out, _ = run(options(folder, env_file, as_json=True, published=True), capsys)
    figures = json.loads(out)
    assert code == ExitCode.DONE and figures["bins"]["synced"] == 4
    assert figures["published_known"] is False
    assert "does not say which bins the dashboard shows" in figures["warnings"][0]


def test_a_folder_that_cannot_be_read_is_in_the_report_and_in_the_exit_code(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = folder / "locked"
    locked.mkdir()
    real = os.scandir

    def scandir(path: Any) -> Any:  # root may read everything, so a mode would not do
        if str(path) == str(locked):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    code, _, err = run(options(folder, env_file), capsys)
    page = (tmp_path / "nauset-report.html").read_text(encoding="utf-8")
    assert code == ExitCode.PARTLY_FAILED
    assert (
        '<p class="answer">Not everything could be seen; last bin ' in page
        and "Permission denied" in page
        and "Permission denied" in err
    )


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"job": {"directory": "none"}}, UsageError, "does not exist"),
        ({"job": {"time_series": "a b"}}, UsageError, "time series"),
        ({"job": {"env_file": "none.env"}}, ConfigError, "none.env"),
        ({"output": "none/x.html"}, UsageError, "-o FILE"),
        ({"published": True}, UsageError, "DASHBOARD_URL"),
    ],
)
def test_what_cannot_be_is_one_line(
    folder: Path, env_file: Path, more: dict[str, Any], error: type[Exception], words: str
) -> None:
    given = options(folder, env_file)
    job = given.job._replace(**more.get("job", {}))
    with pytest.raises(error, match=re.escape(words)):
        report.run(replace(given, **{**more, "job": job}), Interruption())


SILENT = "no bin was found in {}, though the archive holds 4 of this series. Is the disk mounted?"


def banner(page: str) -> tuple[str, str]:
    """Stage and text of a page's banner."""
    (found,) = re.findall(r'<p class="stage">(.*)</p>\n<p class="answer">(.*)</p>', page)
    return found[0], html.unescape(found[1])


def test_an_empty_folder_though_the_archive_holds_bins_is_red_and_no_hundred_per_cent_hides_it(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    empty = tmp_path / "mnt"
    empty.mkdir()
    code, _, err = run(options(empty, env_file, output="x.html"), capsys)
    said = SILENT.format(empty)
    assert code == ExitCode.PARTLY_FAILED and f"warning: {said}\n" in err
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert banner(page) == ("needs you", said) and 'class="verdict bad"' in page
    code, out, _ = run(options(empty, env_file, as_json=True), capsys)
    figures = json.loads(out)
    assert (figures["silence"], figures["state"], figures["reason"]) == (said, "needs_you", said)


def test_a_bin_that_is_expected_and_does_not_come_is_red(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any
) -> None:
    code, _, _ = run(options(folder, env_file, output="x.html", expect_every=7200.0), capsys)
    stage, text = banner((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert code == ExitCode.PARTLY_FAILED and stage == "needs you"
    assert text.startswith("no new bin: the newest one here was sampled 1") and "every 2 h." in text
    with env_file.open("a", encoding="utf-8") as file:
        file.write("EXPECT_EVERY=3d\n")
    code, out, _ = run(options(folder, env_file, as_json=True), capsys)
    assert code == ExitCode.PARTLY_FAILED and "every 3 days." in json.loads(out)["silence"]
    window = Window(until=1400000000.0)  # nothing is expected any more
    code, out, _ = run(options(folder, env_file, as_json=True, window=window), capsys)
    figures = json.loads(out)
    assert (code, figures["silence"], figures["state"]) == (ExitCode.DONE, "", "on_its_way")
    assert figures["gaps"][-1]["last"] == "2014-05-13"


@only_moto
def test_what_the_schedule_says_of_a_folder_counts_for_its_page(
    operator: Operator, folder: Path, tmp_path: Path
) -> None:
    schedule(operator, folder, "nauset", expect_every="5h")
    done = operator.run("report", folder, "nauset", "-o", "x.html", code=3)
    assert "and one is expected every 5 h. Does the instrument measure" in done.stderr
    schedule(operator, folder, "nauset", mounted_at=str(tmp_path))
    operator.run("report", folder, "nauset", "-o", "x.html", code=3)
    said = f"{tmp_path} is no mount point any more, so {folder} is now a folder of the system's own disk"
    stage, text = banner((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert stage == "needs you" and text.startswith(said)
    write_bin(folder / "sub", "D20130601T095207_IFCB013", mtime=1400000000.0)
    operator.run("report", folder / "sub", "nauset", "-o", "x.html")  # of another folder nothing is known
    schedule(operator, folder, "nauset", mounted_at="/")
    operator.run("report", folder, "nauset", "-o", "x.html")


@only_moto
def test_a_full_data_disk_makes_the_page_red_and_the_exit_code_that_of_the_scan(
    folder: Path, env_file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalTree, "free_space", lambda self: 10**8 - 1)
    code, _, err = run(options(folder, env_file, output="x.html"), capsys)
    assert (
        code == ExitCode.PARTLY_FAILED
        and f"the disk of {folder} is nearly full: 100.0 MB free. A full disk" in err
    )
    stage, text = banner((tmp_path / "x.html").read_text(encoding="utf-8"))
    assert stage == "needs you" and text.startswith("The data disk is nearly full; last bin")


def schedule(operator: Operator, folder: Path, time_series: str, **more: Any) -> ScheduledJob:
    """Make it stand in the crontab as `start` would; `more`: an `env_file`, a `window`, or what is in JobExtras."""
    job = operator.schedule(folder, time_series)
    own = {name: more.pop(name) for name in ("env_file", "window") if name in more}
    job = replace(job, extras=JobExtras(**more), **own)
    operator.crontab.table.write_bytes(with_job(operator.crontab.text, job))
    return job


def other_bucket(env_file: Path) -> Path:
    """Settings that name a bucket which is not there."""
    made = env_file.with_name("other.env")
    made.touch(mode=0o600)
    text = env_file.read_text(encoding="utf-8")
    made.write_text(re.sub("(BUCKET_NAME=.*)", r"\1x", text), encoding="utf-8")
    return made


def index_of(place: Path) -> str:
    return (place / "index.html").read_text(encoding="utf-8")


def pages_in(text: str) -> list[str]:
    """The pages that an index leads to, in its order."""
    return re.findall(r'<a href="([^"#]+)">', text)


@only_moto
def test_all_jobs_get_a_page_each_and_an_index_over_them_the_worst_first(
    operator: Operator, folder: Path, env_file: Path, tmp_path: Path, s3: Any
) -> None:
    before = s3.objects()
    empty = tmp_path / "mnt"
    empty.mkdir()
    (tmp_path / "broken.env").write_text("AWS_ACCESS_KEY_ID\n'", encoding="utf-8")
    (tmp_path / "broken.env").chmod(0o600)
    good = schedule(operator, folder, "nauset")
    silent = schedule(operator, empty, "nauset")
    others = [str(shutil.copytree(folder, tmp_path / name)) for name in ("for broken", "refusing", "windows")]
    broken = schedule(operator, Path(others[0]), "broken", env_file=str(tmp_path / "broken.env"))
    gone = schedule(operator, tmp_path / "gone", "gone")
    refused = schedule(operator, Path(others[1]), "refused", env_file=str(other_bucket(env_file)))
    windowed = schedule(operator, Path(others[2]), "windowed", window=Window(until=1369180800.0))
    place = tmp_path / "www"
    done = operator.run("report", "--all", "-o", place, code=3)
    assert done.stdout == ""
    assert f"gone: The data folder {tmp_path / 'gone'} does not exist" in done.stderr
    assert (
        f"broken: {tmp_path / 'broken.env'}, line " in done.stderr and "Nothing was sent" not in done.stderr
    )
    names = {job.id: f"{job.id}.html" for job in (good, silent, broken, gone, refused, windowed)}
    text = index_of(place)
    assert pages_in(text) == [names[job.id] for job in (broken, gone, silent, refused, good, windowed)]
    assert banner(text.partition("<table")[0]) == ("needs you", "6 jobs: 2 on its way, 4 need you")
    assert sorted(path.name for path in place.iterdir()) == sorted(["index.html", *names.values()])
    pages = {
        job.id: (place / names[job.id]).read_text(encoding="utf-8") for job in (good, silent, broken, gone)
    }
    assert banner(pages[good.id])[0] == "on its way"
    assert banner(pages[silent.id]) == ("needs you", SILENT.format(empty))
    assert banner(pages[gone.id])[1].startswith(f"The data folder {tmp_path / 'gone'} does not exist")
    assert "cannot be understood" in banner(pages[broken.id])[1]
    assert f"there is no bucket {s3.bucket}x." in done.stderr and "refused: " in done.stderr
    of_window = (place / names[windowed.id]).read_text(encoding="utf-8")
    assert "This report is about bins before 2013-05-22T00:00:00Z" in of_window
    figures = json.loads(operator.run("report", "--all", "--json", code=3).stdout)
    assert [job["page"] for job in figures["jobs"]] == [
        names[job.id] for job in (good, silent, broken, gone, refused, windowed)
    ]
    assert [job["state"] for job in figures["jobs"]] == ["on_its_way", *["needs_you"] * 4, "on_its_way"]
    assert figures["jobs"][0]["totals"]["bins"] == 5 and figures["jobs"][0]["error"] is None
    assert figures["jobs"][3]["error"] == figures["jobs"][3]["reason"] and "totals" not in figures["jobs"][3]
    assert s3.objects() == before


@only_moto
def test_where_all_is_well_nothing_is_said_and_the_exit_code_is_0(
    operator: Operator, folder: Path, tmp_path: Path
) -> None:
    schedule(operator, folder, "nauset")
    done = operator.run("report", "--all", "-o", tmp_path / "www")
    assert done.stdout + done.stderr == ""
    assert banner(index_of(tmp_path / "www").partition("<table")[0]) == ("on its way", "1 job: 1 on its way")


@only_moto
def test_a_job_of_which_half_the_schedule_is_missing_is_red_in_the_index(
    operator: Operator, folder: Path, tmp_path: Path
) -> None:
    schedule(operator, folder, "nauset")
    lines = (operator.crontab.text or b"").splitlines(True)
    operator.crontab.table.write_bytes(b"".join(line for line in lines if b"--max-age" not in line))
    figures = json.loads(operator.run("report", "--all", "--json", "-o", tmp_path / "www", code=3).stdout)
    said = "INCOMPLETE: the every-minute entry of the schedule is missing; the same 'ifcbscan start' again puts it back"
    assert (figures["jobs"][0]["state"], figures["jobs"][0]["reason"]) == ("needs_you", said)
    text = html.unescape(index_of(tmp_path / "www"))
    assert said in text and "1 job: 1 needs you" in text


@only_moto
def test_the_page_of_a_job_that_is_gone_is_taken_away_and_nothing_else(
    operator: Operator, folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "www"
    first = schedule(operator, folder, "nauset")
    second = schedule(operator, folder, "salt_pond")
    third = schedule(operator, folder, "third")
    operator.run("report", "--all", "-o", place, code=3)  # they send the same bins to three time series
    for job in (first, second, third):
        page = html.unescape((place / f"{job.id}.html").read_text(encoding="utf-8"))
        assert banner(page) == (
            "needs you",
            "NEEDS YOU: some of its bins are also sent to another time series",
        )
    (place / "notes.txt").write_text("mine", encoding="utf-8")
    (place / f"{third.id}.html").write_text("mine, of the same name", encoding="utf-8")
    (place / "nauset-0123456789ab.html").write_bytes((place / f"{first.id}.html").read_bytes())
    operator.crontab.table.write_bytes(with_job(None, first))
    operator.run("report", "--all", "-o", place)
    assert pages_in(index_of(place)) == [f"{first.id}.html"]
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["index.html", "notes.txt", f"{first.id}.html", f"{third.id}.html", "nauset-0123456789ab.html"]
    )
    assert not (place / f"{second.id}.html").exists()


@only_moto
def test_a_short_outage_is_yellow_and_leaves_the_page_of_before_and_a_longer_one_is_red(
    operator: Operator, folder: Path, tmp_path: Path, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(operator.home))
    place = tmp_path / "www"
    job = schedule(operator, folder, "nauset")
    operator.run("report", "--all", "-o", place)
    before = (place / f"{job.id}.html").read_bytes()
    rewrite_env(env_file, S3_ENDPOINT_URL="http://127.0.0.1:9")
    operator.run("report", "--all", "-o", place)
    assert (place / f"{job.id}.html").read_bytes() == before
    assert banner(index_of(place).partition("<table")[0]) == ("on its way", "1 job: 1 on its way")
    then = time.strftime(FORM, time.gmtime(time.time() - 7200))
    last_runs.write(str(folder), "nauset", "recent", LastRun(then, 5, "no network", {}))
    now = time.strftime(FORM, time.gmtime())
    last_runs.write(str(folder), "nauset", "recent", LastRun(now, 5, "no network", {}))
    operator.run("report", "--all", "-o", place, code=3)
    page = (place / f"{job.id}.html").read_text(encoding="utf-8")
    assert banner(page)[0] == "needs you"
    assert "FAILING: the archive could not be reached since" in page
    assert banner(index_of(place).partition("<table")[0]) == ("needs you", "1 job: 1 needs you")


@only_moto
def test_without_any_job_the_index_is_red(operator: Operator, tmp_path: Path) -> None:
    done = operator.run("report", "--all", "-o", tmp_path / "www", code=3)
    assert done.stderr == "Nothing is scheduled for this user. 'ifcbscan start DIR TIME_SERIES' does it.\n"
    assert banner(index_of(tmp_path / "www")) == ("needs you", "Nothing is scheduled for this user")
    assert json.loads(operator.run("report", "--all", "--json", code=3).stdout) == {"jobs": []}


@only_moto
def test_pages_never_go_where_data_or_other_peoples_files_are(
    operator: Operator, folder: Path, tmp_path: Path
) -> None:
    job = schedule(operator, folder, "nauset")
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, folder / "www", tmp_path / "link" / "www"):
        done = operator.run("report", "--all", "-o", place, code=2)
        assert f"lies in the data folder {folder}, where nothing is ever written" in done.stderr
    assert not (folder / "www").exists()
    place = tmp_path / "www"
    for name in ("index.html", f"{job.id}.html"):
        place.mkdir()
        (place / name).write_text("mine", encoding="utf-8")
        done = operator.run("report", "--all", "-o", place, code=2)
        assert f"{place / name} is a file that ifcbscan has not made, so it is not replaced" in done.stderr
        assert [(path.name, path.read_text(encoding="utf-8")) for path in place.iterdir()] == [(name, "mine")]
        (place / name).unlink()
        place.rmdir()
    done = operator.run("report", "--all", "-o", tmp_path / "none" / "www", code=2)
    assert f"the folder {tmp_path / 'none' / 'www'} cannot be made: No such file or directory" in done.stderr


@only_moto
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "-o", "www"], "so DIR does not go with it"),
        (["--env-file", ".env", "-o", "www"], "so --env-file does not go with it"),
        (["--since", "2026-01-01", "-o", "www"], "so --since does not go with it"),
        ([], "--all: where are the pages to be written? Please give -o FOLDER (or --json)."),
        (["-o", "www", "--expect-every", "7200"], "--expect-every: '7200' would be seconds"),
    ],
)
def test_words_that_do_not_go_with_all(operator: Operator, words: list[str], said: str) -> None:
    assert said in operator.run("report", "--all", *words, code=2).stderr
