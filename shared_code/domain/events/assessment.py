"""What assessments found."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Count, HskLevel, Identifier, Moment, Score, Slug


class SkillResult(Struct, frozen=True, kw_only=True):
    """One skill, such as `tonal_accuracy` or `listening`, from `items` answered items; the score null where unknown."""

    skill: Slug
    score: Score | None
    items: Count = 0


class AssessmentCompleted(Struct, frozen=True, kw_only=True):
    """A learner finished an assessment. Required: `assessment_id` and the skills that it measured.

    `passed` is null where the assessment has no pass mark. Answers stay in the assessment service.
    """

    assessment_id: Identifier
    skills: Annotated[tuple[SkillResult, ...], Meta(min_length=1, max_length=50)]
    kind: Slug | None = None
    session_id: Identifier | None = None
    score: Score | None = None
    passed: bool | None = None
    hsk_level: HskLevel | None = None
    completed_at: Moment | None = None
