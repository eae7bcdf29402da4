"""What a release is made of (packaging/release.py), and that version and date are the same wherever they are written."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import runpy
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.places import REPOSITORY

import ifcbscan

pytestmark = pytest.mark.any_python

VERSION = ifcbscan.__version__
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
#: (version, date) of each release, the newest first
RELEASES = re.findall(r"^## \[([\d.]+)\] - (\S+)$", CHANGELOG, re.M)


@pytest.fixture(scope="module")
def release() -> dict[str, Any]:
    if sys.version_info < (3, 10):
        pytest.skip("releases are made with a newer Python")
    return runpy.run_path(str(REPOSITORY / "packaging" / "release.py"))


def test_the_version_is_that_of_the_newest_heading_of_the_changelog() -> None:
    assert RELEASES[0][0] == VERSION


def test_the_citation_names_the_newest_release_and_its_date() -> None:
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    named = re.findall(r'^(?:version|date-released): "?([^"\n]+)', citation, re.M)
    assert tuple(named) == RELEASES[0]


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    """https://keepachangelog.com/en/1.1.0/"""
    headings = re.findall(r"^## (.*)$", CHANGELOG, re.M)
    assert headings == ["[Unreleased]", *(f"[{version}] - {day}" for version, day in RELEASES)]
    days = [date(*map(int, day.split("-"))) for _, day in RELEASES]
    assert days == sorted(days, reverse=True)
    order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in re.split(r"^## .*$", CHANGELOG, flags=re.M)[1:]:
        groups = re.findall(r"^### (.*)$", section, re.M)
        assert groups == [group for group in order if group in groups]


def test_the_notes_are_what_the_changelog_says_of_the_version(release: dict[str, Any]) -> None:
    changelog = "# Log\n\n## [Unreleased]\n\n## [2.0.1] - 2027-01-02\n\n### Fixed\n\n- It.\n\n## [2.0.0] - 2027-01-01\n\nOld.\n"
    assert release["notes"]("v2.0.1", "2.0.1", changelog) == "### Fixed\n\n- It.\n"
    assert release["notes"]("v2.0.0", "2.0.0", changelog) == "Old.\n"


@pytest.mark.parametrize(
    "tag, version, told",
    [
        ("v9.9.9", "2.0.1", "the tag v9.9.9 is not v2.0.1"),
        ("2.0.1", "2.0.1", "the tag 2.0.1 is not v2.0.1"),
        ("v2.0.1", "2.0.1", "no heading '## [2.0.1]"),
    ],
)
def test_a_tag_that_is_not_the_version_and_a_version_without_notes_are_refused(
    release: dict[str, Any], tag: str, version: str, told: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        release["notes"](tag, version, "## [Unreleased]\n\n- Something.\n\n## [2x0.1] - 2027-01-01\n")
    assert told in str(refused.value)


def test_the_workflow_builds_the_single_file_as_the_page_says() -> None:
    page = (REPOSITORY / "docs" / "single-file.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- build-command -->\n(?:<!--.*\n)*```sh\n(.*)\n```", page)
    workflow = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert f" {command}\n" in workflow


def single_file(path: Path, version: str) -> Path:
    """What shiv makes, as far as it matters here: two packages, one of which needs the other."""
    with zipfile.ZipFile(str(path), "w") as archive:
        for name, its_version, needs in (("ifcbscan", version, "tool>=1"), ("tool", "1.5", "")):
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {its_version}"]
            lines += [f"Requires-Dist: {needs}", 'Requires-Dist: more; extra == "x"'] if needs else []
            archive.writestr(
                f"site-packages/{name}-{its_version}.dist-info/METADATA", "\n".join(lines) + "\n"
            )
    return path


def built(folder: Path) -> Path:
    folder.mkdir()
    for name in (f"ifcbscan-{VERSION}.tar.gz", f"ifcbscan-{VERSION}-py3-none-any.whl"):
        (folder / name).write_bytes(name.encode("ascii"))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("cyclonedx_py") is None, reason="cyclonedx-bom is not installed")
def test_a_release_is_completed_with_single_file_bill_of_materials_and_checksums(
    release: dict[str, Any], tmp_path: Path
) -> None:
    dist = built(tmp_path / "dist")
    told = release["complete"](f"v{VERSION}", single_file(tmp_path / "made.pyz", VERSION), dist)
    assert told.startswith("### ")
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in dist.iterdir()}
    del found["SHA256SUMS"]
    assert len(found) == 4
    told_sums = (dist / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    assert told_sums == [f"{digest}  {name}" for name, digest in sorted(found.items())]
    bill = json.loads((dist / "ifcbscan.cdx.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    whole = bill["metadata"]["component"]
    assert (whole["name"], whole["version"]) == ("ifcbscan", VERSION)
    assert [(part["name"], part["version"]) for part in bill["components"]] == [("tool", "1.5")]
    assert {"ref": whole["bom-ref"], "dependsOn": [bill["components"][0]["bom-ref"]]} in bill["dependencies"]


def test_a_single_file_of_another_version_is_refused(release: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds version 9.9"):
        release["complete"](
            f"v{VERSION}", single_file(tmp_path / "made.pyz", "9.9"), built(tmp_path / "dist")
        )


def test_what_an_older_build_has_left_is_refused(release: dict[str, Any], tmp_path: Path) -> None:
    dist = built(tmp_path / "dist")
    (dist / "ifcbscan-0.0.1.tar.gz").touch()
    with pytest.raises(SystemExit, match="empty it"):
        release["complete"](f"v{VERSION}", single_file(tmp_path / "made.pyz", VERSION), dist)
