"""A service with an app behind it, in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from local.signalr.service import Service
from tests.local.signalr.app import App, running_app
from tests.local.signalr.javascript import JsClients
from tests.local.signalr.running import running_service
from tests.ports import free_ports


@pytest.fixture
async def app() -> AsyncIterator[App]:
    async with running_app() as app:
        yield app


@pytest.fixture
async def service(app: App) -> AsyncIterator[Service]:
    async with running_service(free_ports(1)[0], f"{app.address}/events") as service:
        yield service


@pytest.fixture
async def js(service: Service) -> AsyncIterator[JsClients]:
    """Official clients of the service."""
    clients = JsClients(service)
    yield clients
    await clients.stop()
