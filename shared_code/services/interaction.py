"""The interaction service: a spoken attempt, from its recording to feedback and the facts that follow from it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from functools import partial

import msgspec

from shared_code.domain.clock import Clock
from shared_code.domain.errors import Conflict, Invalid, Unavailable
from shared_code.domain.events.assessment import AssessmentCompleted, SkillResult
from shared_code.domain.events.catalogue import event_of
from shared_code.domain.events.envelope import CloudEvent
from shared_code.domain.events.interaction import InteractionOccurred
from shared_code.domain.events.learning import AttemptScores, PractisedItem, ProgressRecorded
from shared_code.domain.identifiers import derived_uuid7, moment_of, uuid7
from shared_code.domain.principal import Principal
from shared_code.domain.pronunciation import PronunciationResult
from shared_code.domain.session import Session
from shared_code.events.journal import Journal
from shared_code.providers.hub import Chain
from shared_code.providers.phonetics.reader import read
from shared_code.providers.speech.port import SpeechAssessor, Utterance
from shared_code.services.feedback import Assessed, Feedback
from shared_code.services.sessions import Sessions
from shared_code.services.voices import Voices

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpokenAttempt:
    """One recording of one text. The text and the audio are the learner's: neither may be logged.

    `key` is the client's own name for the attempt, empty where it has none: under the same key, whatever was cut off
    is taken up again, and stays one attempt.
    """

    session_id: str
    text: str
    wav: bytes
    caller: Principal
    correlation_id: str
    key: str = ""


class Interaction:
    """Assesses attempts. What it answers is also in the event store and on the session's channel."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        speech: Chain[SpeechAssessor],
        voices: Voices,
        feedback: Feedback,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._sessions = sessions
        self._speech = speech
        self._voices = voices
        self._feedback = feedback
        self._journal = journal
        self._clock = clock

    async def assess(self, attempt: SpokenAttempt) -> PronunciationResult:
        """Assess an attempt; the result is as in the public contract.

        The order keeps every promise through a crash: the assessment is kept, then the facts are stored (and thereby
        published), then the channel is written. What a crash or an outage leaves out after the facts, their consumer
        makes good: an attempt that counts is answered. A client that got no answer and tries again under the same key
        gets what the first run kept, and every fact follows from that.
        Raises NotFound (not in this session), Conflict (session over), Invalid (text), ProviderRejected (audio).
        """
        session = await self._sessions.joined(attempt.session_id, attempt.caller)
        person, now = attempt.caller.pseudonym, self._clock()
        attempt_id = attempt_id_of(attempt, session) if attempt.key else uuid7(now)
        assessed = await self._feedback.kept(person, attempt_id) if attempt.key else None
        if assessed is None:
            if not session.is_open(now):
                raise Conflict("This session is over; start another one.", code="session-over")
            assessed = await self._feedback.keep(person, await self._assessed(attempt, attempt_id))
        result = assessed.result
        await self._journal.record(person, self._facts(attempt, session, result))
        outcomes = await asyncio.gather(
            self._feedback.deliver(session.session_id, person, result, attempt.correlation_id),
            self._voices.merge(person, attempt_id, assessed.voice),
            return_exceptions=True,
        )
        for failure in outcomes:
            if isinstance(failure, Unavailable):
                log.warning("interaction.left_undone", extra={"attempt_id": attempt_id, "code": failure.code})
            elif failure is not None:
                raise failure
        return result

    async def _assessed(self, attempt: SpokenAttempt, attempt_id: str) -> Assessed:
        """Have the recording assessed by the first provider of the chain that can."""
        if not attempt.text.strip():
            raise Invalid("'text' says what was to be spoken, in hanzi.", code="text-without-hanzi")
        phrase = read(attempt.text)
        profile = await self._voices.profile(attempt.caller.pseudonym)
        answer = await self._speech.call(
            lambda provider: provider.assess(Utterance(phrase=phrase, wav=attempt.wav, profile=profile))
        )
        result = PronunciationResult(
            attempt_id=attempt_id,
            text=attempt.text,
            provider=answer.provider,
            degraded=answer.degraded,
            scores=answer.value.scores,
            syllables=answer.value.syllables,
            advice=answer.value.advice,
            calibration=answer.value.calibration,
        )
        return Assessed(result=result, voice=answer.value.voice)

    def _facts(self, attempt: SpokenAttempt, session: Session, result: PronunciationResult) -> list[CloudEvent]:
        """What happened, without the learner's words or voice. The progress event is caused by the assessment.

        The facts' ids follow from the attempt's, so a second run of the attempt states nothing twice.
        """
        attempt_id = result.attempt_id

        def fact_id(name: str) -> str:
            return derived_uuid7(moment_of(attempt_id), attempt_id, name)

        fact = partial(
            event_of,
            subject=attempt.caller.id,
            tenant=attempt.caller.tenant,
            correlation_id=attempt.correlation_id,
            now=self._clock(),
        )
        scores, heard = result.scores, len(result.syllables)
        assessed = fact(
            AssessmentCompleted(
                assessment_id=attempt_id,
                kind="pronunciation",
                session_id=session.session_id,
                score=scores.pronunciation,
                skills=(
                    SkillResult(skill="pronunciation", score=scores.accuracy, items=heard),
                    SkillResult(skill="tonal_accuracy", score=scores.tone, items=heard),
                ),
            ),
            event_id=fact_id("assessed"),
        )
        occurred = fact(
            InteractionOccurred(
                interaction_id=attempt_id, session_id=session.session_id, kind="attempt", attempt_id=attempt_id
            ),
            causation_id=assessed.id,
            event_id=fact_id("occurred"),
        )
        progress = fact(
            ProgressRecorded(
                attempt_id=attempt_id,
                session_id=session.session_id,
                lesson_id=session.lesson_id,
                items=tuple(_practised(result)),
                scores=AttemptScores(**msgspec.structs.asdict(scores)),
                provider=result.provider,
                degraded=result.degraded,
            ),
            causation_id=assessed.id,
            event_id=fact_id("progress"),
        )
        return [assessed, occurred, progress]


def attempt_id_of(attempt: SpokenAttempt, session: Session) -> str:
    """The attempt's name, where the client gave one: the same learner's same words and sounds have it again."""
    said = hashlib.sha256(attempt.text.encode() + b"\0" + attempt.wav).hexdigest()
    person = attempt.caller.pseudonym
    return derived_uuid7(session.created_at, session.session_id, person, attempt.key, said)


def _practised(result: PronunciationResult) -> list[PractisedItem]:
    return [
        PractisedItem(
            hanzi=syllable.hanzi,
            pinyin=syllable.pinyin,
            expected=syllable.tone.expected,
            accepted=syllable.tone.accepted,
            heard=syllable.tone.heard,
            tone_score=syllable.tone.score,
            accuracy=syllable.accuracy,
            error=syllable.error,
        )
        for syllable in result.syllables
    ]
