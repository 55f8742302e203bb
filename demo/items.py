"""What the synthetic learner says: words that were measured beforehand with the weights that the app ships.

A test holds them (tests/demo). eSpeak NG's tones are poor, so most words would not do.
"""

from __future__ import annotations

from dataclasses import dataclass

VOICE = "f2"  # the variant of the synthesiser whose tones are recognised best


@dataclass(frozen=True)
class Item:
    """A text, what is spoken (numbered pinyin with surface tones), and the tone heard in each syllable, None: unknown.

    In a wrong one, the syllable at `place` has another tone than the text asks for, and is heard to have it.
    """

    text: str
    spoken: str
    heard: tuple[int | None, ...]
    place: int = 0


RIGHT = (
    Item("学习", "xue2 xi2", (2, 2)),
    Item("再见", "zai4 jian4", (4, 4)),
    Item("今天", "jin1 tian1", (1, 1)),
    Item("火车", "huo3 che1", (3, 1)),
    Item("学校", "xue2 xiao4", (2, 4)),
    Item("音乐", "yin1 yue4", (1, 4)),
)
WRONG = (
    Item("今天", "jin3 tian1", (3, 1), place=0),
    Item("火车", "huo3 che4", (3, 4), place=1),
    Item("银行", "yin1 hang2", (1, 2), place=0),
)
