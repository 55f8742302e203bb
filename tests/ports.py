"""Free TCP ports of loopback, for parts that a test starts."""

from __future__ import annotations

import socket
import time
from contextlib import closing

from local.ports import HOST, Ports


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now: all held at once while they are chosen, so that they differ."""
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind((HOST, 0))
    found = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return found


def free_stack_ports() -> Ports:
    """A free port for every part of the local stack."""
    names = Ports().environment()
    return Ports.from_environment({name: str(port) for name, port in zip(names, free_ports(len(names)), strict=True)})


def accepts(port: int, *, within: float = 30) -> bool:
    """Wait until something accepts connections on the port; False when nothing did in so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, port)) == 0:
                return True
        time.sleep(0.05)
    return False
