#!/bin/sh
# Print the path of a Python 3.13, or say in one line that there is none.
right() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }
for candidate in "${PYTHON:-}" python3.13 python3 python \
  "$(command -v uv >/dev/null 2>&1 && uv python find --no-project 3.13 2>/dev/null)" \
  "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
  if [ -n "$candidate" ] && right "$candidate"; then
    command -v "$candidate"
    exit 0
  fi
done
echo "Python 3.13 is missing: install it (python.org, 'uv python install 3.13' or 'pyenv install 3.13'), or set PYTHON." >&2
exit 1
