"""Who is connected, as whom, in which groups. Users' groups outlive every connection, and a killed service."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from local.signalr.connection import Connection

A_YEAR = 365 * 24 * 3600  # seconds that a user's membership without a lifetime holds
WITHOUT_LIFETIME = 100  # of these, only a user's latest count


class Hub:
    """One hub. Groups hold connections, until these are gone, and users, in a database that hubs may share."""

    def __init__(self, name: str, database: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self.connections: dict[str, Connection] = {}
        self._name = name
        self._database = database
        self._now = clock

    def of_user(self, user: str) -> list[Connection]:
        """A user's connections: one a tab and device."""
        return [each for each in self.connections.values() if each.user == user]

    def of_group(self, group: str) -> list[Connection]:
        """The connections in a group, their own or through their users."""
        users = self.users(group)
        return [each for each in self.connections.values() if group in each.groups or each.user in users]

    def users(self, group: str) -> set[str]:
        """The users who are in a group now, connected or not."""
        rows = self._database.execute(
            "SELECT user FROM membership WHERE hub = ? AND name = ? AND until > ?", (self._name, group, self._now())
        )
        return {user for (user,) in rows}

    def join(self, user: str, group: str, ttl: int | None) -> None:
        """Put a user into a group for `ttl` seconds (None: a year); 0 means the present connections only."""
        if ttl == 0:
            for connection in self.of_user(user):
                connection.groups.add(group)
            return
        now = self._now()
        membership = (self._name, user, group, now + (A_YEAR if ttl is None else ttl), ttl is None)
        with self._database as database:
            database.execute("DELETE FROM membership WHERE until <= ?", (now,))
            database.execute("INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?, ?)", membership)
            database.execute(
                "DELETE FROM membership WHERE rowid IN (SELECT rowid FROM membership "
                "WHERE hub = ? AND user = ? AND lasting ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
                (self._name, user, WITHOUT_LIFETIME),
            )

    def leave(self, user: str, group: str | None) -> None:
        """Take a user out of a group, or out of all."""
        sql = "DELETE FROM membership WHERE hub = ? AND user = ? AND name = coalesce(?, name)"
        with self._database as database:
            database.execute(sql, (self._name, user, group))


def open_database(file: str = ":memory:") -> sqlite3.Connection:
    """The memberships of users."""
    database = sqlite3.connect(file)
    database.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
        "CREATE TABLE IF NOT EXISTS membership (hub TEXT, user TEXT, name TEXT, until REAL, lasting INTEGER, "
        "PRIMARY KEY (hub, user, name)); "
        "CREATE INDEX IF NOT EXISTS membership_name ON membership (hub, name);"
    )
    return database
