import numpy as np
import pytest

from shared_code.providers.speech.offline.resampling import at_16_khz
from tests.shared_code.providers.speech.offline.signals import seconds


def sine(hertz: float, rate: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.sin(2 * np.pi * hertz * seconds(1, rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 12_347])
def test_a_tone_stays_the_same_tone(rate: int) -> None:
    """Pitch, level and length are those of the original, whatever the rate."""
    resampled = at_16_khz(sine(440, rate), rate)
    assert abs(len(resampled) - 16_000) <= 1
    middle = resampled[2_000:14_000]
    assert np.allclose(middle, np.sin(2 * np.pi * 440 * np.arange(2_000, 14_000) / 16_000), atol=0.03)


def test_what_the_new_rate_cannot_hold_does_not_fold_back() -> None:
    assert np.abs(at_16_khz(sine(12_000, 48_000), 48_000)[500:-500]).max() < 0.02


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_an_offset_and_rumble_are_taken_away(rate: int) -> None:
    """Of a sound card's offset and the hum of a lorry nothing is left, of a deep voice everything."""
    times = seconds(2, rate)
    dirty = (0.4 + 0.3 * np.sin(2 * np.pi * 12 * times) + 0.2 * np.sin(2 * np.pi * 80 * times)).astype(np.float32)
    clean = at_16_khz(dirty, rate)[4_000:-4_000]
    assert abs(float(clean.mean())) < 0.01
    assert np.abs(clean).max() == pytest.approx(0.2, abs=0.03)
