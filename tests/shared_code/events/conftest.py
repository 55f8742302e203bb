"""The event backbone on the session's Azurite and Service Bus peer."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.shared_code.events.backbone import Backbone, backbone_on, stream_of


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def backbone(azurite: str, servicebus: str) -> AsyncIterator[Backbone]:
    """Shared by all tests on the session's event loop: a sender takes a second to open and close."""
    async with backbone_on(azurite, servicebus) as ours:
        yield ours


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def other(azurite: str, servicebus: str) -> AsyncIterator[Backbone]:
    """A second instance of the app."""
    async with backbone_on(azurite, servicebus) as theirs:
        yield theirs


@pytest.fixture
def learner() -> str:
    """A learner whom no other test knows."""
    return f"learner-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def stream(learner: str) -> str:
    return stream_of("sayzhong", learner)
