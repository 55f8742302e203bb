"""`host.json`, as far as this host heeds it (learn.microsoft.com/azure/azure-functions/functions-host-json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.host.indexing import Refused


def seconds(span: str) -> float:
    """A .NET time span `[d.]hh:mm:ss[.fff]` in seconds; `-1` is endless."""
    if span.strip() in ("-1", "-00:00:00.0010000"):
        return float("inf")
    days, _, clock = span.rpartition(".") if "." in span.partition(":")[0] else ("0", "", span)
    hours, minutes, rest = clock.split(":")
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


@dataclass(frozen=True)
class HostOptions:
    """The options by section, the vendor's defaults filled in by those who read them."""

    route_prefix: str
    function_timeout: float
    service_bus: Mapping[str, Any]
    durable: Mapping[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the app's `host.json`; a missing one means the defaults, as with Core Tools. Raises Refused."""
        path = folder / "host.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            extensions = stored.get("extensions", {})
            return cls(
                route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
                function_timeout=seconds(stored.get("functionTimeout", "00:30:00")),
                service_bus=extensions.get("serviceBus", {}),
                durable=extensions.get("durableTask", {}),
            )
        except ValueError as error:
            raise Refused(f"{path}: {error}") from error
