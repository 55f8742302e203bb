"""One part's process: started so that it ends with us, its output shown line by line, restarted when it dies."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping

from local.paths import PROJECT, state_dir
from local.stack.parts import Part
from local.stack.probe import answers

GRACE = 10.0  # seconds a part has to end cleanly
LONGEST_PAUSE = 5.0  # seconds between restarts of a part that keeps dying


def die_with_parent() -> None:
    """Ask Linux to end this child when the supervisor is killed, so that a `kill -9` leaves no orphan."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class PartProcess:
    """Keeps one part running until it is stopped."""

    def __init__(self, part: Part, environment: Mapping[str, str], show: Callable[[str, str], None]) -> None:
        self.part = part
        self._environment = {**os.environ, **environment}
        self._show = show
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.up = asyncio.Event()

    async def run(self) -> None:
        """Start the part, again whenever it dies, until `stop`."""
        pause = 0.2
        while not self._stopping:
            started = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *self.part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=PROJECT,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then ends the parts in order
                preexec_fn=die_with_parent,
            )
            watch = asyncio.create_task(self._watch(started))
            await self._pump()
            code = await self._process.wait()
            watch.cancel()
            self.up.clear()
            if self._stopping:
                return
            pause = 0.2 if time.monotonic() - started > 10 else min(pause * 2, LONGEST_PAUSE)
            self._show("stack", f"{self.part.title} ended with code {code}; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _watch(self, started: float) -> None:
        while not all([await answers(port) for port in self.part.ports]):
            await asyncio.sleep(0.05)
        self.up.set()
        self._show("stack", f"{self.part.title:<18} up after {time.monotonic() - started:.1f} s  {self.part.address}")

    async def _pump(self) -> None:
        """Show what the part prints and keep it in `logs/<part>.log`, which starts anew with the stack."""
        assert self._process is not None
        assert self._process.stdout is not None
        logs = state_dir() / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{self.part.name}.log").open("ab") as log:
            async for line in self._process.stdout:
                log.write(line)
                log.flush()
                self._show(self.part.name, line.decode(errors="replace").rstrip())

    async def stop(self) -> None:
        """End the part: politely, then after the grace by force."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            self._show("stack", f"{self.part.title} did not end within {GRACE:.0f} s; killed")
            process.kill()
            await process.wait()
