"""What importing `function_app` costs an instance that starts: CPU seconds over a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

from local.paths import PROJECT, state_dir

TARGET = 0.5  # seconds
RUNS = 7
SCRIPT = "import time, sys; b = time.process_time(); import {module}; print(time.process_time() - b, len(sys.modules))"


def _environment() -> dict[str, str]:
    """With bytecode, whatever the caller's environment says: the first run writes it, as the package ships it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(state_dir() / "pycache")}


def _best(module: str) -> tuple[float, int]:
    """The least of several runs: noise only adds."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT.format(module=module)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
            env=_environment(),
        ).stdout.split()
        for _ in range(RUNS)
    ]
    return min((float(seconds), int(modules)) for seconds, modules in outputs)


def main() -> bool:
    """Print the app's cost beside what the SDKs alone cost; whether the app holds its target."""
    for module in ("azure.functions", "azure.durable_functions", "function_app"):
        seconds, modules = _best(module)
        print(f"   {module:<28} {seconds:6.3f} s CPU  {modules:5} modules")
    print(f"   target for function_app      {TARGET:6.3f} s CPU")
    return seconds <= TARGET
