"""How well a learner's practice works."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared_code.domain.events.fields import Count, Identifier, Score, Slug, Tone


class AnalysisRequested(Struct, frozen=True, kw_only=True):
    """Somebody asks for an analysis of the learner's practice. Required: `request_id`."""

    request_id: Identifier
    reason: Slug | None = None
    attempts: Annotated[int, Meta(ge=1, le=1000, description="How many of the latest attempts to look at.")] = 50


class Trend(Struct, frozen=True, kw_only=True):
    """Mean of the latest attempts and its change in points against the ones before; null where unknown."""

    mean: Score | None = None
    change: Annotated[float, Meta(ge=-100, le=100)] | None = None


class ToneConfusion(Struct, frozen=True, kw_only=True):
    """One tone was heard for another."""

    expected: Tone
    heard: Tone
    times: Count


class EffectivenessAnalysed(Struct, frozen=True, kw_only=True):
    """The learner's practice was analysed. Required: the first two.

    `trigger_event_id` is the event that led to it, `weakest_tones` has the weakest first.
    """

    analysis_id: Identifier
    attempts: Count
    accuracy: Trend = Trend()
    tone: Trend = Trend()
    direction: Literal["rising", "steady", "falling", "unknown"] = "unknown"
    confusions: Annotated[tuple[ToneConfusion, ...], Meta(max_length=20)] = ()
    weakest_tones: Annotated[tuple[Tone, ...], Meta(max_length=5)] = ()
    trigger_event_id: Identifier | None = None
