from dataclasses import dataclass

from shared_code.domain.pronunciation import SyllableError, SyllableVerdict, ToneVerdict
from shared_code.providers.speech.offline.advice import Conditions, advice


@dataclass
class Said:
    """What a syllable's verdict is made of; everything right unless told otherwise."""

    hanzi: str = "好"
    pinyin: str = "hǎo"
    expected: int = 3
    heard: int | None = 3
    score: float | None = 100.0
    accuracy: float | None = 95.0
    error: SyllableError = "none"

    def verdict(self) -> SyllableVerdict:
        tone = ToneVerdict(expected=self.expected, accepted=(self.expected,), heard=self.heard, score=self.score)
        return SyllableVerdict(
            hanzi=self.hanzi,
            pinyin=self.pinyin,
            pinyin_surface=self.pinyin,
            start_ms=0,
            end_ms=300,
            tone=tone,
            accuracy=self.accuracy,
            error=self.error,
        )


def told(*syllables: Said, conditions: Conditions | None = None) -> str:
    return advice([one.verdict() for one in syllables], conditions or Conditions())


SLIP = Said("马", "mǎ", 3, heard=2, score=5.0, error="tone")


def test_a_wrong_tone_is_named_and_described() -> None:
    said = told(Said(), SLIP)
    assert "马 (mǎ)" in said
    assert "tone 2 (rising)" in said
    assert "tone 3 (low and dipping)" in said


def test_in_a_sentence_a_wrong_tone_is_a_perhaps() -> None:
    assert "perhaps" in told(Said(), SLIP, conditions=Conditions(sentence=True))
    assert "perhaps" not in told(Said(), SLIP)


def test_a_wrong_tone_comes_before_a_weak_sound() -> None:
    assert "马" in told(Said(accuracy=20.0, error="mispronunciation"), SLIP)


def test_a_missing_syllable_is_named() -> None:
    assert "could not be heard" in told(Said(heard=None, score=None, accuracy=0.0, error="omission"), Said("你", "nǐ"))


def test_the_weakest_sound_is_named() -> None:
    said = told(Said(), Said("吃", "chī", 1, heard=1, accuracy=22.0, error="mispronunciation"))
    assert said.startswith("吃 (chī)")


def test_an_unclear_tone_is_explained_without_saying_what_was_heard() -> None:
    said = told(Said("茶", "chá", 2, heard=None, score=30.0))
    assert "茶 (chá)" in said
    assert "rising" in said
    assert "sounded" not in said


def test_all_right_earns_praise() -> None:
    assert told(Said(), Said()).startswith("Well done")


def test_another_text_is_said_and_nothing_else() -> None:
    assert "did not sound like the text" in told(SLIP, conditions=Conditions(is_the_text=False))


def test_noise_and_clipping_are_mentioned() -> None:
    assert "with care" in told(Said(), conditions=Conditions(noisy=True))
    assert "overdriven" in told(Said(), conditions=Conditions(clipped=True))
