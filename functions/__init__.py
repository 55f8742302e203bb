"""Triggers: how the host's types become ours. A folder a kind of trigger."""

from __future__ import annotations

from functions.bus import assessment, audit, dead, learning_progress
from functions.http import attempts, health, messages, ops, service, sessions
from functions.realtime import connections
from functions.timers import outbox

BLUEPRINTS = (
    attempts.bp,
    health.bp,
    messages.bp,
    ops.bp,
    service.bp,
    sessions.bp,
    assessment.bp,
    audit.bp,
    dead.bp,
    learning_progress.bp,
    connections.bp,
    outbox.bp,
)
