"""The parts of the local stack, each a process: what it is, how it starts, where it listens."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

from local.azurite.command import azurite_command
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

    def ours(module: str) -> tuple[str, ...]:
        return (sys.executable, "-m", module)

    functions = (*ours("local.host"), "--after", str(ports.table))  # Azurite's last port to answer
    if host == "func":
        core_tools = shutil.which("func")
        if core_tools is None:
            raise SystemExit("Azure Functions Core Tools ('func') are not on the PATH.")
        functions = (core_tools, "start", "--port", str(ports.host))
    storage = (ports.blob, ports.queue, ports.table)
    return (
        Part("azurite", "Azurite", f"http://{HOST}:{ports.blob}", storage,
             tuple(azurite_command(ports, state_dir() / "azurite"))),
        Part("servicebus", "Service Bus", f"sb://localhost:{ports.servicebus}", (ports.servicebus,),
             ours("local.servicebus")),
        Part("signalr", "SignalR Service", f"http://{HOST}:{ports.signalr}", (ports.signalr,), ours("local.signalr")),
        Part("identity", "Identity provider", f"http://{HOST}:{ports.identity}", (ports.identity,),
             ours("local.identity")),
        Part("durable", "Durable engine", f"{HOST}:{ports.durable}", (ports.durable,), ours("local.durable")),
        Part("host", "Functions host", f"http://{HOST}:{ports.host}", (ports.host,), functions),
    )  # fmt: skip
