"""What the broker keeps over a `kill -9`: messages, numbers, session states and message ids, in SQLite.

Changes gather in memory and are written by `commit`, once at the end of an event-loop turn and before anything of
that turn reaches a socket: so no confirmation precedes its commit, and a busy broker groups commits by itself.
WAL with synchronous NORMAL: a committed change survives the process; the newest may be lost with the power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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


class Progress(NamedTuple):
    """How far a message has come. `state` as in `x-opt-message-state`; `delivered`: a client was given it."""

    state: int
    delivery_count: int
    delivered: bool
    enqueued: int
    expires: int | None


class Row(NamedTuple):
    """A stored message."""

    id: int
    entity: str
    number: int
    source_number: int | None
    message: bytes
    progress: Progress


class Store:
    """One SQLite file, used by one process."""

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
        self._new: dict[int, Row] = {}
        self._updated: dict[int, Progress] = {}
        self._deleted: list[tuple[int]] = []
        self._numbers: dict[str, int] = {}
        self._others: list[tuple[str, tuple[object, ...]]] = []

    def insert(self, entity: str, number: int, source_number: int | None, message: bytes, progress: Progress) -> int:
        """Keep a new message. The answer is the id by which it is known here."""
        self._last_id += 1
        self._new[self._last_id] = Row(self._last_id, entity, number, source_number, message, progress)
        return self._last_id

    def update(self, row_id: int, progress: Progress) -> None:
        """Note how far a message has come."""
        if row_id in self._new:
            self._new[row_id] = self._new[row_id]._replace(progress=progress)
        else:
            self._updated[row_id] = progress

    def delete(self, row_id: int) -> None:
        """Forget a message; one that came in this very turn never reaches the disk."""
        self._updated.pop(row_id, None)
        if self._new.pop(row_id, None) is None:
            self._deleted.append((row_id,))

    def number(self, entity: str, last: int) -> None:
        """Note the last sequence number given out, so that none is ever used twice."""
        self._numbers[entity] = last

    def session(self, entity: str, session_id: str, state: bytes | None, changed: int) -> None:
        """Keep a session's state; None forgets it."""
        if state is None:
            self._others.append(("DELETE FROM session WHERE entity=? AND id=?", (entity, session_id)))
        else:
            self._others.append(("REPLACE INTO session VALUES (?, ?, ?, ?)", (entity, session_id, state, changed)))

    def remember(self, entity: str, message_id: bytes, until: int) -> None:
        """Keep a message id for duplicate detection."""
        self._others.append(("REPLACE INTO duplicate VALUES (?, ?, ?)", (entity, message_id, until)))

    def forget(self, entity: str, message_id: bytes) -> None:
        """Forget a message id whose window has passed."""
        self._others.append(("DELETE FROM duplicate WHERE entity=? AND id=?", (entity, message_id)))

    def commit(self) -> None:
        """Write everything that changed since the last commit, in one transaction."""
        if not (self._new or self._updated or self._deleted or self._numbers or self._others):
            return
        execute, many = self._db.execute, self._db.executemany
        execute("BEGIN")
        many("INSERT INTO message VALUES (?,?,?,?,?,?,?,?,?,?)", ((*r[:5], *r.progress) for r in self._new.values()))
        many(
            "UPDATE message SET state=?, delivery_count=?, delivered=?, enqueued=?, expires=? WHERE id=?",
            ((*progress, row_id) for row_id, progress in self._updated.items()),
        )
        many("DELETE FROM message WHERE id=?", self._deleted)
        many("REPLACE INTO number VALUES (?, ?)", self._numbers.items())
        for statement, parameters in self._others:
            execute(statement, parameters)
        execute("COMMIT")
        for changes in (self._new, self._updated, self._deleted, self._numbers, self._others):
            changes.clear()

    def messages(self, entity: str) -> Iterator[Row]:
        """An entity's messages in the order of their numbers."""
        for values in self._db.execute("SELECT * FROM message WHERE entity=? ORDER BY number", (entity,)):
            id_, name, number, source, message, *progress = values
            yield Row(id_, name, number, source, message, Progress(*progress))

    def last_number(self, entity: str) -> int:
        """The last sequence number that the entity gave out, 0 if none."""
        found = self._db.execute("SELECT last FROM number WHERE entity=?", (entity,)).fetchone()
        return int(found[0]) if found else 0

    def sessions(self, entity: str) -> Iterator[tuple[str, bytes, int]]:
        """Id, state and time of change of every session that has a state."""
        yield from self._db.execute("SELECT id, state, changed FROM session WHERE entity=?", (entity,))

    def duplicates(self, entity: str) -> dict[bytes, int]:
        """Message ids seen and when each is forgotten, oldest first."""
        return dict(self._db.execute("SELECT id, until FROM duplicate WHERE entity=? ORDER BY until", (entity,)))

    def entities(self) -> set[str]:
        """Every entity that has messages here, in the configuration or not."""
        return {name for (name,) in self._db.execute("SELECT DISTINCT entity FROM message")}

    def close(self) -> None:
        """Close the file. What was not committed is lost."""
        self._db.close()
