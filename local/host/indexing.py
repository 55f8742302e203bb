"""What the worker found in the app, as the host needs it; what the host does not know is refused here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.host.worker import Message

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
        return settings[match[1]]

    def filled(value: Any) -> Any:
        """With app settings for each `%NAME%`, as the host has them in every text of a binding."""
        return re.sub(r"%([^%\s]+)%", setting, value) if isinstance(value, str) else value

    bindings = tuple({key: filled(value) for key, value in json.loads(raw).items()} for raw in found.raw_bindings)
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
