"""`python espeak.py "ni2 hao3" [variant]`: speak once, WAV on standard output.

A process of its own, because the engine is under the GPL, is one per process and is not thread-safe. Calls and numbers:
speak_lib.h of eSpeak NG 1.52.
"""

from __future__ import annotations

import ctypes
import io
import sys
import wave
from pathlib import Path

import espeakng_loader

VOICE = "cmn-latn-pinyin"
PITCH_RANGE, WIDE = 4, 80  # the parameter and its value: tones over 7 semitones instead of 4.5
_SYNCHRONOUS, _DO_NOT_EXIT, _UTF8 = 2, 0x8000, 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)  # samples, how many, events


def synthesise(spoken: str, variant: str = "") -> bytes:
    """Numbered pinyin as a WAV file. Raises RuntimeError where the engine refuses."""
    data = espeakng_loader.get_data_path()
    if not Path(data, "voices", "!v", variant).exists():  # the engine would pass over it in silence
        raise RuntimeError(f"no variant {variant}")
    engine = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = engine.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), _DO_NOT_EXIT)
    samples = bytearray()

    def collect(chunk: int | None, count: int, events: int | None) -> int:
        samples.extend(ctypes.string_at(chunk, 2 * count) if chunk else b"")
        return 0  # go on

    collector = _Callback(collect)  # held while the engine speaks
    engine.espeak_SetSynthCallback(collector)
    text = spoken.encode()
    failed = (
        rate <= 0
        or engine.espeak_SetVoiceByName(f"{VOICE}+{variant}".removesuffix("+").encode())
        or engine.espeak_SetParameter(PITCH_RANGE, WIDE, 0)
        or engine.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 0, 0, _UTF8, None, None)
    )
    if failed or not samples:
        raise RuntimeError("the engine made no sound")
    return _wav(bytes(samples), rate)


def _wav(samples: bytes, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(synthesise(*sys.argv[1:]))
