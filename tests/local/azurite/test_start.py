"""What a start of Azurite costs."""

from __future__ import annotations

import subprocess

from local.paths import PROJECT

LOADED = """
require('azurite/dist/src/common/Telemetry.js');
console.log(Object.keys(require.cache).filter(file => file.includes('opentelemetry')).length);
"""


def test_telemetry_is_not_loaded() -> None:
    """It is switched off; hundreds of its modules would take two thirds of a start, and 45 MB."""
    command = ["node", "--require", str(PROJECT / "local/azurite/lean.js"), "--eval", LOADED]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
