"""The adapter for Azure Speech, with Microsoft's own SDK, against a peer at the wire."""

from __future__ import annotations

import math
import struct
import time
import wave
from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from shared_code.domain.errors import ProviderRejected, ProviderUnavailable
from shared_code.domain.mandarin.reading import Phrase, Reading
from shared_code.providers.speech.azure.assessor import AzureSpeech
from shared_code.providers.speech.azure.recognition import SpeechResource
from shared_code.providers.speech.port import Utterance
from tests.shared_code.providers.speech.azure.peer import SpeechPeer, answer


def reading(hanzi: str, base: str, tone: int, pinyin: str, start: int) -> Reading:
    return Reading(
        hanzi=hanzi,
        base=base,
        tone=tone,
        surface=tone,
        accepted=(tone,),
        pinyin=pinyin,
        pinyin_surface=pinyin,
        start=start,
    )


PHRASE = Phrase(
    text="好朋友",
    readings=(
        reading("好", "hao", 3, "hǎo", 0),
        reading("朋", "peng", 2, "péng", 1),
        reading("友", "you", 5, "you", 2),
    ),
    pauses=0,
)


def tone_wav(seconds: float = 1.0, rate: int = 16000) -> bytes:
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            b"".join(
                struct.pack("<h", int(9000 * math.sin(2 * math.pi * 220 * n / rate)))
                for n in range(int(seconds * rate))
            )
        )
    return buffer.getvalue()


@pytest.fixture
async def peer() -> AsyncIterator[SpeechPeer]:
    peer = SpeechPeer()
    await peer.start()
    yield peer
    await peer.stop()


def assessor(peer: SpeechPeer, deadline: float = 20.0) -> AzureSpeech:
    return AzureSpeech(SpeechResource(f"http://127.0.0.1:{peer.port}"), deadline=deadline)


async def test_h6_words_become_syllables_and_tones_stay_unknown(peer: SpeechPeer) -> None:
    """zh-CN gives no tone score; the hanzi of one word share its accuracy and divide its time."""
    peer.phrase = answer([("好", 95.0, "None"), ("朋友", 55.0, "Mispronunciation")])
    result = await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav()))
    assert [each.accuracy for each in result.syllables] == [95.0, 55.0, 55.0]
    assert [each.error for each in result.syllables] == ["none", "mispronunciation", "mispronunciation"]
    assert [(each.start_ms, each.end_ms) for each in result.syllables] == [(100, 600), (600, 850), (850, 1100)]
    assert {(each.tone.heard, each.tone.score) for each in result.syllables} == {(None, None)}
    assert (result.scores.pronunciation, result.scores.tone, result.scores.prosody) == (90.0, None, None)
    asked = peer.contexts[0]["phraseDetection"]["enrichment"]["pronunciationAssessment"]
    assert asked["referenceText"] == "好朋友"
    assert asked["gradingSystem"] == "HundredMark"
    assert peer.audio_bytes >= 32000


async def test_an_omitted_word_is_an_omission(peer: SpeechPeer) -> None:
    """A syllable that the service did not find is omitted, not guessed."""
    peer.phrase = answer([("好", 95.0, "None"), ("朋友", 0.0, "Omission")])
    result = await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav()))
    assert [each.error for each in result.syllables] == ["none", "omission", "omission"]


@pytest.mark.parametrize("mode", [401, 429, 500, 503, "close"])
async def test_an_outage_is_unavailable_after_one_connection(peer: SpeechPeer, mode: str | int) -> None:
    """The SDK's own retries are off: the hub decides, and a throttle is heeded."""
    peer.mode = mode
    with pytest.raises(ProviderUnavailable):
        await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav(0.3)))
    assert peer.connections == 1


async def test_a_silent_service_is_left_at_the_deadline(peer: SpeechPeer) -> None:
    """The SDK would wait for more than a minute; the next call is not held up either."""
    peer.mode = "silent"
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable) as failure:
        await assessor(peer, deadline=1.0).assess(Utterance(phrase=PHRASE, wav=tone_wav(0.3)))
    assert failure.value.code == "speech-timeout"
    assert time.monotonic() - started < 15
    peer.mode, peer.phrase = "answer", answer([("好", 95.0, "None"), ("朋友", 90.0, "None")])
    assert (await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav(0.3)))).scores.accuracy == 88.0


async def test_nothing_recognised_is_an_answer_not_an_outage(peer: SpeechPeer) -> None:
    """NoMatch: the learner hears that nothing was heard, and no other provider is asked."""
    peer.mode = "no-match"
    with pytest.raises(ProviderRejected) as refusal:
        await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav(0.3)))
    assert refusal.value.code == "audio-silent"


async def test_an_answer_in_another_form_is_unavailable(peer: SpeechPeer) -> None:
    """Upstream answers are checked before they are believed."""
    peer.phrase = {"RecognitionStatus": "Success", "DisplayText": "好", "Offset": 0, "Duration": 1, "NBest": []}
    with pytest.raises(ProviderUnavailable):
        await assessor(peer).assess(Utterance(phrase=PHRASE, wav=tone_wav(0.3)))
