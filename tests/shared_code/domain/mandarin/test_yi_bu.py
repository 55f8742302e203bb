from __future__ import annotations

import pytest

from shared_code.domain.mandarin.sandhi import spoken
from tests.shared_code.domain.mandarin.syllables import syllables


def heard(written: str, hanzi: str) -> list[tuple[int, tuple[int, ...]]]:
    return [(reading.surface, reading.accepted) for reading in spoken(syllables(written)) if reading.hanzi == hanzi]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("一 yi1 杯 bei1", [(4, (4,))]),
        ("一 yi1 年 nian2", [(4, (4,))]),
        ("一 yi1 起 qi3", [(4, (4,))]),
        ("一 yi1 样 yang4", [(2, (2,))]),
        ("一 yi1", [(1, (1,))]),
        ("一 yi1 , 样 yang4", [(1, (1,))]),
    ],
)
def test_yi_falls_before_level_rising_and_low_and_rises_before_falling(written: str, expected: object) -> None:
    assert heard(written, "一") == expected


@pytest.mark.parametrize(
    "written",
    [
        "第 di4 一 yi1 | 次 ci4",
        "统 tong3 一 yi1 | 思 si1 想 xiang3",
        "星 xing1 期 qi1 一 yi1 | 上 shang4 午 wu3",
        "十 shi2 一 yi1 | 个 ge4",
        "二 er4 十 shi2 | 一 yi1 天 tian1",
        "一 yi1 月 yue4",
        "一 yi1 | 号 hao4 | 楼 lou2",
        "一 yi1 | 年 nian2 级 ji2",
        "五 wu3 月 yue4 一 yi1 日 ri4",
        "一 yi1 九 jiu3 八 ba1 四 si4 | 年 nian2",
        "一 yi1 百 bai3 , 一 yi1",
    ],
)
def test_yi_keeps_its_tone_where_it_counts_orders_or_ends_a_word(written: str) -> None:
    assert heard(written, "一")[-1] == (1, (1,))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("星 xing1 期 qi1 二 er4 | 一 yi1 起 qi3", (4, (4,))),
        ("同 tong2 一 yi1 | 天 tian1", (4, (4,))),
        ("一 yi1 日 ri4 三 san1 餐 can1", (2, (2,))),
        ("一 yi1 千 qian1 一 yi1 百 bai3", (4, (1, 4))),
        ("看 kan4 | 一 yi1 | 看 kan4", (2, (2, 5))),
        ("等 deng3 | 一 yi1 | 等 deng3", (4, (4, 5))),
        ("比 bi3 一 yi5 比 bi3", (5, (4, 5))),
    ],
)
def test_yi_in_between(written: str, expected: object) -> None:
    assert heard(written, "一")[-1] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("不 bu4 | 要 yao4", (2, (2,))),
        ("不 bu4 | 吃 chi1", (4, (4,))),
        ("不 bu4 | 来 lai2", (4, (4,))),
        ("不 bu4 | 好 hao3", (4, (4,))),
        ("不 bu4", (4, (4,))),
        ("不 bu4 , 要 yao4", (4, (4,))),
        ("说 shuo1 | 不 bu4 | 说 shuo1", (4, (4, 5))),
        ("是 shi4 | 不 bu4 | 是 shi4", (2, (2, 5))),
        ("对 dui4 不 bu5 起 qi3", (5, (4, 5))),
        ("看 kan4 不 bu5 见 jian4", (5, (2, 5))),
        ("受 shou4 不 bu4 了 liao3", (4, (4, 5))),
        ("不 bu4 一 yi1 样 yang4", (4, (4,))),
        ("不 bu4 | 一 yi1 起 qi3", (4, (2, 4))),
    ],
)
def test_bu_rises_before_falling_and_is_light_inside_words(written: str, expected: object) -> None:
    assert heard(written, "不") == [expected]


def test_the_dictionary_tone_is_right_only_where_it_stays() -> None:
    for written, hanzi in (("一 yi1 个 ge4", "一"), ("不 bu4 是 shi4", "不")):
        ((surface, accepted),) = heard(written, hanzi)
        assert (surface, accepted) == (2, (2,))
