import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.providers.speech.offline.arrays import Doubles
from shared_code.providers.speech.offline.verdicts import claim, is_wrong, tone_verdict
from tests.shared_code.providers.speech.offline.phrases import reading

ALONE = claim(1, True)


def likely(**tones: float) -> Doubles:
    """Probabilities by tone: `t1` to `t5`; what is left is spread over the others."""
    named = {int(name[1]) - 1: share for name, share in tones.items()}
    rest = (1 - sum(named.values())) / (5 - len(named))
    return np.array([named.get(place, rest) for place in range(5)])


def test_the_expected_tone_is_heard() -> None:
    verdict = tone_verdict(reading("ma2"), likely(t2=0.9), ALONE)
    assert (verdict.heard, verdict.score) == (2, 100.0)


def test_another_tone_is_named_only_when_it_is_sure() -> None:
    assert tone_verdict(reading("ma2"), likely(t2=0.05, t4=0.9), ALONE).heard == 4
    unsure = tone_verdict(reading("ma2"), likely(t2=0.3, t4=0.6), ALONE)
    assert unsure.heard is None
    assert unsure.score is not None
    assert unsure.score < 80


@pytest.mark.parametrize(
    ("syllables", "known", "right", "other", "called"),
    [
        (1, True, 0.09, 0.82, True),
        (1, False, 0.09, 0.82, False),
        (1, False, 0.04, 0.92, True),
        (2, True, 0.04, 0.92, True),
        (2, True, 0.09, 0.82, False),
        (4, False, 0.04, 0.92, False),
        (4, False, 0.01, 0.96, True),
        (5, True, 0.01, 0.96, False),
        (5, True, 0.005, 0.98, True),
    ],
)
def test_longer_texts_and_unknown_voices_ask_for_more_certainty(
    syllables: int, known: bool, right: float, other: float, called: bool
) -> None:
    verdict = tone_verdict(reading("ma2"), likely(t2=right, t4=other), claim(syllables, known))
    assert is_wrong(verdict) is called


def test_every_accepted_tone_is_right() -> None:
    third = reading("ni3", 2)
    assert tone_verdict(third, likely(t2=0.5, t3=0.3), ALONE).heard == 2
    assert tone_verdict(third, likely(t2=0.3, t3=0.5), ALONE).heard == 3
    assert not is_wrong(tone_verdict(third, likely(t2=0.98), ALONE))


@pytest.mark.parametrize(
    ("one", "probabilities"),
    [
        (reading("de5"), likely(t5=0.9)),
        (reading("xi1", 5), likely(t1=0.9)),
        (reading("ma1"), likely(t5=0.9)),
        (reading("ma1"), None),
    ],
    ids=["neutral expected", "neutral accepted", "neutral heard", "no contour"],
)
def test_what_cannot_be_judged_is_unknown(one: object, probabilities: Doubles | None) -> None:
    verdict = tone_verdict(one, probabilities, ALONE)  # type: ignore[arg-type]
    assert (verdict.heard, verdict.score) == (None, None)


def test_in_noise_nothing_is_called_wrong() -> None:
    verdict = tone_verdict(reading("ma2"), likely(t2=0.001, t4=0.99), None)
    assert verdict.heard is None
    assert verdict.score is not None


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_less_likely_tone_never_scores_higher(one: float, another: float) -> None:
    low, high = sorted((one, another))
    scores = [tone_verdict(reading("ma1"), likely(t1=share, t5=0.0), ALONE).score for share in (low, high)]
    assert scores[0] is not None
    assert scores[1] is not None
    assert scores[0] <= scores[1]
