"""The assessment service: what a learner's assessments found."""

from __future__ import annotations

import uuid

import msgspec
from msgspec import Struct

from shared_code.domain.errors import NotFound
from shared_code.domain.events.assessment import AssessmentCompleted, SkillResult
from shared_code.domain.pronunciation import PronunciationResult
from shared_code.events.stored import StoredEvent
from shared_code.services.feedback import Feedback
from shared_code.services.history import History

COMPLETED = "sayzhong.assessment.completed.v1"


class Result(Struct, frozen=True, kw_only=True):
    """One assessment in short; scores 0-100, null where unknown."""

    assessment_id: str
    kind: str | None
    session_id: str | None
    score: float | None
    passed: bool | None
    skills: tuple[SkillResult, ...]
    completed_at: str


class ResultPage(Struct, frozen=True, kw_only=True):
    """Results, the latest first; `before` asks for earlier ones, null where there are none."""

    results: tuple[Result, ...]
    before: int | None


class AssessmentService:
    """Reads the learner's own stream, and the results that were kept."""

    def __init__(self, history: History, feedback: Feedback) -> None:
        self._history = history
        self._feedback = feedback

    async def results(self, person: str, *, before: int | None, limit: int) -> ResultPage:
        """A page of a learner's results."""
        past = await self._history.page(person, COMPLETED, before=before, limit=limit)
        return ResultPage(results=tuple(map(_result, past.events)), before=past.before)

    async def result(self, person: str, assessment_id: str) -> PronunciationResult:
        """One spoken attempt's whole result, as it was answered. NotFound for another's, or one without."""
        try:
            canonical = str(uuid.UUID(assessment_id))
        except ValueError:
            canonical = ""
        kept = await self._feedback.kept(person, canonical) if canonical else None
        if kept is None:
            raise NotFound("There is no such result.")
        return kept.result


def _result(stored: StoredEvent) -> Result:
    data = msgspec.convert(stored.event.data, AssessmentCompleted)
    return Result(
        assessment_id=data.assessment_id,
        kind=data.kind,
        session_id=data.session_id,
        score=data.score,
        passed=data.passed,
        skills=data.skills,
        completed_at=stored.event.time,
    )
