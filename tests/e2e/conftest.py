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


WIDE = ",".join(
    ["address=1000000/60", "address-failures=1000000/60", "guests-device=100000/60"]
    + [
        f"{name}{kind}=100000/60"
        for name in ("partner", "reads", "writes", "speech", "ai", "guests")
        for kind in ("", "-burst")
    ]
)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wide_open_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack without limits worth the name, for those who ask it everything."""
    running = Stack(tmp_path_factory.mktemp("wide-open"))
    await running.start(RATE_LIMITS=WIDE)
    yield running
    assert await running.stop() == 0


@pytest_asyncio.fixture
async def own_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of the test's own, not yet started, to kill and start again; ended afterwards."""
    mine = Stack(tmp_path)
    yield mine
    if mine.running:
        await mine.stop()
