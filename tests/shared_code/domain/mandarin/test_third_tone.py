from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_code.domain.mandarin.sandhi import spoken
from tests.shared_code.domain.mandarin.syllables import syllables


def surface(written: str) -> str:
    return "".join(str(reading.surface) for reading in spoken(syllables(written)))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("你 ni3 好 hao3", "23"),
        ("展 zhan3 览 lan3 馆 guan3", "223"),
        ("小 xiao3 | 老 lao3 虎 hu3", "323"),
        ("我 wo3 | 很 hen3 | 好 hao3", "323"),
        ("我 wo3 | 也 ye3 | 很 hen3 | 好 hao3", "2223"),
        ("辗 zhan3 转 zhuan3 反 fan3 侧 ce4", "2234"),
        ("苹 ping2 果 guo3 | 很 hen3 | 好 hao3", "2223"),
        ("你 ni3 | 追 zhui1 | 我 wo3 | 赶 gan3", "3123"),
        ("你 ni3 , 好 hao3", "33"),
        ("姐 jie3 姐 jie5", "35"),
        ("想 xiang3 | 想 xiang5", "25"),
        ("我 wo3 | 想 xiang3 | 想 xiang5", "325"),
        ("想 xiang3 | 想 xiang5 | 我 wo3", "253"),
        ("小 xiao3 姐 jie5", "25"),
        ("耳 er3 朵 duo5", "35"),
    ],
)
def test_a_third_tone_rises_before_another(written: str, expected: str) -> None:
    assert surface(written) == expected


@given(st.lists(st.sampled_from(["马 ma3", "妈 ma1", "麻 ma2", "骂 ma4", "吗 ma5", "|", ","]), max_size=12))
def test_only_third_tones_that_another_follows_change(written: list[str]) -> None:
    before = syllables(" ".join(written))
    after = spoken(before)
    for place, (syllable, reading) in enumerate(zip(before, after, strict=True)):
        follower = before[place + 1] if place + 1 < len(before) else None
        risen = syllable.tone == 3 and follower is not None and (follower.tone, follower.clause) == (3, syllable.clause)
        assert reading.accepted == ((2, 3) if risen else (syllable.tone,))
        assert reading.surface in reading.accepted
        assert reading.tone == syllable.tone


def test_the_contract_s_example() -> None:
    you, good = spoken(syllables("你 ni3 好 hao3"))
    assert (you.pinyin, you.pinyin_surface, you.tone, you.accepted) == ("nǐ", "ní", 3, (2, 3))
    assert (good.pinyin, good.pinyin_surface, good.tone, good.accepted) == ("hǎo", "hǎo", 3, (3,))
