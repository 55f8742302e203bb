"""Who is connected, as whom, in which groups."""

from __future__ import annotations

from collections import defaultdict

from local.signalr.connection import Connection
from local.signalr.memberships import Memberships


class HubState:
    """One hub. Membership is a connection's, gone with it, or a user's, which outlives every connection."""

    def __init__(self, memberships: Memberships) -> None:
        self.memberships = memberships
        self.connections: dict[str, Connection] = {}
        self._users: defaultdict[str, dict[str, Connection]] = defaultdict(dict)
        self._groups: defaultdict[str, set[str]] = defaultdict(set)  # connection ids

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
        return list(self._users.get(user, {}).values())

    def of_group(self, group: str) -> list[Connection]:
        """The connections in a group, their own or through their users."""
        found = {each: self.connections[each] for each in self._groups.get(group, ())}
        for user in self.memberships.users(group):
            found.update(self._users.get(user, {}))
        return list(found.values())

    def join(self, connection_id: str, group: str) -> None:
        """Put a connection that is there into a group."""
        self._groups[group].add(connection_id)

    def leave(self, connection_id: str, group: str) -> None:
        """Take a connection out of a group."""
        self._groups[group].discard(connection_id)
        if not self._groups[group]:
            del self._groups[group]

    def leave_all(self, connection_id: str) -> None:
        """Take a connection out of all groups."""
        for group in [group for group, members in self._groups.items() if connection_id in members]:
            self.leave(connection_id, group)

    def join_user(self, user: str, group: str, ttl: int | None) -> None:
        """Put a user into a group for `ttl` seconds; 0 means the present connections only."""
        if ttl == 0:
            for connection in self.of_user(user):
                self.join(connection.id, group)
        else:
            self.memberships.join(user, group, ttl)

    def leave_user(self, user: str, group: str | None = None) -> None:
        """Take a user and the user's connections out of a group, or out of all."""
        self.memberships.leave(user, group)
        for connection in self.of_user(user):
            if group is None:
                self.leave_all(connection.id)
            else:
                self.leave(connection.id, group)
