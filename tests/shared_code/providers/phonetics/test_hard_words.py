"""Words that naive pinyin gets wrong: sandhi, neutral tones, characters with several readings, 儿, ü."""

from __future__ import annotations

import pytest

from shared_code.domain.mandarin.pinyin import numbered
from shared_code.providers.phonetics.reader import read

# text, reading as in the dictionary, surface tones, accepted tones of each syllable
HARD_WORDS = [
    ("你好", "ni3 hao3", "2 3", "23 3"),
    ("两手", "liang3 shou3", "2 3", "23 3"),
    ("辗转反侧", "zhan3 zhuan3 fan3 ce4", "2 2 3 4", "23 23 3 4"),
    ("你追我赶", "ni3 zhui1 wo3 gan3", "3 1 2 3", "3 1 23 3"),
    ("展览馆", "zhan3 lan3 guan3", "2 2 3", "23 23 3"),
    ("我很好", "wo3 hen3 hao3", "3 2 3", "23 23 3"),
    ("我也很好", "wo3 ye3 hen3 hao3", "2 2 2 3", "23 23 23 3"),
    ("小老虎", "xiao3 lao3 hu3", "3 2 3", "23 23 3"),
    ("买五把好雨伞", "mai3 wu3 ba3 hao3 yu3 san3", "2 2 2 2 2 3", "23 23 23 23 23 3"),
    ("水果", "shui3 guo3", "2 3", "23 3"),
    ("洗手间", "xi3 shou3 jian1", "2 3 1", "23 3 1"),
    ("所以", "suo3 yi3", "2 3", "23 3"),
    ("老板娘", "lao3 ban3 niang2", "2 3 2", "23 3 2"),
    ("了解", "liao3 jie3", "2 3", "23 3"),
    ("打扫", "da3 sao3", "2 3", "23 3"),
    ("朋友", "peng2 you5", "2 5", "2 5"),
    ("妈妈", "ma1 ma5", "1 5", "1 5"),
    ("姐姐", "jie3 jie5", "3 5", "3 5"),
    ("谢谢", "xie4 xie5", "4 5", "4 5"),
    ("名字", "ming2 zi5", "2 5", "2 5"),
    ("东西", "dong1 xi5", "1 5", "1 15"),
    ("哪里", "na3 li3", "2 3", "23 3"),
    ("觉得", "jue2 de5", "2 5", "2 5"),
    ("喜欢", "xi3 huan5", "3 5", "3 5"),
    ("一个", "yi1 ge4", "2 4", "2 45"),
    ("一杯", "yi1 bei1", "4 1", "4 1"),
    ("一样", "yi1 yang4", "2 4", "2 4"),
    ("一下", "yi1 xia4", "2 4", "2 4"),
    ("第一", "di4 yi1", "4 1", "4 1"),
    ("统一", "tong3 yi1", "3 1", "3 1"),
    ("十一月一日", "shi2 yi1 yue4 yi1 ri4", "2 1 4 1 4", "2 1 4 1 4"),
    ("看一看", "kan4 yi1 kan4", "4 2 4", "4 25 4"),
    ("不要", "bu4 yao4", "2 4", "2 4"),
    ("不是", "bu4 shi4", "2 4", "2 4"),
    ("不客气", "bu4 ke4 qi5", "2 4 5", "2 4 45"),
    ("不吃", "bu4 chi1", "4 1", "4 1"),
    ("说不说", "shuo1 bu4 shuo1", "1 4 1", "1 45 1"),
    ("对不起", "dui4 bu5 qi3", "4 5 3", "4 45 3"),
    ("银行行长", "yin2 hang2 hang2 zhang3", "2 2 2 3", "2 2 2 3"),
    ("长大", "zhang3 da4", "3 4", "3 4"),
    ("还钱", "huan2 qian2", "2 2", "2 2"),
    ("还有", "hai2 you3", "2 3", "2 3"),
    ("睡觉", "shui4 jiao4", "4 4", "4 4"),
    ("着急", "zhao2 ji2", "2 2", "2 2"),
    ("重新", "chong2 xin1", "2 1", "2 1"),
    ("女儿", "nv3 er2", "3 2", "3 2"),
    ("儿子", "er2 zi5", "2 5", "2 5"),
    ("绿", "lv4", "4", "4"),
    ("旅游", "lv3 you2", "3 2", "3 2"),
    ("略", "lve4", "4", "4"),
    ("嗯", "en4", "4", "145"),
    ("走走", "zou3 zou5", "2 5", "23 35"),
    ("想一想", "xiang3 yi1 xiang3", "3 4 3", "3 45 3"),
    ("小姐", "xiao3 jie5", "2 5", "23 35"),
    ("差不多", "cha4 bu5 duo1", "4 5 1", "4 45 1"),
    ("小朋友", "xiao3 peng2 you3", "3 2 3", "3 2 35"),
]


@pytest.mark.parametrize(("text", "reading", "surface", "accepted"), HARD_WORDS)
def test_hard_words_are_read_right(text: str, reading: str, surface: str, accepted: str) -> None:
    readings = read(text).readings
    assert " ".join(numbered(each.base, each.tone) for each in readings) == reading
    assert " ".join(str(each.surface) for each in readings) == surface
    assert " ".join("".join(map(str, each.accepted)) for each in readings) == accepted


@pytest.mark.parametrize(
    ("simplified", "traditional"),
    [
        ("银行行长", "銀行行長"), ("还钱", "還錢"), ("东西", "東西"), ("觉得", "覺得"), ("对不起", "對不起"),
        ("我喜欢喝茶", "我喜歡喝茶"), ("长大", "長大"), ("一个", "一個"), ("不客气", "不客氣"), ("妈妈", "媽媽"),
        ("旅游", "旅遊"), ("哪儿", "哪兒"), ("看着", "看著"), ("两只猫", "兩隻貓"), ("为什么", "為什麼"),
        ("认为", "認爲"),
        ("心里", "心裏"), ("数一数", "數一數"), ("睡觉", "睡覺"), ("头发很长", "頭髮很長"),
    ],
)  # fmt: skip
def test_traditional_characters_read_as_the_simplified_ones(simplified: str, traditional: str) -> None:
    one, other = read(simplified).readings, read(traditional).readings
    assert [(each.base, each.tone, each.surface) for each in one] == [
        (each.base, each.tone, each.surface) for each in other
    ]
    assert "".join(each.hanzi for each in other) == traditional


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("哪儿", [("哪儿", "na", 3, "nǎr")]),
        ("这儿", [("这儿", "zhe", 4, "zhèr")]),
        ("一会儿", [("一", "yi", 1, "yī"), ("会儿", "hui", 4, "huìr")]),
        ("小狗儿", [("小", "xiao", 3, "xiǎo"), ("狗儿", "gou", 3, "gǒur")]),
        ("儿歌", [("儿", "er", 2, "ér"), ("歌", "ge", 1, "gē")]),
    ],
)
def test_er_colours_the_syllable_before_it_unless_it_is_a_word(text: str, expected: object) -> None:
    readings = read(text).readings
    assert [(each.hanzi, each.base, each.tone, each.pinyin) for each in readings] == expected
    assert [each.rhotic for each in readings] == [len(each.hanzi) == 2 for each in readings]


def test_the_coloured_syllable_takes_part_in_sandhi() -> None:
    little, _ = read("小狗儿").readings
    assert (little.pinyin_surface, little.accepted) == ("xiáo", (2, 3))
