"""How a Chinese text is read: syllable by syllable, as in the dictionary and as spoken.

The dictionary that scripts/build_dictionary.py makes of CC-CEDICT holds one reading a word, chosen beforehand. Here the
text is split into its words, neighbours decide between readings (context.py), and the tones change each other
(domain/mandarin/sandhi.py).
"""

from __future__ import annotations

from itertools import chain

from shared_code.domain.errors import Invalid
from shared_code.domain.mandarin.reading import Phrase
from shared_code.domain.mandarin.sandhi import spoken
from shared_code.providers.phonetics.dictionary import look_up
from shared_code.providers.phonetics.segmentation import substrings
from shared_code.providers.phonetics.text import pauses, runs
from shared_code.providers.phonetics.words import syllables, words

LIMIT = 200  # hanzi: about a minute of speech, the longest recording that is taken


def read(text: str) -> Phrase:
    """Read a text of up to 200 hanzi. What is not hanzi is passed over; punctuation allows a pause.

    Raises Invalid with the code `text-without-hanzi`, `text-too-long`, or `text-unreadable` for a hanzi that the
    dictionary lacks; DictionaryMissing where the dictionary has not been made.
    """
    found = list(runs(text))
    length = sum(len(run.hanzi) for run in found)
    if not length:
        raise Invalid("The text has no Chinese characters.", code="text-without-hanzi")
    if length > LIMIT:
        raise Invalid(f"The text has {length} Chinese characters; at most {LIMIT} are read.", code="text-too-long")
    dictionary = look_up(set(chain.from_iterable(substrings(run.hanzi) for run in found)))
    readings = spoken(syllables(text, words(found, dictionary), dictionary))
    return Phrase(text=text, readings=readings, pauses=pauses(text))
