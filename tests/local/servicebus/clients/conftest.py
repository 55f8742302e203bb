from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.local.servicebus.clients.links import Links
from tests.local.servicebus.running import connection_string


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def links(bus: int) -> AsyncIterator[Links]:
    links = Links(connection_string(bus))
    yield links
    await links.close()
