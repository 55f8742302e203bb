"""Which vendors serve a capability, in the order in which they are asked."""

from __future__ import annotations

from functools import partial

from shared_code.providers.hub import Chain
from shared_code.providers.speech.offline.assessor import OfflineAnalyser
from shared_code.providers.speech.port import SpeechAssessor
from shared_code.settings import Settings
from shared_code.storage.lake import Lake

SPEECH_DEADLINE = 12.0  # seconds for all speech providers together, within the route's 15


def build_speech(settings: Settings, lake: Lake) -> Chain[SpeechAssessor]:
    """Azure first where it is configured; the offline analyser last, and always."""
    providers: list[SpeechAssessor] = []
    if settings.speech is not None:
        from shared_code.providers.speech.azure.assessor import AzureSpeech
        from shared_code.providers.speech.azure.recognition import SpeechResource
        from shared_code.storage.identity import blocking_identity

        speech = settings.speech
        credential = partial(blocking_identity, settings.storage.client_id)
        providers.append(AzureSpeech(SpeechResource(speech.endpoint, speech.region, speech.key, credential)))
    providers.append(OfflineAnalyser())

    def usage(_capability: str, record: dict[str, object]) -> None:
        lake.write("integration", "external_services/speech_service_usage", record)

    return Chain("speech", providers, deadline=SPEECH_DEADLINE, usage=usage)
