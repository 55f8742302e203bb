"""What the broker keeps over a `kill -9`, in SQLite: whatever an entity has, by kind and key.

Changes gather in memory and are written at once at the end of a turn, before anything of that turn reaches a socket.
WAL with synchronous NORMAL: a committed change survives the process; the newest may be lost with the power.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

_VERSION = 3
_TABLE = "CREATE TABLE kept (entity TEXT, kind TEXT, key BLOB, value BLOB NOT NULL, PRIMARY KEY (entity, kind, key))"


class Store:
    """One SQLite file, used by one process. Raises ValueError for the file of another version."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN;{_TABLE};PRAGMA user_version={_VERSION};COMMIT;")
        elif version != _VERSION:
            self._db.close()
            raise ValueError(f"{path} has format {version}, this version reads {_VERSION}; move it away")
        self._changes: dict[tuple[str, str, int | str | bytes], Callable[[], int | bytes] | None] = {}

    def put(self, entity: str, kind: str, key: int | str | bytes, value: Callable[[], int | bytes] | None) -> None:
        """Keep a value, asked for at the commit; None forgets it. What comes and goes in between is never written."""
        self._changes[entity, kind, key] = value

    def commit(self) -> None:
        """Write everything that changed since the last commit, in one transaction."""
        if self._changes:
            kept = [(*key, value()) for key, value in self._changes.items() if value is not None]
            gone = [key for key, value in self._changes.items() if value is None]
            self._db.executemany("REPLACE INTO kept VALUES (?,?,?,?)", kept)
            self._db.executemany("DELETE FROM kept WHERE entity=? AND kind=? AND key=?", gone)
            self._db.commit()
            self._changes.clear()

    def kept(self, entity: str, kind: str) -> dict[Any, Any]:
        """What an entity has of a kind, in the order of the keys."""
        query = "SELECT key, value FROM kept WHERE entity=? AND kind=? ORDER BY key"
        return dict(self._db.execute(query, (entity, kind)))

    def holders(self, kind: str) -> set[str]:
        """The entities that have something of a kind."""
        return {entity for (entity,) in self._db.execute("SELECT DISTINCT entity FROM kept WHERE kind=?", (kind,))}

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
        self._db.close()
