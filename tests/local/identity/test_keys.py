"""The key: made once, by whichever process comes first, and kept private."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import pytest

from local.identity.tokens import signing_key
from local.paths import PROJECT
from tests.ports import accepts, free_ports


async def test_nothing_private_is_published(provider: aiohttp.ClientSession) -> None:
    """Only the public members of an RSA key (RFC 7518, 6.3.1)."""
    async with provider.get("/jwks") as response:
        for key in (await response.json())["keys"]:
            assert key.keys() == {"kty", "n", "e", "use", "alg", "kid"}


def test_keys_stay_the_same_and_are_the_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restart must not make every token worthless."""
    monkeypatch.setenv("LOCAL_STATE_DIR", str(tmp_path))
    first = signing_key().private_numbers()
    assert signing_key().private_numbers() == first
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """The provider and a command that asks for a token may both be the first."""
    script = "from local.identity.tokens import signing_key; print(signing_key().private_numbers().d)"

    def start(_: int) -> str:
        environment = {**os.environ, "LOCAL_STATE_DIR": str(tmp_path)}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, check=True)
        return done.stdout.decode()

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(start, range(3)))) == 1


async def test_it_ends_cleanly_and_says_when_its_port_is_taken(tmp_path: Path) -> None:
    """Exit code 0 after SIGTERM; one line and exit code 1 where it cannot listen."""
    [port] = free_ports(1)
    environment = {**os.environ, "LOCAL_STATE_DIR": str(tmp_path), "LOCAL_PORT_IDENTITY": str(port)}
    command = [sys.executable, "-m", "local.identity"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE)
    assert await asyncio.to_thread(accepts, port)
    second = await asyncio.to_thread(subprocess.run, command, cwd=PROJECT, env=environment, capture_output=True)
    assert second.returncode == 1
    [line] = second.stderr.decode().splitlines()
    assert line.startswith(f"identity cannot serve on port {port}: ")
    assert "address already in use" in line
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.communicate, timeout=15)
    assert process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
