"""A provider in the test's own process, with a state folder of the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from local.identity.__main__ import application
from tests.ports import free_ports


@pytest.fixture(scope="session")
def identity_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state folder for all: making keys takes a while."""
    return tmp_path_factory.mktemp("identity")


@pytest.fixture
async def provider(identity_state: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a running provider."""
    [port] = free_ports(1)
    monkeypatch.setenv("LOCAL_STATE_DIR", str(identity_state))
    monkeypatch.setenv("LOCAL_PORT_IDENTITY", str(port))
    runner = web.AppRunner(application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        yield http
    await runner.cleanup()
