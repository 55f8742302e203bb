"""Whole recordings of known kinds against every gate."""

import numpy as np
import pytest

from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.hearing import hear
from shared_code.providers.speech.offline.rejections import RecordingRejected
from tests.shared_code.providers.speech.offline.signals import RATE, framed_by_silence, noise, seconds, voiced, wav

SYLLABLE = voiced(np.full(RATE // 2, 180.0))


def hum() -> Doubles:
    times = seconds(2)
    return 0.5 * sum(
        (np.sin(2 * np.pi * 50 * partial * times) / partial for partial in (1, 2, 3, 5)), np.zeros(len(times))
    )


def clicks() -> Doubles:
    pulses = 0.0005 * noise(2)
    pulses[:: RATE // 5] = 0.9
    return pulses


def refusal(samples: Doubles, syllables: int = 1) -> str:
    with pytest.raises(RecordingRejected) as refused:
        hear(wav(samples), syllables)
    assert refused.value.status == 422
    return refused.value.code


@pytest.mark.parametrize(
    "samples",
    [np.zeros(RATE), 0.001 * noise(1), np.full(RATE, 0.4)],
    ids=["digital silence", "a microphone's own noise", "nothing but an offset"],
)
def test_silence_is_refused(samples: Doubles) -> None:
    assert refusal(samples) == "audio-silent"


@pytest.mark.parametrize(
    "samples",
    [0.5 * noise(2), 0.5 * noise(2, colour=1), 0.5 * noise(2, colour=2), hum(), 0.5 * np.sin(880 * np.pi * seconds(2))],
    ids=["white", "pink", "brown", "hum", "a tone"],
)
def test_steady_noise_is_refused(samples: Doubles) -> None:
    assert refusal(samples) == "audio-noise"


def test_clicks_and_bursts_without_a_voice_are_refused() -> None:
    assert refusal(clicks()) == "audio-unvoiced"
    assert refusal(framed_by_silence(0.5 * noise(0.5))) == "audio-unvoiced"


def test_a_recording_that_is_mostly_cut_off_is_refused() -> None:
    assert refusal(framed_by_silence(50 * SYLLABLE, 0.05)) == "audio-clipped"


def test_a_little_clipping_is_measured_and_let_through() -> None:
    hearing = hear(wav(framed_by_silence(1.4 * SYLLABLE)), 1)
    assert 0.01 < hearing.clipped < 0.25


@pytest.mark.parametrize(("voice", "syllables"), [(0.06, 1), (0.5, 6)])
def test_too_little_speech_for_the_text_is_refused(voice: float, syllables: int) -> None:
    samples = framed_by_silence(voiced(np.full(int(voice * RATE), 180.0)))
    assert refusal(samples, syllables) == "audio-too-short"


def test_far_too_much_speech_for_the_text_is_refused() -> None:
    assert refusal(framed_by_silence(voiced(150 + 30 * np.sin(2 * np.pi * seconds(4)))), 1) == "audio-too-long"


def test_a_click_long_before_the_word_does_no_harm() -> None:
    samples = np.concatenate((0.0005 * noise(4), framed_by_silence(SYLLABLE)))
    samples[2_000:2_060] = 0.5
    assert hear(wav(samples), 1).extent[1] > 440


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_voice_passes_every_gate(rate: int) -> None:
    samples = framed_by_silence(SYLLABLE)
    places = np.arange(int(len(samples) * rate / RATE)) * RATE / rate
    hearing = hear(wav(np.interp(places, np.arange(len(samples)), samples), rate), 1)
    assert hearing.extent[0] == pytest.approx(30, abs=4)
    assert hearing.extent[1] == pytest.approx(80, abs=4)
    assert np.nanmedian(hearing.pitch) == pytest.approx(12 * np.log2(1.8), abs=0.1)


def test_an_offset_and_rumble_do_not_make_a_voice_noisy() -> None:
    clean = framed_by_silence(0.2 * SYLLABLE)
    dirty = clean + 0.3 + 0.2 * np.sin(2 * np.pi * 15 * np.arange(len(clean)) / RATE)
    assert hear(wav(dirty), 1).range == pytest.approx(hear(wav(clean), 1).range, abs=6)


def test_a_quiet_recording_is_heard_like_a_loud_one() -> None:
    loud, quiet = (hear(wav(level * framed_by_silence(SYLLABLE)), 1) for level in (0.9, 0.05))
    assert loud.extent == quiet.extent
    assert np.allclose(loud.pitch[40:70], quiet.pitch[40:70], atol=0.05)
