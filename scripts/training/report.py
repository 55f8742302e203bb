"""The evaluation as Markdown, for the README and docs/offline-analyser.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scripts.training.segment_trial import SegmentFigures
from scripts.training.tone_trial import FULL_TONES, ToneFigures


class VoiceFigures(NamedTuple):
    """One voice held out: what the model of the other voices makes of it. Tone figures with and without a profile."""

    trained_on: str
    clips: int
    isolated: Mapping[bool, ToneFigures]
    spliced: Mapping[bool, ToneFigures]
    segments: SegmentFigures


def markdown(voices: Mapping[str, VoiceFigures], latency: tuple[float, float]) -> str:
    """Every figure, a table a question."""
    lines = [
        f"Each voice was held out in turn; {len(voices)} voices, {sum(v.clips for v in voices.values()):,} clips.",
        "",
        *_tones("Isolated syllables", {name: voice.isolated for name, voice in voices.items()}, voices),
        *_tones("Utterances spliced out of them", {name: voice.spliced for name, voice in voices.items()}, voices),
        *_confusions(voices),
        *_segments(voices),
        f"A 3 s utterance of 10 syllables takes {latency[0]:.0f} ms (p50), {latency[1]:.0f} ms (p95), on one core.",
    ]
    return "\n".join(lines)


def _tones(
    title: str, figures: Mapping[str, Mapping[bool, ToneFigures]], voices: Mapping[str, VoiceFigures]
) -> list[str]:
    lines = [
        f"**{title}**: tones of an unheard voice",
        "",
        "| trained on → heard | profile | syllables | tone right | right, text's tone wrong | wrong-tone AUC "
        "| equal error | false alarms | wrong tones called | of these named rightly |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, states in figures.items():
        for known in (True, False):
            shown = states[known]
            lines.append(
                f"| {voices[name].trained_on} → {name} | {'yes' if known else 'no'} | {shown.clips:,} "
                f"| {shown.right:.1%} | {shown.right_in_spite:.1%} | {shown.area:.3f} | {shown.equal_error:.1%} "
                f"| {shown.false_alarms:.1%} | {shown.caught:.1%} | {shown.named:.1%} |"
            )
    return [*lines, ""]


def _confusions(voices: Mapping[str, VoiceFigures]) -> list[str]:
    lines: list[str] = []
    for known in (True, False):
        total = np.sum([voice.isolated[known].confusion for voice in voices.values()], axis=0)
        lines += [
            f"**Confusions**, isolated syllables, all voices, {'with' if known else 'without'} a profile",
            "",
            "| spoken | heard 1 | 2 | 3 | 4 | neutral |",
            "|---|---|---|---|---|---|",
            *(f"| {tone} | " + " | ".join(str(count) for count in total[tone - 1]) + " |" for tone in FULL_TONES),
            "",
        ]
    return lines


def _segments(voices: Mapping[str, VoiceFigures]) -> list[str]:
    lines = [
        "**Sounds**, isolated syllables of an unheard voice",
        "",
        "| trained on → heard | syllables | AUC, random wrong | AUC, minimal pair | median score, right | wrong "
        "| right below 50 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, voice in voices.items():
        shown = voice.segments
        lines.append(
            f"| {voice.trained_on} → {name} | {shown.clips:,} | {shown.random_area:.3f} | {shown.pair_area:.3f} "
            f"| {shown.right_median:.0f} | {shown.random_median:.0f} | {shown.right_below_50:.1%} |"
        )
    return [*lines, ""]
