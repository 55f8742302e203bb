"""`python -m local run`: the whole stack as one process tree."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

from local.paths import state_dir
from local.ports import Ports
from local.stack.claim import claim
from local.stack.environment import environment_of_parts
from local.stack.parts import Part, parts
from local.stack.probe import is_free
from local.stack.process import PartProcess


def run(ports: Ports, host: str = "python") -> int:
    """Run the stack until Ctrl-C or SIGTERM; the exit code is 0 for a clean end, 1 when it could not start."""
    with claim(state_dir()) as ours:
        if not ours:
            print(
                f"A stack runs from {state_dir()} already, and two cannot share it; `python -m local status` finds it. "
                "End it, or give this one a folder of its own with LOCAL_STATE_DIR.",
                file=sys.stderr,
            )
            return 1
        return asyncio.run(_supervise(ports, host))


async def _supervise(ports: Ports, host: str) -> int:
    started = time.monotonic()
    everything = parts(ports, host)
    if taken := await _taken(everything):
        print(f"Ports already taken: {', '.join(taken)}. Free them, or move all with --port-base N.", file=sys.stderr)
        return 1

    environment = environment_of_parts(ports, host)
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    (state_dir() / "logs").mkdir(exist_ok=True)
    for log in (state_dir() / "logs").glob("*.log"):
        log.unlink()
    record = state_dir() / "stack.json"
    record.write_text(json.dumps({"pid": os.getpid(), "environment": ports.environment()}))

    running = [PartProcess(part, environment, _show) for part in everything]
    tasks = [asyncio.create_task(process.run()) for process in running]
    announced = asyncio.create_task(_announced(running, started))
    await stop.wait()
    announced.cancel()
    # The host first, so that it can give its locks and messages back while the parts are still there.
    for process in reversed(running):
        await process.stop()
    await asyncio.gather(*tasks)
    record.unlink(missing_ok=True)
    _show("stack", "ended")
    return 0


async def _taken(everything: tuple[Part, ...]) -> list[str]:
    """Ports that something else listens on; a stack that was killed a moment ago gets two seconds to be gone."""
    patience = 20 if (state_dir() / "stack.json").exists() else 0
    while True:
        taken = [f"{part.title} ({port})" for part in everything for port in part.ports if not is_free(port)]
        if not taken or not patience:
            return taken
        patience -= 1
        await asyncio.sleep(0.1)


async def _announced(running: list[PartProcess], started: float) -> None:
    """Say that everything is up, and where, once it is."""
    for process in running:
        await process.up.wait()
    print(f"\nready after {time.monotonic() - started:.1f} s")
    for process in running:
        print(f"  {process.part.title:<18} {process.part.address}")
    print(f"Ctrl-C ends everything; state stays in {state_dir()}\n", flush=True)


def _show(name: str, line: str) -> None:
    print(f"{name:>10} | {line}", flush=True)
