"""One character, several readings: what stands beside it decides."""

from __future__ import annotations

import pytest

from shared_code.domain.mandarin.pinyin import numbered
from shared_code.providers.phonetics.reader import read


@pytest.mark.parametrize(
    ("hanzi", "cases"),
    [
        ("得", "他跑得很快 de5 他得去医院 dei3 我得走了 dei3 觉得 de5 得到 de2 他得了感冒 de2 他吃得了 de5 看得见 de5"),
        ("地", "他高兴地说 de5 慢慢地走 de5 农民种地 di4 书在地上 di4 这块地很大 di4 地方 di4"),
        ("了", "我吃不了 liao3 不了，谢谢 le5 他来了 le5 了解 liao3 受不了 liao3 成为了医生 le5"),
        ("着", "看着他 zhe5 睡着了 zhao2 着急 zhao2 找不着 zhao2"),
        ("还", "还有 hai2 还钱 huan2 我还你 huan2 他还没来 hai2 什么时候还？ huan2 还给我 huan2 我还要 hai2"),
        ("只", "一只猫 zhi1 两只手 zhi1 只有 zhi3 我只要这个 zhi3"),
        ("种", "三种颜色 zhong3 各种 zhong3 种花 zhong4 他在种菜 zhong4 种子 zhong3"),
        ("长", "头发很长 chang2 孩子长大了 zhang3 他长得高 zhang3 校长 zhang3 太长了 chang2 你长高了 zhang3"),
        ("行", "银行 hang2 行吗 xing2 不行 xing2 第三行 hang2 自行车 xing2"),
        ("为", "为什么 wei4 因为 wei4 认为 wei2 翻译为中文 wei2 为人民服务 wei4"),
        ("重", "很重 zhong4 重写一遍 chong2 重新 chong2 重要 zhong4"),
        ("教", "老师教我们 jiao1 教室 jiao4 教书 jiao1"),
        ("都", "他们都来了 dou1 首都 du1"),
        ("乐", "音乐 yue4 快乐 le4"),
        ("便", "便宜 pian2 方便 bian4"),
        ("差", "出差 chai1 差不多 cha4 差别 cha1"),
        ("发", "头发 fa5 发现 fa1"),
        ("假", "请一天假 jia4 假的 jia3"),
        ("空", "我有空 kong4 空气 kong1"),
        ("数", "数一数 shu3 数学 shu4 这个数 shu4"),
        ("干", "洗干净 gan1 你干什么 gan4 衣服干了 gan1"),
        ("好", "好人 hao3 爱好 hao4 好奇 hao4"),
        ("觉", "睡了一觉 jiao4 睡觉 jiao4 感觉 jue2"),
        ("背", "背着书包 bei1 背书 bei4"),
        ("啊", "好啊 a5 啊，真好 a1"),
    ],
)
def test_neighbours_choose_the_reading(hanzi: str, cases: str) -> None:
    words = cases.split()
    for text, expected in zip(words[::2], words[1::2], strict=True):
        found = {numbered(each.base, each.tone) for each in read(text).readings if each.hanzi == hanzi}
        assert found == {expected}, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我想学外语。", "wo3 xiang3 xue2 wai4 yu3"),
        ("要好好学习", "yao4 hao3 hao3 xue2 xi2"),
        ("一百人参加了会议", "yi1 bai3 ren2 can1 jia1 le5 hui4 yi4"),
        ("今天有很多事情", "jin1 tian1 you3 hen3 duo1 shi4 qing5"),
        ("我很困想睡觉", "wo3 hen3 kun4 xiang3 shui4 jiao4"),
        ("他发明了新工具", "ta1 fa1 ming2 le5 xin1 gong1 ju4"),
        ("银行为我贷款", "yin2 hang2 wei4 wo3 dai4 kuan3"),
    ],
)
def test_words_are_found_where_they_are(text: str, expected: str) -> None:
    assert " ".join(numbered(each.base, each.tone) for each in read(text).readings) == expected
