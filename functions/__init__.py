"""Triggers: how the host's types become ours. A folder a kind of trigger."""

from __future__ import annotations

from functions.bus import assessment, audit, dead, learning_progress, redeliveries
from functions.bus import webhooks as webhook_attempts
from functions.http import (
    actions,
    attempts,
    consents,
    docs,
    erasures,
    event,
    events,
    guests,
    health,
    intake,
    messages,
    ops_dead_letters,
    ops_redrives,
    ops_replays,
    sagas,
    service,
    services,
    sessions,
    unknown,
    webhooks,
)
from functions.realtime import connections
from functions.timers import archive, gateway, jobs, outbox, retention
from functions.timers import dead_letters as found_letters
from functions.timers import erasures as erasures_under_way
from functions.timers import redeliveries as overdue_lines
from functions.timers import services as service_health

BLUEPRINTS = (
    actions.bp,
    attempts.bp,
    consents.bp,
    docs.bp,
    erasures.bp,
    event.bp,
    events.bp,
    guests.bp,
    health.bp,
    intake.bp,
    messages.bp,
    ops_dead_letters.bp,
    ops_redrives.bp,
    ops_replays.bp,
    sagas.bp,
    service.bp,
    services.bp,
    sessions.bp,
    unknown.bp,
    webhooks.bp,
    assessment.bp,
    audit.bp,
    dead.bp,
    learning_progress.bp,
    redeliveries.bp,
    webhook_attempts.bp,
    connections.bp,
    archive.bp,
    found_letters.bp,
    jobs.bp,
    erasures_under_way.bp,
    outbox.bp,
    retention.bp,
    overdue_lines.bp,
    service_health.bp,
    gateway.bp,
)
