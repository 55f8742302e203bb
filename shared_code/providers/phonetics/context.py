"""Words that read differently beside different neighbours: 还钱 and 还有, 一只 and 只有, 跑得快 and 我得走.

Ours, for the characters that learners meet most. What no rule covers reads as the dictionary says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_COUNTED = ".*[一二两兩三四五六七八九十百千几幾每这這那哪半多各某]"
_PRONOUN = "[我你您他她它咱](们|們)?|大家"
_ADVERB = "也|都|还|還|就|又|总|總|必|真|所以|一定|今天|明天|后天|後天|现在|現在|以后|以後|每天|早上|晚上|下午"
_VERY = "很|太|更|最|又"


class _Rule(NamedTuple):
    """The words it is about, what the words before and after must be ("" at a clause's edge), and the reading then."""

    words: str
    before: str
    after: str
    reading: str


_RULES = (
    _Rule("得", f"|{_PRONOUN}|{_ADVERB}", ".+", "dei3"),
    _Rule("得了", "[^我你您他她它咱也都就又]", ".*", "de5 liao3"),  # 吃得了, but 我得了
    _Rule("不了", "", ".*", "bu4 le5"),  # 不了，谢谢, but 吃不了
    _Rule("地", ".{2,}|[快慢久静靜]", ".+", "de5"),
    _Rule("着 著", "不|得", ".*", "zhao2"),
    _Rule("只", _COUNTED, ".*", "zhi1"),
    _Rule("种 種", _COUNTED, ".*", "zhong3"),
    _Rule("种 種", ".+", ".+", "zhong4"),
    _Rule("行", f"(?!一$)({_COUNTED}|第.)", ".*", "hang2"),
    _Rule("长 長", ".*", "[得高胖满滿出成在大].*", "zhang3"),
    _Rule("长 長", f"(?!({_VERY})$).+", "了", "zhang3"),
    _Rule("还 還", ".*", "[钱錢书書债債车車账帳清完掉了]|贷款|貸款|[我你您他她](们|們)?", "huan2"),
    _Rule("还 還", ".+", "", "huan2"),  # 有借有还
    _Rule("为 為", "[分称稱译譯视視定变變改选選评評列设設化名升降]|[当當选選]?[选選]|命名|翻译|翻譯", ".*", "wei2"),
    _Rule("干", f"{_VERY}|[擦晒曬晾吹烘嘴口]|衣服|头发|皮肤", ".*", "gan1"),
    _Rule("数 數", ".*", "[一到着著了]", "shu3"),
    _Rule("重", ".*", "[写寫做来來读讀说說算建排考听聽唱装裝开開拍画畫试試]", "chong2"),
    _Rule("调 調", ".*", "[到离離走]", "diao4"),
    _Rule("背", ".*", "包|书包|書包|孩子", "bei1"),
    _Rule("空", "有|[没沒](有)?|抽", ".*", "kong4"),
    _Rule("假", ".*[请請放休暑寒长長病产產事婚天周週月年个個]", ".*", "jia4"),
    _Rule("啊", "", ".*", "a12345"),  # called out, in any tone
)
_BY_WORD: dict[str, list[_Rule]] = {}
for _rule in _RULES:
    for _word in _rule.words.split():
        _BY_WORD.setdefault(_word, []).append(_rule)


def in_context(word: str, before: str, after: str) -> str | None:
    """The reading of `word` between these two, in the dictionary's notation; None where no rule speaks."""
    for rule in _BY_WORD.get(word, ()):
        if re.fullmatch(rule.before, before) and re.fullmatch(rule.after, after):
            return rule.reading
    return None
