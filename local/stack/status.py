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
    return Ports.from_environment(json.loads(record.read_text())["environment"] if record.exists() else None)


def status(as_json: bool) -> int:
    """Print every part and whether it is up; the exit code is 0 when all are."""
    found = [
        {"name": part.name, "title": part.title, "address": part.address, "up": asyncio.run(answers(*part.ports))}
        for part in parts(running_ports())
    ]
    if as_json:
        print(json.dumps({"parts": found}, indent=2))
    else:
        for part in found:
            print(f"{part['title']:<18} {'up' if part['up'] else 'down':<5} {part['address']}")
    return 0 if all(part["up"] for part in found) else 1
