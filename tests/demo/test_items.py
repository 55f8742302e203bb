"""The demonstration's words do what it says of them, with the weights that the app ships."""

from __future__ import annotations

import pytest

from demo.items import RIGHT, VOICE, WRONG, Item
from demo.voice import speak
from shared_code.domain.pronunciation import Pronunciation
from shared_code.providers.phonetics.reader import read
from shared_code.providers.speech.offline.assessor import OfflineAnalyser
from shared_code.providers.speech.port import Utterance


async def assessed(item: Item) -> Pronunciation:
    wav = await speak(item.spoken, variant=VOICE)
    return await OfflineAnalyser().assess(Utterance(phrase=read(item.text), wav=wav))


@pytest.mark.parametrize("item", RIGHT, ids=lambda item: item.text)
async def test_a_right_word_is_heard_right(item: Item) -> None:
    """Every tone is recognised and no fault is claimed."""
    result = await assessed(item)
    assert tuple(each.tone.heard for each in result.syllables) == item.heard
    assert {each.error for each in result.syllables} == {"none"}


@pytest.mark.parametrize("item", WRONG, ids=lambda item: item.spoken)
async def test_a_wrong_tone_is_heard_and_named(item: Item) -> None:
    """The tone that was planted is the one that is named, and no other syllable is blamed."""
    result = await assessed(item)
    assert tuple(each.tone.heard for each in result.syllables) == item.heard
    assert [place for place, each in enumerate(result.syllables) if each.error == "tone"] == [item.place]
