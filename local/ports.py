"""Where the parts of the local stack listen, and whether they do. Loopback only."""

import asyncio
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

from local.paths import state_dir

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """One TCP port a part; `LOCAL_PORT_<NAME>` in the environment overrides one, `LOCAL_PORT_BASE` moves all."""

    host: int = 7071
    blob: int = 10000
    queue: int = 10001
    table: int = 10002
    servicebus: int = 5672
    signalr: int = 8888
    identity: int = 7080
    durable: int = 7072

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the ports; a base N gives N, N+1, … in the order of the fields. Raises ValueError for what is none."""
        base = environ.get("LOCAL_PORT_BASE")
        ports = asdict(cls())
        for offset, (name, usual) in enumerate(ports.items()):
            ports[name] = int(environ.get(f"LOCAL_PORT_{name.upper()}") or (int(base) + offset if base else usual))
            if not 1 <= ports[name] <= 65_535:
                raise ValueError(f"The port of '{name}' would be {ports[name]}: ports are 1 to 65535.")
        return cls(**ports)

    @classmethod
    def of_running_stack(cls) -> Self:
        """Those of the stack that runs from this state folder, else the ones that one would be started with."""
        record = state_dir() / "stack.json"
        return cls.from_environment(json.loads(record.read_text()) if record.exists() else os.environ)

    def environment(self) -> dict[str, str]:
        """The variables that give a child process these ports."""
        return {f"LOCAL_PORT_{name.upper()}": str(port) for name, port in asdict(self).items()}


def is_free(port: int) -> bool:
    """Whether this port could be listened on now."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


async def answers(*ports: int) -> bool:
    """Whether something accepts a connection on each of these ports within a second."""
    try:
        for port in ports:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
    except OSError:  # TimeoutError is one
        return False
    return True
