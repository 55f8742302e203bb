"""Triggers: how the host's types become ours. A folder a kind of trigger."""

from __future__ import annotations

from functions.bus import assessment, audit, dead, learning_progress, redeliveries
from functions.http import (
    actions,
    attempts,
    docs,
    events,
    guests,
    health,
    intake,
    messages,
    sagas,
    service,
    services,
    sessions,
    unknown,
)
from functions.realtime import connections
from functions.timers import gateway, outbox
from functions.timers import redeliveries as overdue_lines
from functions.timers import services as service_health

BLUEPRINTS = (
    actions.bp,
    attempts.bp,
    docs.bp,
    events.bp,
    guests.bp,
    health.bp,
    intake.bp,
    messages.bp,
    sagas.bp,
    service.bp,
    services.bp,
    sessions.bp,
    unknown.bp,
    assessment.bp,
    audit.bp,
    dead.bp,
    learning_progress.bp,
    redeliveries.bp,
    connections.bp,
    outbox.bp,
    overdue_lines.bp,
    service_health.bp,
    gateway.bp,
)
