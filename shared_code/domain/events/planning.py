"""What a learner practises next."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from shared_code.domain.events.fields import Hanzi, Identifier, Moment, Pinyin, Slug, Tone
from shared_code.domain.events.spelling import marked


class AdaptationRequested(Struct, frozen=True, kw_only=True):
    """Somebody asks for the learner's plan to be adapted. Required: `request_id`."""

    request_id: Identifier
    reason: Slug | None = None
    analysis_id: Identifier | None = None


class PlannedSyllable(Struct, frozen=True, kw_only=True):
    """One syllable to practise. `due` is null where it was never reviewed."""

    hanzi: Hanzi
    pinyin: Pinyin
    tone: Tone
    due: Moment | None = None
    reason: Slug | None = None

    def __post_init__(self) -> None:
        force_setattr(self, "pinyin", marked(self.pinyin))


class PlanAdapted(Struct, frozen=True, kw_only=True):
    """The learner's plan changed. Required: the first two.

    `version` counts the learner's plans. `withdrawn` says that this plan restores an earlier one, because the saga that
    had adapted it was compensated.
    """

    plan_id: Identifier
    version: Annotated[int, Meta(ge=1)]
    cause: Literal["progress", "request", "withdrawn"] = "progress"
    focus_tones: Annotated[tuple[Tone, ...], Meta(max_length=5)] = ()
    items: Annotated[tuple[PlannedSyllable, ...], Meta(max_length=100)] = ()
    analysis_id: Identifier | None = None
