"""`ifcbscan setup`: somebody who has a key and a folder, and has never opened an editor."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.dashboard import Behaviour, DashboardStandIn
from support.operator import EVERY_MINUTE, Operator, Terminal, run_as_cron
from support.runs import rewrite_env

from ifcbscan.cli.settings_text import template
from ifcbscan.demo.sample_bins import write_bin
from ifcbscan.env_file import values_of

pytestmark = pytest.mark.parametrize("s3", ["rclone"], indirect=True)

PID = "D20260601T120031_IFCB199"
ENTER = "\n"


@pytest.fixture
def data(operator: Operator) -> Path:
    folder = operator.folder / "data of ours"
    write_bin(folder, PID, images=2, roi_bytes=400, mtime=1.0)
    return folder


@pytest.fixture
def settings(operator: Operator, env_file: Path, dashboard: DashboardStandIn) -> Path:
    """The user's own settings file, which names another archive and knows nothing else yet."""
    lines = [
        line for line in env_file.read_text("utf-8").splitlines() if not line.startswith(("AWS_", "USER_"))
    ]
    env_file.unlink()
    path = Path(operator.environment["XDG_CONFIG_HOME"]) / "ifcbscan" / ".env"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["# ours", *lines, "UNKNOWN='to us'", "#TIME_SERIES=nauset", ""]), "utf-8")
    return path


def answer(terminal: Terminal, prompt: str, text: str) -> None:
    terminal.wait_for(prompt)
    terminal.type(text + "\n")


@pytest.fixture
def secret(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds the secret, beside the folder that is searched for it."""
    path = tmp_path_factory.mktemp("kept") / "secret"
    path.write_text(s3.server.secret_key + "\n", "utf-8")
    return path


def options(s3: Any, secret: Path, **changed: str) -> list[str]:
    """Every answer as an option."""
    given = {
        "--account": "hablab",
        "--key-id": s3.server.access_key,
        "--secret-file": str(secret),
        **changed,
    }
    return [word for option in given.items() for word in option]


def test_who_answers_five_questions_is_done(
    s3: Any, operator: Operator, data: Path, settings: Path, cron_service: None
) -> None:
    kept = settings.read_text("utf-8").splitlines()
    with operator.at_terminal("setup") as terminal:
        answer(terminal, "Account", "hab lab")
        answer(terminal, "'hab lab' cannot be an account name", "hablab")
        answer(terminal, "The dashboard knows hablab: 1 time series.", s3.server.access_key)
        answer(terminal, "Secret key (is not shown)", s3.server.secret_key)
        answer(terminal, "The archive takes this key.", str(data) + "x")
        answer(terminal, "Is the disk mounted, the name spelt right?", str(data))
        terminal.wait_for("Found 1 complete bin:")
        answer(terminal, "  1  nauset\n", "1")
        answer(
            terminal, "Let bins be sent by themselves from now on, every minute (ifcbscan start)? [Y/n]", ""
        )
        answer(terminal, "[a/DAY/n]", "a")
        done = terminal.end()
    assert done.code == 0 and s3.server.secret_key not in done.stderr
    found = values_of(str(settings), settings.read_text("utf-8"))
    assert (found["USER_ACCOUNT"], found["TIME_SERIES"]) == ("hablab", "nauset")
    assert (found["IFCB_DATA_DIR"], found["AWS_SECRET_ACCESS_KEY"]) == (str(data), s3.server.secret_key)
    assert settings.stat().st_mode & 0o777 == 0o600
    assert [line for line in settings.read_text("utf-8").splitlines() if line in kept] == kept[:-1]
    assert len(s3.objects("hablab/nauset/")) == 3
    assert len(operator.crontab.commands(EVERY_MINUTE)) == 1
    assert operator.run("status").stdout.count("nauset")


def test_a_wrong_key_is_told_at_once_and_can_be_typed_again(
    s3: Any, operator: Operator, data: Path, settings: Path
) -> None:
    with operator.at_terminal("setup", data, "nauset", "--account", "hablab", "--no-start") as terminal:
        answer(terminal, "Key id:", "AKIANOTHING")
        answer(terminal, "Secret key", s3.server.secret_key)
        answer(terminal, "Key id [AKIANOTHING]:", s3.server.access_key)
        answer(terminal, "[Enter keeps the one that is there]", ENTER.strip())
        done = terminal.end()
    assert "InvalidAccessKeyId" in done.stderr and "Nothing was sent" not in done.stderr
    assert "Written:" in done.stderr and not operator.crontab.changes


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=["Ctrl-C", "end of input"])
@pytest.mark.parametrize("question", ["Account", "Key id", "Secret key", "Folder", "Time series"])
def test_interrupted_at_any_question_it_writes_nothing(
    s3: Any, operator: Operator, data: Path, settings: Path, question: str, keys: str
) -> None:
    before = settings.read_bytes()
    answers = {
        "Account": "hablab",
        "Key id": s3.server.access_key,
        "Secret key": s3.server.secret_key,
        "Folder": str(data),
        "Time series": "nauset",
    }
    with operator.at_terminal("setup") as terminal:
        for name, text in answers.items():
            terminal.wait_for(name)
            if name == question:
                break
            terminal.type(text + "\n")
        if keys == "\x03":
            done = terminal.interrupt()
        else:
            terminal.type(keys)
            done = terminal.end()
    assert done.code == (130 if keys == "\x03" else 2), done.stderr
    assert "nothing was changed" in done.stderr or "Nothing was written" in done.stderr
    assert settings.read_bytes() == before and [path.name for path in settings.parent.iterdir()] == [".env"]


def test_a_script_gives_every_answer_beforehand(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, cron_service: None
) -> None:
    done = operator.run("setup", data, "nauset", *options(s3, secret), "--yes")
    assert "$ ifcbscan check\n" in done.stderr and "$ ifcbscan start --yes\n" in done.stderr
    assert "NOT" not in done.stdout and len(s3.objects("hablab/nauset/")) == 3
    before = settings.read_bytes()
    done = operator.run("setup", "--yes")  # once more, with what the file says
    assert "It is scheduled already: 'ifcbscan status nauset' says how it goes." in done.stderr
    assert settings.read_bytes() == before and len(operator.crontab.commands()) == 2
    run_as_cron(operator.crontab.commands(EVERY_MINUTE)[0], operator.home)


def test_a_second_folder_for_a_time_series_is_not_started_by_mere_enter(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, cron_service: None
) -> None:
    operator.run("setup", data, "nauset", *options(s3, secret), "--yes")
    other = operator.folder / "other"
    write_bin(other, PID.replace("199", "101"), images=2, roi_bytes=400, mtime=1.0)
    with operator.at_terminal("setup", other, "nauset") as terminal:
        for question in ("Account", "Key id", "Secret key"):
            answer(terminal, question, "")
        answer(terminal, "every minute (ifcbscan start)? [y/N]", "")
        done = terminal.end()
    assert f"nauset is sent from {data} already, and would be sent from both" in done.stderr
    assert len(operator.crontab.commands(EVERY_MINUTE)) == 1 and len(s3.objects("hablab/nauset/")) == 3


def test_what_is_not_in_order_is_not_started_unless_somebody_says_so(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    operator.crontab.forbid()
    done = operator.run("setup", data, "nauset", *options(s3, secret), "--yes", code=2)
    assert "NOT  scheduler" in done.stdout and "Nothing is sent yet" in done.stderr and s3.objects() == {}
    assert "Written:" in done.stderr


def test_the_secret_can_come_over_the_standard_input(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    words = [
        "setup",
        str(data),
        "nauset",
        *options(s3, secret, **{"--secret-file": "-"}),
        "--no-start",
    ]
    done = subprocess.run(
        operator.command(*words),
        cwd=str(operator.folder),
        env=operator.environment,
        input=s3.server.secret_key.encode() + b"\n",
        capture_output=True,
        check=False,
    )
    assert b"Written:" in done.stderr
    assert values_of("", settings.read_text("utf-8"))["AWS_SECRET_ACCESS_KEY"] == s3.server.secret_key


@pytest.mark.parametrize(
    "words, reason",
    [
        (
            [],
            "Account (the dashboard calls it team): nobody can be asked here, so please give --account",
        ),
        (["--account", "your-account"], "'your-account' cannot be an account name"),
        (["--key-id", "x y"], "That cannot be a key"),
        (["--key-id", "AKIANOTHING"], "InvalidAccessKeyId"),
        (
            ["--secret-file", "nowhere"],
            "--secret-file: nowhere cannot be read",
        ),
        (["--env-file", "D20260601T120031_IFCB199.roi"], "called like a file of a bin"),
        (["nowhere"], "The folder {folder}/nowhere cannot be read: No such file or directory"),
        (["data of ours", "a b"], "'a b' cannot be the name of a time series"),
        (["data of ours", "nauset2"], "The dashboard does not know a time series 'nauset2'"),
        (["data of ours", "nauset", "--env-file", "data of ours/.env"], "lies in the data folder"),
    ],
)
def test_a_wrong_answer_beforehand_is_an_error_and_nothing_is_written(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, words: list[str], reason: str
) -> None:
    before = settings.read_bytes()
    if words:
        words = [*options(s3, secret), *words]
    # of a file that is not there yet, whose template would ask the real archive
    archive = {
        "S3_ENDPOINT_URL": s3.endpoint,
        "BUCKET_NAME": s3.bucket,
        "DASHBOARD_URL": "http://127.0.0.1:9",
    }
    more = archive if "lies in" in reason else {}
    done = operator.run("setup", *words, "--yes", code=2, **more)
    assert reason.format(folder=operator.folder) in done.stderr
    assert "othing was written" in done.stderr or "Nothing was done" in done.stderr
    assert settings.read_bytes() == before and "Nothing was sent" not in done.stderr
    assert not (data / ".env").exists()


def test_a_dashboard_and_an_archive_that_do_not_answer_keep_nobody_from_writing(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, dashboard: DashboardStandIn
) -> None:
    dashboard.behaviour["list_datasets"] = Behaviour.CLOSE
    text = settings.read_text("utf-8")
    settings.write_text(re.sub("S3_ENDPOINT_URL=.*", "S3_ENDPOINT_URL=http://127.0.0.1:9", text), "utf-8")
    done = operator.run("setup", data, "nauset", *options(s3, secret), "--yes", code=5)
    assert "So the key could not be tried" in done.stderr and "Written:" in done.stderr
    assert not operator.crontab.changes  # what `check` finds out of order is not started


def test_another_account_is_not_written_over_that_of_a_scheduled_job(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, dashboard: DashboardStandIn
) -> None:
    dashboard.teams["other"] = ["nauset"]
    operator.run("setup", data, "nauset", *options(s3, secret), "--no-start", code=None)
    operator.run("start", "--no-sync", "--yes")
    before = settings.read_bytes()
    done = operator.run(
        "setup", data, "nauset", *options(s3, secret, **{"--account": "other"}), "--yes", code=2
    )
    assert "nauset is scheduled with these settings for the account hablab" in done.stderr
    assert settings.read_bytes() == before
    more = ["--env-file", operator.folder / "other.env", "--yes", "--no-start"]
    (operator.folder / "other.env").write_bytes(re.sub(rb"(USER|AWS)_.*\n", b"", before))
    operator.run("setup", data, "nauset", *options(s3, secret, **{"--account": "other"}), *more, code=None)
    assert b"USER_ACCOUNT=other\n" in (operator.folder / "other.env").read_bytes()


@pytest.mark.parametrize("what", ["the account is gone", "a placeholder", "the schedule cannot be read"])
def test_where_nobody_knows_whose_bins_a_job_sends_another_account_needs_a_person(
    s3: Any,
    operator: Operator,
    data: Path,
    settings: Path,
    secret: Path,
    dashboard: DashboardStandIn,
    what: str,
) -> None:
    dashboard.teams["other"] = ["nauset"]
    operator.run("setup", data, "nauset", *options(s3, secret), "--no-start", code=None)
    operator.run("start", "--no-sync", "--yes")
    if what == "the schedule cannot be read":
        operator.crontab.table.write_bytes((operator.crontab.text or b"").replace(b"# END ifcbscan", b""))
    else:
        account = "" if what == "the account is gone" else "USER_ACCOUNT=your-account"
        settings.write_text(settings.read_text("utf-8").replace("USER_ACCOUNT=hablab", account), "utf-8")
    before = settings.read_bytes()
    words = ["setup", data, "nauset", *options(s3, secret, **{"--account": "other"}), "--no-start"]
    done = operator.run(*words, "--yes", code=2)
    assert "For another account use another file" in done.stderr and settings.read_bytes() == before
    with operator.at_terminal(*words) as terminal:
        answer(terminal, "Is other right? [y/N]", "y")
        terminal.end()
    assert b"USER_ACCOUNT=other\n" in settings.read_bytes()


def test_a_number_means_a_line_of_the_list_only_where_somebody_has_typed_it(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path, dashboard: DashboardStandIn
) -> None:
    dashboard.teams["hablab"] = ["alpha", "beta"] + [f"series-{number:03d}" for number in range(60)]
    given = options(s3, secret)
    done = operator.run("setup", data, "2", *given, "--yes", "--no-start", code=2)
    assert "does not know a time series '2'" in done.stderr
    operator.run("setup", data, "2", *given, "--yes", "--no-start", "--force", code=None)
    assert "TIME_SERIES=2\n" in settings.read_text("utf-8")
    with operator.at_terminal("setup", data, *given[:-2], "--no-start") as terminal:
        answer(terminal, "Secret key", "")
        terminal.wait_for("... and 22 more")
        answer(terminal, "[2]:", "")  # Enter: the name, not the second line
        answer(terminal, "does not know a time series '2'", "y")
        terminal.end()
    assert "TIME_SERIES=2\n" in settings.read_text("utf-8")
    with operator.at_terminal("setup", data, *given, "--no-start") as terminal:
        answer(terminal, "[2]:", "55")  # which the list does not show
        answer(terminal, "does not know a time series '55'", "n")
        answer(terminal, "Which one is it?", "2")
        terminal.end()
    assert "TIME_SERIES=beta\n" in settings.read_text("utf-8")


def test_the_settings_of_another_program_in_the_current_folder_are_left_alone(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    foreign = operator.folder / ".env"
    foreign.write_text("AWS_ACCESS_KEY_ID=theirs\nBUCKET_NAME=theirs\n", "utf-8")
    done = operator.run("setup", data, "nauset", *options(s3, secret), "--yes", "--no-start", code=None)
    assert foreign.read_text("utf-8") == "AWS_ACCESS_KEY_ID=theirs\nBUCKET_NAME=theirs\n"
    assert f"$ ifcbscan check --env-file {settings}\n" in done.stderr and "ok   credentials" in done.stdout


def test_which_archive_the_environment_names_is_written_down_because_cron_does_not_see_it(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    text = settings.read_text("utf-8")
    settings.write_text(
        "".join(line for line in text.splitlines(True) if not line.startswith("S3_")), "utf-8"
    )
    words = ["setup", data, "nauset", *options(s3, secret), "--yes", "--no-start"]
    done = operator.run(*words, code=None, S3_ENDPOINT_URL=s3.endpoint)
    assert "S3_ENDPOINT_URL of the environment goes into the file, too" in done.stderr
    assert f"S3_ENDPOINT_URL={s3.endpoint}\n" in settings.read_text("utf-8")


def test_a_scheduled_job_is_not_led_to_another_archive_by_the_environment(
    s3: Any, operator: Operator, data: Path, env_file: Path, secret: Path
) -> None:
    rewrite_env(env_file, BUCKET_NAME=None)
    operator.schedule(data)
    before = env_file.read_bytes()
    words = ["setup", data, "nauset", *options(s3, secret), "--yes", "--env-file", env_file]
    done = operator.run(*words, BUCKET_NAME=s3.bucket, code=2)
    assert "by which nauset is scheduled" in done.stderr and "Nothing was written" in done.stderr
    assert env_file.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="an environment of Windows is text")
def test_what_cannot_be_written_of_the_environment_is_told_and_nothing_is_written(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    before = settings.read_bytes()
    certificates = os.fsdecode(os.fsencode(str(secret.parent)) + b"/ca\xe9.pem")
    try:
        Path(certificates).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    words = ["setup", data, "nauset", *options(s3, secret), "--yes", "--no-start"]
    done = operator.run(*words, code=2, AWS_CA_BUNDLE=certificates)
    assert "AWS_CA_BUNDLE of the environment has a character that is no UTF-8" in done.stderr
    assert "Nothing was written" in done.stderr and settings.read_bytes() == before


def test_a_blank_at_the_end_of_an_answer_names_no_other_folder(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    spaced = Path(f"{data} ")
    spaced.mkdir()
    operator.run("setup", f"{spaced}", "nauset", *options(s3, secret), "--yes", "--no-start", code=None)
    assert f"IFCB_DATA_DIR='{data}'\n" in settings.read_text("utf-8")
    (data / b"caf\xe9".decode("utf-8", "surrogateescape")).mkdir()
    done = operator.run("setup", data / "caf\udce9", "nauset", *options(s3, secret), "--yes", code=2)
    assert "a settings file cannot name it" in done.stderr


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_the_moment_of_writing_it_leaves_the_old_file_or_the_new_one(
    s3: Any,
    operator: Operator,
    data: Path,
    settings: Path,
    secret: Path,
    tmp_path_factory: pytest.TempPathFactory,
    moment: str,
) -> None:
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(
        "import os, signal\n"
        "replace = os.replace\n"
        "def killed(one, other):\n"
        "    if not other.endswith('.env'):\n"
        "        return replace(one, other)\n"
        f"    if {moment!r} == 'after':\n"
        "        replace(one, other)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = killed\n",
        "utf-8",
    )
    before = settings.read_bytes()
    words = ["setup", data, "nauset", *options(s3, secret), "--yes"]
    operator.run(*words, code=-signal.SIGKILL, PYTHONPATH=str(site))
    if moment == "before":
        assert settings.read_bytes() == before
        (part,) = (path for path in settings.parent.iterdir() if path != settings)
        assert part.stat().st_mode & 0o777 == 0o600
        part.unlink()  # it holds the secret, which the tests look for
    else:
        assert values_of("", settings.read_text("utf-8"))["TIME_SERIES"] == "nauset"


def test_settings_that_cannot_be_written_are_as_they_were(
    s3: Any, operator: Operator, data: Path, secret: Path, settings: Path
) -> None:
    (operator.folder / "file").touch()
    words = ["setup", data, "nauset", *options(s3, secret), "--yes", "--env-file", "file/.env"]
    archive = {
        "S3_ENDPOINT_URL": s3.endpoint,
        "BUCKET_NAME": s3.bucket,
        "DASHBOARD_URL": "http://127.0.0.1:9",
    }
    done = operator.run(*words, code=2, **archive)
    assert "file/.env cannot be written: " in done.stderr and "Nothing was changed" in done.stderr


def test_a_temporary_token_goes_with_the_key_that_it_belongs_to(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    with settings.open("a", encoding="utf-8") as file:
        file.write("AWS_ACCESS_KEY_ID=ASIAOLD\nAWS_SECRET_ACCESS_KEY=old\nAWS_SESSION_TOKEN=of-the-old-key\n")
    operator.run("setup", data, "nauset", *options(s3, secret), "--no-start", code=None)
    assert "AWS_SESSION_TOKEN=\n" in settings.read_text("utf-8")


def test_an_account_that_the_dashboard_does_not_know_can_be_corrected_at_once(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    given = options(s3, secret)[2:]
    with operator.at_terminal(
        "setup", data, "nauset", "--account", "hablb", *given, "--no-start"
    ) as terminal:
        answer(terminal, "Is hablb spelt right? [Y/n]", "n")
        answer(terminal, "You get the name from the people who run the dashboard.", "hablab")
        done = terminal.end()
    assert "The dashboard knows no account 'hablb'" in done.stderr
    assert "USER_ACCOUNT=hablab\n" in settings.read_text("utf-8")


def test_what_is_still_to_be_typed_is_told_whole(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    elsewhere = operator.folder / "other settings.env"
    elsewhere.write_bytes(settings.read_bytes())
    words = ["setup", data, "new", *options(s3, secret), "--since", "2026-06-01", "--force", "--no-start"]
    with operator.at_terminal(*words, "--env-file", elsewhere) as terminal:
        done = terminal.end()
    assert "Take it all the same?" not in done.stderr
    typed = f"ifcbscan start --env-file '{elsewhere}' --since 2026-06-01T00:00:00Z --force"
    assert f"'{typed}' lets bins be sent by themselves." in done.stderr


def test_an_empty_folder_is_taken_if_it_is_the_right_one(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    empty = operator.folder / "empty"
    empty.mkdir()
    given = options(s3, secret)
    with operator.at_terminal("setup", *given, "--no-start") as terminal:
        answer(terminal, "Folder", str(empty))
        answer(terminal, "Is it the right folder all the same? [y/N]", "n")
        answer(terminal, "Which folder is it?", str(data))
        answer(terminal, "Time series, by its number or its name:", "nauset2")
        answer(terminal, "Take it all the same? [y/N]", "y")
        done = terminal.end()
    assert "Did you mean 'nauset'?" in done.stderr
    assert values_of("", settings.read_text("utf-8"))["TIME_SERIES"] == "nauset2"


def test_a_sigterm_ends_the_command_that_follows(
    s3: Any, operator: Operator, data: Path, settings: Path, secret: Path
) -> None:
    with operator.at_terminal("setup", data, "nauset", *options(s3, secret)) as terminal:
        terminal.wait_for("$ ifcbscan check")
        os.kill(terminal.process.pid, signal.SIGTERM)
        done = terminal.end()
    assert done.code == 143 and not operator.crontab.changes
    assert "Written:" in done.stderr


def test_the_template_is_printed_as_it_comes(operator: Operator) -> None:
    assert operator.run("setup", "--print-template").stdout == template()


def test_no_settings_lead_to_setup(operator: Operator, data: Path, env_file: Path) -> None:
    env_file.unlink()
    done = operator.run("--once", data, "nauset", code=2)
    assert "No .env file found" in done.stderr and "ifcbscan setup" in done.stderr
