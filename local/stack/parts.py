"""The parts of the local stack, each a process: what it is, how it starts, where it listens."""

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

    def ours(name: str, title: str, *options: str, address: str = f"http://{HOST}") -> Part:
        port: int = getattr(ports, name)
        return Part(name, title, f"{address}:{port}", (port,), (sys.executable, "-m", f"local.{name}", *options))

    functions = ours("host", "Functions host", "--after", str(ports.table))  # Azurite's last port to answer
    if host == "func":
        if not (core_tools := shutil.which("func")):
            raise SystemExit("Azure Functions Core Tools ('func') are not on the PATH.")
        functions = replace(functions, command=(core_tools, "start", "--port", str(ports.host)))
    storage, azurite = (ports.blob, ports.queue, ports.table), tuple(azurite_command(ports, state_dir() / "azurite"))
    return (
        Part("azurite", "Azurite", f"http://{HOST}:{ports.blob}", storage, azurite),
        ours("servicebus", "Service Bus", address="sb://localhost"),
        ours("signalr", "SignalR Service"),
        ours("identity", "Identity provider"),
        ours("durable", "Durable engine", address=HOST),
        functions,
    )
