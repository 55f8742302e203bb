"""The parts of the local stack, each a process: what it is, how it starts, where it listens."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, replace

from local.azurite import azurite_command
from local.paths import state_dir
from local.ports import HOST, Ports


@dataclass(frozen=True)
class Part:
    """One process. `ports` are those it must answer on before it counts as up; `address` is what people use."""

    name: str
    title: str
    address: str
    ports: tuple[int, ...]
    command: tuple[str, ...]


def parts(ports: Ports, host: str = "python") -> tuple[Part, ...]:
    """All parts, in the order in which they are shown. `host` is "python" for ours or "func" for Core Tools."""

    def ours(name: str, title: str, port: int, *options: str, address: str = "") -> Part:
        command = (sys.executable, "-m", f"local.{name}", *options)
        return Part(name, title, address or f"http://{HOST}:{port}", (port,), command)

    functions = ours("host", "Functions host", ports.host, "--after", str(ports.table))  # Azurite's last port to answer
    if host == "func":
        core_tools = shutil.which("func")
        if core_tools is None:
            raise SystemExit("Azure Functions Core Tools ('func') are not on the PATH.")
        functions = replace(functions, command=(core_tools, "start", "--port", str(ports.host)))
    storage = (ports.blob, ports.queue, ports.table)
    azurite = tuple(azurite_command(ports, state_dir() / "azurite"))
    return (
        Part("azurite", "Azurite", f"http://{HOST}:{ports.blob}", storage, azurite),
        ours("servicebus", "Service Bus", ports.servicebus, address=f"sb://localhost:{ports.servicebus}"),
        ours("signalr", "SignalR Service", ports.signalr),
        ours("identity", "Identity provider", ports.identity),
        ours("durable", "Durable engine", ports.durable, address=f"{HOST}:{ports.durable}"),
        functions,
    )
