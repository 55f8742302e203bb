"""The drill, in short: `make drill` runs it at length."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT

import pytest

from local.paths import PROJECT


@pytest.mark.timeout(420)
async def test_kills_under_load_lose_nothing_and_double_nothing() -> None:
    """Three rounds of `kill -9`: every acknowledged operation has every effect once, in each learner's order.

    In a process of its own, because the SDK leaves sockets of refused connections to the garbage collector.
    """
    command = (sys.executable, "-m", "tests.drills", "stack", "--rounds", "3", "--seed", "2")
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    assert "nothing lost, nothing doubled" in output.decode()
