"""From a recording and its text to a pronunciation result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared_code.domain.mandarin.reading import Phrase, Reading
from shared_code.domain.pronunciation import Pronunciation, SyllableError, SyllableVerdict, ToneVerdict, VoiceMeasure
from shared_code.providers.speech.offline.advice import Conditions, advice
from shared_code.providers.speech.offline.alignment import Segment, align
from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.contour import contour
from shared_code.providers.speech.offline.energy import FRAME_SECONDS
from shared_code.providers.speech.offline.features import in_context, log_mel, normalise
from shared_code.providers.speech.offline.fit import is_the_text
from shared_code.providers.speech.offline.gates import CLIPPED
from shared_code.providers.speech.offline.hearing import Hearing, hear
from shared_code.providers.speech.offline.inventory import unit_indexes
from shared_code.providers.speech.offline.network import log_probabilities
from shared_code.providers.speech.offline.normalisation import Voice, profiled_voice, spread, unknown_voice
from shared_code.providers.speech.offline.rejections import RecordingRejected
from shared_code.providers.speech.offline.scores import attempt_scores, fluency_score
from shared_code.providers.speech.offline.segments import FLOOR, syllable_score
from shared_code.providers.speech.offline.tones import tone_probabilities
from shared_code.providers.speech.offline.verdicts import WORD, Claim, claim, is_wrong, tone_verdict, unknown
from shared_code.providers.speech.offline.weights import Weights
from shared_code.providers.speech.port import SpeakerProfile, Utterance

DEPENDABLE = 12.0  # voiced seconds from which a profile helps; a bad draw of less is worse than none
NOISY = 14.0  # dB of energy range under which nothing is called wrong; speech 10 dB over the noise has 14
TOO_NOISY = 12.0  # dB under which no tone is told at all; speech 5 dB over the noise has 10
OMITTED = 32.0  # dB under the utterance's loudest frame
LEAST_SPEECH = 4  # frames of a syllable that must be louder than silence
MISPRONOUNCED, MISPRONOUNCED_IN_A_SENTENCE = 50.0, 30.0
FRAME_MS = round(FRAME_SECONDS * 1000)


def analyse(utterance: Utterance, weights: Weights) -> Pronunciation:
    """Assess an utterance. Raises RecordingRejected where a gate refuses the recording or the text has no syllable."""
    readings = utterance.phrase.readings
    units = _units(utterance.phrase)
    hearing = hear(utterance.wav, len(readings))
    posteriors = _posteriors(hearing.samples, weights)
    found = align(posteriors, weights.priors, units)
    scores = [syllable_score(posteriors, *pair) for pair in zip(found, units, strict=True)]
    segments = [segment.within(*hearing.extent) for segment in found]
    matches = is_the_text(scores)
    tones = (
        _tone_verdicts(hearing, segments, readings, utterance.profile, weights) if matches else map(unknown, readings)
    )
    syllables = tuple(
        _syllable(hearing, *each, sentence=len(readings) > WORD)
        for each in zip(readings, segments, scores, tones, strict=True)
    )
    conditions = Conditions(matches, hearing.range < NOISY, hearing.clipped > CLIPPED, len(readings) > WORD)
    return Pronunciation(
        provider="offline",
        scores=attempt_scores(syllables, fluency_score(segments, utterance.phrase.pauses), matches),
        syllables=syllables,
        advice=advice(syllables, conditions),
        calibration=_calibration(weights),
        voice=_voice_measure(hearing, segments) if matches else None,
    )


def _units(phrase: Phrase) -> list[tuple[int, int]]:
    if not phrase.readings:
        raise RecordingRejected("The text has no Chinese characters.", code="text-without-hanzi")
    try:
        return [unit_indexes(reading.base) for reading in phrase.readings]
    except ValueError as error:
        raise RecordingRejected("The text has a syllable that cannot be assessed.", code="text-unreadable") from error


def _posteriors(samples: Floats, weights: Weights) -> Floats:
    inputs = in_context(normalise(log_mel(samples)))
    return np.maximum(log_probabilities(inputs, weights.acoustic), np.float32(FLOOR))


def _tone_verdicts(
    hearing: Hearing,
    segments: Sequence[Segment],
    readings: Sequence[Reading],
    profile: SpeakerProfile | None,
    weights: Weights,
) -> list[ToneVerdict]:
    pitch = _voiced(hearing, segments)
    if hearing.range < TOO_NOISY or not len(pitch):
        return [unknown(reading) for reading in readings]
    voice = _voice(profile, pitch)
    contours = [contour(hearing.pitch, hearing.level, segment.start, segment.end) for segment in segments]
    probabilities = tone_probabilities(contours, [reading.surface for reading in readings], voice, weights.heads)
    condition: Claim | None = claim(len(readings), voice.known) if hearing.range >= NOISY else None
    return [tone_verdict(*pair, condition) for pair in zip(readings, probabilities, strict=True)]


def _voice(profile: SpeakerProfile | None, pitch: Doubles) -> Voice:
    if profile is None or profile.voiced_seconds < DEPENDABLE:
        return unknown_voice(pitch)
    return profiled_voice(profile.median_semitones)


def _voiced(hearing: Hearing, segments: Sequence[Segment]) -> Doubles:
    """The pitch of all voiced frames of the syllables."""
    pitch = np.concatenate([hearing.pitch[segment.start : segment.end] for segment in segments])
    return pitch[np.isfinite(pitch)]


def _voice_measure(hearing: Hearing, segments: Sequence[Segment]) -> VoiceMeasure | None:
    pitch = _voiced(hearing, segments)
    if not len(pitch):
        return None
    return VoiceMeasure(
        median_semitones=float(np.median(pitch)),
        spread_semitones=spread(pitch),
        voiced_seconds=len(pitch) * FRAME_SECONDS,
    )


def _syllable(
    hearing: Hearing, reading: Reading, segment: Segment, score: float, tone: ToneVerdict, *, sentence: bool
) -> SyllableVerdict:
    error: SyllableError = "none"
    accuracy: float | None = None if reading.rhotic else round(score, 1)
    if _omitted(hearing, segment):
        error, accuracy, tone = "omission", 0.0, unknown(reading)
    elif accuracy is not None and accuracy < (MISPRONOUNCED_IN_A_SENTENCE if sentence else MISPRONOUNCED):
        error = "mispronunciation"
    elif is_wrong(tone):
        error = "tone"
    return SyllableVerdict(
        hanzi=reading.hanzi,
        pinyin=reading.pinyin,
        pinyin_surface=reading.pinyin_surface,
        start_ms=segment.start * FRAME_MS,
        end_ms=segment.end * FRAME_MS,
        tone=tone,
        accuracy=accuracy,
        error=error,
    )


def _omitted(hearing: Hearing, segment: Segment) -> bool:
    frames = slice(segment.start, segment.end)
    quiet = float(hearing.level[frames].max()) < float(hearing.level.max()) - OMITTED
    return quiet or int(hearing.speech[frames].sum()) < LEAST_SPEECH


def _calibration(weights: Weights) -> str:
    return (
        f"Offline analyser {weights.version}, trained on 3,276 isolated syllables of two women, native speakers. "
        "Not calibrated with learners, men's or children's voices; scores are comparable with one another only."
    )
