"""Whole attempts, spoken by the synthetic voice: what must hold between two recordings of the same text."""

from __future__ import annotations

import numpy as np
import pytest

from demo.items import RIGHT, VOICE, WRONG, Item
from demo.voice import speak
from shared_code.domain.pronunciation import Pronunciation
from shared_code.providers.phonetics.reader import read
from shared_code.providers.speech.offline.analysis import analyse
from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.wav import decode
from shared_code.providers.speech.offline.weights import Weights, load
from shared_code.providers.speech.port import SpeakerProfile, Utterance
from tests.shared_code.providers.speech.offline.signals import noise, wav

SENTENCE = Item("今天天气很好。", "jin1 tian1 tian1 qi4 hen2 hao3", (1, 1, 1, 4, 2, None))
ITEMS = (*RIGHT[:3], SENTENCE)


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load()


async def recorded(item: Item) -> tuple[Doubles, int]:
    recording = decode(await speak(item.spoken, variant=VOICE))
    return recording.samples.astype(np.float64), recording.rate


def assessed(item: Item, sound: bytes, weights: Weights, profile: SpeakerProfile | None = None) -> Pronunciation:
    return analyse(Utterance(phrase=read(item.text), wav=sound, profile=profile), weights)


def no_better(faulty: Pronunciation, clean: Pronunciation) -> bool:
    assert faulty.scores.pronunciation is not None
    assert clean.scores.pronunciation is not None
    return faulty.scores.pronunciation <= clean.scores.pronunciation


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.text)
async def test_syllables_follow_each_other_inside_the_recording(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    result = assessed(item, wav(samples, rate), weights)
    assert [syllable.hanzi for syllable in result.syllables] == [reading.hanzi for reading in read(item.text).readings]
    edges = [edge for syllable in result.syllables for edge in (syllable.start_ms, syllable.end_ms)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(samples) / rate * 1000
    assert result.voice is not None
    assert 0 < result.voice.voiced_seconds < len(samples) / rate


@pytest.mark.parametrize("item", WRONG, ids=lambda item: item.text)
async def test_a_wrong_tone_lowers_the_score(item: Item, weights: Weights) -> None:
    right = " ".join(f"{reading.base}{reading.surface}" for reading in read(item.text).readings)
    clean = assessed(item, await speak(right, variant=VOICE), weights)
    faulty = assessed(item, await speak(item.spoken, variant=VOICE), weights)
    assert no_better(faulty, clean)
    assert faulty.scores.tone is not None
    assert clean.scores.tone is not None
    assert faulty.scores.tone < clean.scores.tone


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.text)
async def test_a_syllable_left_out_never_raises_the_score(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    clean = assessed(item, wav(samples, rate), weights)
    last = clean.syllables[-1]
    cut = samples.copy()
    cut[int(last.start_ms * rate / 1000) : int(last.end_ms * rate / 1000)] = 0
    assert no_better(assessed(item, wav(cut, rate), weights), clean)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.text)
async def test_another_text_never_scores_better_and_tells_no_tone(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    clean = assessed(item, wav(samples, rate), weights)
    other = "我的朋友不在" if len(read(item.text).readings) > 4 else "吃苦"
    result = analyse(Utterance(phrase=read(other), wav=wav(samples, rate)), weights)
    assert no_better(result, clean)
    assert result.scores.completeness == 0
    assert result.voice is None
    assert all(syllable.tone.heard is None and syllable.tone.score is None for syllable in result.syllables)


@pytest.mark.parametrize("item", ITEMS[:2], ids=lambda item: item.text)
async def test_a_pause_inside_a_word_costs_fluency(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    clean = assessed(item, wav(samples, rate), weights)
    at = int(clean.syllables[0].end_ms * rate / 1000)
    halting = np.concatenate((samples[:at], np.zeros(rate), samples[at:]))
    result = assessed(item, wav(halting, rate), weights)
    assert result.scores.fluency is not None
    assert clean.scores.fluency is not None
    assert result.scores.fluency < clean.scores.fluency
    assert no_better(result, clean)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.text)
async def test_the_microphones_level_and_rate_change_no_verdict(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    clean = assessed(item, wav(samples, rate), weights)
    places = np.arange(int(len(samples) * 16_000 / rate)) * rate / 16_000
    slower = np.interp(places, np.arange(len(samples)), samples)
    for other in (wav(0.1 * samples, rate), wav(slower, 16_000), wav(samples * 0.5 + 0.2, rate)):
        result = assessed(item, other, weights)
        assert [one.tone.heard for one in result.syllables] == [one.tone.heard for one in clean.syllables]
        assert np.allclose(
            [one.accuracy or 0 for one in result.syllables], [one.accuracy or 0 for one in clean.syllables], atol=12
        )


@pytest.mark.parametrize("item", WRONG, ids=lambda item: item.text)
async def test_in_noise_no_tone_is_called_wrong(item: Item, weights: Weights) -> None:
    samples, rate = await recorded(item)
    hiss = noise(len(samples) / 16_000 + 0.1)[: len(samples)]
    loud = np.sort(np.abs(samples))[int(0.9 * len(samples))]
    result = assessed(item, wav(0.5 * (samples + 0.5 * loud * hiss / hiss.std()), rate), weights)
    assert all(syllable.error != "tone" for syllable in result.syllables)
    assert "noise" in result.advice or result.scores.completeness == 0


async def test_a_profile_is_used_only_when_enough_speech_is_behind_it(weights: Weights) -> None:
    """A dependable profile of a much deeper voice makes high tones of all; the same from two words is not believed."""
    item = RIGHT[0]
    sound = await speak(item.spoken, variant=VOICE)
    without = assessed(item, sound, weights)
    assert without.voice is not None
    deep = without.voice.median_semitones - 7
    thin, thick = (
        SpeakerProfile(median_semitones=deep, spread_semitones=5, voiced_seconds=spoken) for spoken in (3.0, 60.0)
    )
    assert assessed(item, sound, weights, thin) == without
    assert assessed(item, sound, weights, thick) != without
