"""What progress shows: accuracy, trends, tones that are mixed up. A pure function of progress."""

from __future__ import annotations

from msgspec import Struct

from shared_code.domain.learning.progress import AttemptMark, Progress

WINDOW = 10  # attempts on each side of a trend
FEWEST_FOR_TREND = 3
STEADY_WITHIN = 3.0  # points


class Trend(Struct, frozen=True, kw_only=True):
    """A mean over the latest attempts (0-100, None where unknown) and where it is going."""

    mean: float | None
    change: float | None
    direction: str  # rising, steady, falling, unknown


class ToneStanding(Struct, frozen=True, kw_only=True):
    """How one tone stands; `right_share` is 0-1, None where it was never recognised."""

    tone: int
    practised: int
    right_share: float | None


class Confusion(Struct, frozen=True, kw_only=True):
    """One tone taken for another."""

    expected: int
    heard: int
    times: int


class Analysis(Struct, frozen=True, kw_only=True):
    """The effectiveness of a learner's practice as of one progress version."""

    progress_version: int
    attempts: int
    accuracy: Trend
    tone: Trend
    tones: tuple[ToneStanding, ...]
    confusions: tuple[Confusion, ...]
    weakest_tones: tuple[int, ...]


def _trend(values: list[float | None]) -> Trend:
    known = [value for value in values if value is not None]
    latest, earlier = known[-WINDOW:], known[-2 * WINDOW : -WINDOW]
    if not latest:
        return Trend(mean=None, change=None, direction="unknown")
    mean = sum(latest) / len(latest)
    if len(earlier) < FEWEST_FOR_TREND:
        return Trend(mean=round(mean, 2), change=None, direction="unknown")
    change = mean - sum(earlier) / len(earlier)
    direction = "steady" if abs(change) <= STEADY_WITHIN else "rising" if change > 0 else "falling"
    return Trend(mean=round(mean, 2), change=round(change, 2), direction=direction)


def _confusions(progress: Progress) -> tuple[Confusion, ...]:
    found = []
    for pair, times in progress.confusions.items():
        expected, heard = pair.split(">")
        found.append(Confusion(expected=int(expected), heard=int(heard), times=times))
    return tuple(sorted(found, key=lambda each: (-each.times, each.expected, each.heard)))


def analyse(progress: Progress) -> Analysis:
    """Look at a learner's progress. Weakest tones come first: lowest share heard right, then most practised."""
    tones = tuple(
        ToneStanding(
            tone=int(tone),
            practised=counts.practised,
            right_share=round(counts.right / counts.known, 3) if counts.known else None,
        )
        for tone, counts in sorted(progress.tones.items())
    )
    known = [standing for standing in tones if standing.right_share is not None and standing.right_share < 1]
    weakest = sorted(known, key=lambda standing: (standing.right_share or 0, -standing.practised, standing.tone))
    recent: list[AttemptMark] = progress.recent
    return Analysis(
        progress_version=progress.version,
        attempts=progress.version,
        accuracy=_trend([mark.accuracy for mark in recent]),
        tone=_trend([mark.tone for mark in recent]),
        tones=tones,
        confusions=_confusions(progress),
        weakest_tones=tuple(standing.tone for standing in weakest),
    )
