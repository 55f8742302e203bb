"""A missing tool is one clear line; a tool that is there is no line at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OLDER_NODE = 'Object.defineProperty(process, "versions", { value: { node: "18.20.0" } });'


def _run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", SCRIPTS / script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_node_of_today_is_taken_without_a_word() -> None:
    found = _run("find_node.sh")

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_older_node_is_named_in_one_line(tmp_path: Path) -> None:
    older = tmp_path / "older.js"
    older.write_text(OLDER_NODE)

    found = _run("find_node.sh", NODE_OPTIONS=f"--require {older}")

    assert found.returncode == 1
    assert found.stderr == "Node 20 or newer is missing: install it from nodejs.org.\n"


@pytest.mark.parametrize(("script", "tool"), [("find_node.sh", "Node 20"), ("find_python.sh", "Python 3.13")])
def test_missing_tool_is_named_in_one_line(script: str, tool: str, tmp_path: Path) -> None:
    found = _run(script, PATH=str(tmp_path), HOME=str(tmp_path), PYENV_ROOT=str(tmp_path), PYTHON="")

    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith(f"{tool}")
    assert found.stderr.count("\n") == 1
