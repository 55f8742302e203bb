"""Where the parts of the local stack listen. Loopback only."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import Self

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
    def from_environment(cls, environ: dict[str, str] | None = None) -> Self:
        """Read the ports; a base N gives N, N+1, … in the order of the fields."""
        env = os.environ if environ is None else environ
        base = env.get("LOCAL_PORT_BASE")
        chosen: dict[str, int] = {}
        for offset, field in enumerate(fields(cls)):
            default = int(base) + offset if base else int(str(field.default))
            chosen[field.name] = int(env.get(f"LOCAL_PORT_{field.name.upper()}", default))
        return cls(**chosen)

    def environment(self) -> dict[str, str]:
        """The variables that give a child process these ports."""
        return {f"LOCAL_PORT_{field.name.upper()}": str(getattr(self, field.name)) for field in fields(self)}
