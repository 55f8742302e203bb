"""How likely each tone is at each syllable of a known text: 35 features, four small networks.

There is a head for one-syllable texts and one for connected speech, each with and without a profile of the speaker.
The expected tones enter through the register and the neighbours only: a syllable's own expected tone is no feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.contour import Contour
from shared_code.providers.speech.offline.energy import FRAME_SECONDS
from shared_code.providers.speech.offline.network import Layer, log_probabilities
from shared_code.providers.speech.offline.normalisation import Voice, register

FEATURES = 35
TONES = (1, 2, 3, 4, 5)
Kind = Literal["isolated", "connected"]
JOINT = 3  # points at a syllable's edge that its neighbour is compared with
KEPT_POINTS = (0, 2, 4, 5, 7, 9)


class Head(NamedTuple):
    """Several networks of different seeds, averaged, over standardised features."""

    mean: Floats
    scale: Floats
    members: tuple[tuple[Layer, ...], ...]

    def probabilities(self, features: Floats) -> Doubles:
        """A row a syllable, a column a tone (1-5)."""
        inputs = (features - self.mean) / self.scale
        outputs = [np.exp(log_probabilities(inputs, layers)) for layers in self.members]
        average: Doubles = np.mean(outputs, axis=0, dtype=np.float64)
        return average


Heads = Mapping[tuple[Kind, bool], Head]


def tone_probabilities(
    contours: Sequence[Contour | None], tones: Sequence[int], voice: Voice, heads: Heads
) -> list[Doubles | None]:
    """The five tones' probabilities at each syllable; None where it has no contour. `tones` are the expected ones."""
    places = [place for place, contour in enumerate(contours) if contour is not None]
    if not places:
        return [None] * len(contours)
    kind: Kind = "isolated" if len(contours) == 1 else "connected"
    rows = heads[kind, voice.known].probabilities(tone_features(contours, tones, voice))
    found = dict(zip(places, rows, strict=True))
    return [found.get(place) for place in range(len(contours))]


def tone_features(contours: Sequence[Contour | None], tones: Sequence[int], voice: Voice) -> Floats:
    """A row of 35 for every syllable that has a contour. At least one must have."""
    present = [(place, contour) for place, contour in enumerate(contours) if contour is not None]
    seconds = [_seconds(contour) for _, contour in present]
    fitted = register(
        np.array([contour.points.mean() for _, contour in present]),
        np.array([times.mean() for times in seconds]),
        [tones[place] for place, _ in present],
        voice,
    )
    lines: dict[int, Doubles] = {
        place: fitted.relative(contour.points, times) for (place, contour), times in zip(present, seconds, strict=True)
    }
    last = len(contours) - 1
    rows = [
        [
            *_shape(lines[place]),
            *_joints(lines[place], lines.get(place - 1), lines.get(place + 1)),
            float(place == 0),
            float(place == last),
            float(np.log(contour.frames)),
            contour.voiced,
            *_one_hot(tones[place - 1] if place > 0 else 0),
            *_one_hot(tones[place + 1] if place < last else 0),
        ]
        for place, contour in present
    ]
    return np.array(rows, dtype=np.float32)


def _seconds(contour: Contour) -> Doubles:
    frames = np.linspace(contour.first, contour.first + contour.frames - 1, len(contour.points))
    return frames * FRAME_SECONDS


def _shape(line: Doubles) -> list[float]:
    start, middle, end = line[0], line[4:6].mean(), line[-1]
    low, high = line.min(), line.max()
    places = (line.argmin() / (len(line) - 1), line.argmax() / (len(line) - 1))
    differences = (end - start, end - middle, middle - start, high - low, end - low, start - low)
    return [*(float(line[point]) for point in KEPT_POINTS), float(line.mean()), *map(float, (*differences, *places))]


def _joints(line: Doubles, before: Doubles | None, after: Doubles | None) -> list[float]:
    """How the syllable's edges and its mean lie to its neighbours'; zero where there is none."""
    mean = line.mean()
    return [
        0.0 if before is None else float(line[0] - before[-JOINT:].mean()),
        0.0 if after is None else float(line[-1] - after[:JOINT].mean()),
        0.0 if before is None else float(mean - before.mean()),
        0.0 if after is None else float(mean - after.mean()),
    ]


def _one_hot(tone: int) -> list[float]:
    return [float(tone == place) for place in range(6)]
