"""The engine's state in SQLite. Protobuf messages are kept as their bytes, so that a newer library can read them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, override

from local.durable.wire import pb

VERSION = 1
SCHEMA = """
CREATE TABLE instances (id TEXT PRIMARY KEY, state BLOB NOT NULL) STRICT;
CREATE TABLE entities (id TEXT PRIMARY KEY, metadata BLOB NOT NULL, lock_owner TEXT) STRICT;
CREATE TABLE activities (id TEXT PRIMARY KEY, item BLOB NOT NULL, wanted INTEGER NOT NULL) STRICT;
CREATE TABLE timers (id TEXT PRIMARY KEY, owner TEXT NOT NULL, due TEXT NOT NULL, event BLOB NOT NULL) STRICT;
CREATE TABLE children (id TEXT PRIMARY KEY, parent BLOB NOT NULL) STRICT;
CREATE TABLE lock_requests (id TEXT PRIMARY KEY, request BLOB NOT NULL) STRICT;
CREATE TABLE events (owner TEXT NOT NULL, part TEXT NOT NULL, position INTEGER NOT NULL, event BLOB NOT NULL,
                     PRIMARY KEY (owner, part, position)) STRICT;
"""


class StoreError(Exception):
    """The file cannot be used; the message says why and what to do."""


class Tracked[V](dict[str, V]):
    """A dict that notes which keys were looked up or changed, since whoever looks a value up may change it."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: set[str] = set()

    def peek(self, key: str) -> Any:
        """Look at a value in order to read it only."""
        return super().get(key)

    @override
    def get(self, key: str, default: Any = None) -> Any:
        self.touched.add(key)
        return super().get(key, default)

    @override
    def pop(self, key: str, default: Any = None) -> Any:
        self.touched.add(key)
        return super().pop(key, default)

    def __getitem__(self, key: str) -> V:
        self.touched.add(key)
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: V) -> None:
        self.touched.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.touched.add(key)
        super().__delitem__(key)


class Store:
    """One file, one writer. Calls between `begin` and `commit` are one transaction."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises StoreError when another engine has it or another version wrote it."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        self._kept: dict[tuple[str, str], tuple[int, list[Any]]] = {}  # per list: position of the first, the events
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            # Written to the system at each commit, which outlives a kill; to the disk at each checkpoint.
            self._db.execute("PRAGMA synchronous = NORMAL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
                version = VERSION
        except sqlite3.OperationalError as error:
            raise StoreError(f"{path} is in use, or cannot be written: {error}") from error
        if version != VERSION:
            raise StoreError(f"{path} has format {version}, this engine writes {VERSION}: move it away to start anew")

    def begin(self) -> None:
        """Start a transaction."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Everything since `begin` outlives the process from here on."""
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._db.close()

    def put(self, table: str, key: str, *columns: object) -> None:
        """Write one row, in place of the one with that key."""
        marks = ", ?" * len(columns)
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?{marks})", (key, *columns))  # noqa: S608 - ours

    def delete(self, table: str, key: str) -> None:
        """Remove one row, if it is there."""
        self._db.execute(f"DELETE FROM {table} WHERE id = ?", (key,))  # noqa: S608 - table names are ours

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """All rows, oldest first."""
        return iter(self._db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall())  # noqa: S608 - ours

    def keep(self, owner: str, part: str, events: Iterable[Any], now: datetime) -> None:
        """Make the stored list equal to `events`: these mostly grow at the end and shrink at the front.

        An event without a time gets `now`.
        """
        wanted = list(events)
        first, kept = self._kept.get((owner, part), (0, []))
        # How many to drop at the front, so that the rest of what is kept begins the wanted list.
        drop = next((n for n, event in enumerate(kept) if wanted and event is wanted[0]), len(kept))
        rest = kept[drop:]
        if len(rest) > len(wanted) or any(ours is not theirs for ours, theirs in zip(rest, wanted, strict=False)):
            drop, rest = len(kept), []
        if drop:
            self._db.execute(
                "DELETE FROM events WHERE owner = ? AND part = ? AND position < ?", (owner, part, first + drop)
            )
        new = wanted[len(rest) :]
        for event in new:
            if not event.timestamp.seconds:
                event.timestamp.FromDatetime(now)
        next_position = first + len(kept)
        self._db.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?)",
            [(owner, part, next_position + n, event.SerializeToString()) for n, event in enumerate(new)],
        )
        if wanted:
            self._kept[owner, part] = (first + drop, wanted)
        else:
            self._kept.pop((owner, part), None)

    def load_events(self) -> dict[tuple[str, str], list[Any]]:
        """All stored lists by owner and part."""
        lists: dict[tuple[str, str], list[Any]] = {}
        for owner, part, position, data in self._db.execute("SELECT * FROM events ORDER BY owner, part, position"):
            event = pb.HistoryEvent.FromString(data)
            if (owner, part) not in lists:
                self._kept[owner, part] = (position, lists.setdefault((owner, part), []))
            lists[owner, part].append(event)
        return {key: list(events) for key, events in lists.items()}
