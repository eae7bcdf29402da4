"""`ifcbscan setup`: ask for what everybody has to say, write the settings file, check, and offer to start.

Nothing is written before all settings are answered, and then everything in one step.
"""

from __future__ import annotations

import os
import sys
from typing import Sequence

from ifcbscan import config as configuration
from ifcbscan.atomic import read_small, replace_file
from ifcbscan.cli import output
from ifcbscan.cli.first_settings import Interview, Values, is_text
from ifcbscan.cli.more_options import SetupArguments
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.program import run_command, typed
from ifcbscan.cli.questions import Questions
from ifcbscan.cli.schedule_view import installed_jobs
from ifcbscan.cli.settings_text import template, with_values
from ifcbscan.cli.signals import Interruption
from ifcbscan.cli.targets import absolute, check_not_new_in, check_target, current_folder, is_same_file
from ifcbscan.core.words import without_nothing_sent
from ifcbscan.env_file import find_env_file, text_of, user_env_file, values_of
from ifcbscan.errors import ConfigError, ExitCode, IfcbscanError, UsageError
from ifcbscan.state.files import hand_over, make_folder

#: A file that has one of these is about ifcbscan.
_OURS = {"USER_ACCOUNT", "IFCB_DATA_DIR", "TIME_SERIES", "DASHBOARD_URL"}

#: A job whose settings had none of these could not send anything.
_CREDENTIALS = {"USER_ACCOUNT", "AWS_ACCESS_KEY_ID"}

#: What says which archive is meant.
_ARCHIVE = ("BUCKET_NAME", "AWS_REGION", "S3_ENDPOINT_URL", "AWS_CA_BUNDLE", "DASHBOARD_URL")


def run(arguments: SetupArguments, interruption: Interruption) -> int:
    """Ask, write, check, start; returns the exit code of the last of them."""
    if arguments.print_template:
        output.result(*template().splitlines())
        return ExitCode.DONE
    path = _settings_file(arguments.job.env_file)
    questions = Questions(silent=arguments.yes)
    try:
        text, known = _what_is_there(path)
        interview = Interview(questions, arguments, interruption, path, text)
        jobs = _scheduled_with(path) if _CREDENTIALS & set(known) else []
        of_environment = _of_environment(path, text, jobs)
        answers = {**interview.ask(_given(arguments), known, jobs), **of_environment}
        changed = _changed(path, text, answers)
        check_not_new_in("--env-file", path, [answers["IFCB_DATA_DIR"]])
    except IfcbscanError as error:
        raise type(error)(f"{without_nothing_sent(str(error))} Nothing was written.") from None
    _write(path, changed)
    output.say("")
    private = ", for you alone to read" if os.name == "posix" else ""
    output.say(f"Written: {path}{private}. 'ifcbscan setup --print-template' shows what else can be set.")
    # What the commands find by themselves, wherever they are started, need not be named.
    own = path == user_env_file() and path == find_env_file(None, current_folder())
    settings = [] if own else ["--env-file", path]
    job = JobArguments(answers["IFCB_DATA_DIR"], answers["TIME_SERIES"], path)
    return _go_on(arguments, settings, questions, job, interruption)


def _settings_file(named: str | None) -> str:
    """The one that is named; else the one that other commands find, unless it is another program's; else the user's own."""
    found = find_env_file(None, current_folder()) if named is None else absolute(named)
    path = found if found is not None and (named is not None or _is_ours(found)) else user_env_file()
    check_target("--env-file", path, lambda head: True, None)
    return path


def _is_ours(path: str) -> bool:
    """Whether a file that is there is about ifcbscan. (In the current folder may lie the .env of any program.)"""
    if path == user_env_file():
        return True
    try:
        return not _OURS.isdisjoint(values_of(path, text_of(path)))
    except ConfigError:
        return False


def _scheduled_with(path: str) -> list[str] | None:
    """The time series of the jobs that go by this settings file; None where nobody can know."""
    jobs = installed_jobs()
    if jobs is None:
        return None
    return [found.job.time_series for found in jobs if is_same_file(found.job.env_file, path)]


def _of_environment(path: str, text: str, jobs: Sequence[str] | None) -> Values:
    """What the environment says of the archive and the file does not: the answers are tried with it, and cron will not see it.

    `jobs`: the time series that are scheduled with this file; None where nobody can know.
    """
    there = values_of(path, text)
    found = {name: os.environ[name] for name in _ARCHIVE if os.environ.get(name) and not there.get(name)}
    no_text = [name for name, value in found.items() if not is_text(value)]
    if no_text:
        raise UsageError(
            f"{no_text[0]} of the environment has a character that is no UTF-8, so it cannot go into a settings file. Give what it "
            "names a plain name, or take it out of the environment."
        )
    if found and jobs:
        raise UsageError(
            f"{', '.join(found)} of the environment would go into {path}, by which {', '.join(jobs)} is scheduled: its bins would "
            "go to another archive from then on. Take it out of the environment, or write it into the file yourself."
        )
    if found:
        output.say(
            f"Note: {', '.join(found)} of the environment goes into the file, too, because a schedule does not see it."
        )
    return found


def _changed(path: str, text: str, answers: Values) -> str:
    """The text with the answers in it, as a later run will read it. Raises ConfigError and UsageError."""
    changed = with_values(text, answers)
    configuration.of_text(path, changed, os.environ)
    read = values_of(path, changed)
    for name, value in answers.items():
        if read.get(name, "").strip() != value:
            raise UsageError(
                f"What was answered for {name} cannot be written into a settings file so that it is read back as it is. (It is "
                "not shown here.)"
            )
    return changed


def _write(path: str, text: str) -> None:
    """In one step. What root makes in the folder of another user is given to that user. Raises ConfigError."""
    try:
        make_folder(os.path.dirname(path))
        replace_file(path, text.encode("utf-8"), private=True)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}. Nothing was changed. Name another place with --env-file, or see that "
            "you may write there and the disk has room."
        ) from None
    hand_over(path)


def _what_is_there(path: str) -> tuple[str, dict[str, str]]:
    """The text of the file and what it says; the template, and nothing, where there is no file."""
    if not os.path.lexists(path):
        output.say(f"The settings will be written to {path}, once all of them are answered.")
        return template(), {}
    text = text_of(path)
    found = {name: value.strip() for name, value in values_of(path, text).items()}
    output.say(
        f"There are settings in {path} already: Enter keeps what is in [brackets], and all other lines stay."
    )
    known = {
        name: value for name, value in found.items() if value and not configuration.is_placeholder(value)
    }
    return text, known


def _given(arguments: SetupArguments) -> Values:
    answers = {
        "USER_ACCOUNT": arguments.account,
        "AWS_ACCESS_KEY_ID": arguments.key_id,
        "AWS_SECRET_ACCESS_KEY": None if arguments.secret_file is None else _secret(arguments.secret_file),
        "IFCB_DATA_DIR": arguments.job.directory,
        "TIME_SERIES": arguments.job.time_series,
    }
    return {name: value for name, value in answers.items() if value is not None}


def _secret(path: str) -> str:
    """The first line of the file; `-` is the standard input."""
    try:
        if path == "-":
            return sys.stdin.readline().strip()
        return read_small(absolute(path)).decode("utf-8-sig").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(f"--secret-file: {path} cannot be read: {reason}.") from None


def _go_on(
    arguments: SetupArguments,
    settings: Sequence[str],
    questions: Questions,
    job: JobArguments,
    interruption: Interruption,
) -> int:
    """`job`: what the settings are about; whether it is scheduled already is looked up."""
    code = _carry_out(["check", *settings], interruption)
    if interruption.requested.is_set():
        return code
    folders = _scheduled_folders(job)
    if any(is_same_file(folder, job.directory or "") for folder in folders):
        output.say(f"It is scheduled already: 'ifcbscan status {job.time_series}' says how it goes.")
        return code
    start = ["start", *settings, *arguments.window.options(), *(["--force"] if arguments.force else [])]
    later = f"'{typed(start)}' lets bins be sent by themselves."
    if arguments.no_start:
        output.say(later)
        return code
    output.say("")
    if folders:
        output.say(
            f"{job.time_series} is sent from {', '.join(folders)} already, and would be sent from both; 'ifcbscan stop' with the old "
            "folder ends that."
        )
    if code == ExitCode.DONE:
        question = "Let bins be sent by themselves from now on, every minute (ifcbscan start)?"
        wanted = questions.yes(question, usual=not folders, unasked=arguments.yes)
    else:
        output.say("Not everything is in order yet; the lines that begin with NOT say what to do.")
        question = "Let bins be sent by themselves all the same (ifcbscan start)?"
        wanted = questions.yes(question, usual=False, unasked=False)
    if not wanted:
        output.say(f"Nothing is sent yet. '{typed(['check', *settings])}' looks again; {later}")
        return code
    return _carry_out([*start, *(["--yes"] if arguments.answered else [])], interruption)


def _scheduled_folders(job: JobArguments) -> list[str]:
    """From which folders the time series is sent with these settings."""
    return [
        found.job.directory
        for found in installed_jobs() or ()
        if found.job.time_series == job.time_series and is_same_file(found.job.env_file, job.env_file or "")
    ]


def _carry_out(words: Sequence[str], interruption: Interruption) -> int:
    output.say("")
    output.say(f"$ {typed(words)}")
    return run_command(words, interruption)
