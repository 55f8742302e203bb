"""Who handles what: every subscription, and its handler for events that come to it outside of its topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions.bus import assessment, audit, learning_progress, webhooks
from shared_code.domain.events.catalogue import TOPICS
from shared_code.events.received import Handler
from shared_code.services.webhooks import postman

HANDLERS: dict[tuple[str, str], Callable[[Any], Handler | None]] = {
    (learning_progress.TOPIC, learning_progress.SUBSCRIBER): learning_progress.handler,
    (assessment.TOPIC, assessment.SUBSCRIBER): lambda _client: assessment.make_good,
    **{(topic, audit.SUBSCRIBER): lambda _client: None for topic in audit.TOPICS},
    **{(topic, postman.SUBSCRIBER): lambda _client: webhooks.dispatch for topic in TOPICS},
}
"""A subscription's handler, from the Durable client of the function that runs it; None where the event is only kept."""
