"""What the gateway recorded."""

from __future__ import annotations

from typing import Any


class Records:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, object]]] = []

    def __call__(self, container: str, name: str, record: dict[str, object]) -> None:
        self.written.append((f"{container}/{name}", record))

    def of(self, place: str) -> list[dict[str, Any]]:
        return [record for name, record in self.written if name == place]
