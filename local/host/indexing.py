"""What the worker found in the app, as the host needs it; what the host does not know is refused here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from local.host.protos import Message

Binding = Mapping[str, Any]  # a binding as the app declares it, app settings filled in

DURABLE = {"orchestrationTrigger": "orchestration", "activityTrigger": "activity", "entityTrigger": "entityName"}
TRIGGERS = {"httpTrigger", "serviceBusTrigger", "timerTrigger", "signalRTrigger", "warmupTrigger", *DURABLE}
INPUTS = {"durableClient", "signalRConnectionInfo"}
OUTPUTS = {"http", "signalR"}


class Refused(Exception):
    """The app asks for something that this host does not do. The text is one line."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after which delays, a failed execution is repeated. `limit` -1 means for ever."""

    limit: int
    first: timedelta
    longest: timedelta

    def delay(self, attempt: int) -> float:
        """Seconds before retry `attempt` (from 1): doubled each time, up to the longest; fixed where both are equal."""
        doubled: timedelta = self.first * 2 ** min(attempt - 1, 20)
        return min(doubled, self.longest).total_seconds()


@dataclass(frozen=True)
class Function:
    """One function of the app."""

    name: str
    id: str
    trigger: Binding
    inputs: tuple[Binding, ...]
    outputs: Mapping[str, Binding]  # by name
    retry: RetryPolicy | None

    @property
    def kind(self) -> str:
        """The trigger's type, `httpTrigger` for example."""
        return str(self.trigger["type"])


def functions(found: Iterable[Message], settings: Mapping[str, str]) -> list[Function]:
    """All functions, in the order of their names, as the real host lists them. Raises Refused."""
    return sorted((_function(each, settings) for each in found), key=lambda function: function.name.lower())


def _function(found: Message, settings: Mapping[str, str]) -> Function:
    bindings = [_filled(found.name, json.loads(raw), settings) for raw in found.raw_bindings]
    triggers = [each for each in bindings if each["type"] in TRIGGERS]
    inputs = tuple(each for each in bindings if each["type"] in INPUTS and each["direction"] == "IN")
    outputs = {each["name"]: each for each in bindings if each["type"] in OUTPUTS and each["direction"] == "OUT"}
    for each in bindings:
        if each not in (*triggers, *inputs, *outputs.values()):
            raise Refused(
                f"Function '{found.name}': the local host does not know the {each['direction'].lower()} binding "
                f"type '{each['type']}' (parameter '{each['name']}')"
            )
    if len(triggers) != 1:
        raise Refused(f"Function '{found.name}' has {len(triggers)} triggers, it must have one")
    return Function(found.name, found.function_id, triggers[0], inputs, outputs, _retry(found.retry_options))


def _filled(function: str, binding: dict[str, Any], settings: Mapping[str, str]) -> Binding:
    """Put app settings in for `%NAME%`, as the host does for every text of a binding."""

    def setting(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise Refused(f"Function '{function}': '%{match[1]}%' does not resolve to an app setting")
        return settings[match[1]]

    texts = {key: value for key, value in binding.items() if isinstance(value, str)}
    return binding | {key: re.sub(r"%([^%\s]+)%", setting, value) for key, value in texts.items()}


def _retry(options: Message | None) -> RetryPolicy | None:
    if options is None:
        return None
    if options.delay_interval is not None:
        return RetryPolicy(options.max_retry_count, options.delay_interval, options.delay_interval)
    return RetryPolicy(options.max_retry_count, options.minimum_interval, options.maximum_interval)
