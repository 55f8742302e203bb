"""The keys behind `authLevel`: made at first start, kept with the stack's state, the same for every worker.

Core Tools do not ask for keys at all; here a function that would be closed in Azure is closed too
(learn.microsoft.com/azure/azure-functions/function-keys-how-to).
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path


class FunctionKeys:
    """The master key, which opens everything, and the default function key, which opens level `function`."""

    def __init__(self, folder: Path) -> None:
        path = folder / "host-keys.json"
        if not path.exists():
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps({name: secrets.token_urlsafe(40) for name in ("master", "default")}))
            with suppress(FileExistsError):  # complete or not there, and the first of several workers wins
                os.link(fresh, path)
            fresh.unlink()
        self._keys: dict[str, str] = json.loads(path.read_text())

    def admit(self, level: str, given: str) -> bool:
        """Whether a key (header `x-functions-key` or query `code`) opens a function of this `authLevel`."""
        opening = {"anonymous": [given], "admin": [self._keys["master"]]}.get(level.lower(), self._keys.values())
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in opening)
