"""Engines for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.durable import workflows
from tests.local.durable.hub import Hub, ending


@pytest.fixture(autouse=True, scope="module")
def workers_end() -> Iterator[None]:
    """No worker outlives its module."""
    yield
    workflows.gate.set()
    while ending:
        ending.pop().join()


@pytest.fixture(autouse=True)
def fresh_workflows() -> Iterator[None]:
    """Nothing has run yet, and the gate is closed; it opens when the test ends."""
    workflows.runs.clear()
    workflows.gate.clear()
    workflows.opened.clear()
    yield
    workflows.gate.set()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """An empty task hub of the test's own, without a worker."""
    hub = Hub(tmp_path)
    yield hub
    workflows.gate.set()
    hub.close()


@pytest.fixture(scope="module")
def working(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A task hub with a worker, shared by the tests of a module: a worker of the SDK takes a second to stop."""
    hub = Hub(tmp_path_factory.mktemp("hub"))
    hub.work()
    yield hub
    hub.close()
