"""The interaction service: a spoken attempt, from its recording to feedback and the facts that follow from it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

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
from shared_code.domain.pronunciation import Pronunciation
from shared_code.domain.session import Session
from shared_code.events.journal import Journal
from shared_code.providers.hub import Answer, Chain
from shared_code.providers.phonetics.reader import read
from shared_code.providers.speech.port import SpeechAssessor, Utterance
from shared_code.realtime.push import Push
from shared_code.services.feedback import Feedback
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

    async def assess(self, attempt: SpokenAttempt) -> tuple[dict[str, Any], list[Push]]:
        """Assess an attempt; the result is as in the public contract.

        The order keeps every promise through a crash: the result is kept, then the facts are stored (and thereby
        published), then the channel is written. What a crash or an outage leaves out after the facts, their consumer
        makes good: an attempt that counts is answered. A client that got no answer and tries again under the same key
        gets the first result, without a second fact.
        Raises NotFound (not in this session), Conflict (session over), Invalid (text), ProviderRejected (audio).
        """
        session = await self._sessions.joined(attempt.session_id, attempt.caller)
        now = self._clock()
        if not session.is_open(now):
            raise Conflict("This session is over; start another one.", code="session-over")
        if not attempt.text.strip():
            raise Invalid("'text' says what was to be spoken, in hanzi.", code="text-without-hanzi")
        phrase = read(attempt.text)
        profile = await self._voices.profile(attempt.caller.pseudonym)
        answer = await self._speech.call(
            lambda provider: provider.assess(Utterance(phrase=phrase, wav=attempt.wav, profile=profile))
        )

        person = attempt.caller.pseudonym
        attempt_id = uuid7(now)
        if attempt.key:
            attempt_id = derived_uuid7(session.created_at, session.session_id, person, attempt.key)
        result = await self._feedback.keep(person, attempt_id, result_of(attempt_id, attempt.text, answer))
        await self._journal.record(person, self._facts(attempt, session, attempt_id, answer))
        pushes: list[Push] = []
        try:
            pushes = await self._feedback.deliver(
                session.session_id, person, attempt_id, result, attempt.correlation_id
            )
            if answer.value.voice is not None:
                await self._voices.merge(person, answer.value.voice)
        except Unavailable as failure:
            log.warning("interaction.left_to_consumer", extra={"attempt_id": attempt_id, "code": failure.code})
        return result, pushes

    def _facts(
        self, attempt: SpokenAttempt, session: Session, attempt_id: str, answer: Answer[Pronunciation]
    ) -> list[CloudEvent]:
        """What happened, without the learner's words or voice. The progress event is caused by the assessment.

        The facts' ids follow from the attempt's, so a second run of the attempt states nothing twice.
        """

        def fact_id(name: str) -> str:
            return derived_uuid7(moment_of(attempt_id), attempt_id, name)

        fact = partial(
            event_of,
            subject=attempt.caller.id,
            tenant=attempt.caller.tenant,
            correlation_id=attempt.correlation_id,
            now=self._clock(),
        )
        scores = answer.value.scores
        assessed = fact(
            AssessmentCompleted(
                assessment_id=attempt_id,
                kind="pronunciation",
                session_id=session.session_id,
                score=scores.pronunciation,
                skills=(
                    SkillResult(skill="pronunciation", score=scores.accuracy, items=len(answer.value.syllables)),
                    SkillResult(skill="tonal_accuracy", score=scores.tone, items=len(answer.value.syllables)),
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
                items=tuple(_practised(answer.value)),
                scores=AttemptScores(**msgspec.structs.asdict(scores)),
                provider=answer.provider,
                degraded=answer.degraded,
            ),
            causation_id=assessed.id,
            event_id=fact_id("progress"),
        )
        return [assessed, occurred, progress]


def result_of(attempt_id: str, text: str, answer: Answer[Pronunciation]) -> dict[str, Any]:
    """The pronunciation result of the public contract, as plain JSON values; the voice's measure stays inside."""
    value: dict[str, Any] = msgspec.to_builtins(answer.value)
    return {
        "attempt_id": attempt_id,
        "text": text,
        "provider": answer.provider,
        "degraded": answer.degraded,
        "scores": value["scores"],
        "syllables": value["syllables"],
        "advice": value["advice"],
        "calibration": value["calibration"],
    }


def _practised(pronunciation: Pronunciation) -> list[PractisedItem]:
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
        for syllable in pronunciation.syllables
    ]
