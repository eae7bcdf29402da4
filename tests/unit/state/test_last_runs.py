"""The last-run record: read back as written; whatever else lies there is as good as none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ifcbscan.state import last_runs
from ifcbscan.state.last_runs import LastRun
from ifcbscan.state.paths import job_file

JOB = ("/data", "nauset", "full")
GOOD = '{"finished": "2026-01-01T00:00:00Z", "exit_code": 0, "summary": "", "bins": {}}'


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))


def the_file() -> Path:
    return Path(job_file("/data", "nauset", "-full.last.json"))


def test_a_record_is_read_back_as_it_was_written() -> None:
    before = time.time()
    last_runs.write(*JOB, LastRun.that_ends_now(3, "r\u00e9sum\u00e9 \udcff", {"synced": 5}))
    record = last_runs.read(*JOB)
    assert record is not None
    assert (record.exit_code, record.summary, record.bins) == (3, "r\u00e9sum\u00e9 \udcff", {"synced": 5})
    assert before - 1 <= record.ended <= time.time()


def test_jobs_and_modes_have_records_of_their_own() -> None:
    last_runs.write("/data", "nauset", "full", LastRun.that_ends_now(0, "full", {}))
    last_runs.write("/data", "nauset", "recent", LastRun.that_ends_now(0, "recent", {}))
    last_runs.write("/other", "nauset", "full", LastRun.that_ends_now(0, "other", {}))
    found = [
        last_runs.read(*job) for job in (JOB, ("/data", "nauset", "recent"), ("/other", "nauset", "full"))
    ]
    assert [record and record.summary for record in found] == ["full", "recent", "other"]
    assert last_runs.read("/data", "nauset2", "full") is None


def test_the_sound_form_that_the_broken_ones_differ_from_is_read() -> None:
    the_file().write_text(GOOD, encoding="utf-8")
    assert last_runs.read(*JOB) is not None


def test_a_record_that_version_0_1_0_wrote_is_read() -> None:
    the_file().write_text(GOOD.replace("{}", '{}, "log_file": "/log/a.log"'), encoding="utf-8")
    moment = "2026-01-01T00:00:00Z"
    assert last_runs.read(*JOB) == LastRun(moment, 0, "", {}, last_success=moment, succeeding_since=moment)
    old = GOOD.replace("0,", "3,").replace("{}", '{"held": 2, "synced": 5}')
    the_file().write_text(old, encoding="utf-8")
    counts = {"held": 2, "synced": 5}
    assert last_runs.read(*JOB) == LastRun(moment, 3, "", counts, failing_since=moment, attention=2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[1, 2]",
        b"\xff\xfe\x00",
        b"[" * 100000,
        GOOD.replace('"2026-01-01T00:00:00Z"', '"yesterday"').encode(),
        GOOD.replace('"2026-01-01T00:00:00Z"', "5").encode(),
        GOOD.replace("0,", "[],").encode(),
        GOOD.replace('""', "null").encode(),
        GOOD.replace("{}", '["synced"]').encode(),
        GOOD.replace("{}", '{"synced": "5"}').encode(),
        GOOD.replace("{}", '{}, "of a newer version": 1').encode(),
        GOOD.replace("{}", '{}, "failing_since": "yesterday"').encode(),
        GOOD.replace("{}", '{}, "last_success": 5').encode(),
        GOOD.replace("{}", '{}, "attention": "2"').encode(),
        GOOD.replace("{}", '{}, "silence": null').encode(),
        GOOD.replace("{}", '{}, "reason": 5').encode(),
        GOOD.replace("{}", '{}, "succeeding_since": "yesterday"').encode(),
        GOOD.replace("{}", '{}, "newest": 7').encode(),
    ],
)
def test_whatever_else_lies_there_is_as_good_as_none(content: bytes) -> None:
    assert content != GOOD.encode()
    the_file().write_bytes(content)
    assert last_runs.read(*JOB) is None


def test_a_record_that_cannot_be_written_is_left_out_without_a_word() -> None:
    the_file().mkdir()
    (the_file() / "in the way").touch()
    last_runs.write(*JOB, LastRun.that_ends_now(0, "", {}))
    assert last_runs.read(*JOB) is None
    assert list(the_file().parent.glob("*.part")) == []


def test_while_the_home_cannot_be_written_to_the_newer_of_two_records_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = the_file()
    own.write_text(GOOD, encoding="utf-8")
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setattr("ifcbscan.state.paths.state_folder", lambda: str(elsewhere))
    record = last_runs.read(*JOB)
    assert record is not None and record.finished == "2026-01-01T00:00:00Z"
    made = last_runs.write(*JOB, LastRun("2026-01-02T00:00:00Z", 5, "", {}))
    assert made.last_success == "2026-01-01T00:00:00Z"
    assert last_runs.read(*JOB) == made and (elsewhere / own.name).exists()


def test_a_run_after_another_keeps_what_only_that_one_can_know() -> None:
    last_runs.write(
        *JOB, LastRun("2026-01-01T00:00:00Z", 0, "", {"synced": 5}, newest="D20260101T000000_IFCB013")
    )
    last_runs.write(*JOB, LastRun("2026-01-01T00:01:00Z", 5, "no network", {}))
    record = last_runs.read(*JOB)
    assert record is not None
    assert (record.last_success, record.failing_since) == ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")
    assert (record.bins, record.newest) == ({"synced": 5}, "D20260101T000000_IFCB013")
