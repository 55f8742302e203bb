import itertools

import numpy as np
import pytest

from shared_code.providers.speech.offline import alignment
from shared_code.providers.speech.offline.alignment import Segment, align
from shared_code.providers.speech.offline.arrays import Floats
from shared_code.providers.speech.offline.inventory import CLASSES, SILENCE, unit_indexes

NO_PRIORS = np.zeros(len(CLASSES), dtype=np.float32)
TEXT = [unit_indexes(base) for base in ("ni", "hao", "an", "shuang")]


def posteriors(parts: list[tuple[int, int]], seed: int = 0) -> Floats:
    """Logs that speak for each part's unit through its frames, with noise that now and then speaks against it."""
    random = np.random.default_rng(seed)
    units = np.repeat([unit for unit, _ in parts], [frames for _, frames in parts])
    logits = random.normal(0, 1.0, (len(units), len(CLASSES)))
    logits[np.arange(len(units)), units] += 4
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.maximum(logits, -9).astype(np.float32)


def spoken(lengths: list[tuple[int, int]], pause_after: int | None = None) -> tuple[Floats, list[Segment]]:
    """The text with initials and finals of these lengths; where the syllables really are."""
    parts, truth, at = [(SILENCE, 20)], [], 20
    for place, (units, frames) in enumerate(zip(TEXT, lengths, strict=True)):
        parts += list(zip(units, frames, strict=True))
        truth.append(Segment(at, at + frames[0], at + sum(frames)))
        at += sum(frames)
        if place == pause_after:
            parts.append((SILENCE, 30))
            at += 30
    return posteriors([*parts, (SILENCE, 15)]), truth


@pytest.mark.parametrize("pause_after", [None, 0, 2])
def test_syllables_are_found_where_they_are(pause_after: int | None) -> None:
    logs, truth = spoken([(6, 20), (8, 25), (1, 18), (12, 30)], pause_after)
    found = align(logs, NO_PRIORS, TEXT)
    assert np.abs(np.array(found) - np.array(truth)).max() <= 1


def test_speech_may_begin_and_end_with_the_recording() -> None:
    logs, truth = spoken([(5, 15), (5, 15), (1, 15), (5, 15)])
    found = align(logs[20:-15], NO_PRIORS, TEXT)
    assert found[0].start == 0
    assert found[-1].end == len(logs) - 35
    assert abs(found[1].start - (truth[1].start - 20)) <= 1


def test_giving_up_hopeless_states_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The beam that bounds long recordings finds what the full search finds."""
    cases = [spoken([(3 + n, 9 + n), (4, 40), (1, 12), (9, 11)], n)[0] for n in range(4)]
    narrow = [align(logs, NO_PRIORS, TEXT) for logs in cases]
    monkeypatch.setattr(alignment, "BEAM", 1e9)
    assert [align(logs, NO_PRIORS, TEXT) for logs in cases] == narrow


def test_every_syllable_gets_its_shortest_length_even_in_noise() -> None:
    random = np.random.default_rng(3)
    logs = np.log(random.dirichlet(np.ones(len(CLASSES)), 45)).astype(np.float32)
    found = align(np.maximum(logs, -9), NO_PRIORS, TEXT)
    for segment in found:
        assert segment.end - segment.middle >= 7
        assert segment.middle > segment.start
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))


def test_fewer_frames_than_the_text_needs_is_an_error() -> None:
    with pytest.raises(ValueError, match="too short"):
        align(posteriors([(SILENCE, 30)]), NO_PRIORS, TEXT)


def test_a_segment_is_cut_to_the_speech_but_never_to_nothing() -> None:
    segment = Segment(10, 20, 60)
    assert segment.within(15, 50) == Segment(15, 20, 50)
    assert segment.within(25, 100) == Segment(25, 25, 60)
    assert segment.within(0, 5).end - segment.within(0, 5).start >= 10
    assert segment.within(80, 90).end - segment.within(80, 90).start >= 10
