"""The offline analyser behind the port that Azure Speech implements too."""

from __future__ import annotations

import asyncio
import os
from functools import cache
from typing import TYPE_CHECKING

from shared_code.domain.pronunciation import Pronunciation
from shared_code.providers.speech.port import Utterance

if TYPE_CHECKING:
    from shared_code.providers.speech.offline.weights import Weights


class OfflineAnalyser:
    """Assesses speech with a small model of our own; 30 ms of work for 3 s of speech, in a thread."""

    name = "offline"

    async def assess(self, utterance: Utterance) -> Pronunciation:
        """Score every syllable of the phrase. Raises RecordingRejected, a ProviderRejected, where a gate refuses."""
        return await asyncio.to_thread(_assess, utterance)


def _assess(utterance: Utterance) -> Pronunciation:
    weights = _weights()
    from shared_code.providers.speech.offline.analysis import analyse

    return analyse(utterance, weights)


@cache
def _weights() -> Weights:
    """Loaded with numpy at the first assessment, so that the app's start does not pay for them."""
    # Matrices this small gain nothing from a pool of threads, and pools fight over the cores. Read by numpy when it
    # is first imported; where somebody imported it before, their choice stands.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from shared_code.providers.speech.offline.weights import load

    return load()
