"""Services that run in this process, behind `/api/v1/{service}/{path}`: a table of method, path and endpoint each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from shared_code.domain.errors import MethodNotAllowed, NotFound
from shared_code.gateway.access import LEARNER, Access
from shared_code.gateway.http import Endpoint
from shared_code.gateway.openapi.operation import Documented, Operation
from shared_code.gateway.query import described
from shared_code.gateway.routes.route import JSON_ONLY, KIB, Route


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """One line of a service's table. `path` is below the service's name, e.g. `me` or `items/{item_id}`.

    The rest is for the API's description: `answer` and `body` are the models of its good answer and its body, `query`
    of its query, `statuses` those of its good answers, `failures` those of its own, `headers` what answers carry.
    """

    method: str
    path: str
    endpoint: Endpoint
    access: Access = LEARNER
    summary: str = ""
    answer: Any = Any
    body: Any = None
    query: type[Struct] | None = None
    statuses: Sequence[int] = (200,)
    failures: Sequence[int] = ()
    headers: Sequence[str] = ()
    consumes: Sequence[str] = JSON_ONLY
    max_body: int = 64 * KIB
    deadline: float = 10.0


@dataclass(frozen=True)
class InProcessService:
    """A service by name. Literal segments win over parameters; otherwise the first line that fits."""

    name: str
    routes: Sequence[ServiceRoute]
    table: tuple[tuple[tuple[str, ...], Route, Endpoint], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lines = [(_segments(line.path), self._route(line), line.endpoint) for line in self.routes]
        lines.sort(key=lambda line: [_is_parameter(segment) for segment in line[0]])
        object.__setattr__(self, "table", tuple(lines))

    def match(self, method: str, path: str) -> tuple[Route, Endpoint, dict[str, str]]:
        """The route, its endpoint and the path's parameters. Raises NotFound or MethodNotAllowed."""
        wanted = _segments(path)
        allowed = []
        for template, route, endpoint in self.table:
            params = _params(template, wanted)
            if params is None:
                continue
            if route.method == method:
                return route, endpoint, params
            allowed.append(route.method)
        if allowed:
            raise MethodNotAllowed(f"This takes {', '.join(allowed)}.", extra={"allow": allowed})
        raise NotFound("There is no such thing.")

    def documented(self) -> list[Documented]:
        """Its routes as the API's description has them."""
        return [(self._route(line), _operation(line)) for line in self.routes]

    def _route(self, line: ServiceRoute) -> Route:
        path = f"v1/{self.name}/{line.path}".rstrip("/")
        return Route(
            name=f"{line.method.lower()}_{path[3:]}".translate(str.maketrans("/-", "__", "{}")),
            method=line.method,
            path=path,
            access=line.access,
            summary=line.summary,
            consumes=line.consumes if line.method in ("POST", "PUT", "PATCH") else (),
            max_body=line.max_body,
            deadline=line.deadline,
        )


def _operation(line: ServiceRoute) -> Operation:
    return Operation(
        answers=dict.fromkeys(line.statuses, line.answer),
        body=line.body,
        query=described(line.query) if line.query else (),
        failures=(404, 502, 503, *((400,) if line.query else ()), *line.failures),
        headers=line.headers,
    )


def _segments(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{")


def _params(template: tuple[str, ...], wanted: tuple[str, ...]) -> dict[str, str] | None:
    if len(template) != len(wanted):
        return None
    pairs = list(zip(template, wanted, strict=True))
    if any(not _is_parameter(expected) and expected != given for expected, given in pairs):
        return None
    return {expected[1:-1]: given for expected, given in pairs if _is_parameter(expected)}
