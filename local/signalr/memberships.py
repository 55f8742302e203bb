"""Users in groups: what outlives every connection, and a `kill -9` of the service."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

A_YEAR = 365 * 24 * 3600  # seconds that a membership without a lifetime holds
WITHOUT_LIFETIME = 100  # of these, only a user's latest count


class Memberships:
    """The groups of one hub's users, in a SQLite database that hubs may share."""

    def __init__(self, database: sqlite3.Connection, hub: str, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._hub = hub
        self._now = clock
        database.execute(
            "CREATE TABLE IF NOT EXISTS membership (hub TEXT, user TEXT, name TEXT, until REAL, lasting INTEGER, "
            "PRIMARY KEY (hub, user, name))"
        )
        database.execute("CREATE INDEX IF NOT EXISTS membership_name ON membership (hub, name)")

    def join(self, user: str, group: str, ttl: int | None) -> None:
        """Put a user into a group for `ttl` seconds, or for a year."""
        until = self._now() + (A_YEAR if ttl is None else ttl)
        with self._database as database:
            database.execute("DELETE FROM membership WHERE until <= ?", (self._now(),))
            database.execute(
                "INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?, ?)", (self._hub, user, group, until, ttl is None)
            )
            database.execute(
                "DELETE FROM membership WHERE rowid IN (SELECT rowid FROM membership "
                "WHERE hub = ? AND user = ? AND lasting ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
                (self._hub, user, WITHOUT_LIFETIME),
            )

    def leave(self, user: str, group: str | None) -> None:
        """Take a user out of a group, or out of all."""
        with self._database as database:
            database.execute(
                "DELETE FROM membership WHERE hub = ? AND user = ? AND (? IS NULL OR name = ?)",
                (self._hub, user, group, group),
            )

    def holds(self, user: str, group: str) -> bool:
        """Whether a user is in a group now."""
        return user in self.users(group)

    def users(self, group: str) -> set[str]:
        """The users who are in a group now, connected or not."""
        rows = self._database.execute(
            "SELECT user FROM membership WHERE hub = ? AND name = ? AND until > ?", (self._hub, group, self._now())
        )
        return {user for (user,) in rows}


def open_database(file: str) -> sqlite3.Connection:
    """A database whose commits outlive a killed process. `:memory:` is one that goes with it."""
    database = sqlite3.connect(file)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database
