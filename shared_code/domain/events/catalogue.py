"""Every event type: its topic, the service that owns it, the shape of its data. The one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from shared_code.domain.events.assessment import AssessmentCompleted
from shared_code.domain.events.consent import ConsentChanged
from shared_code.domain.events.content import ContentUpdated
from shared_code.domain.events.effectiveness import AnalysisRequested, EffectivenessAnalysed
from shared_code.domain.events.envelope import CloudEvent, new_event
from shared_code.domain.events.experiment import ExperimentChanged, ExperimentExposed
from shared_code.domain.events.interaction import InteractionOccurred, SessionEnded, SessionStarted
from shared_code.domain.events.learning import ProgressRecorded
from shared_code.domain.events.notification import NotificationDelivered, NotificationRequested
from shared_code.domain.events.planning import AdaptationRequested, PlanAdapted

Purpose = Literal["voice", "experiment"]

WRITE_ANY, READ_ANY = "events.write", "events.read"  # the scopes for events of every type


@dataclass(frozen=True, slots=True)
class EventType:
    """One type. The name ends in its version; a change that old readers cannot take needs a new one.

    `about` says what its subject is: a learner, whose words and name are kept sealed, or a thing. `carries` are the
    purposes that a learner must consent to before a subscriber has it: it tells of their voice, or of an experiment on
    them. `upcast` makes the next version's data of this one's; see versions.py.
    """

    name: str
    topic: str
    service: str
    data: type[Struct]
    about: Literal["learner", "thing"] = "learner"
    carries: frozenset[Purpose] = frozenset()
    upcast: Callable[[Any], Struct] | None = None

    @property
    def write_scope(self) -> str:
        """What a partner's token carries to publish it: `events.write.assessment.completed`, whatever the version."""
        return f"{WRITE_ANY}.{self._plain_name}"

    @property
    def read_scope(self) -> str:
        """What a partner's token carries to be told of it."""
        return f"{READ_ANY}.{self._plain_name}"

    @property
    def _plain_name(self) -> str:
        return self.name.removeprefix("sayzhong.").rpartition(".v")[0]


_VOICE: frozenset[Purpose] = frozenset({"voice"})
_EXPERIMENT: frozenset[Purpose] = frozenset({"experiment"})

CATALOGUE = (
    EventType(
        "sayzhong.learning.progress-recorded.v1", "learning-progress", "learning", ProgressRecorded, carries=_VOICE
    ),
    EventType("sayzhong.content.updated.v1", "content", "content", ContentUpdated, about="thing"),
    EventType("sayzhong.assessment.completed.v1", "assessment", "assessment", AssessmentCompleted, carries=_VOICE),
    EventType("sayzhong.experiment.changed.v1", "experiment", "experiments", ExperimentChanged, about="thing"),
    EventType("sayzhong.experiment.exposed.v1", "experiment", "experiments", ExperimentExposed, carries=_EXPERIMENT),
    EventType("sayzhong.interaction.occurred.v1", "interaction", "interaction", InteractionOccurred),
    EventType("sayzhong.session.started.v1", "interaction", "interaction", SessionStarted),
    EventType("sayzhong.session.ended.v1", "interaction", "interaction", SessionEnded),
    EventType("sayzhong.consent.changed.v1", "interaction", "interaction", ConsentChanged),
    EventType("sayzhong.effectiveness.analysis-requested.v1", "effectiveness", "effectiveness", AnalysisRequested),
    EventType("sayzhong.effectiveness.analysed.v1", "effectiveness", "effectiveness", EffectivenessAnalysed),
    EventType("sayzhong.planning.adaptation-requested.v1", "planning", "planning", AdaptationRequested),
    EventType("sayzhong.planning.plan-adapted.v1", "planning", "planning", PlanAdapted),
    EventType("sayzhong.notification.requested.v1", "notification", "notification", NotificationRequested),
    EventType("sayzhong.notification.delivered.v1", "notification", "notification", NotificationDelivered),
)

TOPICS = tuple(dict.fromkeys(each.topic for each in CATALOGUE))

_BY_NAME = {each.name: each for each in CATALOGUE}
_BY_DATA = {each.data: each for each in CATALOGUE}


def find(name: str) -> EventType | None:
    """The type of this name, or None."""
    return _BY_NAME.get(name)


def event_of(
    data: Struct,
    *,
    subject: str,
    tenant: str,
    correlation_id: str,
    now: datetime,
    causation_id: str = "",
    event_id: str | None = None,
) -> CloudEvent:
    """Make the event that carries this data: type and source follow from the data's class.

    Raises ValueError where the data breaks its own schema: a fault of ours is found here, not by every reader.
    """
    kind = _BY_DATA[type(data)]
    msgspec.convert(msgspec.to_builtins(data), kind.data)
    return new_event(
        kind.name,
        data,
        service=kind.service,
        subject=subject,
        tenant=tenant,
        correlation_id=correlation_id,
        now=now,
        causation_id=causation_id,
        event_id=event_id,
    )
