"""Spliced utterances of drawn tones: what they must be for the heads to learn from them."""

import itertools

import numpy as np

from scripts.training.melodies import Line, spliced, varied

LEVEL = 10.0
LINES = [
    Line(1, np.full(40, LEVEL + 5)),
    Line(2, np.linspace(LEVEL - 1, LEVEL + 5, 40)),
    Line(3, np.concatenate((np.linspace(LEVEL - 2, LEVEL - 6, 20), np.linspace(LEVEL - 6, LEVEL, 20)))),
    Line(4, np.linspace(LEVEL + 6, LEVEL - 6, 30)),
]


def test_utterances_have_one_to_eight_syllables_and_a_contour_for_nearly_each() -> None:
    random = np.random.default_rng(0)
    melodies = [spliced(LINES, LEVEL, random) for _ in range(300)]
    assert {len(melody.tones) for melody in melodies} == set(range(1, 9))
    contours = [found for melody in melodies for found in melody.contours]
    assert sum(found is None for found in contours) / len(contours) < 0.02


def test_no_third_tone_stands_before_a_third() -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        tones = spliced(LINES, LEVEL, random).tones
        assert (3, 3) not in itertools.pairwise(tones)


def test_third_tones_inside_an_utterance_do_not_rise_again() -> None:
    random = np.random.default_rng(2)
    rises = []
    for _ in range(300):
        melody = spliced(LINES, LEVEL, random)
        for tone, found in zip(melody.tones[:-1], melody.contours[:-1], strict=True):
            if tone == 3 and found is not None:
                rises.append(found.points[-1] - found.points.min())
    assert np.median(rises) < 0.7


def test_fourth_tones_fall_and_second_tones_rise_on_the_whole() -> None:
    random = np.random.default_rng(3)
    moves: dict[int, list[float]] = {}
    for _ in range(300):
        melody = spliced(LINES, LEVEL, random)
        for tone, found in zip(melody.tones, melody.contours, strict=True):
            if found is not None:
                moves.setdefault(tone, []).append(found.points[-1] - found.points[4])
    assert np.median(moves[4]) < -2
    assert np.median(moves[2]) > 1
    assert abs(np.median(moves[1])) < 1


def test_a_variation_is_the_same_tone_and_never_the_same_line() -> None:
    random = np.random.default_rng(4)
    melodies = [melody for _ in range(20) if (melody := varied(LINES[3], LEVEL, random))]
    points = [found.points for melody in melodies for found in melody.contours if found is not None]
    assert all(melody.tones == [4] for melody in melodies)
    assert all(line[2] > line[-3] + 2 for line in points)
    assert np.ptp([line.mean() for line in points]) > 0.5
