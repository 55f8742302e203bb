"""Finds the syllables of a known text in a recording: Viterbi over the acoustic model's posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared_code.providers.speech.offline.arrays import Bools, Floats, Ints
from shared_code.providers.speech.offline.inventory import NO_INITIAL, SILENCE

INITIAL_FRAMES, FINAL_FRAMES = 3, 7  # the shortest initial and final, in 10 ms frames
MIN_FRAMES = INITIAL_FRAMES + FINAL_FRAMES
STAY_COST = 0.02
PRIOR_WEIGHT = 0.5
BEAM = 400.0  # log score under the best state beyond which a state is given up: bounds the work on long recordings
PRUNING = 8  # frames between looks for such states
SKIP = 2
STEPS = (1, 0, 2)  # states forward: to the next one, staying, past a silence


class Segment(NamedTuple):
    """Frames of one syllable: the initial from `start` to `middle`, the final from `middle` to `end`, exclusive."""

    start: int
    middle: int
    end: int

    def within(self, first: int, last: int) -> Segment:
        """The part between two frames, at least the shortest syllable long.

        The model takes a room's echo for the end of a vowel; the energy knows better where speech begins and ends.
        """
        start = max(self.start, min(first, self.end - MIN_FRAMES))
        end = min(self.end, max(last, start + MIN_FRAMES))
        return Segment(start, min(max(self.middle, start), end), end)


class _States(NamedTuple):
    """A left-to-right chain. Every state costs a frame; `stay` marks those that may last longer.

    `skip` marks those that may follow the state before the last one, past an optional silence. `syllable` is -1 in
    silence, `part` is 0 in an initial and 1 in a final. `left` is how many frames the rest needs at least.
    """

    unit: Ints
    stay: Bools
    skip: Bools
    syllable: Ints
    part: Ints
    left: Ints


def align(posteriors: Floats, priors: Floats, units: Sequence[tuple[int, int]]) -> list[Segment]:
    """Where each (initial, final) of the text lies. `posteriors` and `priors` are logs, a column a unit.

    The recording must have at least ten frames a syllable; what is found is the likeliest place, never "not there".
    """
    states = _chain(units)
    if states.left[0] > len(posteriors) - 1:
        raise ValueError("the recording is too short for the text")
    path = _viterbi(posteriors - np.float32(PRIOR_WEIGHT) * priors, states)
    syllable, part = states.syllable[path], states.part[path]
    segments = []
    for index in range(len(units)):
        frames = np.flatnonzero(syllable == index)
        start, end = int(frames[0]), int(frames[-1]) + 1
        segments.append(Segment(start, start + int((part[frames] == 0).sum()), end))
    return segments


def _chain(units: Sequence[tuple[int, int]]) -> _States:
    rows: list[tuple[int, bool, bool, int, int]] = [(SILENCE, True, False, -1, -1)]
    for index, (initial, final) in enumerate(units):
        lengths = (1 if initial == NO_INITIAL else INITIAL_FRAMES, FINAL_FRAMES)
        for part, (unit, length) in enumerate(zip((initial, final), lengths, strict=True)):
            for place in range(length):
                opens = part == 0 and place == 0
                rows.append((unit, place == length - 1, opens and index > 0, index, part))
        rows.append((SILENCE, True, False, -1, -1))
    units_of, stay, skip, syllables, parts = (np.array(column) for column in zip(*rows, strict=True))
    needed = (syllables >= 0).astype(np.int64)
    return _States(units_of, stay, skip, syllables, parts, needed[::-1].cumsum()[::-1] - needed)


def _viterbi(scores: Floats, states: _States) -> Ints:
    """The best state of each frame."""
    frames, count = len(scores), len(states.unit)
    came = np.zeros((frames, count), dtype=np.int8)
    best = np.full(count + 2, -np.inf, dtype=np.float32)  # two places before the chain, for what comes from nowhere
    best[2:4] = scores[0, states.unit[:2]]
    low, high = 0, 2  # the states that are still followed
    stay_cost = np.where(states.stay, STAY_COST, np.inf).astype(np.float32)
    skip_cost = np.where(states.skip, 0, np.inf).astype(np.float32)
    # `left` falls along the chain: the first state from which the end can still be reached in time
    reachable = np.searchsorted(-states.left, -(frames - 1 - np.arange(frames)))
    for frame in range(1, frames):
        high = min(high + 2, count)
        advanced = best[low + 1 : high + 1]
        stayed = best[low + 2 : high + 2] - stay_cost[low:high]
        skipped = best[low:high] - skip_cost[low:high]
        now = np.maximum(advanced, stayed)
        came[frame, low:high] = np.where(skipped > now, SKIP, stayed > advanced)
        now = np.maximum(now, skipped) + scores[frame, states.unit[low:high]]
        now[: max(0, int(reachable[frame]) - low)] = -np.inf
        best[low + 2 : high + 2] = now
        if frame % PRUNING == 0:
            (alive,) = np.nonzero(now > now.max() - BEAM)
            before, low, high = (low, high), low + int(alive[0]), low + int(alive[-1]) + 1
            best[before[0] + 2 : low + 2] = best[high + 2 : before[1] + 2] = -np.inf
    state = count - 1 if best[-1] >= best[-2] else count - 2
    path = np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= STEPS[came[frame, state]]
    return path
