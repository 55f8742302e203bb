"""One call of the Speech SDK, with a deadline that holds.

The SDK retries by itself four times and waits up to 70 s for a silent peer. Both are switched off or stepped around:
its own retries are set to none, and the call's future is left to a thread that may outlive the request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared_code.domain.errors import ProviderRejected, ProviderUnavailable

if TYPE_CHECKING:
    from azure.cognitiveservices.speech import SpeechConfig, SpeechRecognizer
    from azure.core.credentials import TokenCredential

LOCALE = "zh-CN"
MOST_AT_ONCE = 32  # calls in flight, those that were given up on included: each holds a thread for up to 70 s
REJECTED = frozenset({"BadRequest"})
OUR_FAULT = frozenset({"AuthenticationFailure", "Forbidden"})


@dataclass(frozen=True, slots=True)
class SpeechResource:
    """Where the service is: a region with a key, or an endpoint with a key or, where none is given, our identity."""

    endpoint: str = ""
    region: str = ""
    key: str = field(default="", repr=False)
    credential: Callable[[], TokenCredential] | None = None


class Recogniser:
    """Recognises one utterance against its reference text and gives the service's JSON."""

    def __init__(self, resource: SpeechResource, *, deadline: float) -> None:
        self._resource = resource
        self._deadline = deadline  # seconds
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    async def recognise(self, text: str, pcm: bytes, rate: int) -> str:
        """The detailed result, `""` where nothing was recognised. `pcm` is 16 bit mono at `rate` hertz.

        Raises ProviderRejected for what the service refuses, ProviderUnavailable for everything that is its fault,
        ours, or nobody's, and when the deadline passes.
        """
        if not self._places.acquire(blocking=False):
            raise ProviderUnavailable("Too many assessments are waiting for Azure Speech.", code="speech-bulkhead")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str] = loop.create_future()

        def settle(result: str | Exception) -> None:
            if answer.done():
                return
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        def run() -> None:
            try:
                outcome: str | Exception = self._call(
                    text, pcm, rate, lambda early: loop.call_soon_threadsafe(settle, early)
                )
            except (RuntimeError, ValueError) as error:  # what the SDK raises when its native part refuses
                outcome = ProviderUnavailable("Azure Speech could not be asked.", code="speech-sdk")
                outcome.__cause__ = error
            finally:
                self._places.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome)

        threading.Thread(target=run, name="azure-speech", daemon=True).start()
        try:
            async with asyncio.timeout(self._deadline):
                return await answer
        except TimeoutError:
            raise ProviderUnavailable("Azure Speech did not answer in time.", code="speech-timeout") from None

    def _call(self, text: str, pcm: bytes, rate: int, early: Any) -> str | Exception:
        """Ask and wait, in a thread. `early` hears of the outcome before the SDK's own future is done."""
        import azure.cognitiveservices.speech as sdk

        config = self._config(sdk)
        config.speech_recognition_language = LOCALE
        config.output_format = sdk.OutputFormat.Detailed
        config.request_word_level_timestamps()
        config.set_property_by_name("SPEECH-Error-MaxRetryCount", "0")  # the hub decides about retries
        stream = sdk.audio.PushAudioInputStream(sdk.audio.AudioStreamFormat(rate, 16, 1))
        recogniser: SpeechRecognizer = sdk.SpeechRecognizer(config, sdk.audio.AudioConfig(stream=stream))
        sdk.PronunciationAssessmentConfig(
            reference_text=text,
            grading_system=sdk.PronunciationAssessmentGradingSystem.HundredMark,
            granularity=sdk.PronunciationAssessmentGranularity.Phoneme,
            enable_miscue=True,
        ).apply_to(recogniser)
        recogniser.recognized.connect(lambda event: early(_outcome(sdk, event.result)))
        recogniser.canceled.connect(lambda event: early(_outcome(sdk, event.result)))
        stream.write(pcm)
        stream.close()
        return _outcome(sdk, recogniser.recognize_once_async().get())

    def _config(self, sdk: Any) -> SpeechConfig:
        resource = self._resource
        if resource.region:
            return sdk.SpeechConfig(subscription=resource.key, region=resource.region)
        parts = urlsplit(resource.endpoint)
        if parts.scheme == "http":  # a peer on this machine
            return sdk.SpeechConfig(host=f"ws://{parts.netloc}", subscription=resource.key or "none")
        if resource.key:
            return sdk.SpeechConfig(subscription=resource.key, endpoint=resource.endpoint)
        if resource.credential is None:
            raise ValueError("an endpoint without a key needs a credential")
        return sdk.SpeechConfig(token_credential=resource.credential(), endpoint=resource.endpoint)


def _outcome(sdk: Any, result: Any) -> str | Exception:
    if result.reason == sdk.ResultReason.RecognizedSpeech:
        return str(result.properties.get(sdk.PropertyId.SpeechServiceResponse_JsonResult, ""))
    if result.reason == sdk.ResultReason.NoMatch:
        return ""
    error = result.cancellation_details.code.name
    if error in REJECTED:
        return ProviderRejected("Azure Speech does not take this recording.", code="speech-rejected")
    code = "speech-credentials" if error in OUR_FAULT else "speech-unavailable"
    return ProviderUnavailable(f"Azure Speech: {error}.", code=code)
