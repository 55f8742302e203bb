"""The events in AsyncAPI 3.0 (asyncapi.com/docs/reference/specification/v3.0.0), made from the catalogue."""

from __future__ import annotations

from typing import Any

import msgspec

from shared_code.domain.events.catalogue import CATALOGUE, TOPICS, EventType
from shared_code.events.message import LARGE

ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "subject"],
    "anyOf": [{"required": ["data"]}, {"required": ["dataref"]}],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "maxLength": 64, "description": "UUIDv7; also the Service Bus message id"},
        "source": {"type": "string", "maxLength": 256, "examples": ["/sayzhong/learning"]},
        "subject": {
            "type": "string",
            "maxLength": 128,
            "description": "The learner or content item; also the Service Bus session id",
        },
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "examples": ["application/json"]},
        "dataschema": {"type": "string", "format": "uri-reference"},
        "correlationid": {"type": "string", "format": "uuid"},
        "causationid": {"type": "string"},
        "tenantid": {"type": "string", "maxLength": 64},
        "dataref": {
            "type": "string",
            "format": "uri-reference",
            "description": (
                f"In place of data of more than {LARGE} bytes: the path, at the API's address, where a service's token "
                "gets the whole event. Written by SayZhong alone; other systems send data."
            ),
        },
    },
}


def asyncapi() -> dict[str, Any]:
    """The document: a channel a topic, a message an event type, for who publishes and who subscribes."""
    references, schemas = msgspec.json.schema_components(
        [kind.data for kind in CATALOGUE], ref_template="#/components/schemas/{name}"
    )
    messages = {kind.name: _message(kind, data) for kind, data in zip(CATALOGUE, references, strict=True)}
    operations = {}
    for topic in TOPICS:
        for action in ("send", "receive"):
            operations[f"{action}-{topic}"] = {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "SayZhong's events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in JSON on Service Bus topics. One learner's events are handled in order.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            topic: {
                "address": topic,
                "messages": {
                    kind.name: {"$ref": f"#/components/messages/{kind.name}"}
                    for kind in CATALOGUE
                    if kind.topic == topic
                },
            }
            for topic in TOPICS
        },
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    }


def _message(kind: EventType, data: dict[str, Any]) -> dict[str, Any]:
    envelope = {
        **ENVELOPE,
        "properties": {
            **ENVELOPE["properties"],
            "type": {"const": kind.name},
            "data": data,
        },
    }
    return {
        "name": kind.name,
        "title": kind.name,
        "summary": (kind.data.__doc__ or "").partition("\n")[0],
        "contentType": "application/cloudevents+json",
        "payload": envelope,
    }
