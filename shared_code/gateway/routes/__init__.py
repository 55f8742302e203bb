"""The one table of routes: everything that HTTP reaches, who may call it, and what it takes. A file a room."""

from __future__ import annotations

from shared_code.gateway.routes import (
    about,
    dead_letters,
    events,
    learners,
    operators,
    replays,
    services,
    sessions,
    unknown,
    webhooks,
)
from shared_code.gateway.routes.route import Route

ROUTES: tuple[Route, ...] = (
    *about.ROUTES,
    *learners.ROUTES,
    *sessions.ROUTES,
    *events.ROUTES,
    *webhooks.ROUTES,
    *operators.ROUTES,
    *dead_letters.ROUTES,
    *replays.ROUTES,
    *services.ROUTES,
    *unknown.UNKNOWN,
)
