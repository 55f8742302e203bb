"""What schemathesis must know besides the document: how to write audio, whose ids there are, and what to write down."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import schemathesis

IDS: dict[str, str] = json.loads(os.environ.get("API_FUZZING_IDS", "{}"))
LONGEST_TENANT = 64  # characters; a longer one was meant to be wrong
TALLY = os.environ.get("API_FUZZING_TALLY")


@schemathesis.serializer("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave")
def audio(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Whatever was generated, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Things that are there instead of invented ones, but for what ends them."""
    operation = context.operation
    if not path_parameters or operation is None:
        return path_parameters
    if operation.method.upper() == "DELETE" or operation.path.endswith("/discards"):
        return path_parameters
    return {name: _there(operation.path, name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def map_query(_: schemathesis.HookContext, query: dict[str, Any]) -> dict[str, Any]:
    """The caller's own tenant instead of an invented one, which has nothing that could be looked at."""
    if query and "tenant" in IDS and 0 < len(str(query.get("tenant", ""))) <= LONGEST_TENANT:
        return {**query, "tenant": IDS["tenant"]}
    return query


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out empty parameters: Azure's host does so too, and the app never sees that they were there."""
    return "" not in (case.query or {}).values()


@schemathesis.hook
def after_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    """One line an answer: method, path template, status."""
    if TALLY:
        with Path(TALLY).open("a") as tally:
            tally.write(f"{case.operation.method.upper()} {case.operation.path} {response.status_code}\n")


def _there(path: str, name: str, value: Any) -> Any:
    """The thing of this name, or of this name in its collection; not for a wrong value, which was meant to be wrong."""
    collection = path.partition(f"/{{{name}}}")[0].rpartition("/")[2]
    known = IDS.get(f"{collection}/{name}", IDS.get(name))
    return known if known is not None and _valid(name, value) else value


def _valid(name: str, value: Any) -> bool:
    """Whether this is what the name stands for."""
    try:
        return name != "session_id" or bool(uuid.UUID(str(value)))
    except ValueError:
        return False
