"""What several commands do with their options."""

from __future__ import annotations

import contextlib
import os
from argparse import Namespace
from dataclasses import dataclass

from ifcbscan import config as configuration
from ifcbscan.cli import output
from ifcbscan.cli.targets import absolute, current_folder
from ifcbscan.config import Config
from ifcbscan.core.series import check_time_series
from ifcbscan.core.units import parse_duration
from ifcbscan.errors import IfcbscanError, UsageError


def load_config(options: Namespace) -> Config:
    named = None if options.env_file is None else absolute(options.env_file)
    return configuration.load(configuration.find_env_file(named, current_folder()), os.environ)


@dataclass(frozen=True)
class Job:
    """What a command is about: the data folder (absolute), the time series, the settings.

    `warnings` are those of the settings and of the log.
    """

    config: Config
    directory: str
    time_series: str
    warnings: tuple[str, ...]


def job_with_log(options: Namespace) -> Job:
    """The job of a command that has --log-file, its log opened. Raises UsageError and ConfigError."""
    try:
        config = load_config(options)
        directory, time_series = job_of(options, config)
    except IfcbscanError:
        # That is to be in the log, too. Which folder holds the data is not known for sure.
        with contextlib.suppress(IfcbscanError):
            output.check_log_file(options.log_file, None)
            output.open_log(options.log_file)
        raise
    output.check_log_file(options.log_file, directory)
    trouble = output.open_log(options.log_file)
    return Job(config, directory, time_series, config.warnings + ((trouble,) if trouble else ()))


def job_of(options: Namespace, config: Config) -> tuple[str, str]:
    """The data folder (absolute) and the time series that a command is about."""
    directory = options.directory or config.data_dir
    time_series = options.time_series or config.time_series
    missing = [
        f"{word} (or {name} in the .env file)"
        for word, name, value in (
            ("DIR", "IFCB_DATA_DIR", directory),
            ("TIME_SERIES", "TIME_SERIES", time_series),
        )
        if not value
    ]
    if not directory or not time_series:
        raise UsageError("Which bins, and where to? Please give {}.".format(" and ".join(missing)))
    return absolute(directory), check_time_series(time_series)


def duration(text: str | None, option: str) -> float | None:
    return None if text is None else parse_duration(text, option)
