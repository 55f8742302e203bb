from __future__ import annotations

import unicodedata

import pytest

from shared_code.domain.events.spelling import marked


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("a1", "ā"), ("hao3", "hǎo"), ("xie4", "xiè"), ("gou3", "gǒu"), ("liu2", "liú"), ("gui4", "guì"),
        ("lüe4", "lüè"), ("nv3", "nǚ"), ("er2", "ér"), ("wanr2", "wánr"), ("ng2", "ńg"), ("m2", "ḿ"),
        ("zhuang4", "zhuàng"), ("de5", "de"), ("nǐ", "nǐ"), ("qu", "qu"), ("ê4", "ề"),
    ],
)  # fmt: skip
def test_the_mark_goes_where_the_standard_puts_it(written: str, spelt: str) -> None:
    assert marked(written) == spelt
    assert unicodedata.is_normalized("NFC", marked(written))
    assert marked(marked(written)) == spelt
