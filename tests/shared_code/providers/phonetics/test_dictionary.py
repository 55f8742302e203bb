from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from shared_code.domain.mandarin.units import units
from shared_code.providers.phonetics.dictionary import PATH, DictionaryMissing, look_up


def test_every_syllable_of_the_dictionary_has_units_and_every_form_its_syllables() -> None:
    bases: set[str] = set()
    with closing(sqlite3.connect(f"{PATH.as_uri()}?mode=ro", uri=True)) as database:
        for form, reading in database.execute("SELECT form, reading FROM word"):
            matches = [re.fullmatch(r"([a-z]+)([1-5]{1,5})(r?)", syllable) for syllable in reading.split(" ")]
            assert all(matches), (form, reading)
            assert sum(2 if match[3] else 1 for match in matches if match) == len(form), (form, reading)
            assert all(len(set(match[2])) == len(match[2]) for match in matches if match), (form, reading)
            bases |= {match[1] for match in matches if match}
    assert len(bases) > 400
    assert all(units(base) for base in bases)


def test_look_up_gives_what_is_there() -> None:
    assert look_up({"你好", "東西", "ghost", "你你你"}) == {"你好": "ni3 hao3", "東西": "dong1 xi51"}


def test_a_missing_dictionary_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DictionaryMissing, match=re.escape("python -m scripts.build_dictionary")):
        look_up({"你"}, tmp_path / "none.sqlite3")


def test_it_can_be_read_from_many_threads() -> None:
    found: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: found.extend(look_up({"你好"}) for _ in range(100))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"你好": "ni3 hao3"}] * 800


def test_it_names_its_source_and_licence() -> None:
    with closing(sqlite3.connect(f"{PATH.as_uri()}?mode=ro", uri=True)) as database:
        ((attribution,),) = database.execute("SELECT attribution FROM made_from")
    assert "CC-CEDICT" in attribution
    assert "CC BY-SA 4.0" in attribution
