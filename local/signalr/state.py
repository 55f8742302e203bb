"""Who is connected, as whom, in which groups."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from local.signalr.connection import Connection

A_YEAR = 365 * 24 * 3600.0
GROUPS_OF_A_USER = 100  # only the latest count


class HubState:
    """One hub. Membership is a connection's, gone with it, or a user's, which outlives every connection."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self.connections: dict[str, Connection] = {}
        self._users: defaultdict[str, dict[str, Connection]] = defaultdict(dict)
        self._of_connections: defaultdict[str, set[str]] = defaultdict(set)  # group -> connection ids
        self._of_users: defaultdict[str, dict[str, float]] = defaultdict(dict)  # user -> group -> until

    def add(self, connection: Connection) -> None:
        """A client has connected."""
        self.connections[connection.id] = connection
        if connection.user is not None:
            self._users[connection.user][connection.id] = connection

    def remove(self, connection: Connection) -> None:
        """A client is gone, and its own memberships with it."""
        self.connections.pop(connection.id, None)
        if connection.user is not None:
            self._users[connection.user].pop(connection.id, None)
            if not self._users[connection.user]:
                del self._users[connection.user]
        self.leave_all(connection.id)

    def of_user(self, user: str) -> list[Connection]:
        """A user's connections: one a tab and device."""
        return list(self._users[user].values()) if user in self._users else []

    def of_group(self, group: str) -> list[Connection]:
        """The connections in a group, their own or through their users."""
        found = {
            each: self.connections[each] for each in self._of_connections.get(group, ()) if each in self.connections
        }
        for user, connections in self._users.items():
            if self.user_in_group(user, group):
                found.update(connections)
        return list(found.values())

    def join(self, connection_id: str, group: str) -> None:
        """Put a connection into a group."""
        self._of_connections[group].add(connection_id)

    def leave(self, connection_id: str, group: str) -> None:
        """Take a connection out of a group."""
        self._of_connections[group].discard(connection_id)
        if not self._of_connections[group]:
            del self._of_connections[group]

    def leave_all(self, connection_id: str) -> None:
        """Take a connection out of all groups."""
        for group in [group for group, members in self._of_connections.items() if connection_id in members]:
            self.leave(connection_id, group)

    def join_user(self, user: str, group: str, ttl: float | None) -> None:
        """Put a user into a group for `ttl` seconds, a year without; 0 means the present connections only."""
        if ttl == 0:
            for connection in self.of_user(user):
                self.join(connection.id, group)
            return
        groups = self._of_users[user]
        groups.pop(group, None)
        groups[group] = self._now() + (A_YEAR if ttl is None else ttl)
        while len(groups) > GROUPS_OF_A_USER:
            del groups[next(iter(groups))]

    def leave_user(self, user: str, groups: Iterable[str] | None = None) -> None:
        """Take a user, and the user's connections, out of these groups, or out of all."""
        for group in list(self._of_users[user]) if groups is None else groups:
            self._of_users[user].pop(group, None)
            for connection in self.of_user(user):
                self.leave(connection.id, group)
        if groups is None:
            for connection in self.of_user(user):
                self.leave_all(connection.id)

    def user_in_group(self, user: str, group: str) -> bool:
        """Whether a user's own membership of a group stands."""
        return self._of_users[user].get(group, 0.0) > self._now() if user in self._of_users else False
