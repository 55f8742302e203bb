#!/bin/sh
# Compile requirements*.txt (exact versions of everything) from requirements*.in (what we ask for directly).
set -eu
cd "$(dirname "$0")/.."
for name in requirements requirements-dev; do
  .venv/bin/uv pip compile --quiet --upgrade --python-version 3.13 --no-header --no-annotate "$name.in" --output-file "$name.txt"
done
