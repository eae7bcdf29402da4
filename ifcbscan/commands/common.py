"""What several commands do with their options."""

from __future__ import annotations

import os
from argparse import Namespace

from ifcbscan import config as configuration
from ifcbscan.config import Config
from ifcbscan.errors import UsageError


def load_config(options: Namespace) -> Config:
    return configuration.load(configuration.find_env_file(options.env_file, os.getcwd()), os.environ)


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
    return os.path.abspath(os.path.expanduser(directory)), configuration.check_time_series(time_series)


def duration(text: str | None, option: str) -> float | None:
    return None if text is None else configuration.parse_duration(text, option)
