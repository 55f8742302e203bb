import numpy as np
import pytest

from shared_code.providers.speech.offline.contour import contour

LOUD = np.zeros(40)


def test_a_straight_rise_stays_a_straight_rise() -> None:
    found = contour(np.linspace(5, 9, 40), LOUD, 0, 40)
    assert found is not None
    assert np.allclose(np.diff(found.points), np.diff(found.points).mean(), atol=0.05)
    assert found.points[0] == pytest.approx(5.2, abs=0.2)
    assert found.points[-1] == pytest.approx(8.8, abs=0.2)
    assert (found.frames, found.voiced, found.first) == (40, 1.0, 0)


@pytest.mark.parametrize("slip", [12.0, -12.0 - 3.0])
def test_an_octave_of_the_trackers_is_mended(slip: float) -> None:
    pitch = np.full(40, 10.0)
    pitch[15:22] += slip
    found = contour(pitch, LOUD, 0, 40)
    assert found is not None
    assert np.abs(found.points - 10).max() < 4


def test_gaps_are_bridged() -> None:
    pitch = np.linspace(5, 9, 40)
    pitch[10:20] = np.nan
    found = contour(pitch, LOUD, 0, 40)
    assert found is not None
    assert found.voiced == 0.75
    assert np.isfinite(found.points).all()
    assert np.all(np.diff(found.points) > 0)


def test_an_echo_after_the_syllable_is_not_heard() -> None:
    level = np.where(np.arange(40) < 25, 0.0, -20.0)
    pitch = np.where(np.arange(40) < 25, 10.0, 3.0)
    found = contour(pitch, level, 0, 40)
    assert found is not None
    assert (found.frames, found.points.max(), found.points.min()) == (25, 10.0, 10.0)


def test_three_voiced_frames_are_too_few() -> None:
    pitch = np.full(40, np.nan)
    pitch[10:13] = 8.0
    assert contour(pitch, LOUD, 0, 40) is None
    assert contour(pitch, LOUD, 20, 20) is None
