"""Histories in files: a folder an orchestration, a file a way, an event a line of JSON as protobuf writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from local.durable.wire import pb

HISTORIES = Path(__file__).with_name("histories")


def write(saga: str, name: str, events: list[Any]) -> Path:
    """Store a history; one that is there already is history, and stays."""
    path = HISTORIES / saga / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    lines = [json.dumps(json_format.MessageToDict(event), ensure_ascii=False) for event in events]
    with path.open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def read(path: Path) -> list[Any]:
    """The events of a stored history, oldest first."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json_format.ParseDict(json.loads(line), pb.HistoryEvent()) for line in lines]


def stored() -> list[Path]:
    """Every stored history."""
    return sorted(HISTORIES.glob("*/*.jsonl"))
