"""`make bench [ONLY=name]`: run every benchmark of this folder and print its table."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import time

import benchmarks


def main() -> int:
    """Run the benchmarks whose name contains ONLY; the exit code is 1 where one missed a target that it states."""
    only = os.environ.get("ONLY", "")
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    missed = []
    for name in (name for name in names if only in name):
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').partition(chr(10))[0]}", flush=True)
        started = time.monotonic()
        if not module.main():
            missed.append(name)
        print(f"   ({time.monotonic() - started:.0f} s)")
    if missed:
        print(f"\nTargets missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
