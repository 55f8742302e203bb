"""What stands around a measured gateway: storage, an identity provider, Redis where it is installed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gateway.cores import OTHER, start
from local.azurite import azurite_command
from local.connections import connection_settings
from local.paths import PROJECT
from tests.ports import accepts, free_ports, free_stack_ports
from tests.shared_code.gateway.openid import OpenIdProvider


@dataclass(frozen=True)
class Parts:
    """Where they are; `redis` is empty where it is not installed."""

    provider: OpenIdProvider
    storage: str
    redis: str
    folder: Path


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    """Start them on the other core, and end them."""
    ports, provider = free_stack_ports(), OpenIdProvider()
    await provider.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = azurite_command(ports, folder / "azurite")
        processes = [start(command, core=OTHER, output=folder / "azurite.log", cwd=PROJECT)]
        redis = ""
        if program := shutil.which("redis-server"):
            (port,) = free_ports(1)
            redis = f"redis://127.0.0.1:{port}"
            command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            processes.append(start(command, core=OTHER, output=folder / "redis.log", cwd=folder))
            assert accepts(port)
        try:
            assert accepts(ports.table)
            assert accepts(ports.blob)
            storage = connection_settings(ports)["AzureWebJobsStorage"]
            yield Parts(provider, storage, redis, folder)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(20)
            await provider.stop()
