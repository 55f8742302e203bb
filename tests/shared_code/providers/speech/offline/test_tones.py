"""The committed tone heads on contours drawn after Y. R. Chao's tone letters: 55, 35, 214, 51."""

import numpy as np
import pytest

from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.contour import Contour, contour
from shared_code.providers.speech.offline.normalisation import profiled_voice, unknown_voice
from shared_code.providers.speech.offline.tones import tone_probabilities
from shared_code.providers.speech.offline.weights import Weights, load

LETTERS = {1: (5.0, 5.0, 5.0), 2: (3.0, 3.2, 5.0), 3: (2.0, 1.0, 3.5), 4: (5.0, 3.2, 1.0)}
MIDDLE, STEP = 3.0, 2.8  # the letter of a voice's median pitch; semitones a letter


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load()


def drawn(tone: int, median: float, frames: int) -> Doubles:
    letters = np.interp(np.linspace(0, 2, frames), (0, 1, 2), LETTERS[tone])
    return median + STEP * (letters - MIDDLE)


def utterance(tones: list[int], median: float, frames: int) -> tuple[list[Contour | None], Doubles]:
    """Syllables with a short gap between them."""
    gap = np.full(6, np.nan)
    lines = [np.concatenate((drawn(tone, median, frames), gap)) for tone in tones]
    pitch = np.concatenate(lines)
    length = frames + len(gap)
    found = [contour(pitch, np.zeros(len(pitch)), n * length, (n + 1) * length) for n in range(len(tones))]
    return found, pitch[np.isfinite(pitch)]


@pytest.mark.parametrize("median", [2.0, 9.0, 15.0], ids=["a low man", "between", "a high woman"])
@pytest.mark.parametrize("tone", [1, 2, 3, 4])
def test_a_lone_tone_is_heard_whatever_the_text_expects(weights: Weights, tone: int, median: float) -> None:
    contours, _ = utterance([tone], median, 40)
    for expected in (1, 2, 3, 4):
        (row,) = tone_probabilities(contours, [expected], profiled_voice(median), weights.heads)
        assert row is not None
        assert int(row.argmax()) + 1 == tone
        assert row.sum() == pytest.approx(1)


@pytest.mark.parametrize("median", [4.0, 14.0])
@pytest.mark.parametrize("tones", [[1, 4], [2, 1], [4, 2], [1, 2, 4], [4, 1, 2, 1]])
def test_tones_in_a_word_are_heard(weights: Weights, tones: list[int], median: float) -> None:
    contours, _ = utterance(tones, median, 24)
    rows = tone_probabilities(contours, tones, profiled_voice(median), weights.heads)
    assert [int(row.argmax()) + 1 for row in rows if row is not None] == tones


def test_another_tone_than_the_texts_is_noticed_in_a_word(weights: Weights) -> None:
    contours, _ = utterance([1, 4], 12.0, 30)
    right = tone_probabilities(contours, [1, 4], profiled_voice(12.0), weights.heads)
    wrong = tone_probabilities(contours, [1, 2], profiled_voice(12.0), weights.heads)
    assert right[1] is not None
    assert wrong[1] is not None
    assert right[1][3] > 0.9
    assert wrong[1][1] < 0.1


def test_the_shape_alone_tells_a_fall_from_a_rise(weights: Weights) -> None:
    for tone in (2, 4):
        contours, pitch = utterance([tone], 11.0, 35)
        (row,) = tone_probabilities(contours, [tone], unknown_voice(pitch), weights.heads)
        assert row is not None
        assert int(row.argmax()) + 1 == tone


def test_what_has_no_contour_has_no_tone(weights: Weights) -> None:
    contours, _ = utterance([1, 4, 2], 12.0, 24)
    rows = tone_probabilities([contours[0], None, contours[2]], [1, 4, 2], profiled_voice(12.0), weights.heads)
    assert [row is None for row in rows] == [False, True, False]
    assert tone_probabilities([None], [1], profiled_voice(12.0), weights.heads) == [None]
