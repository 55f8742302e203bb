"""The synthetic voice, heard with the offline analyser's own pitch tracker."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from demo.voice import VoiceUnavailable, speak
from demo.voice.__main__ import spelled
from local.paths import PROJECT
from shared_code.providers.phonetics.reader import read
from shared_code.providers.speech.offline.arrays import Doubles, Floats
from shared_code.providers.speech.offline.pitch import semitones, track
from shared_code.providers.speech.offline.resampling import at_16_khz


def samples(wav: bytes) -> tuple[Floats, int]:
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        data = file.readframes(file.getnframes())
        assert len(data) == 2 * file.getnframes() == len(wav) - 44
        return (np.frombuffer(data, "<i2") / 32768).astype(np.float32), file.getframerate()


async def melody(spoken: str, variant: str = "") -> Doubles:
    pitch = semitones(track(at_16_khz(*samples(await speak(spoken, variant=variant)))))
    return pitch[np.isfinite(pitch)]


def rise(pitch: Doubles) -> float:
    """Semitones from the start to the end."""
    return float(pitch[-3:].mean() - pitch[:3].mean())


async def test_tones_are_heard_in_the_pitch() -> None:
    level, rising, low, falling = [await melody(f"ma{tone}") for tone in (1, 2, 3, 4)]
    assert rise(falling) < -3 < rise(level) < 3 < rise(rising)
    assert low.min() < level.min() - 2


async def test_a_variant_is_another_voice() -> None:
    assert np.median(await melody("ma1", "f5")) - np.median(await melody("ma1")) > 6


@pytest.mark.parametrize("spoken", ["lv4", "nve4", "xiong2", "er2", "lu:4"])
async def test_odd_syllables_are_spoken_not_spelled_out(spoken: str) -> None:
    """Read as English letters and a number they would last more than half a second."""
    audio, rate = samples(await speak(spoken))
    assert len(audio) / rate < 0.5


async def test_a_comma_is_a_pause() -> None:
    without, rate = samples(await speak("ni3 hao3"))
    paused, _ = samples(await speak("ni3, hao3"))
    assert (len(paused) - len(without)) / rate > 0.05


@pytest.mark.parametrize("spoken", ["hello", "ni3hao3", "你好", "r5"])
async def test_what_is_no_pinyin_is_refused(spoken: str) -> None:
    with pytest.raises(ValueError, match="not a pinyin syllable"):
        await speak(spoken)


async def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(VoiceUnavailable, match="no variant"):
        await speak("ni3", variant="nobody")


def test_a_text_is_spoken_with_its_surface_tones_or_with_others() -> None:
    assert spelled(read("你好，老师！")) == "ni2 hao3 , lao3 shi1"
    assert spelled(read("今天"), [3, 1]) == "jin3 tian1"
    with pytest.raises(ValueError, match="2 syllables, not 3"):
        spelled(read("今天"), [3, 1, 1])


def test_the_command_writes_a_file_and_says_that_the_voice_is_synthetic(tmp_path: Path) -> None:
    output = tmp_path / "out.wav"
    command = [sys.executable, "-m", "demo.voice", "喝茶", "--tones", "3-2", "-o", str(output)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert "he3 cha2 (synthetic voice)" in done.stdout
    assert len(samples(output.read_bytes())[0]) > 0


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo.voice", "hello", "-o", str(tmp_path / "out.wav")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_the_engine_under_the_gpl_is_imported_by_its_child_process_alone() -> None:
    folders = ("functions", "orchestrations", "shared_code", "local", "demo", "scripts")
    importing = [
        path.relative_to(PROJECT).as_posix()
        for folder in folders
        for path in (PROJECT / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) espeakng_loader", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["demo/voice/espeak.py"]
    assert "espeakng-loader" not in (PROJECT / "requirements.txt").read_text(encoding="utf-8")
