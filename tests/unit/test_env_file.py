"""Which `.env` file is meant, and one value of it where the rest may be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifcbscan.env_file import find_env_file, value_of
from ifcbscan.errors import ConfigError

pytestmark = pytest.mark.windows_core


def test_the_file_that_is_named_is_used_and_a_missing_one_is_not_replaced_by_another(
    tmp_path: Path, env_path: Path
) -> None:
    named = tmp_path / "ship.env"
    named.touch()
    assert find_env_file(str(named), str(tmp_path)) == str(named)
    with pytest.raises(ConfigError, match="--env-file: there is no file"):
        find_env_file(str(tmp_path / "gone.env"), str(tmp_path))
    with pytest.raises(ConfigError, match="--env-file: there is no file"):
        find_env_file(str(tmp_path), str(tmp_path))


def test_the_file_of_the_current_folder_comes_before_the_users_own(
    tmp_path: Path, env_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs

    home = tmp_path / "config"
    (home / "ifcbscan").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("LOCALAPPDATA", str(home))
    own = os.path.join(platformdirs.user_config_dir("ifcbscan", appauthor=False), ".env")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_env_file(None, str(tmp_path)) == str(env_path)
    if own.startswith(str(tmp_path)):  # where the variables count
        assert find_env_file(None, str(elsewhere)) is None
        Path(own).touch()
        assert find_env_file(None, str(elsewhere)) == own


@pytest.mark.parametrize(
    "text, url",
    [
        ("PING_URL=https://ping.example.org/1\n", "https://ping.example.org/1"),
        (
            "what is this\n'\nPING_URL='https://ping.example.org/1'\nAWS_REGION=\"\n",
            "https://ping.example.org/1",
        ),
        ("AWS_REGION=us-east-1\n", None),
        ("PING_URL=\n", None),
    ],
)
def test_the_monitor_is_known_from_settings_of_which_the_rest_is_wrong(
    tmp_path: Path, text: str, url: str | None
) -> None:
    path = tmp_path / ".env"
    path.write_text(text, encoding="utf-8")
    assert value_of("PING_URL", {}, str(path), None) == url
    assert value_of("PING_URL", {}, str(tmp_path / "none"), None) is None
    elsewhere = {"PING_URL": "https://ping.example.org/2"}
    assert value_of("PING_URL", elsewhere, str(path), None) == (
        elsewhere["PING_URL"] if "PING_URL" not in text else url
    )
