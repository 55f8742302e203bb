"""Groups of connections and of users (data plane 2022-06-01, "Add a user to the target group")."""

from __future__ import annotations

import pytest

from local.signalr.service import A_YEAR, Service
from tests.local.signalr.dataplane import NEWS, call
from tests.local.signalr.raw import connected


async def test_a_connections_membership_goes_with_it(service: Service) -> None:
    """Added by PUT, ended by DELETE, by leaving all groups, or with the connection."""
    async with connected(service):
        [connection] = service.connections
        for path in (f"/groups/a/connections/{connection}", f"/connections/{connection}/groups/b"):
            assert (await call(service, "PUT", path)).status == 200
        assert (await call(service, "POST", "/groups/b/:send", NEWS)).delivered == 1
        assert (await call(service, "DELETE", f"/groups/b/connections/{connection}")).status == 200
        assert (await call(service, "POST", "/groups/b/:send", NEWS)).delivered == 0
        assert (await call(service, "DELETE", f"/connections/{connection}/groups")).status == 200
        assert (await call(service, "POST", "/groups/a/:send", NEWS)).delivered == 0
        await call(service, "PUT", f"/groups/a/connections/{connection}")
        await call(service, "POST", "/:closeConnections")
    async with connected(service):
        assert (await call(service, "POST", "/groups/a/:send", NEWS)).delivered == 0


async def test_a_connection_that_is_gone_cannot_join_a_group(service: Service) -> None:
    """404 with `Error.Connection.NotExisted`."""
    refused = await call(service, "PUT", "/groups/duo/connections/gone")
    assert (refused.status, refused.code) == (404, "Error.Connection.NotExisted")


async def test_a_user_is_in_a_group_before_and_after_connecting(service: Service) -> None:
    """A user's membership reaches connections of now and later, each once."""
    assert (await call(service, "PUT", "/users/mei/groups/duo?ttl=60")).status == 200
    assert (await call(service, "HEAD", "/users/mei/groups/duo")).status == 200
    assert (await call(service, "HEAD", "/groups/duo")).status == 404  # nobody is connected there
    async with connected(service), connected(service):
        [first, _] = service.connections
        await call(service, "PUT", f"/groups/duo/connections/{first}")
        assert (await call(service, "POST", "/groups/duo/:send", NEWS)).delivered == 2


async def test_a_user_leaves_a_group_with_all_connections(service: Service) -> None:
    """204; and one that is not in the group is a 404 with an informational code."""
    async with connected(service):
        [connection] = service.connections
        await call(service, "PUT", "/groups/duo/users/mei")
        await call(service, "PUT", f"/groups/duo/connections/{connection}")
        assert (await call(service, "DELETE", "/users/mei/groups/duo")).status == 204
        assert (await call(service, "POST", "/groups/duo/:send", NEWS)).delivered == 0
        outside = await call(service, "HEAD", "/users/mei/groups/duo")
        assert (outside.status, outside.code) == (404, "Info.User.NotInGroup")
        for group in ("a", "b"):
            await call(service, "PUT", f"/users/mei/groups/{group}")
        assert (await call(service, "DELETE", "/users/mei/groups")).status == 204
        for group in ("a", "b"):
            assert (await call(service, "POST", f"/groups/{group}/:send", NEWS)).delivered == 0


async def test_a_lifetime_of_nothing_is_for_present_connections_alone(service: Service) -> None:
    """`ttl=0`."""
    async with connected(service):
        await call(service, "PUT", "/users/mei/groups/duo?ttl=0")
        assert (await call(service, "POST", "/groups/duo/:send", NEWS)).delivered == 1
        assert (await call(service, "HEAD", "/users/mei/groups/duo")).status == 404
        async with connected(service):
            assert (await call(service, "POST", "/groups/duo/:send", NEWS)).delivered == 1


@pytest.mark.parametrize("ttl", ["-1", "soon", "1.5"])
async def test_a_lifetime_is_a_number_of_seconds(service: Service, ttl: str) -> None:
    """An integer, none below zero."""
    assert (await call(service, "PUT", f"/users/mei/groups/duo?ttl={ttl}")).status == 400


async def test_a_groups_name_may_have_any_characters_up_to_its_length(service: Service) -> None:
    """1 to 1,024, not blank; encoded in the path, and so in the token's audience."""
    assert (await call(service, "PUT", "/users/mei/groups/session%3A1%2F%E4%BD%A0")).status == 200
    assert service.users("learning", "session:1/你") == {"mei"}
    for name in ("%20", "a" * 1025):
        assert (await call(service, "PUT", f"/users/mei/groups/{name}")).code == "Error.Group.Invalid"


async def test_a_membership_ends_with_its_lifetime(service: Service) -> None:
    """After `ttl` seconds, or a year; joining again begins anew."""
    now = 1000.0
    service.clock = lambda: now
    service.join("learning", "mei", "short", [], 60)
    service.join("learning", "mei", "long", [], A_YEAR)
    now += 59
    assert service.users("learning", "short") == {"mei"}
    service.join("learning", "mei", "short", [], 60)
    now += 59
    assert service.users("learning", "short") == {"mei"}
    now += 1
    assert not service.users("learning", "short")
    assert not service.users("other", "long")
    now += A_YEAR - 120
    assert service.users("learning", "long") == {"mei"}
    now += 1
    assert not service.users("learning", "long")
