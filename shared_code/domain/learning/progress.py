"""A learner's progress: a fold over progress events. The same events in the same order give the same bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, field

from shared_code.domain.events.learning import PractisedItem, ProgressRecorded
from shared_code.domain.learning.review import quality, review

FOLD = 1  # the version of this fold: raise it whenever the same events give another document
PERFECT_TONE = 95.0
REMEMBERED_ATTEMPTS = 50


class ItemProgress(Struct, kw_only=True):
    """One syllable of one hanzi. `card` is its FSRS card; None until an outcome was known."""

    hanzi: str
    pinyin: str
    tone: int
    attempts: int = 0
    errors: int = 0
    last_quality: float | None = None
    card: dict[str, Any] | None = None


class ToneProgress(Struct, kw_only=True):
    """One tone: how often it was practised, recognised at all, and heard right."""

    practised: int = 0
    known: int = 0
    right: int = 0


class AttemptMark(Struct, kw_only=True):
    """One attempt in short, for trends: means over its items, None where unknown."""

    event_id: str
    at: str
    accuracy: float | None
    tone: float | None


class Progress(Struct, kw_only=True):
    """A learner's pronunciation after `version` progress events, read from the stream up to `position`.

    `fold` is the version of the fold that made it. A document of another one is never gone on with.
    """

    version: int = 0
    position: int = 0
    items: dict[str, ItemProgress] = field(default_factory=dict)
    tones: dict[str, ToneProgress] = field(default_factory=dict)
    confusions: dict[str, int] = field(default_factory=dict)
    recent: list[AttemptMark] = field(default_factory=list)
    perfect_tones: dict[str, str] = field(default_factory=dict)  # tone -> the event that first earned it
    reverted: list[str] = field(default_factory=list)  # events that a compensated saga took back
    fold: int = FOLD


def item_key(item: PractisedItem) -> str:
    """The key under which an item's progress is kept: hanzi and citation pinyin, so that 长 has two."""
    return f"{item.hanzi}:{item.pinyin}"


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 2) if known else None


def _count_tone(progress: Progress, item: PractisedItem, event_id: str) -> None:
    tone = progress.tones.setdefault(str(item.expected), ToneProgress())
    tone.practised += 1
    if item.heard is None:
        return
    tone.known += 1
    if item.heard in (item.accepted or (item.expected,)):
        tone.right += 1
        if (item.tone_score or 0) >= PERFECT_TONE:
            progress.perfect_tones.setdefault(str(item.expected), event_id)
    else:
        confusion = f"{item.expected}>{item.heard}"
        progress.confusions[confusion] = progress.confusions.get(confusion, 0) + 1


def record(progress: Progress, event_id: str, data: ProgressRecorded, at: datetime) -> None:
    """Fold one event in, unless it was taken back. The caller gives each event once, in the stream's order."""
    if event_id in progress.reverted:
        return
    for item in data.items:
        kept = progress.items.setdefault(
            item_key(item), ItemProgress(hanzi=item.hanzi, pinyin=item.pinyin, tone=item.expected)
        )
        kept.attempts += 1
        kept.errors += item.error != "none"
        kept.last_quality = quality(item)
        kept.card = review(kept.card, item, at) or kept.card
        _count_tone(progress, item, event_id)
    mark = AttemptMark(
        event_id=event_id,
        at=at.isoformat(),
        accuracy=_mean([item.accuracy for item in data.items]),
        tone=_mean([item.tone_score for item in data.items]),
    )
    progress.recent = [*progress.recent, mark][-REMEMBERED_ATTEMPTS:]
    progress.version += 1
