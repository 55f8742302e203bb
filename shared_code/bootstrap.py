"""The one place that chooses implementations: built at first use, once a process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial

from shared_code.domain.clock import utc_now
from shared_code.domain.experiment import Experiment
from shared_code.domain.learning.plan import Plans
from shared_code.domain.learning.progress import Progress
from shared_code.events import redrive_job, replay_order
from shared_code.events.archive import Archive
from shared_code.events.archiving import Archiving
from shared_code.events.bus import Bus, BusNamespace
from shared_code.events.consents import KEY as CONSENTS
from shared_code.events.consents import ConsentRecord
from shared_code.events.consumer import Consumer
from shared_code.events.dead_letter_queue import DeadLetterQueue
from shared_code.events.dead_letters import DeadLetters
from shared_code.events.forgetting import Forgetting
from shared_code.events.found_letters import FoundLetters
from shared_code.events.handling import Handling
from shared_code.events.inbox import Inbox
from shared_code.events.intake import Intake
from shared_code.events.job_runner import JobRunner
from shared_code.events.jobs import Jobs
from shared_code.events.journal import Journal
from shared_code.events.lake_archive import LakeArchive
from shared_code.events.letters import Letters
from shared_code.events.mending import Mending
from shared_code.events.outbox import Outbox
from shared_code.events.parking import Parking
from shared_code.events.pending import Pending
from shared_code.events.publication import Publication
from shared_code.events.redeliveries import Redeliveries
from shared_code.events.redrive import Redrive
from shared_code.events.replay_job import ReplayJob
from shared_code.events.retries import Retries
from shared_code.events.search import EventSearch
from shared_code.events.store import EventStore
from shared_code.events.sweeper import Sweeper
from shared_code.events.timeline import Timeline
from shared_code.events.unarchived import Unarchived
from shared_code.gateway.assembly import build_gateway, identity_keys
from shared_code.gateway.gateway import Gateway
from shared_code.learning_services.all import LearningServices
from shared_code.observability import logs
from shared_code.observability.health import Check, Readiness
from shared_code.providers.hub import Chain
from shared_code.providers.speech.offline.assessor import OfflineAnalyser
from shared_code.providers.speech.port import SpeechAssessor
from shared_code.realtime.channel import Channel, personal
from shared_code.realtime.signalr import SignalRService, entra_bearer, key_bearer, parse_connection_string
from shared_code.services.announced import Announced
from shared_code.services.announcements import Announcements
from shared_code.services.assessment import AssessmentService
from shared_code.services.content.item import Item
from shared_code.services.content.service import ContentService
from shared_code.services.effectiveness import EffectivenessService
from shared_code.services.erasure import Erasures, Person
from shared_code.services.experiments import ExperimentsService
from shared_code.services.feedback import Feedback
from shared_code.services.guests import GuestProgress, LinkedGuests
from shared_code.services.history import History
from shared_code.services.interaction import Interaction
from shared_code.services.learning import LearningService
from shared_code.services.operator_actions import OperatorActions
from shared_code.services.past_sessions import PastSessions
from shared_code.services.people import People
from shared_code.services.planning import PlanningService, PlanProjection
from shared_code.services.progress import ProgressProjection, ProgressService
from shared_code.services.retention import Retention
from shared_code.services.sessions import Sessions
from shared_code.services.voices import VoiceRecord, Voices
from shared_code.services.webhooks.address import Destinations
from shared_code.services.webhooks.attempt import QUEUE as WEBHOOKS
from shared_code.services.webhooks.log import DeliveryLog
from shared_code.services.webhooks.postman import Postman
from shared_code.services.webhooks.subscriptions import Subscriptions
from shared_code.services.webhooks.undelivered import Undelivered
from shared_code.settings import Settings
from shared_code.storage.account import StorageAccount
from shared_code.storage.blobs import Blobs
from shared_code.storage.documents import Documents
from shared_code.storage.lake import Lake
from shared_code.storage.last_flush import flush_lake_at_exit
from shared_code.storage.redis_connections import RedisConnections
from shared_code.storage.redis_state import RedisState
from shared_code.storage.sealing.file_wrapper import FileWrapper
from shared_code.storage.sealing.learner_keys import LearnerKeys
from shared_code.storage.sealing.vault_wrapper import VaultWrapper
from shared_code.storage.sealing.wrapping import KeyWrapper
from shared_code.storage.shared_state import TableState
from shared_code.storage.tables import Tables

SPEECH_DEADLINE = 12.0  # seconds for all speech providers together, within the route's 15
SWEEP_GRACE = timedelta(seconds=15)  # three times as long as a publication may take
PROJECTIONS = "projections"


@dataclass(frozen=True, kw_only=True)
class App:
    """Everything that triggers and activities call."""

    settings: Settings
    gateway: Gateway
    readiness: Readiness
    people: People
    sessions: Sessions
    interaction: Interaction
    feedback: Feedback
    progress: ProgressService
    effectiveness: EffectivenessService
    planning: PlanningService
    announcements: Announcements
    channel: Channel
    realtime: SignalRService
    events: EventStore
    consents: ConsentRecord
    erasures: Erasures
    retention: Retention
    search: EventSearch
    actions: OperatorActions
    intake: Intake
    consumer: Consumer
    retries: Retries
    dead_letters: DeadLetters
    found_letters: FoundLetters
    webhooks: Subscriptions
    webhook_deliveries: DeliveryLog
    destinations: Destinations
    postman: Postman
    undelivered: Undelivered
    letters: Letters
    mending: Mending
    redrive: Redrive
    jobs: Jobs
    job_runner: JobRunner
    replays: ReplayJob
    sweeper: Sweeper
    archiving: Archiving
    lake: Lake


@cache
def app() -> App:
    """The app of this process. Raises SettingsError, with every fault, where the settings do not fit."""
    settings = Settings.from_environment()
    logs.install()
    clock = utc_now

    account = StorageAccount(
        connection_string=settings.storage.string,
        table_endpoint=settings.storage.table,
        blob_endpoint=settings.storage.blob,
        client_id=settings.storage.client_id,
    )
    tables, blobs = Tables(account), Blobs(account)
    lake = Lake(blobs)
    flush_lake_at_exit(lake, account)

    bus = Bus(
        BusNamespace(
            connection_string=settings.service_bus.string,
            host=settings.service_bus.address,
            client_id=settings.service_bus.client_id,
        )
    )
    keys = LearnerKeys(tables, _wrapper(settings), clock)
    archive = Archive(keys, blobs)
    store, lake_archive, pending = (
        EventStore(tables, clock, archive),
        LakeArchive(blobs, archive),
        Pending(tables, clock),
    )
    timeline = Timeline(tables)
    publication = Publication(bus, lake, timeline)
    outbox = Outbox(store, pending, publication)
    journal = Journal(store, pending, outbox, publication)
    people = People(settings.pseudonym_key)
    letters = Letters(tables, blobs, keys, clock)
    dead_letters = DeadLetters(bus, letters, keys, people.pseudonym, clock)
    dead_letter_queue = DeadLetterQueue(bus)
    found_letters = FoundLetters(
        bus=bus,
        tables=tables,
        letters=letters,
        dead_letters=dead_letters,
        queue=dead_letter_queue,
        keys=keys,
        pseudonym=people.pseudonym,
        clock=clock,
    )
    consents = ConsentRecord(store, journal, clock)
    handling, parking, redeliveries = (
        Handling(store, Inbox(tables, clock), timeline, consents, keys),
        Parking(tables, keys),
        Redeliveries(bus),
    )
    webhooks, webhook_deliveries = Subscriptions(tables, keys, clock), DeliveryLog(tables, clock)
    destinations = Destinations(settings.webhook_hosts)
    postman = Postman(
        subscriptions=webhooks,
        deliveries=webhook_deliveries,
        store=store,
        consents=consents,
        bus=bus,
        lake=lake,
        destinations=destinations,
        clock=clock,
    )
    undelivered = Undelivered(
        postman=postman, deliveries=webhook_deliveries, store=store, dead_letters=dead_letters, bus=bus, clock=clock
    )
    redrive = Redrive(
        letters=letters,
        queue=dead_letter_queue,
        redeliveries=redeliveries,
        queues={WEBHOOKS: undelivered.redrive},
        lake=lake,
        pseudonym=people.pseudonym,
        clock=clock,
    )
    jobs = Jobs(tables, clock)

    realtime = _signalr(settings)
    channel = Channel(tables.table("channel"), keys, clock)
    sessions = Sessions(
        table=tables.table("sessions"), people=people, journal=journal, channel=channel, realtime=realtime, clock=clock
    )
    feedback = Feedback(sessions=sessions, blobs=blobs, keys=keys, channel=channel, realtime=realtime, lake=lake)
    progress = Documents(blobs, keys, PROJECTIONS, "progress", Progress)
    effectiveness = EffectivenessService(progress, journal, clock)
    plans = Documents(blobs, keys, PROJECTIONS, "plans", Plans)
    planning = PlanningService(plans, progress, store, journal, clock)
    progress_service = ProgressService(progress, store)
    replays = ReplayJob(
        store=store,
        redeliveries=redeliveries,
        projections=[ProgressProjection(progress), PlanProjection(plans)],
        archive=lake_archive,
        lake=lake,
    )
    voices = Voices(Documents(blobs, keys, "voices", "voice", VoiceRecord))
    interaction = Interaction(
        sessions=sessions,
        speech=_speech(settings, lake),
        voices=voices,
        feedback=feedback,
        journal=journal,
        clock=clock,
    )

    actions = OperatorActions(tables.table("actions"), people.pseudonym, clock)
    history = History(store)
    learning = LearningServices(
        learning=LearningService(progress, plans, clock),
        content=ContentService(Announced(tables.table("content"), "items", Item, journal, people), clock),
        assessment=AssessmentService(history, feedback),
        progress=progress_service,
        planning=planning,
        interaction=PastSessions(history, sessions),
        effectiveness=effectiveness,
        experiments=ExperimentsService(
            Announced(tables.table("experiments"), "experiments", Experiment, journal, people), journal, clock
        ),
    )

    redis = RedisConnections(settings.redis.url, settings.redis.client_id) if settings.redis.url else None
    issuers = identity_keys(settings.gateway)
    gateway = build_gateway(
        settings.gateway,
        keys=issuers,
        services=learning.in_process(),
        state=TableState(tables.table("gateway")),
        breaker_state=RedisState(redis) if redis else None,
        redis=redis,
        record=lake.write,
        trail=actions,
        clock=clock,
        adopt=GuestProgress(store, progress_service).adopt,
    )
    forgetting = Forgetting(bus, parking)

    async def forget_letters(person: Person) -> None:
        await letters.forget(person.tenant, person.pseudonym)
        await found_letters.start_over()

    erasures = Erasures(
        table=tables.table("erasures"),
        keys=keys,
        steps={
            "key": lambda person: keys.erase(person.pseudonym),
            "events": lambda person: store.forget(person.pseudonym, CONSENTS),
            "attempts": lambda person: feedback.forget(person.pseudonym),
            "progress": lambda person: progress_service.forget(person.pseudonym),
            "plans": lambda person: planning.forget(person.pseudonym),
            "voice": lambda person: voices.forget(person.pseudonym),
            "channel": lambda person: channel.forget(personal(person.pseudonym), person.pseudonym),
            "answers": lambda person: gateway.forget(person.pseudonym),
            "parked": lambda person: forgetting.parked(person.pseudonym),
            "letters": forget_letters,
            "messages": lambda person: forgetting.messages(person.id, person.pseudonym),
        },
        others=LinkedGuests(gateway.guests.linked_to, store).of,
        clock=clock,
    )
    checks: dict[str, Check] = {
        "storage": partial(_storage_answers, tables),
        "service-bus": bus.answers,
        "realtime": realtime.healthy,
        **{f"identity {issuer}": keys.healthy for issuer, keys in issuers.items()},
    }
    return App(
        settings=settings,
        gateway=gateway,
        readiness=Readiness(checks),
        people=people,
        sessions=sessions,
        interaction=interaction,
        feedback=feedback,
        progress=progress_service,
        effectiveness=effectiveness,
        planning=planning,
        announcements=Announcements(
            sessions=sessions, progress=progress, channel=channel, realtime=realtime, lake=lake
        ),
        channel=channel,
        realtime=realtime,
        events=store,
        consents=consents,
        erasures=erasures,
        retention=Retention(tables, blobs, jobs, clock, kept_jobs=settings.jobs_kept),
        actions=actions,
        search=EventSearch(store, timeline),
        intake=Intake(journal, people.pseudonym, clock),
        consumer=Consumer(
            handling=handling,
            parking=parking,
            redeliveries=redeliveries,
            dead_letters=dead_letters,
            lake=lake,
            pseudonym=people.pseudonym,
            clock=clock,
        ),
        retries=Retries(
            store=store,
            handling=handling,
            parking=parking,
            redeliveries=redeliveries,
            dead_letters=dead_letters,
            lake=lake,
            clock=clock,
        ),
        dead_letters=dead_letters,
        found_letters=found_letters,
        webhooks=webhooks,
        webhook_deliveries=webhook_deliveries,
        destinations=destinations,
        postman=postman,
        undelivered=undelivered,
        letters=letters,
        mending=Mending(letters, store, people.pseudonym, clock),
        redrive=redrive,
        jobs=jobs,
        job_runner=JobRunner(
            jobs, {redrive_job.KIND: redrive_job.RedriveJob(letters, redrive), replay_order.KIND: replays}
        ),
        replays=replays,
        sweeper=Sweeper(pending, outbox, clock, grace=SWEEP_GRACE),
        archiving=Archiving(store, Unarchived(tables, clock), lake_archive, clock),
        lake=lake,
    )


def _wrapper(settings: Settings) -> KeyWrapper:
    if settings.learner_keys.vault_key:
        return VaultWrapper(settings.learner_keys.vault_key, settings.learner_keys.client_id)
    return FileWrapper(settings.learner_keys.file)


async def _storage_answers(tables: Tables) -> bool:
    await tables.table("events").get("health", "head")
    return True


def _signalr(settings: Settings) -> SignalRService:
    if settings.signalr.string:
        endpoint, key = parse_connection_string(settings.signalr.string)
        return SignalRService(endpoint, key_bearer(key))
    return SignalRService(settings.signalr.address, entra_bearer(settings.signalr.client_id))


def _speech(settings: Settings, lake: Lake) -> Chain[SpeechAssessor]:
    """Azure first where it is configured; the offline analyser last, and always."""
    providers: list[SpeechAssessor] = []
    if settings.speech is not None:
        from shared_code.providers.speech.azure.assessor import AzureSpeech
        from shared_code.providers.speech.azure.recognition import SpeechResource
        from shared_code.storage.identity import blocking_identity

        speech = settings.speech
        credential = partial(blocking_identity, settings.storage.client_id)
        providers.append(AzureSpeech(SpeechResource(speech.endpoint, speech.region, speech.key, credential)))
    providers.append(OfflineAnalyser())

    def usage(_capability: str, record: dict[str, object]) -> None:
        lake.write("integration", "external_services/speech_service_usage", record)

    return Chain("speech", providers, deadline=SPEECH_DEADLINE, usage=usage)
