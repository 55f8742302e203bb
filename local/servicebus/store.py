"""What the broker keeps over a `kill -9`: messages, numbers, session states and message ids, in SQLite.

Changes gather in memory and are written by `commit`, once at the end of an event-loop turn and before anything of
that turn reaches a socket: so no confirmation precedes its commit, and a busy broker groups commits by itself.
WAL with synchronous NORMAL: a committed change survives the process; the newest may be lost with the power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE message (
  id INTEGER PRIMARY KEY, entity TEXT NOT NULL, number INTEGER NOT NULL, source_number INTEGER, message BLOB NOT NULL,
  state INTEGER NOT NULL, delivery_count INTEGER NOT NULL, delivered INTEGER NOT NULL, enqueued INTEGER NOT NULL,
  expires INTEGER);
CREATE TABLE number (entity TEXT PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE session (entity TEXT, id TEXT, state BLOB, changed INTEGER NOT NULL, PRIMARY KEY (entity, id));
CREATE TABLE duplicate (entity TEXT, id BLOB, until INTEGER NOT NULL, PRIMARY KEY (entity, id));
"""
_MESSAGES = ("REPLACE INTO message VALUES (?,?,?,?,?,?,?,?,?,?)", "DELETE FROM message WHERE id=?")
_NUMBERS = ("REPLACE INTO number VALUES (?,?)", "DELETE FROM number WHERE entity=?")
_SESSIONS = ("REPLACE INTO session VALUES (?,?,?,?)", "DELETE FROM session WHERE entity=? AND id=?")
_DUPLICATES = ("REPLACE INTO duplicate VALUES (?,?,?)", "DELETE FROM duplicate WHERE entity=? AND id=?")
_TABLES = {
    "message": (*_MESSAGES, "SELECT * FROM message ORDER BY id"),
    "number": (*_NUMBERS, "SELECT * FROM number WHERE entity=?"),
    "session": (*_SESSIONS, "SELECT * FROM session WHERE entity=?"),
    "duplicate": (*_DUPLICATES, "SELECT * FROM duplicate WHERE entity=? ORDER BY until"),
}
"""How rows of each table are kept, forgotten by their key, and read."""

type Row = tuple[Any, ...]


class Store:
    """One SQLite file, used by one process. Raises ValueError for the file of another version."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
        elif version != SCHEMA_VERSION:
            self._db.close()
            raise ValueError(f"{path} has format {version}, this version reads {SCHEMA_VERSION}; move it away")
        self._last_id = self._db.execute("SELECT max(id) FROM message").fetchone()[0] or 0
        self._changes: dict[str, dict[Row, Callable[[], Row] | None]] = {table: {} for table in _TABLES}

    def new_id(self) -> int:
        """The key of a new message."""
        self._last_id += 1
        return self._last_id

    def put(self, table: str, *key: Any, columns: Callable[[], Row]) -> None:
        """Keep a row; its columns after the key are asked for when it is committed."""
        self._changes[table][key] = columns

    def drop(self, table: str, *key: Any) -> None:
        """Forget a row; one that came in this very turn never reaches the disk."""
        self._changes[table][key] = None

    def commit(self) -> None:
        """Write everything that changed since the last commit, in one transaction."""
        if not any(self._changes.values()):
            return
        self._db.execute("BEGIN")
        for table, changes in self._changes.items():
            keep, forget, _ = _TABLES[table]
            rows = ((*key, *columns()) for key, columns in changes.items() if columns is not None)
            self._db.executemany(keep, rows)
            self._db.executemany(forget, [key for key, columns in changes.items() if columns is None])
        self._db.execute("COMMIT")
        for changes in self._changes.values():
            changes.clear()

    def rows(self, table: str, *entity: str) -> Iterator[Row]:
        """All messages, in the order in which they came, or what another table has of an entity."""
        return self._db.execute(_TABLES[table][2], entity)

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
        self._db.close()
