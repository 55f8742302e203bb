"""`python -m tests.orchestrations.record`: run every saga every way, and store histories that are not stored yet."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.orchestrations.branches import RESULTS, branches
from tests.orchestrations.orchestrators import orchestrators
from tests.orchestrations.stage import stage
from tests.orchestrations.stored import HISTORIES, write


def main() -> None:
    """Store what is new."""
    found = orchestrators()
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), found, RESULTS) as running:
        for saga in found:
            for name, events in branches(running, saga):
                if not (HISTORIES / saga / f"{name}.jsonl").exists():
                    print(write(saga, name, events))


if __name__ == "__main__":
    main()
