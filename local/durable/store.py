"""The engine's state in SQLite: one row a thing, its fields by name in MessagePack, Durable Task messages as bytes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, override

import msgspec

from local.durable.wire import pb

VERSION = 2
SCHEMA = "CREATE TABLE kept (kind TEXT NOT NULL, id TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT;"
EVENTS = ("event", "history", "pending_events", "dispatched_events", "pending_operations", "dispatched_operations")
MESSAGES = dict.fromkeys(EVENTS, pb.HistoryEvent) | {"failure_details": pb.TaskFailureDetails}  # by field


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

    def _noted(self, key: str) -> str:
        self.touched.add(key)
        return key

    @override
    def get(self, key: str, default: Any = None) -> Any:
        return super().get(self._noted(key), default)

    @override
    def pop(self, key: str, default: Any = None) -> Any:
        return super().pop(self._noted(key), default)

    def __getitem__(self, key: str) -> V:
        return super().__getitem__(self._noted(key))

    def __setitem__(self, key: str, value: V) -> None:
        super().__setitem__(self._noted(key), value)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(self._noted(key))


class Store:
    """One file with one writer."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises StoreError when it is in use or of another version."""
        self._kept: dict[str, Tracked[Any]] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            # Written to the system at each commit, which outlives a kill; to the disk at each checkpoint.
            self._db.execute("PRAGMA synchronous = NORMAL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.OperationalError as error:
            raise StoreError(f"{path} is in use, or cannot be written: {error}") from error
        if version not in (0, VERSION):
            raise StoreError(f"{path} has format {version}, this engine writes {VERSION}: move it away to start anew")

    def dict_of[V](self, name: str, kind: type[V]) -> Tracked[V]:
        """The things kept under this name, by their ids; what changes in this dict is written."""
        kept = self._kept[name] = Tracked[V]()
        for key, value in self._db.execute("SELECT id, value FROM kept WHERE kind = ? ORDER BY rowid", (name,)):
            kept[key] = _read(kind, value)
        return kept

    def begin(self) -> None:
        """From here on changes count."""
        for tracked in self._kept.values():
            tracked.touched.clear()

    def save(self) -> None:
        """Write what was touched since `begin`, as one transaction: it outlives the process from here on."""
        rows = [(name, key, each.peek(key)) for name, each in self._kept.items() for key in sorted(each.touched)]
        if not rows:
            return
        self._db.execute("BEGIN IMMEDIATE")
        gone = [(name, key) for name, key, value in rows if value is None]
        self._db.executemany("DELETE FROM kept WHERE kind = ? AND id = ?", gone)
        there = [(name, key, _written(value)) for name, key, value in rows if value is not None]
        self._db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", there)
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        self._db.close()


def _written(value: Any) -> bytes:
    return msgspec.msgpack.encode(value, enc_hook=lambda message: message.SerializeToString())


def _read(kind: Any, data: bytes) -> Any:
    fields = msgspec.msgpack.decode(data)
    if isinstance(fields, bytes):
        return kind.FromString(fields)  # a message itself
    if not isinstance(fields, dict):
        return fields
    for name in fields.keys() & MESSAGES.keys():
        value, read = fields[name], MESSAGES[name].FromString
        if value is not None:
            fields[name] = [read(each) for each in value] if isinstance(value, list) else read(value)
    return kind(**fields)
