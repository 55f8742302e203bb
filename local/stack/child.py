"""A process that ends when its parent does, whichever way that is."""

import asyncio
import ctypes
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def child(*command: str, grace: float, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process during the block; its end is polite, after `grace` seconds forced, at once where we are killed."""
    options |= {"start_new_session": True, "preexec_fn": _die_with_parent}  # a session: Ctrl-C reaches us alone
    process = await asyncio.create_subprocess_exec(*command, **options)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            process.kill()
            await process.wait()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # prctl(2)
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
