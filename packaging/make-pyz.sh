#!/bin/sh
# Builds ifcbscan.pyz (docs/single-file.md) in the current folder:  sh packaging/make-pyz.sh
# Needs python3 (3.8 or newer) with venv, and a package index.
#
# What goes in is chosen for Python 3.7, whichever Python builds, and runs without compiled parts, so that one file
# is for every later Python and every system. uv chooses, because pip asks the Python that builds whether a
# requirement of Python 3.7 alone counts.
set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/tools"
PATH=$work/tools/bin:$PATH
export PIP_DISABLE_PIP_VERSION_CHECK=1
pip install -q uv 'shiv>=1.0.8'
# from a copy, because the folder may hold what an earlier build has left there
mkdir "$work/source"
for name in ifcbscan docs setup.cfg pyproject.toml README.md LICENSE; do cp -R "$source/$name" "$work/source"; done
pip wheel -q --no-deps -w "$work" "$work/source"
uv pip install -q --python "$work/tools" --python-version 3.7 --only-binary :all: --target "$work/site" \
    "$(echo "$work"/ifcbscan-*.whl)[report,metrics]"
shiv -c ifcbscan --site-packages "$work/site" -o ifcbscan.pyz
