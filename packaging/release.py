"""Completes a release in dist/: the single file, its bill of materials and the checksums, beside sdist and wheel.

usage: python packaging/release.py TAG      needs the extra `release`

TAG must be the version with a "v" before it, and the version must have a heading in CHANGELOG.md; what stands below that is
printed. dist/ must hold what `python -m build` has made, and this folder `ifcbscan.pyz` (docs/single-file.md).
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def notes(tag: str, version: str, changelog: str) -> str:
    """What CHANGELOG.md says of the version. Raises SystemExit if this is not the version that the tag names."""
    if tag != f"v{version}":
        raise SystemExit(f"the tag {tag} is not v{version}, the version in ifcbscan/__init__.py")
    section = re.search(
        rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changelog, re.M | re.S
    )
    if section is None:
        raise SystemExit(f"CHANGELOG.md has no heading '## [{version}] - YYYY-MM-DD'")
    return section.group(1).strip() + "\n"


def bill_of_materials(single_file: Path, version: str, target: Path) -> None:
    """Writes what is in the single file, as CycloneDX. (The wheel holds nothing but ifcbscan itself.)

    Raises SystemExit if the file holds another version.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with zipfile.ZipFile(single_file) as archive:
            archive.extractall(folder, [path for path in archive.namelist() if ".dist-info/" in path])
        (own,) = importlib.metadata.distributions(name="ifcbscan", path=[str(folder / "site-packages")])
        if own.version != version:
            raise SystemExit(f"{single_file} holds version {own.version} and not {version}")
        # cyclonedx-py takes the name of the whole, and what that needs, from here; it does not read setup.cfg
        needs = [requirement for requirement in own.requires or [] if "extra ==" not in requirement]
        whole = folder / "pyproject.toml"
        whole.write_text(
            f'[project]\nname = "ifcbscan"\nversion = "{version}"\ndependencies = {json.dumps(needs)}\n',
            encoding="utf-8",
        )
        venv.create(folder / "env")
        (packages,) = (folder / "env").rglob("site-packages")
        shutil.copytree(folder / "site-packages", packages, dirs_exist_ok=True)
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject", str(whole)]
        # what else a Python of this computer would find is not in the file
        clean = {variable: value for variable, value in os.environ.items() if variable != "PYTHONPATH"}
        subprocess.run([*command, "--output-file", str(target), str(folder / "env")], env=clean, check=True)


def checksums(folder: Path) -> str:
    """A line for each file, as `sha256sum --check` reads them."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(folder.iterdir())
    )


def complete(tag: str, single_file: Path, dist: Path) -> str:
    """Completes the release in `dist`, and returns its notes. Raises SystemExit if something is not right or not there."""
    version = runpy.run_path(str(REPOSITORY / "ifcbscan" / "__init__.py"))["__version__"]
    told = notes(tag, version, (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"))
    built = {path.name for path in dist.iterdir()} if dist.is_dir() else set()
    wanted = {f"ifcbscan-{version}.tar.gz", f"ifcbscan-{version}-py3-none-any.whl"}
    if built != wanted:
        raise SystemExit(
            f"{dist} holds {sorted(built)} and not {sorted(wanted)}: empty it, then python -m build"
        )
    shutil.copy(single_file, dist / "ifcbscan.pyz")
    bill_of_materials(single_file, version, dist / "ifcbscan.cdx.json")
    (dist / "SHA256SUMS").write_text(checksums(dist), encoding="utf-8", newline="\n")
    return told


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print(complete(sys.argv[1], Path("ifcbscan.pyz"), Path("dist")), end="")
