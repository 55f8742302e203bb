"""The engine's state in SQLite: one row a thing, its fields by name in MessagePack, Durable Task messages as bytes."""

import sqlite3
from pathlib import Path
from typing import Any

import msgspec

VERSION = 3
SCHEMA = "CREATE TABLE kept (kind TEXT NOT NULL, id TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT;"


def _noting(method: Any) -> Any:
    def noting(table: "Table", key: str, *more: Any) -> Any:
        table.touched[key] = None
        return method(table, key, *more)

    return noting


class Table(dict[str, Any]):
    """Things of one kind by id. It notes which ones were looked up or changed: who looks one up may change it."""

    def __init__(self) -> None:
        self.touched: dict[str, None] = {}  # a set in order

    peek = dict[str, Any].get  # for reading only
    get = _noting(dict.get)
    pop = _noting(dict.pop)
    __getitem__ = _noting(dict.__getitem__)
    __setitem__ = _noting(dict.__setitem__)
    __delitem__ = _noting(dict.__delitem__)


class Store:
    """One file with one writer."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises sqlite3.OperationalError when it is in use, ValueError for another version."""
        self._tables: dict[str, Table] = {}
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1)
        # A commit is with the system when it returns, which outlives a kill; on the disk at each checkpoint.
        self._db.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT")
        elif version != VERSION:
            raise ValueError(f"{path} has format {version}, this engine reads {VERSION}; move it away")

    def table(self, name: str, kind: Any) -> Table:
        """What is kept under this name, each a `kind`. A change of this table is written at the next `save`."""
        table = self._tables[name] = Table()
        decode = msgspec.msgpack.Decoder(kind, dec_hook=lambda message, data: message.FromString(data)).decode
        for key, value in self._db.execute("SELECT id, value FROM kept WHERE kind = ? ORDER BY rowid", (name,)):
            table[key] = decode(value)
        return table

    def begin(self) -> None:
        """From here on changes count."""
        for table in self._tables.values():
            table.touched.clear()

    def save(self) -> None:
        """Write what was touched since `begin`, all or nothing: it outlives the process from here on."""
        rows = [(name, key, table.peek(key)) for name, table in self._tables.items() for key in table.touched]
        if not rows:
            return
        encode = msgspec.msgpack.Encoder(enc_hook=lambda message: message.SerializeToString()).encode
        self._db.execute("BEGIN IMMEDIATE")
        for name, key, value in rows:
            if value is None:
                self._db.execute("DELETE FROM kept WHERE kind = ? AND id = ?", (name, key))
            else:
                self._db.execute("REPLACE INTO kept VALUES (?, ?, ?)", (name, key, encode(value)))
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Fold the log into the file and let go of it; nothing is kept from here on."""
        self._tables.clear()
        self._db.close()
