"""An attempt that is submitted again under its key is the same attempt; without a key it is another one."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from demo.voice import speak
from shared_code.domain.clock import utc_now
from shared_code.domain.events.assessment import AssessmentCompleted, SkillResult
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.plan import LessonPlan
from shared_code.domain.learning.progress import Progress
from shared_code.domain.principal import Principal
from shared_code.domain.session import Session
from shared_code.providers.hub import Chain
from shared_code.providers.speech.offline.assessor import OfflineAnalyser
from shared_code.providers.speech.port import SpeechAssessor
from shared_code.realtime.channel import CatchUp, Channel, personal
from shared_code.realtime.signalr import SignalRService, key_bearer
from shared_code.services.announcements import Announcements
from shared_code.services.feedback import Assessed, Feedback
from shared_code.services.interaction import Interaction, SpokenAttempt, attempt_id_of
from shared_code.services.people import People
from shared_code.services.sessions import Sessions
from shared_code.services.voices import VoiceRecord, Voices
from shared_code.storage.account import StorageAccount
from shared_code.storage.documents import Documents
from shared_code.storage.rows import Row
from shared_code.storage.tables import Tables
from tests.ports import free_ports
from tests.shared_code.events.backbone import KEY, Backbone, backbone_on, stream_of


class Practice:
    """The interaction service on a backbone of its own, with one learner in one session."""

    def __init__(self, backbone: Backbone, channels: Tables | None = None) -> None:
        self.backbone = backbone
        self.channel = Channel((channels or backbone.tables).table("channel"), backbone.keys, utc_now)
        self.realtime = realtime = SignalRService(
            "http://127.0.0.1:1", key_bearer("nobody listens: no push arrives, and nothing fails for it")
        )
        speech: Chain[SpeechAssessor] = Chain("speech", [OfflineAnalyser()], deadline=60, usage=lambda *_: None)
        self.sessions = sessions = Sessions(
            table=backbone.tables.table("sessions"),
            people=People(KEY),
            journal=backbone.journal,
            channel=self.channel,
            realtime=realtime,
            clock=utc_now,
        )
        self.feedback = Feedback(
            sessions=sessions,
            blobs=backbone.blobs,
            keys=backbone.keys,
            channel=self.channel,
            realtime=realtime,
            lake=backbone.lake,
        )
        self.announcements = Announcements(
            sessions=sessions,
            progress=Documents(backbone.blobs, backbone.keys, "projections", "progress", Progress),
            channel=self.channel,
            realtime=realtime,
            lake=backbone.lake,
        )
        self.voices = Voices(Documents(backbone.blobs, backbone.keys, "voices", "voice", VoiceRecord))
        self.interaction = Interaction(
            sessions=sessions,
            speech=speech,
            voices=self.voices,
            feedback=self.feedback,
            journal=backbone.journal,
            clock=utc_now,
        )

    async def attempt(self, key: str) -> SpokenAttempt:
        """A recording, in a new session of a new learner."""
        name, now = f"learner-{uuid.uuid4().hex[:12]}", utc_now()
        learner = Principal(id=name, tenant="sayzhong", pseudonym=stream_of("sayzhong", name))
        session = Session(
            session_id=str(uuid.uuid4()),
            tenant="sayzhong",
            mode="practice",
            owner=learner.pseudonym,
            participants=(learner.pseudonym,),
            lesson_id=None,
            created_at=now,
            expires_at=now + timedelta(hours=1),
        )
        record = Row(session.session_id, "session", {"record": msgspec.json.encode(session)})
        await self.backbone.tables.table("sessions").insert(record)
        wav = await speak("xue2 xi2")
        return SpokenAttempt(session.session_id, "学习", wav, learner, str(uuid.uuid4()), key)

    async def missed(self, attempt: SpokenAttempt) -> CatchUp:
        """All that the learner's channel of the session holds."""
        return await self.channel.catch_up(attempt.session_id, attempt.caller.pseudonym, 0)

    async def facts(self, attempt: SpokenAttempt) -> Counter[str]:
        """What the learner's stream holds."""
        return Counter([each.event.type async for each in self.backbone.store.read(attempt.caller.pseudonym)])


@pytest.fixture
async def practice(azurite: str, servicebus: str) -> AsyncIterator[Practice]:
    async with backbone_on(azurite, servicebus) as backbone:
        practice = Practice(backbone)
        yield practice
        await practice.realtime.close()


@pytest.fixture
async def elsewhere(azurite: str, servicebus: str) -> AsyncIterator[Practice]:
    """Another instance of the app."""
    async with backbone_on(azurite, servicebus) as backbone:
        practice = Practice(backbone)
        yield practice
        await practice.realtime.close()


async def test_a_second_run_under_the_same_key_changes_nothing(practice: Practice, elsewhere: Practice) -> None:
    """The first run's answer was lost with its process: another one gives it, and states no second fact."""
    attempt = await practice.attempt("once")
    first = await practice.interaction.assess(attempt)
    heard = await practice.voices.profile(attempt.caller.pseudonym)
    again = await elsewhere.interaction.assess(attempt)

    assert again == first
    assert set((await practice.facts(attempt)).values()) == {1}
    assert (await practice.missed(attempt)).latest_seq == 1
    assert heard is not None
    assert await practice.voices.profile(attempt.caller.pseudonym) == heard


async def test_a_second_run_goes_on_with_what_the_first_one_kept(practice: Practice) -> None:
    """The first died before it stated a fact. What the second states, answers and shows is what the first had found."""
    found = await practice.interaction.assess(await practice.attempt(""))
    attempt = await practice.attempt("once")
    scores = msgspec.structs.replace(found.scores, pronunciation=12.5)
    session = await practice.sessions.joined(attempt.session_id, attempt.caller)
    unlike = msgspec.structs.replace(
        found, attempt_id=attempt_id_of(attempt, session), scores=scores, provider="elsewhere"
    )
    await practice.feedback.keep(attempt.caller.pseudonym, Assessed(result=unlike, voice=None))
    assert await practice.interaction.assess(attempt) == unlike
    stored = [each.event async for each in practice.backbone.store.read(attempt.caller.pseudonym)]
    assert [event.data["score"] for event in stored if event.type == "sayzhong.assessment.completed.v1"] == [12.5]
    assert [event.data["provider"] for event in stored if "provider" in event.data] == ["elsewhere"]
    [shown] = (await practice.missed(attempt)).messages
    assert shown.data["scores"]["pronunciation"] == 12.5


async def test_a_key_is_the_name_of_the_same_words_and_sounds_alone(practice: Practice) -> None:
    """Another body, or another learner, under the same key never meets the first one's result."""
    attempt = await practice.attempt("once")
    longer = replace(attempt, wav=await speak("xue2 xi2", variant="m3"))
    stranger = await practice.attempt("once")
    ids = [(await practice.interaction.assess(each)).attempt_id for each in (attempt, longer, stranger)]
    assert len(set(ids)) == 3


async def test_a_second_attempt_without_a_key_counts(practice: Practice) -> None:
    """Saying the same again is practice."""
    attempt = await practice.attempt("")
    first = await practice.interaction.assess(attempt)
    second = await practice.interaction.assess(attempt)

    assert first.attempt_id != second.attempt_id
    assert set((await practice.facts(attempt)).values()) == {2}


async def test_an_attempt_that_counts_is_answered_though_the_channel_cannot_be_written(
    azurite: str, servicebus: str
) -> None:
    """Told of a failure, the learner would say it again and have it counted twice; the facts' consumer delivers it."""
    (port,) = free_ports(1)
    nowhere = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;TableEndpoint=http://127.0.0.1:{port}/x;"
    channels = Tables(StorageAccount(connection_string=nowhere))
    async with backbone_on(azurite, servicebus) as backbone:
        practice = Practice(backbone, channels)
        attempt = await practice.attempt("")
        assert (await practice.interaction.assess(attempt)).text == attempt.text
        assert set((await practice.facts(attempt)).values()) == {1}
    await channels.close()


async def test_r6_an_event_that_names_somebody_elses_session_reaches_nobody_else(practice: Practice) -> None:
    """Other systems name sessions as they like; a learner's lesson goes to that learner's channels alone."""
    theirs, mine = await practice.attempt(""), await practice.attempt("")
    person = mine.caller.pseudonym
    event = event_of(
        ProgressRecorded(
            attempt_id="a",
            session_id=theirs.session_id,
            items=(PractisedItem(hanzi="好", pinyin="hǎo", expected=3),),
        ),
        subject=mine.caller.id,
        tenant="sayzhong",
        correlation_id=str(uuid.uuid4()),
        now=utc_now(),
    )
    plan = LessonPlan(version=1, plan_id="p", adapted_at="", focus_tones=(), items=())
    await practice.announcements.announce(person, event, plan)
    for reader in (person, theirs.caller.pseudonym):
        assert (await practice.channel.catch_up(theirs.session_id, reader, 0)).messages == ()
    own = await practice.channel.catch_up(personal(person), person, 0)
    assert [each.type for each in own.messages] == ["lesson_adapted"]


@pytest.mark.parametrize("fault", ["session", "name"])
async def test_feedback_is_made_good_only_for_ones_own_attempt_and_session(practice: Practice, fault: str) -> None:
    """Neither somebody else's session nor a name that leads out of one's own folder is believed."""
    theirs, mine = await practice.attempt(""), await practice.attempt("")
    result, person = await practice.interaction.assess(theirs), mine.caller.pseudonym
    attempt_id = str(uuid.uuid4())
    result = msgspec.structs.replace(result, attempt_id=attempt_id)
    await practice.feedback.keep(person, Assessed(result=result, voice=None))
    data = AssessmentCompleted(
        assessment_id=attempt_id if fault == "session" else "../a",
        session_id=theirs.session_id if fault == "session" else mine.session_id,
        skills=(SkillResult(skill="pronunciation", score=None),),
    )
    event = event_of(data, subject=mine.caller.id, tenant="sayzhong", correlation_id=str(uuid.uuid4()), now=utc_now())
    await practice.feedback.make_good(person, event, data)
    for session_id in (theirs.session_id, mine.session_id):
        assert (await practice.channel.catch_up(session_id, person, 0)).messages == ()
    assert len((await practice.missed(theirs)).messages) == 1
    right = msgspec.structs.replace(data, assessment_id=attempt_id, session_id=mine.session_id)
    await practice.feedback.make_good(person, event, right)
    assert [each.data for each in (await practice.missed(mine)).messages] == [
        msgspec.json.decode(msgspec.json.encode(result))
    ]
