"""The kinds of value that event data is made of. Their limits and patterns go into the JSON Schemas."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

_END = r"$(?!\n)"  # `$` alone lets a final line feed through in Python
_LETTERS = "a-zāáǎàēéěèīíǐìōóǒòūúǔùüǖǘǚǜêếềńňǹḿ"
_UNCOMPOSED = "ê[\u0304\u030c]|m[\u0304\u030c\u0300]|n\u0304"  # marks that Unicode composes with no letter

Tone = Annotated[int, Meta(ge=1, le=5, description="Tone of a Mandarin syllable: 1-4, and 5 for neutral.")]
Score = Annotated[float, Meta(ge=0, le=100, description="0 is worst, 100 is best.")]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[int, Meta(ge=0, description="Milliseconds.")]
Share = Annotated[float, Meta(ge=0, le=1)]
HskLevel = Annotated[int, Meta(ge=1, le=9, description="HSK level: 1-6 of HSK 2.0, 1-9 of HSK 3.0.")]

Identifier = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=rf"^[^\s\x00-\x1f\x7f]+{_END}", description="Opaque; no white space."),
]
Slug = Annotated[str, Meta(pattern=rf"^[a-z][a-z0-9_.-]{{0,63}}{_END}", description="A stable machine-readable name.")]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with a time zone.")]

Hanzi = Annotated[
    str,
    Meta(
        pattern=f"^[〇㐀-䶿一-鿿豈-﫿𠀀-𳑿][儿兒]?{_END}",
        description="The one hanzi of the syllable; two where 儿 is spoken as its ending.",
        extra={"erased": "〇"},  # a learner's word: see personal.py
    ),
]
Pinyin = Annotated[
    str,
    Meta(
        pattern=f"^(?:[{_LETTERS}]|{_UNCOMPOSED}){{1,7}}[1-5]?{_END}",
        description="One syllable as in the dictionary, lower case, NFC: tone mark (nǐ) or digit (ni3); ü or v.",
        extra={"erased": "erased"},  # fits the pattern, and is no syllable
    ),
]

Mode = Literal["practice", "conversation", "collaborative"]
SyllableError = Literal["none", "omission", "insertion", "mispronunciation", "tone"]
