import numpy as np
import pytest

from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.energy import HOP, WINDOW
from shared_code.providers.speech.offline.pitch import semitones, track
from tests.shared_code.providers.speech.offline.signals import RATE, noise, seconds, voiced


def glide(start: float, end: float, count: float = 1.0) -> Doubles:
    hertz: Doubles = start * (end / start) ** np.linspace(0, 1, int(count * RATE))
    return hertz


def errors(hertz: Doubles, samples: Doubles) -> Doubles:
    """Semitones between what was found and what was put in, a value a voiced frame inside the sound."""
    found = semitones(track(samples.astype(np.float32)))
    centres = np.arange(len(found)) * HOP + WINDOW // 2
    truth = 12 * np.log2(hertz[np.minimum(centres, len(hertz) - 1)] / 100)
    inside = slice(5, -5)
    wrong = np.abs(found - truth)[inside]
    assert np.isfinite(wrong).mean() > 0.95
    known: Doubles = wrong[np.isfinite(wrong)]
    return known


@pytest.mark.parametrize(
    ("start", "end"), [(80, 160), (160, 80), (200, 400), (400, 180), (300, 300), (75, 75), (500, 560)]
)
def test_a_glide_is_followed_within_a_fifth_of_a_semitone(start: float, end: float) -> None:
    hertz = glide(start, end)
    wrong = errors(hertz, voiced(hertz))
    assert np.percentile(wrong, 95) < 0.2
    assert wrong.max() < 1


@pytest.mark.parametrize(
    "harmonics",
    [
        (0.0, 1.0, 0.8, 0.6, 0.4, 0.3),
        (0.1, 1.0, 0.1, 0.8, 0.1, 0.5),
        (1.0, 0.0, 0.8, 0.0, 0.6, 0.0, 0.4),
        (0.2, 0.2, 1.0, 0.2, 0.2, 0.6),
    ],
    ids=["no fundamental", "strong even partials", "odd partials only", "a formant on the third"],
)
def test_partials_do_not_tempt_it_into_another_octave(harmonics: tuple[float, ...]) -> None:
    hertz = glide(140, 210)
    assert np.percentile(errors(hertz, voiced(hertz, harmonics=harmonics)), 99) < 1


def test_noise_ten_decibels_under_the_voice_does_not_lead_it_astray() -> None:
    hertz = glide(220, 150)
    voice = voiced(hertz)
    hiss = noise(1.0)
    hiss *= np.sqrt((voice**2).mean() / (hiss**2).mean()) * 10 ** (-10 / 20)
    assert np.percentile(errors(hertz, voice + hiss), 95) < 0.5


@pytest.mark.parametrize("colour", [0.0, 1.0], ids=["white", "pink"])
def test_noise_has_no_pitch(colour: float) -> None:
    found = track(noise(3.0, colour=colour).astype(np.float32))
    assert (found > 0).mean() < 0.05


def test_silence_between_two_syllables_is_unvoiced() -> None:
    syllable = voiced(glide(200, 250, 0.4))
    found = track(np.concatenate((syllable, np.zeros(RATE // 2), syllable)).astype(np.float32))
    gap = found[45:85]
    assert (gap == 0).all()
    assert (found[5:35] > 0).all()
    assert (found[95:125] > 0).all()


def test_working_in_blocks_changes_nothing() -> None:
    """Frames past the first block are found as they are on their own."""
    hertz = 150 + 40 * np.sin(2 * np.pi * 0.4 * seconds(12))
    voice = voiced(hertz).astype(np.float32)
    whole, part = track(voice), track(voice[700 * HOP :])
    assert np.allclose(whole[720:1100], part[20:400], rtol=1e-3)
