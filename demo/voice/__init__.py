"""A synthetic voice for the demonstration and the tests: eSpeak NG, in a process of its own.

eSpeak NG is under the GPL: it is a development dependency, loaded by `demo/voice/espeak.py` in a child process and
imported by nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from shared_code.domain.mandarin.pinyin import from_numbered, numbered

ENGINE = Path(__file__).with_name(
    "espeak.py"
)  # run as a file: it needs nothing of ours, and starts three times as fast
DEADLINE = 30.0  # seconds; a sentence takes 0.2
_RESPELLED = {"jiong": "jong", "qiong": "qong", "xiong": "xong", "lvan": "luan", "lvn": "lun"}  # as near as it gets


class VoiceUnavailable(RuntimeError):
    """eSpeak NG is not installed, or did not speak."""


async def speak(spoken: str, *, variant: str = "") -> bytes:
    """Say numbered pinyin with its surface tones, spaced ("ni2 hao3"; a comma is a pause): a WAV file, 16 bit mono.

    The voice is a man's of about 85 Hz; `variant` "f2" or "f5" is a woman's of 156 or 172. Raises ValueError for what
    is no pinyin syllable, VoiceUnavailable where there is no voice.
    """
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, ENGINE, _checked(spoken), variant),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            wav, complaint = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise VoiceUnavailable(f"eSpeak NG said nothing for {DEADLINE:.0f} s") from None
    if child.returncode:
        lines = complaint.decode(errors="replace").splitlines()
        raise VoiceUnavailable(f"eSpeak NG did not speak: {lines[-1] if lines else child.returncode}")
    return wav


def _checked(spoken: str) -> str:
    """The same syllables in the spelling that eSpeak NG knows; anything else it would read as English letters."""
    return " ".join(word if word == "," else _respelled(word) for word in spoken.replace(",", " , ").split())


def _respelled(word: str) -> str:
    base, tone = from_numbered(word)
    return numbered(_RESPELLED.get(base, base), tone)
