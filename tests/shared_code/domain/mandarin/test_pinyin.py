from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.domain.mandarin.pinyin import from_marked, from_numbered, is_syllable, marked, numbered
from shared_code.domain.mandarin.syllables import SYLLABLES

BASES = st.sampled_from(sorted(SYLLABLES))
TONES = st.integers(1, 5)
Form = Literal["NFC", "NFD"]
Case = Callable[[str], str]


@given(BASES, TONES)
def test_marks_and_digits_say_the_same(base: str, tone: int) -> None:
    assert from_marked(marked(base, tone)) == from_numbered(numbered(base, tone)) == (base, tone)


@given(BASES, TONES)
def test_marked_pinyin_is_composed_and_carries_one_mark(base: str, tone: int) -> None:
    text = marked(base, tone)
    assert unicodedata.is_normalized("NFC", text)
    marks = [character for character in unicodedata.normalize("NFD", text) if character in "\u0304\u0301\u030c\u0300"]
    assert len(marks) == (tone != 5)
    assert "v" not in text


@given(BASES, TONES, st.sampled_from(["NFC", "NFD"]), st.sampled_from([str.lower, str.upper, str.title]))
def test_marks_are_read_in_any_case_and_normal_form(base: str, tone: int, form: Form, case: Case) -> None:
    text = unicodedata.normalize(form, case(marked(base, tone)))
    assert from_marked(text) == (base, tone)


@pytest.mark.parametrize(
    ("base", "tone", "text"),
    [
        ("hao", 3, "hǎo"), ("xie", 4, "xiè"), ("xue", 2, "xué"), ("dou", 1, "dōu"), ("you", 3, "yǒu"),
        ("gui", 4, "guì"), ("liu", 2, "liú"), ("hun", 1, "hūn"), ("xiong", 2, "xióng"), ("guo", 2, "guó"),
        ("huai", 4, "huài"), ("zhuang", 1, "zhuāng"), ("er", 4, "èr"), ("lv", 4, "lǜ"), ("nv", 3, "nǚ"),
        ("lve", 4, "lüè"), ("lvan", 2, "lüán"), ("lvn", 2, "lǘn"), ("ju", 4, "jù"), ("ma", 5, "ma"), ("lv", 5, "lü"),
    ],
)  # fmt: skip
def test_the_mark_stands_where_the_standard_puts_it(base: str, tone: int, text: str) -> None:
    assert marked(base, tone) == text


@pytest.mark.parametrize("text", ["lv4", "lü4", "lu:4", "luu4", "LÜ4", "Lu:4", "lu\u03084"])
def test_every_spelling_of_u_umlaut_is_one(text: str) -> None:
    assert from_numbered(text) == ("lv", 4)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("jv4", ("ju", 4)), ("qü2", ("qu", 2)), ("yu:e4", ("yue", 4)), ("lue4", ("lve", 4)), ("nu:e4", ("nve", 4)),
        ("ma", ("ma", 5)), ("ma0", ("ma", 5)), ("ma5", ("ma", 5)),
    ],
)  # fmt: skip
def test_lenient_spellings_become_the_one_inside(text: str, read: tuple[str, int]) -> None:
    assert from_numbered(text) == read


@pytest.mark.parametrize("text", ["", "4", "bong4", "hao6", "ha o3", "xx5", "r5", "ng2", "nǐ3", "lü4ü"])
def test_what_is_no_syllable_is_refused_with_digits(text: str) -> None:
    with pytest.raises(ValueError, match="not a pinyin syllable"):
        from_numbered(text)


@pytest.mark.parametrize("text", ["", "bóng", "nǐhǎo", "hǎó", "ń", "你", "hao3"])
def test_what_is_no_syllable_is_refused_with_marks(text: str) -> None:
    with pytest.raises(ValueError, match="not a pinyin syllable"):
        from_marked(text)


def test_syllables_have_one_spelling() -> None:
    assert is_syllable("lve")
    assert not any(map(is_syllable, ("lüe", "lue", "jv", "Hao", "hao3", "")))
