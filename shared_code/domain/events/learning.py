"""What learners practised. Published by the app itself and, with the same few fields, by other systems."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from shared_code.domain.events.fields import Hanzi, Identifier, Moment, Pinyin, Score, Slug, SyllableError, Tone
from shared_code.domain.events.spelling import marked


class PractisedItem(Struct, frozen=True, kw_only=True):
    """One syllable of a practised text and how it went. Required: `hanzi`, `pinyin`, `expected`.

    `expected` is the tone of the dictionary, `accepted` every tone that is right here (sandhi), `expected` alone when
    left out. `heard` and the scores are null where unknown. `pinyin` may come with a mark or a digit; it is kept with
    the mark.
    """

    hanzi: Hanzi
    pinyin: Pinyin
    expected: Tone
    accepted: Annotated[tuple[Tone, ...], Meta(max_length=5)] = ()
    heard: Tone | None = None
    tone_score: Score | None = None
    accuracy: Score | None = None
    error: SyllableError = "none"

    def __post_init__(self) -> None:
        force_setattr(self, "pinyin", marked(self.pinyin))
        if not self.accepted:
            force_setattr(self, "accepted", (self.expected,))


class AttemptScores(Struct, frozen=True, kw_only=True):
    """Scores of the whole attempt; null where the provider does not measure it."""

    pronunciation: Score | None = None
    accuracy: Score | None = None
    tone: Score | None = None
    fluency: Score | None = None
    completeness: Score | None = None
    prosody: Score | None = None


class ProgressRecorded(Struct, frozen=True, kw_only=True):
    """A learner practised some syllables. Required: `attempt_id` and at least one item.

    Items name hanzi of the lesson's reference text; nothing that the learner said, typed or recorded is here.
    `degraded` is true when a provider lower in the chain assessed the attempt.
    """

    attempt_id: Identifier
    items: Annotated[tuple[PractisedItem, ...], Meta(min_length=1, max_length=200)]
    session_id: Identifier | None = None
    lesson_id: Identifier | None = None
    scores: AttemptScores | None = None
    provider: Slug | None = None
    degraded: bool = False
    occurred_at: Moment | None = None
