"""`host.json` (learn.microsoft.com/azure/azure-functions/functions-host-json).

Of the extensions that this host has, an option that it does not heed is refused; other sections are for Azure alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from local.host.indexing import Refused


class Seconds(float):
    """Written as a .NET time span `[d.]hh:mm:ss[.fff]`; `-1` is endless."""


def seconds(_type: type, span: str) -> Seconds:
    """Read a time span. Raises ValueError."""
    if span in ("-1", "-00:00:00.0010000"):
        return Seconds("inf")
    days, _, clock = span.rpartition(".") if "." in span.partition(":")[0] else ("0", "", span)
    hours, minutes, rest = clock.split(":")
    return Seconds(int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest))


class Section(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """One extension's options, with the vendor's defaults."""


class Http(Section, frozen=True):
    """-1 is no limit, as in every plan but Consumption."""

    route_prefix: str = "api"
    max_outstanding_requests: int = -1
    max_concurrent_requests: int = -1


class ServiceBus(Section, frozen=True):
    """Nothing is fetched ahead, and a function cannot settle its message: the worker has no way to say so."""

    prefetch_count: Literal[0] = 0
    auto_complete_messages: Literal[True] = True
    max_auto_lock_renewal_duration: Seconds = Seconds(300)
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    max_message_batch_size: int = 1000
    session_idle_timeout: Seconds = Seconds(30)


class DurableTask(Section, frozen=True):
    """The local engine is the storage, whichever is named."""

    hub_name: str = "TestHubName"
    storage_provider: Any = None
    max_concurrent_activity_functions: int = 10
    max_concurrent_orchestrator_functions: int = 10
    max_concurrent_entity_functions: int = 10


class Extensions(msgspec.Struct, frozen=True, rename="camel"):
    """Those that this host has."""

    http: Http = Http()
    service_bus: ServiceBus = ServiceBus()
    durable_task: DurableTask = DurableTask()


class HostOptions(msgspec.Struct, frozen=True, rename="camel"):
    """The file; a missing one means the defaults, as with Core Tools."""

    function_timeout: Seconds = Seconds(1800)
    extensions: Extensions = Extensions()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the app's `host.json`. Raises Refused."""
        path = folder / "host.json"
        try:
            text = path.read_bytes() if path.exists() else b"{}"
            return msgspec.json.decode(text, type=cls, dec_hook=seconds)
        except (ValueError, AttributeError) as error:
            raise Refused(f"{path}: {error}") from error
