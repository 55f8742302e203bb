"""Processes that end with their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from local.paths import PROJECT
from local.stack.child import child
from tests.e2e.stack import eventually

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(99)"
PARENT = f"""
import asyncio, sys
from local.stack.child import child

async def main():
    async with child(sys.executable, "-c", {STUBBORN!r}, grace=99) as process:
        print(process.pid, flush=True)
        await process.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("code", "how"),
    [("print('up', flush=True); import time; time.sleep(99)", signal.SIGTERM), (STUBBORN, signal.SIGKILL)],
)
async def test_a_child_is_ended_with_the_block_by_force_if_it_must_be(code: str, how: signal.Signals) -> None:
    """SIGTERM first, SIGKILL when the grace is over."""
    async with child(sys.executable, "-c", code, grace=2, stdout=asyncio.subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"up\n"
    assert process.returncode == -how


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
async def test_a_child_does_not_outlive_a_parent_that_is_killed() -> None:
    """PR_SET_PDEATHSIG (prctl(2)), though it ignores SIGTERM."""
    async with child(sys.executable, "-c", PARENT, grace=2, cwd=PROJECT, stdout=asyncio.subprocess.PIPE) as parent:
        assert parent.stdout is not None
        grandchild = int(await parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)

        async def gone() -> bool:
            stat = Path(f"/proc/{grandchild}/stat")
            return not stat.exists() or ") Z " in stat.read_text()

        await eventually(gone, what="the end of the grandchild")
