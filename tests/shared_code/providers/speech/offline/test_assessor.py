import asyncio
import subprocess
import sys

import numpy as np
import pytest
from msgspec.structs import replace

from shared_code.domain.errors import ProviderRejected
from shared_code.domain.mandarin.reading import Phrase
from shared_code.providers.speech.offline.assessor import OfflineAnalyser
from shared_code.providers.speech.port import SpeechAssessor, Utterance
from tests.shared_code.providers.speech.offline.phrases import phrase, reading
from tests.shared_code.providers.speech.offline.signals import RATE, framed_by_silence, seconds, voiced, wav

ANALYSER: SpeechAssessor = OfflineAnalyser()
NO_FINAL = Phrase(text="嗯", readings=(replace(reading("en4"), base="ng"),), pauses=0)
VOICE = wav(framed_by_silence(voiced(200 + 30 * np.sin(3 * seconds(0.6)))))


def test_importing_it_loads_neither_numpy_nor_the_weights() -> None:
    """The app's start pays nothing for it."""
    code = (
        "import sys; from shared_code.providers.speech.offline.assessor import OfflineAnalyser; OfflineAnalyser();"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_refusal_is_the_callers_fault() -> None:
    """The hub must not ask the next provider about a silent recording."""
    with pytest.raises(ProviderRejected) as refused:
        await ANALYSER.assess(Utterance(phrase=phrase("ni3 hao3"), wav=wav(np.zeros(RATE))))
    assert (refused.value.status, refused.value.code) == (422, "audio-silent")


@pytest.mark.parametrize(
    ("text", "code"),
    [(Phrase(text="hello", readings=(), pauses=0), "text-without-hanzi"), (NO_FINAL, "text-unreadable")],
)
async def test_a_text_that_cannot_be_assessed_is_refused(text: Phrase, code: str) -> None:
    with pytest.raises(ProviderRejected) as refused:
        await ANALYSER.assess(Utterance(phrase=text, wav=VOICE))
    assert refused.value.code == code


async def test_a_hum_is_not_taken_for_the_text() -> None:
    """A voice that says something else: no tone is told, nothing is complete, and the advice says why."""
    result = await ANALYSER.assess(Utterance(phrase=phrase("xue2 xi2 zhong1 wen2"), wav=wav(_moan())))
    assert result.scores.completeness == 0
    assert result.scores.tone is None
    assert result.voice is None
    assert all(syllable.tone.heard is None and syllable.tone.score is None for syllable in result.syllables)
    assert "did not sound like the text" in result.advice


async def test_the_same_recording_is_judged_the_same_also_side_by_side() -> None:
    utterance = Utterance(phrase=phrase("ma1"), wav=VOICE)
    alone = await ANALYSER.assess(utterance)
    assert await asyncio.gather(*(ANALYSER.assess(utterance) for _ in range(4))) == [alone] * 4


def _moan() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return framed_by_silence(voiced(150 + 20 * np.sin(2 * np.pi * seconds(2))))
