"""`host.json`, as far as this host heeds it (learn.microsoft.com/azure/azure-functions/functions-host-json)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.host.indexing import Refused

HEEDED = {  # of the options of each extension; the Durable engine is the storage, whichever is named
    "http": {"routePrefix", "maxOutstandingRequests", "maxConcurrentRequests"},
    "serviceBus": {"autoCompleteMessages", "maxAutoLockRenewalDuration", "maxConcurrentCalls", "maxConcurrentSessions",
                   "maxMessageBatchSize", "sessionIdleTimeout"},
    "durableTask": {"hubName", "maxConcurrentActivityFunctions", "maxConcurrentEntityFunctions",
                    "maxConcurrentOrchestratorFunctions", "storageProvider"},
}  # fmt: skip


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

    function_timeout: float
    http: Mapping[str, Any]
    service_bus: Mapping[str, Any]
    durable: Mapping[str, Any]

    @property
    def route_prefix(self) -> str:
        """What stands before every function's route."""
        return str(self.http.get("routePrefix", "api")).strip("/")

    @property
    def unheeded(self) -> list[str]:
        """A line for each option that is set and does nothing here."""
        sections = {"http": self.http, "serviceBus": self.service_bus, "durableTask": self.durable}
        return [
            f"host.json: the local host does not heed extensions.{name}.{option}"
            for name, section in sections.items()
            for option, value in section.items()
            if value and option not in HEEDED[name]
        ]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the app's `host.json`; a missing one means the defaults, as with Core Tools. Raises Refused."""
        path = folder / "host.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            timeout, extensions = seconds(stored.get("functionTimeout", "00:30:00")), stored.get("extensions", {})
            return cls(timeout, *(extensions.get(name, {}) for name in HEEDED))
        except (ValueError, AttributeError) as error:
            raise Refused(f"{path}: {error}") from error
