"""What schemathesis must know besides the document: how to write audio, whose ids there are, and what to write down."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import schemathesis

IDS: dict[str, str] = json.loads(os.environ.get("API_FUZZING_IDS", "{}"))
TALLY = os.environ.get("API_FUZZING_TALLY")


@schemathesis.serializer("audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave")
def audio(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Whatever was generated, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Things that are there instead of invented ones, but for what deletes them."""
    operation = context.operation
    if not path_parameters or (operation is not None and operation.method.upper() == "DELETE"):
        return path_parameters
    return {name: IDS.get(name, value) if _valid(name, value) else value for name, value in path_parameters.items()}


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


def _valid(name: str, value: Any) -> bool:
    """Whether this is what the name stands for: a wrong value was meant to be wrong."""
    try:
        return name != "session_id" or bool(uuid.UUID(str(value)))
    except ValueError:
        return False
