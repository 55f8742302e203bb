"""`python -m benchmarks [NAME…]`, or `make bench [ONLY=name]`: run benchmarks and print their tables.

The exit code is 1 where one missed a target that it states.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import time

import benchmarks


def main() -> int:
    """Run the benchmarks that were asked for, or all."""
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed, beside peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names)}; all without one")
    chosen = parser.parse_args().names or [name for name in names if os.environ.get("ONLY", "") in name]
    unknown = set(chosen) - set(names)
    if unknown or not chosen:
        parser.error(f"no such benchmark: {', '.join(unknown) or os.environ['ONLY']}; there are {', '.join(names)}")
    missed = [name for name in chosen if not _holds(name)]
    if missed:
        print(f"\nTargets missed: {', '.join(missed)}")
    return 1 if missed else 0


def _holds(name: str) -> bool:
    """Run one; whether it held its targets."""
    module = importlib.import_module(f"benchmarks.{name}")
    print(f"\n== {name}: {(module.__doc__ or '').partition(chr(10))[0]}", flush=True)
    started = time.monotonic()
    holds: bool = module.main()
    print(f"   ({time.monotonic() - started:.0f} s)")
    return holds


if __name__ == "__main__":
    sys.exit(main())
