"""The whole document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from shared_code.gateway.openapi.closing import closed
from shared_code.gateway.openapi.components import (
    EVERY_ANSWER,
    HEADERS,
    LIMITED,
    PROBLEM,
    SECURITY,
    header_references,
    problem_response,
)
from shared_code.gateway.openapi.operation import Documented, Operation
from shared_code.gateway.routes.route import Route
from shared_code.gateway.stages.bounds import MAX_URL

OPENAPI = "3.1.0"
REFERENCE = "#/components/schemas/{name}"
PARAMETER = re.compile(r"\{(\*?)(\w+)\}")
ANY_REQUEST = (400, 414, 429, 431, 500, 504)
WITH_TOKEN = (401, 403)
WITH_BODY = (413, 415, 422)
REPEATABLE = ("POST", "PUT", "PATCH")


def openapi(documented: Sequence[Documented], *, version: str) -> dict[str, Any]:
    """Describe these routes. Operation ids are the routes' names."""
    models = [model for _, operation in documented for model in _models(operation) if model is not None]
    schemas, components = msgspec.json.schema_components(models, ref_template=REFERENCE)
    described = dict(zip(map(id, models), schemas, strict=True))
    failures = sorted({status for route, operation in documented for status in _failures(route, operation)})
    responses = {_name(status): problem_response(status) for status in failures}
    paths: dict[str, Any] = {}
    for route, operation in documented:
        path = paths.setdefault("/" + PARAMETER.sub(r"{\2}", route.path), {})
        path[route.method.lower()] = _operation(route, operation, described)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "SayZhong's integration layer",
            "version": version,
            "summary": "Everything that enters, leaves or moves between SayZhong's parts.",
            "description": "Mandarin practice for English speakers: sessions, spoken attempts, progress and plans.",
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "SayZhong", "url": "https://sayzhong.example"},
        },
        "servers": [
            {
                "url": "/api",
                "description": "Where this document comes from, be it local, staging or production.",
                "x-internal": False,
            }
        ],
        "tags": [{"name": tag, "description": f"Everything under {tag}."} for tag in sorted(_tags(documented))],
        "paths": paths,
        "components": {
            "schemas": {**{name: closed(schema) for name, schema in components.items()}, "Problem": PROBLEM},
            "responses": responses,
            "headers": {name: HEADERS[name] for name in sorted(_headers_of(paths, responses))},
            "securitySchemes": SECURITY,
        },
    }


def _operation(route: Route, operation: Operation, described: dict[int, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in operation.answers.items():
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "headers": header_references((*EVERY_ANSWER, *LIMITED, *operation.headers)),
        }
        if model is not None:
            responses[str(status)]["content"] = {operation.content_type: {"schema": closed(described[id(model)])}}
    for status in sorted(_failures(route, operation)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}
    written: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{route.summary}. {route.access.said()}",
        "tags": [_tag(route)],
        "parameters": [*_path_parameters(route), *_query_parameters(operation, described), *_headers(route)],
        "security": [{} if route.access.public else {"bearer": sorted(route.access.roles)}],
        "responses": responses,
    }
    if route.consumes and route.method != "GET":
        bodies = operation.bodies or dict.fromkeys(route.consumes, operation.body)
        described_body = operation.body is not None or operation.bodies or "json" not in route.consumes[0]
        octets = {"type": "string", "format": "binary", "maxLength": route.max_body}
        written["requestBody"] = {
            "required": bool(operation.body_required and described_body),
            "content": {
                content_type: {"schema": octets if model is None else closed(described[id(model)])}
                for content_type, model in bodies.items()
            },
        }
    return written


def _models(operation: Operation) -> list[Any]:
    queries = (each.model for each in operation.query)
    return [*operation.answers.values(), operation.body, *operation.bodies.values(), *queries]


def _headers_of(paths: dict[str, Any], responses: dict[str, Any]) -> set[str]:
    """The names of all headers that some answer has."""
    answers = [
        each for path in paths.values() for operation in path.values() for each in operation["responses"].values()
    ]
    return {name for answer in (*answers, *responses.values()) for name in answer.get("headers", ())}


def _failures(route: Route, operation: Operation) -> set[int]:
    found = {*ANY_REQUEST, *operation.failures}
    if not route.access.public:
        found |= {*WITH_TOKEN}
    if PARAMETER.search(route.path):
        found.add(404)
    if route.consumes:
        found |= {*WITH_BODY}
    if route.method in REPEATABLE:
        found |= {409, 422, 503}  # what an Idempotency-Key can lead to
    return found


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid", "maxLength": 36}
            if name == "session_id"
            else {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "." if "*" in star else "^[^/]+$"},
        }
        for star, name in PARAMETER.findall(route.path)
    ]


def _query_parameters(operation: Operation, described: dict[int, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": each.name,
            "in": "query",
            "required": each.required,
            "description": each.description,
            "schema": closed(_never_null(described[id(each.model)]), MAX_URL),
        }
        for each in operation.query
    ]


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What a URL can say: a parameter that may be null in our models is simply left out there."""
    said = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(said) != 1:
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**kept, **said[0]}


def _headers(route: Route) -> list[dict[str, Any]]:
    if route.method not in REPEATABLE:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The first answer to this key is given again for 24 hours.",
            "schema": {"type": "string", "pattern": "^[!-~]*$", "maxLength": 255},
        }
    ]


def _tag(route: Route) -> str:
    parts = route.path.split("/")
    return parts[1].strip("{*}") if parts[0] == "v1" else "app"


def _tags(documented: Sequence[Documented]) -> set[str]:
    return {_tag(route) for route, _ in documented}


def _name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
