"""`python -m demo`: play one learner's spoken practice through the public API, and check every step of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo.play import demonstrate


def main() -> int:
    """The exit code is 0 only if every check held, 2 for a recording without its text."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="One learner's practice on the local stack")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="a recording of your own (WAV)")
    parser.add_argument("--text", help="what the recording says, in hanzi")
    options = parser.parse_args()
    return demonstrate(options.audio, options.text)


if __name__ == "__main__":
    sys.exit(main())
