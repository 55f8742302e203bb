"""`python -m demo.voice "你好" -o out.wav`: say a Chinese text, right or with tones of your choice."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.voice import VoiceUnavailable, speak
from shared_code.domain.errors import Invalid
from shared_code.domain.mandarin.pinyin import numbered
from shared_code.domain.mandarin.reading import Phrase
from shared_code.providers.phonetics.reader import read


def spelled(phrase: Phrase, tones: Sequence[int] = ()) -> str:
    """What to speak: the surface tones, or these; a comma where something else than a space is between."""
    tones = tones or [reading.surface for reading in phrase.readings]
    if len(tones) != len(phrase.readings):
        raise ValueError(f"the text has {len(phrase.readings)} syllables, not {len(tones)}")
    words: list[str] = []
    end = 0
    for reading, tone in zip(phrase.readings, tones, strict=True):
        if words and phrase.text[end : reading.start].strip():
            words.append(",")
        words.append(numbered(reading.base, tone))
        end = reading.start + len(reading.hanzi)
    return " ".join(words)


def main() -> int:
    """Write the recording; 1 where it could not be made."""
    parser = argparse.ArgumentParser(prog="python -m demo.voice", description="A synthetic voice (eSpeak NG)")
    parser.add_argument("text", help="what to say, in hanzi")
    parser.add_argument("--tones", default="", metavar="3-1", help="tones to say instead of the right ones, 1-5")
    parser.add_argument("--variant", default="", help="another voice, such as f2 or f5")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the WAV file to write")
    options = parser.parse_args()
    try:
        spoken = spelled(read(options.text), [int(tone) for tone in options.tones.split("-") if tone])
        options.output.write_bytes(asyncio.run(speak(spoken, variant=options.variant)))
    except (Invalid, ValueError, VoiceUnavailable, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.output}: {spoken} (synthetic voice)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
