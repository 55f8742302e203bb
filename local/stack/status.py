"""`python -m local status`: which parts are up, and where."""

import asyncio
import json

from local.paths import state_dir
from local.ports import Ports, answers
from local.stack.parts import parts


def running_ports() -> Ports:
    """The ports of the stack that runs from this state folder, else the configured ones."""
    record = state_dir() / "stack.json"
    return Ports.from_environment(json.loads(record.read_text())) if record.exists() else Ports.from_environment()


def print_status(as_json: bool) -> int:
    """Print every part and whether it is up; the exit code is 0 when all are."""
    found = [
        {"name": part.name, "title": part.title, "address": part.address, "up": asyncio.run(answers(*part.ports))}
        for part in parts(running_ports())
    ]
    lines = [f"{part['title']:<18} {'up' if part['up'] else 'down':<5} {part['address']}" for part in found]
    print(json.dumps({"parts": found}, indent=2) if as_json else "\n".join(lines))
    return 0 if all(part["up"] for part in found) else 1
