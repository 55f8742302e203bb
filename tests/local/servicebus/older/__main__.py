"""Install azure-servicebus 7.14.2 beside the project and run `scenarios.py` with it. Not part of the test suite."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from local.paths import state_dir
from tests.local.servicebus.conftest import CONFIGURATION
from tests.local.servicebus.running import broker_thread, connection_string

PACKAGES = ("azure-servicebus==7.14.2",)


def main() -> int:
    """The exit code of the scenarios."""
    folder = state_dir() / "older-sdk"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    scenarios = Path(__file__).with_name("scenarios.py")
    with tempfile.TemporaryDirectory() as store, broker_thread(CONFIGURATION, Path(store) / "bus.sqlite3") as port:
        return subprocess.run([python, scenarios, connection_string(port)]).returncode


if __name__ == "__main__":
    sys.exit(main())
