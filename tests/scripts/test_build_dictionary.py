from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from scripts.build_dictionary import build
from shared_code.providers.phonetics.dictionary import look_up

ENTRIES = """\
# CC-CEDICT
妳好 你好 [ni3 hao3] /hello/hi/
單 单 [Shan4] /surname Shan/
單 单 [dan1] /bill/list/
東西 东西 [dong1 xi1] /east and west/
東西 东西 [dong1 xi5] /thing/
地道 地道 [di4 dao4] /tunnel/
地道 地道 [di4 dao5] /authentic/
外面 外面 [wai4 mian4] /outside/also pr. [wai4 mian5]/
綠 绿 [lu:4] /green/
哪兒 哪儿 [na3 r5] /where?/
女兒 女儿 [nu:3 er2] /daughter/
中國 中国 [Zhong1 guo2] /China/
朋友 朋友 [peng2 you5] /friend/
小朋友 小朋友 [xiao3 peng2 you3] /child/
卡拉OK 卡拉OK [ka3 la1 O K] /karaoke/
囧 囧 [xx5] /unknown/
"""


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    path = tmp_path / "cedict.gz"
    path.write_bytes(gzip.compress(ENTRIES.encode()))
    return path


def test_words_get_the_reading_to_teach_and_what_is_as_good(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "cedict.sqlite3"
    assert build(source, target)
    expected = {
        "你好": "ni3 hao3",
        "妳好": "ni3 hao3",
        "单": "dan1",
        "东西": "dong1 xi51",
        "地道": "di4 dao54",
        "外面": "wai4 mian45",
        "綠": "lv4",
        "哪儿": "na3r",
        "女兒": "nv3 er2",
        "中国": "zhong1 guo2",
        "小朋友": "xiao3 peng2 you35",
    }
    assert look_up(expected.keys() | {"卡拉OK", "卡拉"}, target) == expected


def test_single_characters_that_cedict_lacks_are_read_all_the_same(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "cedict.sqlite3"
    build(source, target)
    assert look_up({"好", "囧"}, target) == {"好": "hao3", "囧": "jiong3"}


def test_it_is_made_once_for_a_source(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "cedict.sqlite3"
    assert build(source, target)
    made = target.stat().st_mtime_ns
    assert not build(source, target)
    assert target.stat().st_mtime_ns == made
    source.write_bytes(gzip.compress((ENTRIES + "單車 单车 [dan1 che1] /bicycle/\n").encode()))
    assert build(source, target)
    assert [
        path.name for path in tmp_path.iterdir() if "cedict" in path.name and path.suffix not in (".gz", ".sqlite3")
    ] == []


def test_a_spoilt_file_is_made_anew(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "cedict.sqlite3"
    target.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    assert build(source, target)
    assert look_up({"你好"}, target) == {"你好": "ni3 hao3"}
