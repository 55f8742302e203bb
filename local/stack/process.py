"""One part's process: started so that it ends with us, its output shown line by line, restarted when it dies."""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
import time
from collections.abc import Callable, Mapping

from local.paths import PROJECT, state_dir
from local.stack.parts import Part
from local.stack.probe import answers

GRACE = 10.0  # seconds a part has to end cleanly
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds before a part that died is started again; longer each time


def die_with_parent() -> None:
    """Ask Linux to end this child when the supervisor is killed, so that a `kill -9` leaves no orphan."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class PartProcess:
    """Keeps one part running until it is stopped."""

    def __init__(self, part: Part, environment: Mapping[str, str], show: Callable[[str, str], None]) -> None:
        self.part = part
        self.up = asyncio.Event()
        self._environment = environment
        self._show = show
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def run(self) -> None:
        """Start the part, again whenever it dies, until `stop`."""
        pause = SHORTEST_PAUSE
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
            await self._pump(self._process)
            watch.cancel()
            self.up.clear()
            if self._stopping:
                return
            pause = SHORTEST_PAUSE if time.monotonic() - started > 10 else min(pause * 2, LONGEST_PAUSE)
            ended = f"{self.part.title} ended with code {self._process.returncode}"
            self._show("stack", f"{ended}; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)

    async def _watch(self, started: float) -> None:
        while not await answers(*self.part.ports):
            await asyncio.sleep(0.05)
        self.up.set()
        self._show("stack", f"{self.part.title:<18} up after {time.monotonic() - started:.1f} s  {self.part.address}")

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        """Show what the part prints, and keep it in `logs/<part>.log`, until it ends."""
        assert process.stdout is not None
        with (state_dir() / "logs" / f"{self.part.name}.log").open("ab", buffering=0) as log:
            async for line in process.stdout:
                log.write(line)
                self._show(self.part.name, line.decode(errors="replace").rstrip())
        await process.wait()

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
