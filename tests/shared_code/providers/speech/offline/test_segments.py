import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.inventory import CLASSES, unit_indexes
from shared_code.providers.speech.offline.segments import FLOOR, syllable_score

SEGMENT = Segment(0, 8, 30)
UNITS = unit_indexes("shuang")


def logs(expected: tuple[float, float], other: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Frames in which the expected units have these log posteriors and one other unit has `other`."""
    frames = np.full((30, len(CLASSES)), FLOOR, dtype=np.float32)
    frames[:, 3] = other
    frames[:8, UNITS[0]], frames[8:, UNITS[1]] = expected
    return frames


def test_a_clear_syllable_scores_high_and_another_one_low() -> None:
    assert syllable_score(logs((-0.1, -0.1), -7), SEGMENT, UNITS) > 95
    assert syllable_score(logs((-8.0, -8.0), -0.1), SEGMENT, UNITS) < 5


def test_one_wrong_sound_costs_about_half() -> None:
    assert 40 < syllable_score(logs((-8.0, -0.1), -2), SEGMENT, UNITS) < 65
    assert 35 < syllable_score(logs((-0.1, -8.0), -2), SEGMENT, UNITS) < 60


LEVEL = st.floats(FLOOR, 0.0)


@given(LEVEL, LEVEL, LEVEL, st.floats(0.0, 9.0), st.booleans())
def test_a_fault_never_raises_the_score(initial: float, final: float, other: float, fault: float, first: bool) -> None:
    """Less likely sounds, or a likelier other sound, never score higher."""
    before = syllable_score(logs((initial, final), other), SEGMENT, UNITS)
    worse = (max(FLOOR, initial - fault), final) if first else (initial, max(FLOOR, final - fault))
    assert syllable_score(logs(worse, other), SEGMENT, UNITS) <= before + 1e-3
    assert syllable_score(logs((initial, final), min(0.0, other + fault)), SEGMENT, UNITS) <= before + 1e-3
