"""`python -m local status`: which parts are up."""

from __future__ import annotations

import asyncio
import json

from local.paths import state_dir
from local.ports import Ports
from local.stack.parts import parts
from local.stack.probe import answers


def running_ports() -> Ports:
    """The ports of the stack that runs from this state folder, else the configured ones."""
    record = state_dir() / "stack.json"
    if record.exists():
        return Ports.from_environment(json.loads(record.read_text())["environment"])
    return Ports.from_environment()


async def _look(ports: Ports) -> list[dict[str, object]]:
    return [
        {
            "name": part.name,
            "title": part.title,
            "address": part.address,
            "up": all([await answers(port) for port in part.ports]),
        }
        for part in parts(ports)
    ]


def status(as_json: bool) -> int:
    """Print every part and whether it is up; the exit code is 0 when all are."""
    found = asyncio.run(_look(running_ports()))
    if as_json:
        print(json.dumps({"parts": found}, indent=2))
    else:
        for part in found:
            print(f"{part['title']:<18} {'up' if part['up'] else 'down':<5} {part['address']}")
    return 0 if all(part["up"] for part in found) else 1
