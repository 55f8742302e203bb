"""What the tone heads learn from: contours of isolated syllables, and of utterances spliced out of them.

The spliced ones imitate what connected speech does to tones: shorter syllables, a narrower range, declination, a pull
from each syllable into the next, third tones cut at their lowest point, neutral tones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scripts.training.corpus import Clip
from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.contour import Contour, contour
from shared_code.providers.speech.offline.energy import FRAME_SECONDS
from shared_code.providers.speech.offline.normalisation import Voice, profiled_voice, unknown_voice

SHORTEST = 8  # voiced frames of a syllable that is spliced or varied
OCTAVE = 11.0  # semitones from the median beyond which the pitch tracker erred
TRIMMED = 4  # frames
HALF_THIRD_AT_END = 0.35
NEUTRAL = 0.08
NEUTRAL_AFTER = {1: (0.1, -0.5), 2: (0.3, -0.3), 3: (0.2, 0.5), 4: (-0.6, -1.1), 5: (-0.4, -0.7)}
"""Start and end of a neutral tone after each tone, relative to the register (Y. R. Chao, 1968)."""
REGISTER = 4.0  # semitones a unit of these


class Melody(NamedTuple):
    """The contours of one utterance, the tones that were spoken, and the voice as it shows without a profile."""

    contours: list[Contour | None]
    tones: list[int]
    unknown: Voice


class Line(NamedTuple):
    """One syllable's pitch, frame by frame, in semitones; NaN where unvoiced."""

    tone: int
    pitch: Doubles


def voice_profile(clips: Sequence[Clip], segments: Sequence[Segment]) -> Voice:
    """The speaker's profile from all that was recorded."""
    pitch = np.concatenate(
        [clip.pitch[segment.start : segment.end] for clip, segment in zip(clips, segments, strict=True)]
    )
    pitch = pitch[np.isfinite(pitch)]
    return profiled_voice(float(np.median(pitch)))


def isolated(clip: Clip, segment: Segment) -> Melody | None:
    """The melody of a clip as it is; None where it has no contour."""
    found = contour(clip.pitch, clip.level, segment.start, segment.end)
    if found is None:
        return None
    pitch = clip.pitch[segment.start : segment.end]
    return Melody([found], [clip.tone], unknown_voice(pitch[np.isfinite(pitch)]))


def line(clip: Clip, segment: Segment) -> Line | None:
    """The syllable's voiced stretch, for splicing."""
    pitch = clip.pitch[segment.start : segment.end]
    (voiced,) = np.nonzero(np.isfinite(pitch))
    if len(voiced) < SHORTEST:
        return None
    pitch = pitch[voiced[0] : voiced[-1] + 1]
    pitch = np.where(np.abs(pitch - np.nanmedian(pitch)) > OCTAVE, np.nan, pitch)
    (voiced,) = np.nonzero(np.isfinite(pitch))
    return Line(clip.tone, pitch[voiced[0] : voiced[-1] + 1])


def varied(syllable: Line, level: float, random: np.random.Generator) -> Melody | None:
    """A lone syllable as another voice or another moment would have it: range, length, slope, onset, end, level."""
    cut = min(TRIMMED, len(syllable.pitch) // 8)
    pitch = syllable.pitch[int(random.integers(cut + 1)) : len(syllable.pitch) - int(random.integers(cut + 1))]
    pitch = _resampled(pitch, max(SHORTEST, round(len(pitch) * random.uniform(0.7, 1.3))))
    frames = np.arange(len(pitch))
    pitch = level + random.uniform(0.75, 1.25) * (pitch - level) + random.normal(0, 0.8)
    pitch = pitch + random.normal(0, 1.5) * np.exp(-frames / random.uniform(2, 8))
    pitch = pitch + random.normal(0, 1.0) * np.exp(-frames[::-1] / random.uniform(2, 8))
    pitch = pitch + random.normal(0, 1.0) * np.linspace(-0.5, 0.5, len(pitch)) + random.normal(0, 0.1, len(pitch))
    voiced = pitch[np.isfinite(pitch)]
    found = contour(pitch, np.zeros(len(pitch)), 0, len(pitch))
    return None if found is None else Melody([found], [syllable.tone], unknown_voice(voiced))


def spliced(lines: Sequence[Line], level: float, random: np.random.Generator) -> Melody:
    """An utterance of 1-8 syllables of one speaker, whose middle is `level`."""
    chosen = _tones_in_order(lines, random)
    width, slope = random.uniform(0.6, 1.1), random.uniform(-2.5, 0.3)
    tones: list[int] = []
    pieces: list[Doubles] = []
    bounds: list[tuple[int, int]] = []
    at = 0
    for place, syllable in enumerate(chosen):
        tone, pitch = _spoken(syllable, tones, place == len(chosen) - 1, level, random)
        pitch = level + width * (pitch - level) + slope * FRAME_SECONDS * at
        if pieces:
            pitch = _pulled(pitch, pieces[-1][np.isfinite(pieces[-1])][-1], random)
        gap = int(random.choice((0, 0, 1, int(random.integers(3, 13))))) if place else 0
        pieces += [np.full(gap, np.nan), pitch]
        bounds.append((at + gap - gap // 2, at + gap + len(pitch)))
        at += gap + len(pitch)
        tones.append(tone)
    whole = np.concatenate(pieces)
    whole = whole + random.normal(0, 0.1, len(whole))
    edges = [
        (max(0, start + _slip(place, random)), min(at, end + _slip(place + 1 - len(bounds), random)))
        for place, (start, end) in enumerate(bounds)
    ]
    loud = np.zeros(len(whole))
    found = [contour(whole, loud, start, end) for start, end in edges]
    return Melody(found, tones, unknown_voice(whole[np.isfinite(whole)]))


def _spoken(syllable: Line, before: Sequence[int], last: bool, level: float, random: np.random.Generator) -> Line:
    """The syllable as connected speech has it, or a neutral tone in its place; `before` are the tones so far."""
    if before and random.random() < NEUTRAL:
        pitch = level + REGISTER * np.linspace(*NEUTRAL_AFTER[before[-1]], int(random.integers(6, 14)))
        return Line(5, pitch + random.normal(0, 0.6))
    return Line(syllable.tone, _shortened(syllable, last, random))


def _pulled(pitch: Doubles, end_before: float, random: np.random.Generator) -> Doubles:
    """Let the syllable start nearer to where the one before ended."""
    pull = random.uniform(0.3, 0.9) * np.exp(-np.arange(len(pitch)) / random.uniform(3, 9))
    pulled: Doubles = pitch + pull * (end_before - pitch[np.isfinite(pitch)][0])
    return pulled


def _tones_in_order(lines: Sequence[Line], random: np.random.Generator) -> list[Line]:
    """Random syllables, no third tone before a third."""
    chosen: list[Line] = []
    count = int(random.integers(1, 9))
    while len(chosen) < count:
        candidate = lines[int(random.integers(len(lines)))]
        if not (chosen and chosen[-1].tone == candidate.tone == 3):
            chosen.append(candidate)
    return chosen


def _shortened(syllable: Line, last: bool, random: np.random.Generator) -> Doubles:
    pitch = syllable.pitch
    if syllable.tone == 3 and (not last or random.random() < HALF_THIRD_AT_END):
        pitch = pitch[: max(8, int(np.nanargmin(pitch)) + 1)]
    length = max(6, round(len(pitch) / random.uniform(0.9, 2.8)))
    return _resampled(pitch, length)


def _resampled(pitch: Doubles, length: int) -> Doubles:
    """The same line in another number of frames; gaps stay."""
    at = np.linspace(0, len(pitch) - 1, length)
    known = np.isfinite(pitch)
    smooth = np.interp(at, np.flatnonzero(known), pitch[known])
    return np.where(known[np.round(at).astype(int)], smooth, np.nan)


def _slip(place: int, random: np.random.Generator) -> int:
    """An alignment's error in frames at an inner joint."""
    return 0 if place == 0 else int(np.round(random.normal(0, 1.5)))
