"""The dictionary of readings: a SQLite file made from CC-CEDICT by scripts/build_dictionary.py (see NOTICE.md)."""

from __future__ import annotations

import atexit
import sqlite3
import threading
from collections.abc import Collection
from functools import cache
from pathlib import Path

PATH = Path(__file__).with_name("data") / "cedict.sqlite3"


_one_at_a_time = threading.Lock()  # threads share the connection, and with it its prepared statements


class DictionaryMissing(RuntimeError):
    """The file has not been made."""


@cache
def _database(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise DictionaryMissing(f"{path.name} is missing: make it with `python -m scripts.build_dictionary`")
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    atexit.register(database.close)
    return database


def look_up(forms: Collection[str], path: Path = PATH) -> dict[str, str]:
    """The readings of those of `forms` (up to 32,766) that are words or characters of the dictionary.

    A reading is numbered pinyin, a syllable a character: "dong1 xi51" where xi5 is taught and xi1 is right too,
    "na3r" for two characters of which 儿 is the second. Raises DictionaryMissing.
    """
    marks = ",".join("?" * len(forms))
    query = f"SELECT form, reading FROM word WHERE form IN ({marks})"  # noqa: S608
    with _one_at_a_time:
        return dict(_database(path).execute(query, tuple(forms)).fetchall())
