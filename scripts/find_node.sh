#!/bin/sh
# Check that Node 20 or newer and npm are there, or say in one line that they are not.
if ! command -v node >/dev/null 2>&1 || ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
  echo "Node 20 or newer is missing: install it from nodejs.org." >&2
  exit 1
fi
if ! command -v npm >/dev/null 2>&1; then
  echo "npm is missing: it comes with Node, from nodejs.org." >&2
  exit 1
fi
