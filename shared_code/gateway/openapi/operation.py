"""What is to be said of a route beyond its line in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared_code.gateway.http import JSON
from shared_code.gateway.routes.route import Route


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter in the query; `model` is a type that msgspec describes, with its constraints."""

    name: str
    model: Any
    description: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The models of a route's body and good answers (None: no body), its query, and failures of its own by status.

    `bodies` are the models by content type, for a route whose content types mean different things.
    """

    answers: Mapping[int, Any]
    body: Any = None
    bodies: Mapping[str, Any] = field(default_factory=dict)
    body_required: bool = True
    query: Sequence[Query] = ()
    failures: Sequence[int] = ()
    content_type: str = JSON
    headers: Sequence[str] = field(default_factory=tuple)


Documented = tuple[Route, Operation]
