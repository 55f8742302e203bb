"""Requests that no route takes."""

from __future__ import annotations

import re

from shared_code.domain.errors import AppError, MethodNotAllowed, NotFound
from shared_code.gateway.routes import ROUTES
from shared_code.gateway.routes.services import SERVICES_PATH
from shared_code.gateway.routes.unknown import UNKNOWN_PATH

PARAMETER = re.compile(r"\\\{(\\\*)?\w+\\\}")


def refusal(path: str, code: str = "not-found") -> AppError:
    """MethodNotAllowed where the path is there under other methods, NotFound with this code otherwise."""
    allowed = sorted({method for method, pattern in _PATTERNS if pattern.fullmatch(path)})
    if allowed:
        return MethodNotAllowed(f"This takes {', '.join(allowed)}.", extra={"allow": allowed})
    return NotFound("There is no such thing.", code=code)


def service_and_rest(path: str) -> tuple[str, str]:
    """The service that a path names and what follows its name; empty where it names none."""
    found = _SERVICE.fullmatch(path)
    return (found[1], found[2]) if found else ("", "")


def _pattern(template: str) -> re.Pattern[str]:
    """A template of Azure Functions as a pattern: `{name}` is a segment, `{*name}` the rest."""
    text = PARAMETER.sub(lambda found: ".*" if found[1] else "[^/]+", re.escape(template))
    return re.compile(text, re.IGNORECASE)


_SERVICE = re.compile("/api/v1/([^/]+)/(.*)", re.DOTALL)
_PATTERNS = [
    (route.method, _pattern("/api/" + route.path))
    for route in ROUTES
    if route.path not in (SERVICES_PATH, UNKNOWN_PATH)
]
