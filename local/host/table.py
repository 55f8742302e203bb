"""The functions with their triggers and URLs, as Core Tools print them at start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local.host.indexing import Function


def url(function: Function, origin: str, prefix: str) -> str | None:
    """Where an HTTP function answers; None for the others."""
    if function.kind != "httpTrigger":
        return None
    return "/".join(filter(None, (origin, prefix, (function.trigger.get("route") or function.name).strip("/"))))


def table(found: Sequence[Function], origin: str, prefix: str) -> list[str]:
    """The functions with their triggers and URLs, a line each, as Core Tools print them."""
    lines = ["Functions:"]
    for function in found:
        address = url(function, origin, prefix)
        methods = ",".join(method.upper() for method in function.trigger.get("methods") or ()) or "any"
        lines.append(f"  {function.name}: " + (f"[{methods}] {address}" if address else _source(function.trigger)))
    return lines


def vain_retries(found: Sequence[Function]) -> list[str]:
    """Azure's runtime retries timers alone, of the triggers here (functions-bindings-error-pages#retry-policies)."""
    return [
        f"The retry policy of '{function.name}' has no effect: a {function.kind} has none in Azure"
        for function in found
        if function.retry and function.kind != "timerTrigger"
    ]


def _source(trigger: Mapping[str, object]) -> str:
    entity = trigger.get("queueName") or trigger.get("topicName")
    named = [entity, trigger.get("subscriptionName"), trigger.get("schedule"), trigger.get("event")]
    return " ".join([str(trigger["type"]), *(str(value) for value in named if value)])
