"""A running stack: the one that is there, or one of our own for as long as the demonstration takes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from demo.timeline import Timeline
from local.paths import PROJECT, state_dir
from local.ports import Ports, answers
from local.stack.parts import parts

START_LIMIT = 60.0  # seconds


@asynccontextmanager
async def running_stack(timeline: Timeline) -> AsyncIterator[Ports]:
    """Give the ports of a stack that is up, and end it afterwards only if we started it."""
    ports = Ports.of_running_stack()
    if await answers(*(port for part in parts(ports) for port in part.ports)):
        timeline.step("stack", "already running")
        os.environ.update(ports.environment())  # tokens name their issuer by its port
        yield ports
        return

    log = (state_dir() / "demo-stack.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local", "run", stdout=asyncio.subprocess.PIPE, stderr=log, cwd=PROJECT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_LIMIT):
            async for line in process.stdout:
                log.write(line)
                if line.startswith(b"ready"):
                    break
            else:
                raise SystemExit(f"The stack did not start; see {log.name}")
        timeline.step("stack", "started (Functions host, Service Bus, SignalR, Azurite, identity, Durable)")
        drain = asyncio.create_task(process.stdout.read())
        yield Ports.from_environment()
        process.terminate()
        await process.wait()
        log.write(await drain)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        log.close()
