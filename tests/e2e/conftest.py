"""One running stack for all tests that only use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack that is up; do not kill this one."""
    running = Stack(tmp_path_factory.mktemp("stack"))
    await running.start()
    yield running
    assert await running.stop() == 0


@pytest_asyncio.fixture
async def own_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of the test's own, not yet started, to kill and start again; ended afterwards."""
    mine = Stack(tmp_path)
    yield mine
    if mine.running:
        await mine.stop()
