"""The metrics file: what a scraper reads of it, over many runs, and that it never gets in the way."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from support.places import REPOSITORY

from ifcbscan import __version__
from ifcbscan.core.printable import printable
from ifcbscan.core.scan_report import Requests, ScanReport
from ifcbscan.core.states import SCAN_COUNTS, BinState
from ifcbscan.core.vital_signs import Readings, VitalSigns
from ifcbscan.errors import ExitCode
from ifcbscan.monitor.metrics import METRICS, FinishedRun, write_metrics

NOW = 1700000000.0


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks go into a folder of the test."""
    home = str(tmp_path_factory.mktemp("home"))
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, home)


def scan_report(files: int = 0, size: int = 0, dry_run: bool = False, **bins: int) -> ScanReport:
    """What a scan reports, everything else being of no matter."""
    return ScanReport(
        time_series="nauset",
        directory="/data",
        mode="recent",
        dry_run=dry_run,
        bins={**dict.fromkeys(SCAN_COUNTS, 0), **{BinState(state): count for state, count in bins.items()}},
        files_uploaded=files,
        bytes_uploaded=size,
        requests=Requests(),
        problems=(),
        warnings=(),
        seconds=1.25,
        unreadable=0,
    )


def run(
    exit_code: int = ExitCode.DONE,
    now: float = NOW,
    directory: str = "/data",
    mode: str = "recent",
    **more: Any,
) -> FinishedRun:
    return FinishedRun("nauset", directory, mode, exit_code, now, **more)


def samples(path: Path) -> dict[str, float]:
    """Name and labels (without those of the job), as `ifcbscan_bins{state=held}` -> value."""
    found = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        for sample in family.samples:
            own = {k: v for k, v in sample.labels.items() if k not in ("time_series", "directory", "mode")}
            labels = ",".join(f"{key}={value}" for key, value in sorted(own.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def jobs(path: Path) -> set[tuple[str, str, str]]:
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    labels = [sample.labels for family in families for sample in family.samples]
    return {(of["time_series"], of["directory"], of["mode"]) for of in labels if "mode" in of}


def test_a_good_run_is_told_whole(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    report = scan_report(files=6, size=4321, synced=10, uploaded=2, held=1)
    done = run(report=report, newest_local=NOW - 60, newest_archived=NOW - 3600)
    assert write_metrics(str(path), done) is None
    found = samples(path)
    expected = {
        f"ifcbscan_info{{version={__version__}}}": 1,
        "ifcbscan_last_run_timestamp_seconds": NOW,
        "ifcbscan_last_success_timestamp_seconds": NOW,
        "ifcbscan_last_run_exit_code": 0,
        "ifcbscan_last_run_duration_seconds": 1.25,
        "ifcbscan_bins{state=synced}": 10,
        "ifcbscan_bins{state=uploaded}": 2,
        "ifcbscan_bins{state=held}": 1,
        "ifcbscan_bins{state=rejected}": 0,
        "ifcbscan_uploaded_files_total": 6,
        "ifcbscan_uploaded_bytes_total": 4321,
        "ifcbscan_failures_total{kind=unreachable}": 0,
        "ifcbscan_newest_local_bin_timestamp_seconds": NOW - 60,
        "ifcbscan_newest_local_bin_age_seconds": 60,
        "ifcbscan_newest_archived_bin_timestamp_seconds": NOW - 3600,
        "ifcbscan_newest_archived_bin_age_seconds": 3600,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert sum(1 for name in found if name.startswith("ifcbscan_bins{")) == len(SCAN_COUNTS)
    assert jobs(path) == {("nauset", "/data", "recent")}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ExitCode.UNEXPECTED, "unexpected"),
        (ExitCode.USAGE, "configuration"),
        (ExitCode.UNREACHABLE, "unreachable"),
        (ExitCode.TERMINATED, "interrupted"),
        (99, "unexpected"),
    ],
)
def test_a_run_that_ended_without_a_report_is_a_failure_of_its_kind(
    tmp_path: Path, code: int, kind: str
) -> None:
    path = tmp_path / "ifcbscan.prom"
    good = run(report=scan_report(files=3, synced=7), newest_local=NOW - 10)
    assert write_metrics(str(path), good) is None
    assert write_metrics(str(path), run(code, now=NOW + 60)) is None
    found = samples(path)
    assert found[f"ifcbscan_failures_total{{kind={kind}}}"] == 1
    assert sum(value for name, value in found.items() if name.startswith("ifcbscan_failures_total")) == 1
    assert found["ifcbscan_last_run_exit_code"] == code
    assert found["ifcbscan_last_run_timestamp_seconds"] == NOW + 60
    # what it could not see stays as it was, and nothing looks like a success
    assert found["ifcbscan_last_success_timestamp_seconds"] == NOW
    assert found["ifcbscan_bins{state=synced}"] == 7
    assert found["ifcbscan_uploaded_files_total"] == 3
    assert found["ifcbscan_newest_local_bin_age_seconds"] == 70


def test_a_scan_that_finished_with_failures_is_no_success(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    report = scan_report(files=1, failed=1)
    assert write_metrics(str(path), run(report.exit_code, report=report)) is None
    found = samples(path)
    assert found["ifcbscan_last_success_timestamp_seconds"] == 0  # so that an alert can say how old it is
    assert found["ifcbscan_failures_total{kind=partly}"] == 1
    assert found["ifcbscan_bins{state=failed}"] == 1


def test_a_job_that_fails_from_the_first_run_on_has_what_alerts_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    for minute in range(3):
        assert write_metrics(str(path), run(ExitCode.USAGE, now=NOW + 60 * minute)) is None
    found = samples(path)
    assert found[f"ifcbscan_info{{version={__version__}}}"] == 1
    assert found["ifcbscan_last_success_timestamp_seconds"] == 0
    assert found["ifcbscan_failures_total{kind=configuration}"] == 3
    assert "ifcbscan_newest_local_bin_timestamp_seconds" not in found
    write_metrics(str(path), run(report=scan_report(), now=NOW + 300))
    assert samples(path)["ifcbscan_last_success_timestamp_seconds"] == NOW + 300


def test_a_silence_and_the_bins_that_need_a_person_are_told_until_they_are_over(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    report = scan_report()._replace(silence="no bin was found in /data", attention=4)
    write_metrics(str(path), run(ExitCode.PARTLY_FAILED, report=report))
    found = samples(path)
    assert (found["ifcbscan_silent"], found["ifcbscan_bins_needing_attention"]) == (1, 4)
    write_metrics(str(path), run(ExitCode.UNREACHABLE))  # knows nothing of either
    assert samples(path)["ifcbscan_silent"] == 1
    write_metrics(str(path), run(report=scan_report()))
    found = samples(path)
    assert (found["ifcbscan_silent"], found["ifcbscan_bins_needing_attention"]) == (0, 0)


def test_vital_signs_are_those_of_the_last_run_that_looked(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"

    def told(vital: VitalSigns | None) -> dict[str, float]:
        write_metrics(str(path), run(report=scan_report()._replace(vital=vital)))
        return {
            name: value for name, value in samples(path).items() if "instrument" in name or "disk" in name
        }

    all_four = {
        "ifcbscan_instrument_temperature_celsius": 35.5,
        "ifcbscan_instrument_humidity_percent": -2.5,
        "ifcbscan_data_disk_free_bytes": 5000000000.0,
        "ifcbscan_data_disk_days_left": 2.5,
    }
    assert told(VitalSigns(None, Readings(35.5, -2.5), 5000000000, 2.5)) == all_four
    assert told(None) == all_four
    assert told(VitalSigns(free=7)) == {"ifcbscan_data_disk_free_bytes": 7.0}


def test_after_an_upgrade_the_file_names_the_new_version_alone(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    write_metrics(str(path), run(report=scan_report()))
    old = path.read_text(encoding="utf-8").replace(f'version="{__version__}"', 'version="0.1.0"')
    path.write_text(old + 'ifcbscan_info{version="0.0.9"} 1.0\n', encoding="utf-8")
    write_metrics(str(path), run(report=scan_report()))
    named = [name for name in samples(path) if name.startswith("ifcbscan_info")]
    assert named == [f"ifcbscan_info{{version={__version__}}}"]


def test_counters_go_on_from_run_to_run(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    for number in range(1, 6):
        write_metrics(str(path), run(report=scan_report(files=3, size=1000), now=NOW + 60 * number))
    found = samples(path)
    assert found["ifcbscan_uploaded_files_total"] == 15
    assert found["ifcbscan_uploaded_bytes_total"] == 5000
    assert found["ifcbscan_last_success_timestamp_seconds"] == NOW + 300


def test_jobs_and_modes_in_one_file_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    places = [("/a", "recent"), ("/a", "full"), ("/b, {c}", "recent")]
    for directory, mode in places * 2:
        write_metrics(str(path), run(directory=directory, mode=mode, report=scan_report(files=1)))
    assert jobs(path) == {("nauset", directory, mode) for directory, mode in places}
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    uploaded = [s.value for f in families for s in f.samples if s.name == "ifcbscan_uploaded_files_total"]
    assert uploaded == [2, 2, 2]


@settings(max_examples=60, deadline=None)
@given(
    st.text(
        st.one_of(
            st.characters(),  # with surrogates: names need not be text
            st.sampled_from('\\"\n{},=# '),
        ),
        max_size=30,
    )
)
def test_any_folder_name_can_be_read_back(tmp_path_factory: Any, directory: str) -> None:
    path = tmp_path_factory.mktemp("metrics") / "ifcbscan.prom"
    for _ in range(3):
        assert write_metrics(str(path), run(directory=directory, report=scan_report(files=2))) is None
    assert jobs(path) == {("nauset", printable(directory), "recent")}
    assert samples(path)["ifcbscan_uploaded_files_total"] == 6


@pytest.mark.parametrize(
    "content", [b"", b"no metrics { at all", b"\xff\xfe\x00", b'ifcbscan_bins{state="x"} abc\n']
)
def test_a_damaged_file_is_replaced_by_a_good_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ifcbscan.prom"
    path.write_bytes(content)
    assert write_metrics(str(path), run(report=scan_report(files=2))) is None
    assert samples(path)["ifcbscan_uploaded_files_total"] == 2


@pytest.mark.skipif(
    os.name == "nt", reason="Windows lets nobody replace a file that is being read; the next run does"
)
def test_readers_never_see_half_a_file_and_no_run_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    write_metrics(str(path), run(report=scan_report()))
    whole = len(samples(path))
    done = threading.Event()
    seen: list[bool] = []

    def read() -> None:
        while not done.is_set():
            found = samples(path)
            seen.append(len(found) == whole and found["ifcbscan_last_run_exit_code"] == 0)

    def write() -> None:
        for _ in range(20):
            warnings.append(write_metrics(str(path), run(report=scan_report(files=1))))

    warnings: list[str | None] = []
    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(3)]
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert warnings == [None] * 60 and seen and all(seen)
    assert samples(path)["ifcbscan_uploaded_files_total"] == 60
    assert os.listdir(str(tmp_path)) == ["ifcbscan.prom"]  # nothing that a collector might read by mistake


@pytest.mark.skipif(os.name != "posix", reason="modes of files say nothing on Windows")
def test_the_collector_may_read_the_file_whoever_it_runs_as(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    before = os.umask(0o022)
    try:
        write_metrics(str(path), run(report=scan_report()))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(str(path)).st_mode) == 0o644


def test_a_dry_run_and_a_run_that_found_another_at_work_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    assert write_metrics(str(path), run(report=scan_report(dry_run=True))) is None
    assert write_metrics(str(path), run(ExitCode.LOCKED)) is None
    assert not path.exists()


def test_what_keeps_the_file_from_being_written_is_a_warning(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "none" / "x.prom", folder, tmp_path / "file" / "x.prom"):
        warning = write_metrics(str(path), run(report=scan_report()))
        assert warning is not None and str(path) in warning and "Traceback" not in warning
        assert ("there is no folder" in warning) == (path != folder)
    assert not [name for name in os.listdir(str(tmp_path)) if name not in ("folder", "file")]


def test_a_name_alone_is_a_file_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_metrics("a.prom", run(report=scan_report(files=2))) is None
    assert samples(tmp_path / "a.prom")["ifcbscan_uploaded_files_total"] == 2


def test_without_the_library_a_warning_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    warning = write_metrics(str(tmp_path / "x.prom"), run(report=scan_report()))
    assert warning is not None and "pip install prometheus_client" in warning


# --- against Prometheus itself, and the documentation


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool (Debian: prometheus)")
    return found


def test_promtool_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    path = tmp_path / "ifcbscan.prom"
    write_metrics(str(path), run(report=scan_report(files=1), newest_local=NOW, newest_archived=NOW))
    with path.open("rb") as file:
        done = subprocess.run(
            [promtool(), "check", "metrics"], stdin=file, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_documentation_names_every_metric_and_no_other() -> None:
    text = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bifcbscan_[a-z_]+", text))
    assert named == {metric.name for metric in METRICS}
