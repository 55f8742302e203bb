"""Configurations in the format of Microsoft's emulator, written in Python."""

from __future__ import annotations

import json
from typing import Any


def queue(name: str, **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties}


def subscription(name: str, *rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties, "Rules": list(rules)}


def topic(name: str, *subscriptions: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties, "Subscriptions": list(subscriptions)}


def rule(name: str, **wanted: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": {"FilterType": "Correlation", "CorrelationFilter": wanted}}


def namespace(*, queues: list[dict[str, Any]] | None = None, topics: list[dict[str, Any]] | None = None) -> bytes:
    entities = {"Name": "sbemulatorns", "Queues": queues or [], "Topics": topics or []}
    return json.dumps({"UserConfig": {"Namespaces": [entities], "Logging": {"Type": "Console"}}}).encode()
