import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.domain.pronunciation import SyllableError, SyllableVerdict, ToneVerdict
from shared_code.providers.speech.offline.alignment import Segment
from shared_code.providers.speech.offline.scores import attempt_scores, fluency_score

SCORE = st.floats(0, 100)


def syllable(accuracy: float | None, tone: float | None, error: SyllableError = "none") -> SyllableVerdict:
    return SyllableVerdict(
        hanzi="字",
        pinyin="zì",
        pinyin_surface="zì",
        start_ms=0,
        end_ms=300,
        tone=ToneVerdict(expected=4, accepted=(4,), heard=None, score=tone),
        accuracy=accuracy,
        error=error,
    )


def paced(gaps: list[float], each: int = 25) -> list[Segment]:
    """Syllables of a quarter of a second with these silences between them, in seconds."""
    segments, at = [], 0
    for gap in [*gaps, 0.0]:
        segments.append(Segment(at, at + 5, at + each))
        at += each + round(gap * 100)
    return segments


def test_the_weakest_part_weighs_double() -> None:
    scores = attempt_scores([syllable(90, 50), syllable(90, 50)], 100.0, True)
    assert (scores.accuracy, scores.tone, scores.fluency, scores.completeness) == (90, 50, 100, 100)
    assert scores.pronunciation == pytest.approx(0.4 * 50 + 0.2 * (90 + 100 + 100))
    assert scores.prosody is None


def test_unknown_tones_are_left_out_and_not_counted_as_wrong() -> None:
    assert attempt_scores([syllable(90, 80), syllable(70, None)], 90.0, True).tone == 80
    assert attempt_scores([syllable(90, None)], None, True).tone is None


def test_a_syllable_left_out_costs_completeness_and_its_tone() -> None:
    scores = attempt_scores([syllable(90, 80), syllable(0, None, "omission")], 90.0, True)
    assert (scores.completeness, scores.tone, scores.accuracy) == (50, 40, 45)


def test_another_text_is_not_complete() -> None:
    assert attempt_scores([syllable(30, None)], 90.0, False).completeness == 0


def test_fluent_speech_loses_nothing() -> None:
    assert fluency_score(paced([0, 0.1, 0, 0]), 0) == 100


def test_hesitation_costs_but_punctuation_allows_a_pause() -> None:
    halting = paced([0, 0.8, 0, 0])
    assert fluency_score(halting, 1) == 100
    assert fluency_score(halting, 0) == pytest.approx(100 - 12 - 15 * 0.2)


def test_very_slow_and_very_fast_speech_cost() -> None:
    assert fluency_score(paced([0, 0, 0], each=60), 0) == pytest.approx(100 - 25 * (2.2 - 1 / 0.6), abs=0.1)
    assert fluency_score(paced([0, 0, 0], each=11), 0) == pytest.approx(100 - 10 * (1 / 0.11 - 7), abs=0.1)


def test_a_lone_syllable_has_no_fluency() -> None:
    assert fluency_score(paced([]), 0) is None


@given(st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=6), SCORE, st.data())
def test_a_fault_never_raises_a_score(
    syllables: list[tuple[float, float]], fluency: float, data: st.DataObject
) -> None:
    """A weaker sound, a wrong tone, an omission, a hesitation: no part and no whole goes up."""
    place = data.draw(st.integers(0, len(syllables) - 1))
    accuracy, tone = syllables[place]
    before = attempt_scores([syllable(*one) for one in syllables], fluency, True)
    for fault in (
        syllable(data.draw(st.floats(0, accuracy)), tone),
        syllable(accuracy, data.draw(st.floats(0, tone))),
        syllable(0, None, "omission"),
    ):
        faulty = [fault if n == place else syllable(*one) for n, one in enumerate(syllables)]
        after = attempt_scores(faulty, data.draw(st.floats(0, fluency)), True)
        for part in ("pronunciation", "accuracy", "tone", "fluency", "completeness"):
            was, now = getattr(before, part), getattr(after, part)
            assert now is None or now <= was + 1e-9


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=6), st.data())
def test_a_longer_pause_never_raises_fluency(gaps: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(gaps) - 1))
    longer = [gap + (0.5 if n == place else 0) for n, gap in enumerate(gaps)]
    before, after = fluency_score(paced(gaps), 1), fluency_score(paced(longer), 1)
    assert before is not None
    assert after is not None
    assert after <= before + 1e-9
