"""What the app declares, in its functions and in `host.json`; what this host does not know of it is refused here."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from local.host.protos import Message

Binding = Mapping[str, Any]  # a binding as the app declares it, app settings filled in

DURABLE = {  # triggers, with the key of the binding that may name the function otherwise
    "orchestrationTrigger": "orchestration",
    "activityTrigger": "activity",
    "entityTrigger": "entityName",
}
TRIGGERS = {"httpTrigger", "serviceBusTrigger", "timerTrigger", "signalRTrigger", *DURABLE}
OTHERS = {("durableClient", "IN"), ("http", "OUT"), ("signalR", "OUT")}


class Refused(Exception):
    """The app asks for something that this host does not do. The text is one line."""


@dataclass(frozen=True)
class Function:
    """One function of the app."""

    name: str
    id: str
    trigger: Binding
    bindings: tuple[Binding, ...]
    retry: Message | None  # RpcRetryOptions

    @property
    def kind(self) -> str:
        """The trigger's type, `httpTrigger` for example."""
        return str(self.trigger["type"])

    @property
    def route(self) -> str:
        """An HTTP function's path below the prefix; without one of its own it is its name."""
        return str(self.trigger.get("route") or self.name).strip("/")

    def bound(self, kind: str) -> dict[str, Binding]:
        """Its bindings of one type, by name."""
        return {binding["name"]: binding for binding in self.bindings if binding["type"] == kind}


def functions(found: Iterable[Message], settings: Mapping[str, str]) -> list[Function]:
    """All functions, in the order of their names, as the real host lists them. Raises Refused."""
    return sorted((_function(each, settings) for each in found), key=lambda function: function.name.lower())


def _function(found: Message, settings: Mapping[str, str]) -> Function:
    def setting(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise Refused(f"Function '{found.name}': '%{match[1]}%' does not resolve to an app setting")
        return json.dumps(settings[match[1]])[1:-1]

    # With app settings for each `%NAME%`, as the host has them in every text of a binding.
    bindings = tuple(json.loads(re.sub(r"%([^%\s]+)%", setting, raw)) for raw in found.raw_bindings)
    for each in bindings:
        if each["type"] not in TRIGGERS and (each["type"], each["direction"]) not in OTHERS:
            raise Refused(
                f"Function '{found.name}': the local host does not know the {each['direction'].lower()} binding "
                f"type '{each['type']}' (parameter '{each['name']}')"
            )
    triggers = [each for each in bindings if each["type"] in TRIGGERS]
    if len(triggers) != 1:
        raise Refused(f"Function '{found.name}' has {len(triggers)} triggers, it must have one")
    if found.retry_options and triggers[0]["type"] != "timerTrigger":
        raise Refused(f"Function '{found.name}' has a retry policy: of the triggers here Azure retries timers alone")
    return Function(found.name, found.function_id, triggers[0], bindings, found.retry_options)


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
    """One extension's options, with the vendor's defaults; one that this host does not heed is refused."""


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


class HostOptions(msgspec.Struct, frozen=True, rename="camel"):
    """`host.json` (learn.microsoft.com/azure/azure-functions/functions-host-json); what else it says is for Azure."""

    function_timeout: Seconds = Seconds(1800)
    http: Http = Http()
    service_bus: ServiceBus = ServiceBus()
    durable_task: DurableTask = DurableTask()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the app's; a missing one means the defaults, as with Core Tools. Raises Refused."""
        path = folder / "host.json"
        try:
            given = json.loads(path.read_bytes()) if path.exists() else {}
            return msgspec.convert(given | given.get("extensions", {}), cls, dec_hook=seconds)
        except (ValueError, AttributeError) as error:
            raise Refused(f"{path}: {error}") from error
