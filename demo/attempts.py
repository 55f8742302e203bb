"""What the learner says: five attempts synthesised on the spot, or one recording of one's own."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from pathlib import Path

from demo.items import RIGHT, VOICE, WRONG
from demo.timeline import Timeline
from demo.voice import speak


@dataclass(frozen=True)
class Attempt:
    """One recording of one text. `heard` gives the tone that must be heard, by the syllable's place."""

    text: str
    intent: str
    wav: bytes
    heard: dict[int, int | None] = field(default_factory=dict)
    refusal: str | None = None


def recorded(audio: Path, text: str) -> Attempt:
    """A recording from a file."""
    return Attempt(text, f"your recording {audio.name}", audio.read_bytes())


async def spoken_now(timeline: Timeline) -> list[Attempt]:
    """Synthesise the attempts: three right ones, one with a wrong tone, one silent."""
    attempts = [
        Attempt(item.text, "spoken right", await speak(item.spoken, variant=VOICE), dict(enumerate(item.heard)))
        for item in RIGHT[:3]
    ]
    wrong = WRONG[0]
    attempts.append(
        Attempt(
            wrong.text,
            "one tone is wrong",
            await speak(wrong.spoken, variant=VOICE),
            {wrong.place: wrong.heard[wrong.place]},
        )
    )
    attempts.append(Attempt(RIGHT[3].text, "the microphone was off", silence(1.5), refusal="audio-silent"))
    timeline.step("voice", "five attempts made; the voice is SYNTHETIC (eSpeak NG), not a person's")
    return attempts


def silence(seconds: float) -> bytes:
    """A WAV file of digital silence, 16 kHz mono."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(int(seconds * 16000) * 2))
    return buffer.getvalue()
