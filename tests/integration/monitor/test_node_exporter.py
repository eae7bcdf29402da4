"""METRICS_DIR: the files of several jobs, as Prometheus' own node_exporter reads them together."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from support.runs import checked
from support.servers import free_port

from ifcbscan.demo.sample_bins import write_bin

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@pytest.fixture
def scrape(tmp_path: Path) -> Iterator[Callable[[], str]]:
    """What node_exporter says of the files in `tmp_path / "metrics"`."""
    program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if program is None:
        pytest.skip("no node_exporter (Debian: prometheus-node-exporter)")
    folder = tmp_path / "metrics"
    folder.mkdir()
    port = free_port()
    words = ["--collector.disable-defaults", "--collector.textfile", "--web.disable-exporter-metrics"]
    words += [f"--collector.textfile.directory={folder}", f"--web.listen-address=127.0.0.1:{port}"]
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask() -> str:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + 30
        while True:
            try:
                with direct.open(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    return str(answer.read().decode("utf-8"))
            except urllib.error.HTTPError:
                raise
            except OSError:  # it is still starting
                assert time.monotonic() < until and process.poll() is None
                time.sleep(0.05)

    yield ask
    process.kill()
    process.wait()


def test_each_job_has_its_own_file_and_node_exporter_takes_them_all(
    s3: Any, ifcbscan_cli: Any, env_file: Path, tmp_path: Path, scrape: Callable[[], str]
) -> None:
    run = checked(ifcbscan_cli)
    folder = tmp_path / "metrics"
    with env_file.open("a", encoding="utf-8") as settings:
        settings.write(f"METRICS_DIR={folder}\n")
    for number, series in enumerate(("nauset", "other")):
        data = tmp_path / series
        write_bin(data, f"D20260101T10000{number}_IFCB199", mtime=1400000000.0)
        run("--once", data, series, "--force")
        run("--once", data, series, "--force", "--max-age", "3d")
    assert len(list(folder.glob("ifcbscan-*.prom"))) == len(list(folder.iterdir())) == 2
    scrape()
    text = scrape()  # which counts the errors of the one before
    assert 'promhttp_metric_handler_errors_total{cause="gathering"} 0' in text
    assert "node_textfile_scrape_error 0" in text
    lines = [line for line in text.splitlines() if line.startswith("ifcbscan_info{")]
    assert len(lines) == 4  # two jobs, two modes
    assert sum('time_series="other"' in line for line in lines) == 2


def test_a_folder_for_metrics_that_is_not_there_is_told_and_not_made(
    s3: Any, ifcbscan_cli: Any, env_file: Path, tmp_path: Path
) -> None:
    write_bin(tmp_path / "data", "D20260101T100000_IFCB199", mtime=1400000000.0)
    missing = tmp_path / "missing"
    done = checked(ifcbscan_cli)("--once", tmp_path / "data", "nauset", "--metrics-dir", missing)
    assert f"is not written: there is no folder {missing}, and none is made." in done.stderr
    assert not missing.exists() and len(s3.objects()) == 3
