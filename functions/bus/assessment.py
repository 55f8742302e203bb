"""What assessments found: the learner's feedback, should a crash have kept it from the screen."""

from __future__ import annotations

import azure.functions as func

from functions.bus.receiving import CONNECTION, consume
from shared_code.bootstrap import app
from shared_code.domain.events.assessment import AssessmentCompleted
from shared_code.events.received import Received

TOPIC, SUBSCRIBER = "assessment", "interaction"

bp = func.Blueprint()


@bp.service_bus_topic_trigger(
    arg_name="message",
    topic_name=TOPIC,
    subscription_name=SUBSCRIBER,
    connection=CONNECTION,
    is_sessions_enabled=True,
)
async def bus_assessment(message: func.ServiceBusMessage) -> None:
    """Deliver feedback that was kept and not delivered; nearly always there is none."""
    await consume(message, topic=TOPIC, subscriber=SUBSCRIBER, handle=make_good)


async def make_good(received: Received) -> None:
    """Deliver an assessment's feedback, if it was kept and not delivered."""
    assert isinstance(received.data, AssessmentCompleted)
    await app().services.feedback.make_good(received.stream, received.event, received.data)
