"""A service with an app behind it, in the test's own process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from local.signalr.server import running_service
from local.signalr.service import Service
from tests.local.signalr.client import App, running_app
from tests.ports import free_ports


@pytest.fixture
async def app_and_service() -> AsyncIterator[tuple[App, Service]]:
    async with running_app() as (app, url), running_service(free_ports(1)[0], url) as service:
        yield app, service


@pytest.fixture
def app(app_and_service: tuple[App, Service]) -> App:
    return app_and_service[0]


@pytest.fixture
def service(app_and_service: tuple[App, Service]) -> Service:
    return app_and_service[1]
