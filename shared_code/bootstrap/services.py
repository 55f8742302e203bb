"""The use cases of teaching: sessions, attempts, feedback, progress and plans, and the eight services."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from shared_code.bootstrap.events import Events
from shared_code.bootstrap.providers import build_speech
from shared_code.bootstrap.realtime import Realtime
from shared_code.bootstrap.storage import Storage
from shared_code.domain.clock import utc_now
from shared_code.domain.experiment import Experiment
from shared_code.domain.learning.plan import Plans
from shared_code.domain.learning.progress import Progress
from shared_code.events.projection import Projection
from shared_code.learning_services.all import LearningServices
from shared_code.services.announced import Announced
from shared_code.services.announcements import Announcements
from shared_code.services.assessment import AssessmentService
from shared_code.services.content.item import Item
from shared_code.services.content.service import ContentService
from shared_code.services.effectiveness import EffectivenessService
from shared_code.services.experiments import ExperimentsService
from shared_code.services.feedback import Feedback
from shared_code.services.history import History
from shared_code.services.interaction import Interaction
from shared_code.services.learning import LearningService
from shared_code.services.past_sessions import PastSessions
from shared_code.services.people import People
from shared_code.services.planning import PlanningService, PlanProjection
from shared_code.services.progress import ProgressProjection, ProgressService
from shared_code.services.sessions import Sessions
from shared_code.services.voices import VoiceRecord, Voices
from shared_code.settings import Settings
from shared_code.storage.documents import Documents

PROJECTIONS = "projections"


class Services(Struct, frozen=True, kw_only=True):
    """What triggers and sagas call for a learner. `learning` are the eight that the gateway serves under their names.

    `projections` are what can be built anew from the events.
    """

    sessions: Sessions
    interaction: Interaction
    feedback: Feedback
    voices: Voices
    progress: ProgressService
    effectiveness: EffectivenessService
    planning: PlanningService
    announcements: Announcements
    learning: LearningServices
    projections: Sequence[Projection]


def build_services(
    settings: Settings, storage: Storage, events: Events, realtime: Realtime, people: People
) -> Services:
    """The services over these events."""
    tables, blobs, keys, lake = storage.tables, storage.blobs, storage.keys, storage.lake
    store, journal = events.store, events.journal
    channel, signalr = realtime.channel, realtime.signalr

    sessions = Sessions(
        table=tables.table("sessions"), people=people, journal=journal, channel=channel, realtime=signalr, clock=utc_now
    )
    feedback = Feedback(sessions=sessions, blobs=blobs, keys=keys, channel=channel, realtime=signalr, lake=lake)
    voices = Voices(Documents(blobs, keys, "voices", "voice", VoiceRecord))
    interaction = Interaction(
        sessions=sessions,
        speech=build_speech(settings, lake),
        voices=voices,
        feedback=feedback,
        journal=journal,
        clock=utc_now,
    )

    progress_kept = Documents(blobs, keys, PROJECTIONS, "progress", Progress)
    plans_kept = Documents(blobs, keys, PROJECTIONS, "plans", Plans)
    progress = ProgressService(progress_kept, store)
    effectiveness = EffectivenessService(progress_kept, journal, utc_now)
    planning = PlanningService(plans_kept, progress_kept, store, journal, utc_now)

    history = History(store)
    items = Announced(tables.table("content"), "items", Item, journal, people)
    experiments = Announced(tables.table("experiments"), "experiments", Experiment, journal, people)
    return Services(
        sessions=sessions,
        interaction=interaction,
        feedback=feedback,
        voices=voices,
        progress=progress,
        effectiveness=effectiveness,
        planning=planning,
        announcements=Announcements(
            sessions=sessions, progress=progress_kept, channel=channel, realtime=signalr, lake=lake
        ),
        learning=LearningServices(
            learning=LearningService(progress_kept, planning, utc_now),
            content=ContentService(items, utc_now),
            assessment=AssessmentService(history, feedback),
            progress=progress,
            planning=planning,
            interaction=PastSessions(history, sessions),
            effectiveness=effectiveness,
            experiments=ExperimentsService(experiments, journal, utc_now),
        ),
        projections=(ProgressProjection(progress_kept), PlanProjection(plans_kept)),
    )
