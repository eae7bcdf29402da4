"""What a command is about: the data folder, the time series and the settings, of the command line and the `.env` file."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from ifcbscan import config as configuration
from ifcbscan.cli.log import check_log_file, open_log
from ifcbscan.cli.options import JobArguments
from ifcbscan.cli.targets import absolute, current_folder
from ifcbscan.config import Config
from ifcbscan.core.series import check_time_series, is_time_series
from ifcbscan.env_file import find_env_file
from ifcbscan.errors import IfcbscanError, UsageError


class Job(NamedTuple):
    """The data folder (absolute), the time series, and the settings; `warnings` are those of the settings and of the log."""

    config: Config
    directory: str
    time_series: str
    warnings: tuple[str, ...]


def load_config(env_file: str | None) -> Config:
    """The settings; `env_file` as `--env-file` names it. Raises ConfigError and UsageError."""
    named = None if env_file is None else absolute(env_file)
    return configuration.load(find_env_file(named, current_folder()), os.environ)


def scheduled_config(env_file: str) -> Config:
    """The settings as a scheduled scan has them, which does not see this terminal's environment. Raises ConfigError."""
    return configuration.load(find_env_file(env_file, None), {})


def unseen_by_schedule(env_file: str) -> str:
    """What a command typed here goes by and a schedule with this settings file does not, in words; "" if there is nothing.

    Raises ConfigError.
    """
    names = configuration.only_in_environment(env_file, os.environ)
    if not names:
        return ""
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return (
        f"{', '.join(names)} {verb} set in this terminal's environment and not in {env_file}: what is typed here goes by {them}, and "
        f"the scheduled scans do not see {them}. Write {them} into the file, or take {them} out of the environment."
    )


def find_job(arguments: JobArguments) -> Job:
    """The job of a command. Raises UsageError and ConfigError."""
    config = load_config(arguments.env_file)
    directory = arguments.directory or config.data_dir
    time_series = arguments.time_series or config.time_series
    missing = [
        f"{word} (or {name} in the .env file)"
        for word, name, value in (
            ("DIR", "IFCB_DATA_DIR", directory),
            ("TIME_SERIES", "TIME_SERIES", time_series),
        )
        if not value
    ]
    if arguments.directory and not arguments.time_series and _may_be_a_series(arguments.directory):
        name = arguments.directory
        raise UsageError(
            f"There is no folder {name} here. If {name!r} is the time series, the folder comes first: DIR {name}. Without both, those "
            "of the .env file count. Nothing was sent."
        )
    if not directory or not time_series:
        raise UsageError("Which bins, and where to? Please give {}.".format(" and ".join(missing)))
    return Job(config, absolute(directory), check_time_series(time_series), config.warnings)


def _may_be_a_series(word: str) -> bool:
    """Whether somebody may have left the folder out. (Some commands take a time series alone.)"""
    return os.path.basename(word) == word and is_time_series(word) and not os.path.exists(absolute(word))


def find_job_with_log(arguments: JobArguments, log_file: str | None) -> Job:
    """The job of a command that has --log-file, its log opened. Raises UsageError and ConfigError."""
    try:
        job = find_job(arguments)
    except IfcbscanError:
        open_log_for_an_error(log_file)
        raise
    check_log_file(log_file, job.directory, job.config.env_file)
    trouble = open_log(log_file)
    return job._replace(warnings=job.warnings + ((trouble,) if trouble else ()))


def open_log_for_an_error(log_file: str | None) -> None:
    """Open the log before the data folder is known, because the error that is to be raised belongs into it, too.

    Where that could touch data, or cannot be done, there is no log; the error is printed all the same.
    """
    with contextlib.suppress(IfcbscanError):
        check_log_file(log_file, None, None)
        open_log(log_file)
