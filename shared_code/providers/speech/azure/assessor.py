"""Azure Speech as a speech assessor."""

from __future__ import annotations

import msgspec
import numpy as np

from shared_code.domain.errors import ProviderRejected, ProviderUnavailable
from shared_code.domain.pronunciation import Pronunciation, SyllableVerdict
from shared_code.providers.speech.azure.payload import DetailedResult, scores_of, syllables_of
from shared_code.providers.speech.azure.recognition import LOCALE, Recogniser, SpeechResource
from shared_code.providers.speech.offline.wav import decode
from shared_code.providers.speech.port import Utterance

DEADLINE = 6.0  # seconds, half of what the chain has
LONGEST_ONE_SHOT = 30  # seconds of scripted audio that the service takes in one shot


class AzureSpeech:
    """Assesses with the service's pronunciation assessment for zh-CN."""

    name = "azure-speech"

    def __init__(self, resource: SpeechResource, *, deadline: float = DEADLINE) -> None:
        self._recogniser = Recogniser(resource, deadline=deadline)

    async def assess(self, utterance: Utterance) -> Pronunciation:
        """Score every syllable; tones are unknown.

        Raises ProviderRejected (`audio-…` for a recording that cannot be read, `audio-silent` where nothing was
        recognised), ProviderUnavailable (outage, throttle, deadline, an utterance longer than one shot).
        """
        recording = decode(utterance.wav)
        if len(recording.samples) > LONGEST_ONE_SHOT * recording.rate:
            raise ProviderUnavailable("Azure Speech takes 30 seconds in one shot.", code="speech-too-long")
        pcm = (recording.samples * 32768).astype(np.int16).tobytes()
        answer = await self._recogniser.recognise(utterance.phrase.text, pcm, recording.rate)
        if not answer:
            raise ProviderRejected("Nothing was heard in the recording.", code="audio-silent")
        try:
            result = msgspec.json.decode(answer, type=DetailedResult)
            scores, syllables = scores_of(result), syllables_of(result, utterance.phrase)
        except (msgspec.MsgspecError, IndexError) as error:
            raise ProviderUnavailable("Azure Speech answered in another form.", code="speech-form") from error
        return Pronunciation(
            provider=self.name,
            scores=scores,
            syllables=syllables,
            advice=_advice(syllables),
            calibration=f"Azure Speech pronunciation assessment, {LOCALE}; hanzi of one word share its scores",
        )


def _advice(syllables: tuple[SyllableVerdict, ...]) -> str:
    weak = [each for each in syllables if each.error != "none"]
    if not weak:
        return "Well spoken."
    worst = min(weak, key=lambda each: each.accuracy or 0.0)
    if worst.error == "omission":
        return f"{worst.hanzi} ({worst.pinyin_surface}) was not heard: say every syllable."
    return f"Listen to {worst.hanzi} ({worst.pinyin_surface}) again and repeat it slowly."
