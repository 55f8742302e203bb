"""Where the local stack keeps what outlives it."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def state_dir() -> Path:
    """The folder of all local state, `.local/` unless `LOCAL_STATE_DIR` says otherwise; made when missing."""
    folder = Path(os.environ.get("LOCAL_STATE_DIR") or PROJECT / ".local")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
