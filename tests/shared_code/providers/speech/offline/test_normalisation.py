import numpy as np
import pytest

from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.normalisation import HEIGHTS, Voice, profiled_voice, register, unknown_voice

TONES = [1, 4, 3, 2, 4, 1, 3, 4]
TIMES: Doubles = np.linspace(0, 1.75, 8)
SPEAKER = Voice(12.0, 5.0, known=True)


def means(level: float, width: float, slope: float) -> Doubles:
    return level + width * np.array([HEIGHTS[tone] for tone in TONES]) + slope * (TIMES - TIMES.mean())


@pytest.mark.parametrize(("level", "width", "slope"), [(12.0, 5.0, -1.0), (13.0, 4.0, -2.0), (11.5, 6.0, 0.0)])
def test_the_register_is_found(level: float, width: float, slope: float) -> None:
    found = register(means(level, width, slope), TIMES, TONES, SPEAKER)
    assert found.level == pytest.approx(level, abs=0.5)
    assert found.range == pytest.approx(width, abs=0.6)
    assert found.slope == pytest.approx(slope, abs=1.0)


def test_one_wrong_tone_hardly_moves_it() -> None:
    """A learner's slip must not bend the measure by which it is judged."""
    pitch = means(12.0, 5.0, -1.0)
    right = register(pitch, TIMES, TONES, SPEAKER)
    pitch[2] += 8
    wrong = register(pitch, TIMES, TONES, SPEAKER)
    assert abs(wrong.level - right.level) < 1
    assert abs(wrong.range - right.range) < 1


def test_a_lone_syllable_takes_the_level_from_the_profile() -> None:
    lone = register(np.array([20.0]), np.array([0.2]), [1], SPEAKER)
    free = register(np.array([20.0]), np.array([0.2]), [1], Voice(12.0, 5.0, known=False))
    assert lone.level < free.level
    assert lone.slope == 0


def test_what_lies_on_the_register_is_zero() -> None:
    found = register(means(12.0, 5.0, -1.0), TIMES, TONES, SPEAKER)
    relative = found.relative(np.array([found.level, found.level + found.range]), np.full(2, found.middle))
    assert relative == pytest.approx([0, 1])


def test_an_unknown_voice_is_measured_without_its_octave_errors() -> None:
    pitch = np.concatenate((np.linspace(8, 16, 200), [35.0, 35.0, -9.0]))
    voice = unknown_voice(pitch)
    assert voice.level == pytest.approx(12, abs=0.2)
    assert 2 <= voice.range <= 4
    assert not voice.known
    assert profiled_voice(9.0).known
