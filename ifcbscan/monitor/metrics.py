"""`--metrics-file`, `--metrics-dir`: how runs go, in Prometheus' text format, for node_exporter's textfile collector.

One file may serve several jobs and modes: a run replaces its own samples and keeps those of the others. Every sample names
its job: of samples that stand in two files with the same labels, node_exporter takes one and reports an error at every look.
What must outlive a run (the time of the last success, the counters) is read back from the file itself;
a file that is gone or damaged starts anew, as a counter after a restart does. Nothing here decides what a
scan does, and no failure here changes the result of a run: it becomes a line of warning.
Needs the extra `metrics`.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import sys
from dataclasses import dataclass
from typing import Dict, Iterable, Tuple

from ifcbscan import __version__
from ifcbscan.atomic import read_small, replace_file
from ifcbscan.core.printable import printable
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.errors import ExitCode, IfcbscanError
from ifcbscan.state import locks
from ifcbscan.state.paths import path_digest, state_folder

#: Name of a sample and the values of its labels: those of `_LABELS` in their order, then the metric's own.
Sample = Tuple[str, Tuple[str, ...]]
Samples = Dict[Sample, float]

_LABELS = ("time_series", "directory", "mode")

#: Why a run failed -> value of the label `kind`.
_KINDS = {
    ExitCode.UNEXPECTED: "unexpected",
    ExitCode.USAGE: "configuration",
    ExitCode.PARTLY_FAILED: "partly",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "interrupted",
}

#: A larger file is not read and starts anew. Each job and mode has about 40 samples, with the path of its folder in each:
#: this is enough for hundreds of jobs. Bytes.
_MOST_BYTES = 8 << 20

#: How long to wait for another run that is writing the file, which takes milliseconds. Seconds.
_LOCK_TIMEOUT = 5


@dataclass(frozen=True)
class _Metric:
    name: str
    kind: str
    text: str
    label: str = ""  # a label beside `_LABELS`

    @property
    def labels(self) -> tuple[str, ...]:
        return _LABELS + ((self.label,) if self.label else ())


INFO = _Metric(
    "ifcbscan_info", "gauge", "1 from the first run on; the version of the program that ran last.", "version"
)
LAST_RUN = _Metric("ifcbscan_last_run_timestamp_seconds", "gauge", "When the last run ended.")
LAST_SUCCESS = _Metric(
    "ifcbscan_last_success_timestamp_seconds",
    "gauge",
    "When the last run ended that had exit code 0; 0 before the first one.",
)
EXIT_CODE = _Metric("ifcbscan_last_run_exit_code", "gauge", "How the last run ended; 0 is success.")
DURATION = _Metric("ifcbscan_last_run_duration_seconds", "gauge", "How long the last run took.")
BINS = _Metric(
    "ifcbscan_bins", "gauge", "Bins that the last whole scan found, by what became of them.", "state"
)
ATTENTION = _Metric(
    "ifcbscan_bins_needing_attention", "gauge", "Bins of the last whole scan that need a person."
)
SILENT = _Metric(
    "ifcbscan_silent",
    "gauge",
    "1 if the last whole scan found the folder silent (no new bin where one is due), else 0.",
)
FILES = _Metric("ifcbscan_uploaded_files_total", "counter", "Files put into the bucket.")
BYTES = _Metric("ifcbscan_uploaded_bytes_total", "counter", "Bytes put into the bucket.")
FAILURES = _Metric("ifcbscan_failures_total", "counter", "Runs that failed, by kind.", "kind")
NEWEST_LOCAL = _Metric(
    "ifcbscan_newest_local_bin_timestamp_seconds",
    "gauge",
    "Sample time of the newest bin on this disk, by the instrument's clock.",
)
LOCAL_AGE = _Metric(
    "ifcbscan_newest_local_bin_age_seconds",
    "gauge",
    "Age of the newest bin on this disk when the last run ended.",
)
NEWEST_ARCHIVED = _Metric(
    "ifcbscan_newest_archived_bin_timestamp_seconds",
    "gauge",
    "Sample time of the newest bin that is whole in the archive, by the instrument's clock.",
)
ARCHIVED_AGE = _Metric(
    "ifcbscan_newest_archived_bin_age_seconds",
    "gauge",
    "Age of the newest bin that is whole in the archive when the last run ended.",
)
KNOWN_TO_DASHBOARD = _Metric(
    "ifcbscan_dashboard_knows_time_series",
    "gauge",
    "1 if the dashboard had the time series when it was last asked and answered, else 0.",
)
DASHBOARD_BEHIND = _Metric(
    "ifcbscan_dashboard_behind_seconds",
    "gauge",
    "Time between the newest bin on the dashboard and the newest in the archive, when it was last asked.",
)
TEMPERATURE = _Metric(
    "ifcbscan_instrument_temperature_celsius", "gauge", "Inside the instrument, by the newest bin's .hdr."
)
HUMIDITY = _Metric(
    "ifcbscan_instrument_humidity_percent", "gauge", "Inside the instrument, by the newest bin's .hdr."
)
DISK_FREE = _Metric("ifcbscan_data_disk_free_bytes", "gauge", "Room on the disk of the data folder.")
DISK_DAYS = _Metric(
    "ifcbscan_data_disk_days_left", "gauge", "Days until that disk is full, at the rate of the last 7 days."
)
METRICS = (
    INFO,
    LAST_RUN,
    LAST_SUCCESS,
    EXIT_CODE,
    DURATION,
    BINS,
    ATTENTION,
    SILENT,
    FILES,
    BYTES,
    FAILURES,
    NEWEST_LOCAL,
    LOCAL_AGE,
    NEWEST_ARCHIVED,
    ARCHIVED_AGE,
    KNOWN_TO_DASHBOARD,
    DASHBOARD_BEHIND,
    TEMPERATURE,
    HUMIDITY,
    DISK_FREE,
    DISK_DAYS,
)


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended, well or not. Times in seconds since 1970, UTC.

    `report` is None where the run ended before there was one; `newest_local` and `newest_archived` are
    sample times, None where the run has not seen any (then what an earlier run saw stays).
    """

    time_series: str
    directory: str
    mode: str
    exit_code: int
    now: float
    report: ScanReport | None = None
    newest_local: float | None = None
    newest_archived: float | None = None


def write_metrics(path: str, run: FinishedRun) -> str | None:
    """Bring the file up to date in one step. Returns a warning instead of raising anything. Makes no folder.

    A dry run, and a run that ended because another one was under way, change nothing.
    """
    if run.exit_code == ExitCode.LOCKED or (run.report is not None and run.report.dry_run):
        return None
    try:
        import prometheus_client  # noqa: F401 (only whether it is there)
    except ImportError:
        return (
            f"the metrics file {path} is not written: the Python package prometheus_client is not installed "
            f"({sys.executable} -m pip install prometheus_client)"
        )
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        return (
            f"the metrics file {path} is not written: there is no folder {folder}, and none is made. The scan itself is not "
            "affected. Make the folder, or correct METRICS_DIR, --metrics-dir or --metrics-file"
        )
    warning = None
    try:
        with contextlib.ExitStack() as stack:
            warning = _take_lock(path, stack)
            samples = _read(path)
            _update(samples, run)
            _write(path, samples)
    except Exception as error:  # whatever it is, the run's result stands
        reason = getattr(error, "strerror", None) or error
        return f"the metrics file {path} cannot be written ({reason}); the scan itself is not affected"
    return warning


def _take_lock(path: str, stack: contextlib.ExitStack) -> str | None:
    """Wait for our turn at the file. Returns a warning where there is no lock; raises OSError if another run keeps it."""
    try:
        lock = locks.FileLock(_lock_path(path))
        lock.acquire(_LOCK_TIMEOUT)
    except locks.HeldByAnother:
        raise OSError(
            errno.EBUSY, f"another scan has been writing it for more than {_LOCK_TIMEOUT} seconds"
        ) from None
    except (OSError, IfcbscanError) as error:
        reason = getattr(error, "strerror", None) or error
        return (
            f"the lock of the metrics file cannot be used: {reason}. The file was written without it; the numbers of "
            "another run that ends at the same moment may be missing until its next run"
        )
    stack.callback(lock.release)
    return None


def _lock_path(path: str) -> str:
    return os.path.join(state_folder(), f"metrics-{path_digest(path)}.lock")


def _update(samples: Samples, run: FinishedRun) -> None:
    """Take in one run: what it says replaces what was there, counters go on, the rest stays."""
    job = (printable(run.time_series), printable(run.directory), printable(run.mode))

    def put(metric: _Metric, value: float, *label: str) -> None:
        samples[metric.name, job + label] = value

    def add(metric: _Metric, value: float, *label: str) -> None:
        put(metric, samples.get((metric.name, job + label), 0.0) + value, *label)

    for sample in [sample for sample in samples if sample[0] == INFO.name and sample[1][:-1] == job]:
        del samples[sample]  # of another version
    put(INFO, 1.0, __version__)
    put(LAST_RUN, run.now)
    put(EXIT_CODE, run.exit_code)
    # 0 before the first success: of a sample that is not there no alert can say that it is old
    put(
        LAST_SUCCESS,
        run.now if run.exit_code == ExitCode.DONE else samples.get((LAST_SUCCESS.name, job), 0.0),
    )
    failed = _KINDS.get(run.exit_code, "unexpected") if run.exit_code else ""
    for kind in _KINDS.values():
        add(FAILURES, 0.0, kind)  # a counter that appears with 1 shows no increase
    if failed:
        add(FAILURES, 1.0, failed)
    add(FILES, run.report.files_uploaded if run.report else 0)
    add(BYTES, run.report.bytes_uploaded if run.report else 0)
    if run.report is not None:
        put(DURATION, run.report.seconds)
        put(ATTENTION, run.report.attention)
        put(SILENT, bool(run.report.silence))
        for state, count in run.report.bins.items():
            put(BINS, count, state.value)
        if run.report.dashboard is not None and run.report.dashboard.known is not None:
            put(KNOWN_TO_DASHBOARD, run.report.dashboard.known)
            if run.report.dashboard.behind is not None:
                put(DASHBOARD_BEHIND, run.report.dashboard.behind)
        if run.report.vital is not None:
            vital = run.report.vital
            for metric, value in zip(
                (TEMPERATURE, HUMIDITY, DISK_FREE, DISK_DAYS), (*vital.readings, vital.free, vital.days_left)
            ):
                samples.pop((metric.name, job), None)  # an old reading is none
                if value is not None:
                    put(metric, value)
    for newest, metric, age in (
        (run.newest_local, NEWEST_LOCAL, LOCAL_AGE),
        (run.newest_archived, NEWEST_ARCHIVED, ARCHIVED_AGE),
    ):
        if newest is not None:
            put(metric, newest)
        known = samples.get((metric.name, job))
        if known is not None:
            put(age, run.now - known)


def _read(path: str) -> Samples:
    """The samples of the file, as far as they are ours; none if it is not there or damaged."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        text = read_small(path, _MOST_BYTES).decode("utf-8")
        families = list(text_string_to_metric_families(text))
    except (OSError, ValueError, KeyError, IndexError):
        return {}
    ours = {metric.name: metric for metric in METRICS}
    samples: Samples = {}
    for family in families:
        for sample in family.samples:
            metric = ours.get(sample.name)
            if metric is None or set(sample.labels) != set(metric.labels) or not math.isfinite(sample.value):
                continue
            samples[sample.name, tuple(printable(sample.labels[name]) for name in metric.labels)] = (
                sample.value
            )
    return samples


def _write(path: str, samples: Samples) -> None:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class Collected(Collector):
        def collect(self) -> Iterable[Metric]:
            for metric in METRICS:
                family_of = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = family_of(metric.name, metric.text, labels=metric.labels)
                for (name, labels), value in sorted(samples.items()):
                    if name == metric.name:
                        family.add_metric(labels, value)
                yield family

    registry = CollectorRegistry()
    registry.register(Collected())
    replace_file(path, generate_latest(registry))
