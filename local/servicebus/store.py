"""What the broker keeps over a `kill -9`, in SQLite: messages, and facts about entities, such as the last number.

Changes gather in memory and are written by `commit`, once at the end of an event-loop turn and before anything of
that turn reaches a socket: so no confirmation precedes its commit, and a busy broker groups commits by itself.
WAL with synchronous NORMAL: a committed change survives the process; the newest may be lost with the power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_VERSION = 2
_SCHEMA = """
CREATE TABLE message (
  id INTEGER PRIMARY KEY, entity TEXT NOT NULL, number INTEGER NOT NULL, message BLOB NOT NULL,
  enqueued INTEGER NOT NULL, source_number INTEGER, state INTEGER NOT NULL, delivery_count INTEGER NOT NULL,
  expires INTEGER, locked INTEGER NOT NULL);
CREATE TABLE fact (entity TEXT, kind TEXT, key BLOB, value BLOB NOT NULL, PRIMARY KEY (entity, kind, key));
"""
_STATEMENTS = {
    "message": ("REPLACE INTO message VALUES (?,?,?,?,?,?,?,?,?,?)", "DELETE FROM message WHERE id=?"),
    "fact": ("REPLACE INTO fact VALUES (?,?,?,?)", "DELETE FROM fact WHERE entity=? AND kind=? AND key=?"),
}
"""How rows are kept, and forgotten by their key."""

type Row = tuple[Any, ...]


class Store:
    """One SQLite file, used by one process. Raises ValueError for the file of another version."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={_VERSION};COMMIT;")
        elif version != _VERSION:
            self._db.close()
            raise ValueError(f"{path} has format {version}, this version reads {_VERSION}; move it away")
        self._last_id = self._db.execute("SELECT max(id) FROM message").fetchone()[0] or 0
        self._changes: dict[str, dict[Row, Callable[[], Row] | None]] = {table: {} for table in _STATEMENTS}

    def new_id(self) -> int:
        """The key of a new message."""
        self._last_id += 1
        return self._last_id

    def put(self, table: str, *key: Any, columns: Callable[[], Row] | None) -> None:
        """Keep a row, whose columns after the key are asked for when it is committed; None forgets it.

        A row that comes and goes in the same turn never reaches the disk.
        """
        self._changes[table][key] = columns

    def commit(self) -> None:
        """Write everything that changed since the last commit, in one transaction."""
        if not any(self._changes.values()):
            return
        for table, changes in self._changes.items():
            keep, forget = _STATEMENTS[table]
            self._db.executemany(keep, [(*key, *columns()) for key, columns in changes.items() if columns])
            self._db.executemany(forget, [key for key, columns in changes.items() if not columns])
        self._db.commit()
        for changes in self._changes.values():
            changes.clear()

    def messages(self) -> Iterator[Row]:
        """All messages, in the order in which they came."""
        return self._db.execute("SELECT * FROM message ORDER BY id")

    def facts(self, entity: str, kind: str) -> dict[Any, Any]:
        """What an entity has of a kind, by key, the smallest value first."""
        query = "SELECT key, value FROM fact WHERE entity=? AND kind=? ORDER BY value"
        return dict(self._db.execute(query, (entity, kind)))

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
        self._db.close()
