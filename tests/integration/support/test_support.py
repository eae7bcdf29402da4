"""The tools of the other tests do what those rely on: servers, archive double, the command line fixture."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from support.archive import LENIENT, STRICT, Archive, Row, Rules
from support.places import TESTS
from support.servers import MotoServer

NEW = "D20130526T095207_IFCB013"
OLD = "IFCB5_2012_028_081515"
PLACE = "hablab/nauset/2013/D20130526/"


def put(s3: Any, key: str, body: bytes = b"bytes") -> None:
    s3.client.put_object(Bucket=s3.bucket, Key=key, Body=body)


# --- servers


def test_a_listing_holds_every_key_and_starts_where_told(s3: Any) -> None:
    keys = [f"p/{number:04d}" for number in range(1005)]
    for key in keys:
        put(s3, key, b"x")
    put(s3, "q/other", b"xy")
    first = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix="p/")
    assert len(first["Contents"]) == 1000 and first["IsTruncated"]
    assert s3.objects("p/") == dict.fromkeys(keys, 1)
    late = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix="p/", StartAfter="p/0999.")
    assert [item["Key"] for item in late["Contents"]] == keys[1000:]


def test_a_new_object_is_listed_at_once_with_the_time_of_its_put(s3: Any) -> None:
    before = time.time()
    put(s3, "a/b")
    (item,) = s3.client.list_objects_v2(Bucket=s3.bucket)["Contents"]
    assert before - 1 <= item["LastModified"].timestamp() <= time.time()
    put(s3, "a/b", b"longer than before")
    assert s3.objects() == {"a/b": 18}


def test_the_server_ends_with_the_process_that_started_it_even_when_that_is_killed() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.servers import MotoServer\n"
        "server = MotoServer().__enter__()\n"
        "print(server.endpoint, server._folder, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    tests = str(TESTS)
    with subprocess.Popen(
        [sys.executable, "-c", code, tests], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        endpoint, folder = process.stdout.readline().decode().split(None, 1)
        process.kill()
    for _ in range(200):
        try:
            urllib.request.urlopen(endpoint, timeout=1).close()
        except urllib.error.HTTPError:
            time.sleep(0.05)
        except OSError:
            shutil.rmtree(folder.strip())
            return
        else:
            time.sleep(0.05)
    pytest.fail("the server outlived its parent")


def test_a_server_that_cannot_start_says_why(monkeypatch: Any) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no luck')"]
    monkeypatch.setattr(MotoServer, "_command", lambda self, port, folder: command)
    with pytest.raises(RuntimeError, match="no luck"):
        MotoServer().__enter__()


# --- the archive double


@pytest.mark.parametrize(
    "key, body, detail",
    [
        ("hablab/nauset/" + NEW + ".ADC", b"1", "extension"),
        ("hablab/nauset/notes.txt", b"1", "extension"),
        (PLACE + NEW + ".adc", b"x" * 101, "too large"),
    ],
)
def test_the_archive_deletes(s3: Any, key: str, body: bytes, detail: str, rules: Rules) -> None:
    deleted_or_kept(s3, rules, key, body, detail)


@pytest.mark.parametrize("generation", [STRICT, LENIENT], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    "deleted_by, key, body, detail",
    [
        (STRICT, PLACE + NEW + ".roi", b"", "empty"),
        (STRICT, PLACE + NEW + ".roi", b"MZ", "type"),
        (LENIENT, PLACE.replace("nauset", "beads") + NEW + ".roi", b"bytes", "beads"),
        (LENIENT, PLACE + "beads/" + NEW + ".hdr", b"bytes", "beads"),
        (None, "hablab/nauset/2012/IFCB5_2012_028/" + OLD + ".roi", b"", ""),
        (None, PLACE + "beads_" + NEW + ".hdr", b"bytes", ""),
    ],
)
def test_only_one_generation_of_the_archive_deletes(
    s3: Any, generation: Rules, deleted_by: Rules | None, key: str, body: bytes, detail: str
) -> None:
    deleted_or_kept(s3, generation, key, body, detail if generation is deleted_by else "")


def deleted_or_kept(s3: Any, rules: Rules, key: str, body: bytes, detail: str) -> None:
    """One object is deleted for this reason, or for none and so kept (or moved)."""
    archive = Archive(s3.client, s3.bucket, rules._replace(max_bytes=100), refuse=lambda _, roi: roi == b"MZ")
    put(s3, key, body)
    archive.step()
    assert len(s3.objects()) == (0 if detail else 1)
    assert [event.detail for event in archive.events if event.kind == "deleted"] == (
        [detail] if detail else []
    )


def test_an_archive_that_is_brought_up_to_date_goes_by_its_new_rules(s3: Any) -> None:
    archive = Archive(s3.client, s3.bucket, STRICT)
    put(s3, PLACE + NEW + ".roi", b"")
    archive.step()
    archive.rules = LENIENT
    put(s3, PLACE + NEW + ".roi", b"")
    archive.step()
    assert s3.objects() == {PLACE + NEW + ".roi": 0}


@pytest.mark.parametrize(
    "key",
    [
        PLACE + NEW + ".roi",
        "hablab/nauset/2012/IFCB5_2012_028/" + OLD + ".roi",
        "hablab/nauset/a b/" + NEW + ".roi",
        "hablab/nauset/a+b/" + NEW + ".roi",
        "hablab/nauset/\u00e4/" + NEW + ".roi",
        "hablab/nauset/a\\" + NEW + ".roi",
    ],
)
def test_the_archive_leaves_where_it_is(s3: Any, key: str, rules: Rules) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    put(s3, key)
    archive.step()
    archive.step()
    assert s3.objects() == {key: 5}
    assert [event.kind for event in archive.events] == ["put-seen", "kept"]


def test_the_archive_moves_to_the_day_folder_and_takes_its_copy_for_no_put(s3: Any, rules: Rules) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    put(s3, "hablab/nauset/" + NEW + ".roi")
    archive.step()
    archive.step()
    assert s3.objects() == {PLACE + NEW + ".roi": 5}
    assert [event.kind for event in archive.events] == ["put-seen", "moved"]
    assert archive.events[-1].detail == PLACE + NEW + ".roi"


def test_the_archive_sees_a_deleted_file_that_is_put_again(s3: Any, rules: Rules) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    for _ in range(2):
        put(s3, PLACE + NEW + ".ADC", b"")
        archive.step()
    assert [event.kind for event in archive.events] == ["put-seen", "deleted"] * 2


def test_the_archive_waits_for_its_lag_in_the_order_of_the_puts(s3: Any, rules: Rules) -> None:
    now = [0.0]
    archive = Archive(s3.client, s3.bucket, rules, lag=10.0, clock=lambda: now[0])
    put(s3, "hablab/nauset/z.txt")
    archive.step()
    now[0] = 5.0
    put(s3, "hablab/nauset/a.txt")
    archive.step()
    assert len(s3.objects()) == 2
    now[0] = 10.0
    archive.step()
    assert list(s3.objects()) == ["hablab/nauset/a.txt"]
    now[0] = 15.0
    archive.step()
    assert [event.key[-5:] for event in archive.events if event.kind == "deleted"] == [
        "z.txt",
        "a.txt",
    ]


def test_the_dashboard_registers_a_bin_whose_adc_comes_last(s3: Any, rules: Rules) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    for extension in ("roi", "hdr"):
        put(s3, PLACE + NEW + "." + extension)
        archive.step()
        assert archive.registered == {}
    put(s3, PLACE + NEW + ".adc")
    archive.step()
    assert archive.registered == {
        "hablab/nauset/" + NEW: Row("hablab/nauset", NEW, False, adc=5, hdr=5, roi=5)
    }


@pytest.mark.parametrize("copies_before", [True, False], ids=["copied before", "copied after"])
def test_a_verdict_comes_hours_late_and_the_row_is_broken_if_the_dashboard_copies_only_then(
    s3: Any, copies_before: bool
) -> None:
    now = [0.0]
    archive = Archive(s3.client, s3.bucket, STRICT, 5 * 3600.0, lambda: now[0], lambda *_: True)
    for extension in ("roi", "hdr", "adc"):
        put(s3, PLACE + NEW + "." + extension)
    archive.step(copy=copies_before)
    now[0] = 5 * 3600.0 - 1
    archive.step(copy=False)
    assert len(s3.objects()) == 3
    now[0] = 5 * 3600.0
    archive.step()
    assert list(s3.objects()) == [PLACE + NEW + ".adc", PLACE + NEW + ".hdr"]
    assert archive.registered["hablab/nauset/" + NEW].broken is not copies_before


@pytest.mark.parametrize("generation, broken", [(STRICT, True), (LENIENT, False)], ids=["strict", "lenient"])
def test_a_dashboard_that_does_not_count_files_never_repairs_a_bin_whose_adc_came_first(
    s3: Any, generation: Rules, broken: bool
) -> None:
    archive = Archive(s3.client, s3.bucket, generation)
    for extension in ("adc", "roi", "hdr"):
        put(s3, PLACE + NEW + "." + extension)
        archive.step()
    assert archive.registered["hablab/nauset/" + NEW].broken is broken


def test_a_pid_has_one_row_and_a_second_series_gets_none(s3: Any) -> None:
    archive = Archive(s3.client, s3.bucket, STRICT)
    for series in ("nauset", "other"):
        for extension in ("roi", "hdr", "adc"):
            put(s3, PLACE.replace("nauset", series) + NEW + "." + extension)
        archive.step()
    assert list(archive.registered) == ["hablab/nauset/" + NEW]


def test_a_dashboard_that_counts_files_publishes_a_bin_of_two_series_in_neither(s3: Any) -> None:
    archive = Archive(s3.client, s3.bucket, LENIENT)
    for extension in ("roi", "hdr", "adc"):
        for series in ("hablab/nauset", "hablab2/other"):
            put(s3, PLACE.replace("hablab/nauset", series) + NEW + "." + extension)
    for _ in range(3):
        archive.step()
    assert archive.registered == {}


@pytest.mark.parametrize("copies, publishes", [(1, True), (2, False)])
def test_a_dashboard_that_counts_files_looks_once_more_at_a_bin_and_then_never_again(
    s3: Any, copies: int, publishes: bool
) -> None:
    archive = Archive(s3.client, s3.bucket, LENIENT)
    fourth = "hablab/nauset/a b/" + NEW + ".json"  # the Lambda does not find it, so it stays
    put(s3, fourth)
    for extension in ("roi", "hdr", "adc"):
        put(s3, PLACE + NEW + "." + extension)
    for _ in range(copies):
        archive.step()
        assert archive.registered == {}
    s3.client.delete_object(Bucket=s3.bucket, Key=fourth)
    for _ in range(3):
        archive.step()
    assert bool(archive.registered) is publishes


def test_the_dashboard_does_not_copy_a_changed_file_of_the_same_size_and_so_is_not_told_of_it(
    s3: Any,
) -> None:
    archive = Archive(s3.client, s3.bucket, STRICT)
    put(s3, PLACE + NEW + ".hdr", b"")
    for extension in ("roi", "adc"):
        put(s3, PLACE + NEW + "." + extension)
    archive.step()
    assert archive.registered == {}  # refused for its empty .hdr
    put(s3, PLACE + NEW + ".adc", b"other")
    archive.step()
    assert archive.registered == {}
    put(s3, PLACE + NEW + ".hdr", b"now")
    archive.step()
    assert not archive.registered["hablab/nauset/" + NEW].broken


@pytest.mark.parametrize("folder", ["my_cruise/", "beads/", "a b/"])
def test_the_dashboard_does_not_see_an_old_style_bin_in_a_foreign_folder(
    s3: Any, folder: str, rules: Rules
) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    for extension in ("roi", "hdr", "adc"):
        put(s3, "hablab/nauset/" + folder + OLD + "." + extension)
    archive.step()
    assert archive.registered == {}


def test_the_archive_works_by_itself_while_running(s3: Any, rules: Rules) -> None:
    archive = Archive(s3.client, s3.bucket, rules)
    with archive.running():
        put(s3, "hablab/nauset/notes.txt")
        end = time.monotonic() + 10
        while s3.objects() and time.monotonic() < end:
            time.sleep(0.05)
    assert s3.objects() == {}


# --- the command line fixture


def test_the_command_line_runs_outside_the_ambient_configuration(
    monkeypatch: Any, cli_environment: Any
) -> None:
    assert not [name for name in cli_environment if name.upper().startswith("AWS_")]
    code = "import ifcbscan, os; print(os.path.expanduser('~'))"
    home = subprocess.check_output([sys.executable, "-c", code], env=cli_environment)
    assert home.decode().strip() == cli_environment["HOME"]


def test_the_env_file_is_private(env_file: Path, s3: Any) -> None:
    assert f"S3_ENDPOINT_URL={s3.endpoint}\n" in env_file.read_text(encoding="utf-8")
    assert sys.platform == "win32" or env_file.stat().st_mode & 0o777 == 0o600
