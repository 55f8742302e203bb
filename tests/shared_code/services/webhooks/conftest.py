"""A post office of a tenant of its own, and a subscriber's server."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.shared_code.events.backbone import Backbone, backbone_on
from tests.shared_code.services.webhooks.office import Office, pumping
from tests.shared_code.services.webhooks.subscriber import Subscriber, listening


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def backbone(azurite: str, servicebus: str) -> AsyncIterator[Backbone]:
    async with backbone_on(azurite, servicebus) as ours:
        yield ours


@pytest_asyncio.fixture(loop_scope="session")
async def office(backbone: Backbone) -> AsyncIterator[Office]:
    office = Office(backbone, f"school-{uuid.uuid4().hex[:8]}")
    yield office
    await office.postman.close()


@pytest_asyncio.fixture(loop_scope="session")
async def subscriber() -> AsyncIterator[Subscriber]:
    async with listening() as subscriber:
        yield subscriber


@pytest_asyncio.fixture(loop_scope="session")
async def rounds(office: Office, servicebus: str) -> AsyncIterator[None]:
    """The queue's messages go to the postman, as its trigger hands them over."""
    async with pumping(servicebus, office.postman.attempt):
        yield
